#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/table.h"

/// Taking rows out of a table for good reasons that are not the rows' own: their time is over
/// (retention), or somebody has asked for it (erasure). The commits are DELETEs of kind
/// `maintenance`, which pass `append_only` and make nothing stale. Whole files are removed where
/// that is enough, else rewritten without the rows, one group of at most the target size at a time.
namespace windrow::lake {

struct RowRemoval {
  int64_t version = -1;       ///< the last one committed; -1: there was nothing to remove
  int64_t files_removed = 0;  ///< whole
  int64_t files_rewritten = 0;
  int64_t rows_removed = 0;  ///< of rewritten files, and of whole ones where their number is known
  int64_t rows_hidden =
      0;  ///< that a deletion vector had hidden already, and that were still there
  int64_t bytes_removed = 0, bytes_added = 0;
  std::vector<std::string> old_files;  ///< absolute paths of the files that held the rows
};

/// The values of a row that is to be erased: column → text, cast to the column's type.
using KeyValues = std::vector<std::pair<std::string, std::string>>;
/// The condition that all of them hold. Error(usage) where there is no such column.
std::string key_condition(const Snapshot& snapshot, const KeyValues& key);

/// Removes all rows for which `condition` (SQL over the table's columns) is true. Looks again after
/// its commit, for others may have appended such rows meanwhile. Rows that a deletion vector hides
/// are still in their file: they go as well. The condition is not recorded: it
/// may itself say what is to be forgotten. `dry_run` only counts.
RowRemoval erase_rows(storage::FileSystem& files, const std::string& table_path,
                      duck::Connection& connection, const std::string& condition, bool dry_run,
                      const Clock& clock);
/// What a build keeps beside a table to go on from, in folders of that name below it: copies of
/// values that its inputs had. They go with every erasure, for nobody looks for keys in them; the
/// next build does without.
inline constexpr const char* kSumsFolder = "_windrow/sums";
void forget_sums(storage::FileSystem& files, const std::string& table_path);
/// Files in the table's folder that the snapshot does not need and that hold such rows, or cannot
/// be looked into: of older versions, of changed rows, and, last written before `left_before`,
/// those that no version names (a killed writer's; younger ones may still be committed).
std::vector<std::string> old_files_with(storage::FileSystem& files, const Snapshot& snapshot,
                                        duck::Connection& connection, const std::string& condition,
                                        std::optional<Time> left_before = {});

/// What of a table is too old.
struct RetentionRule {
  std::string column;  ///< DATE, TIMESTAMP or TIMESTAMPTZ; empty: by partition columns year, month…
  Time keep_from;      ///< rows before it are removed
  std::string zone = "UTC";  ///< that local times and the partition columns count in
};
/// The columns `year`, `month`, `day`, `hour` of partitions (as many as there are, from `year` on),
/// or the one partition column that is a DATE or a timestamp. Nothing where there are none.
std::optional<std::string> partition_time(const Snapshot& snapshot);

/// That rows were erased between two versions (not by retention), which `row_changes` passes over:
/// whoever keeps copies of rows has to let go of those. True also where the log does not tell any
/// more.
bool rows_erased(const Table& table, int64_t from_version, int64_t to_version);

RowRemoval apply_retention(storage::FileSystem& files, const std::string& table_path,
                           duck::Connection& connection, const RetentionRule& rule, bool dry_run,
                           const Clock& clock);

}  // namespace windrow::lake
