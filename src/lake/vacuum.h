#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/table.h"

/// Removing files that no version inside the retention needs. Two conditions have to hold for each
/// file: no log entry needs it, and it was last written before the retention began, so that what a
/// writer has staged and not yet committed stays. Hidden folders (`_delta_log`, `_windrow`, …) are
/// never looked into, except `_change_data`; files outside of the table's folder (of a shallow
/// clone) are never touched.
///
/// A commit VACUUM START goes before the first removal and VACUUM END follows the last one, as
/// Spark writes them. Stopped anywhere it may simply be run again.
namespace windrow::lake {

struct VacuumOptions {
  std::optional<std::chrono::microseconds> retention;  ///< nothing: as the table says
  bool force = false;  ///< less than the table says is an Error else
  bool dry_run = false;
};

struct VacuumedFile {
  std::string path;  ///< absolute
  int64_t bytes = 0;
};
struct Vacuumed {
  std::vector<VacuumedFile> files;  ///< that were removed, or would be
  int64_t bytes = 0;
  int64_t folders = 0;  ///< looked into
  std::chrono::microseconds retention{};
  int64_t version = -1;  ///< of VACUUM END; -1: nothing was committed
};

Vacuumed vacuum(storage::FileSystem& files, const std::string& table_path,
                duck::Connection& connection, const VacuumOptions& options, const Clock& clock);

/// Removes exactly these files (absolute paths below the table), whatever their age, between the
/// same two commits. Those that are live are an Error(internal).
Vacuumed purge(storage::FileSystem& files, const std::string& table_path,
               duck::Connection& connection, const std::vector<std::string>& paths,
               const Clock& clock);

/// Absolute paths that versions younger than `since` need: live files, tombstones, and all that
/// commits since then have added or removed, with their deletion vectors.
std::set<std::string> needed_files(const Table& table, const Snapshot& snapshot, Time since);

}  // namespace windrow::lake
