#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/rows.h"
#include "duck/forward.h"
#include "duck/guided_parquet.h"
#include "storage/file_system.h"

/// Scans that open only the files which may hold what a query asks for.
namespace windrow::lake {

struct Snapshot;

/// What the guide of a snapshot's files is called in SQL.
std::string guide_key(const Snapshot& snapshot);

/// Of one version of a table in a query: how many of its files would be opened.
struct TableFiles {
  std::string table_path;
  int64_t version = -1;
  size_t read = 0, there = 0;
};
/// Plans a SELECT over guided scans without running it. One entry a version, by path. Throws
/// SqlError where it does not bind.
std::vector<TableFiles> files_read(storage::FileSystem& files, duck::Connection& connection,
                                   std::string_view select, const Parameters& parameters = {});

/// Reads the version's log again. Error(corrupt, not_found) as `Table::snapshot`.
std::shared_ptr<const duck::FileGuide> load_guide(storage::FileSystem& files, std::string_view key);

}  // namespace windrow::lake
