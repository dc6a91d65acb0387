#pragma once

#include <memory>
#include <string>

#include "sources/source_kind.h"

/// The worked example of docs/new-source.md: tested, and not part of the program.
namespace windrow::sources {

/// What a source of the kind says under `from`.
struct GrowingFrom {
  std::string path;
  uint64_t record_bytes_max = kRecordBytesMax;
};

/// A file that others append lines to, such as a log.
std::unique_ptr<Reader> growing_reader(const project::Source& source, const Context& context);
SourceKind growing_kind();

}  // namespace windrow::sources
