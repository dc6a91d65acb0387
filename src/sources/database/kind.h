#pragma once

#include <memory>
#include <string>

#include "sources/source_kind.h"

namespace windrow::sources {

/// What a source of the kind says under `from`.
struct DatabaseFrom {
  std::string connection, table, query, mode = "append", cursor;
  project::Value overlap;  ///< a duration or a number; nothing: none
  int chunk = 500'000;
  project::Duration every{0};
};

/// Tables and queries of PostgreSQL and SQLite.
std::unique_ptr<Reader> database_reader(const project::Source& source, const Context& context);
SourceKind database_kind();

}  // namespace windrow::sources
