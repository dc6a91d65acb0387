#pragma once

#include <cstdint>
#include <string>

#include "lake/table.h"

/// Cleaning a table's log. Only this program does it for tables that it created: commits hold the
/// provenance, so what is dropped is folded into `_windrow/history/` first. A kill between any two
/// steps loses nothing.
namespace windrow::lake {

struct LogCleaned {
  int64_t first_kept = 0;  ///< the earliest version that can still be read
  int64_t files_removed = 0;
};

/// Drops commits and checkpoints that no version as young as `older_than` needs. Every version from
/// `first_kept` on stays readable. Does nothing where no checkpoint is old enough.
LogCleaned clean_log(storage::FileSystem& files, const std::string& table_path, Time older_than);

}  // namespace windrow::lake
