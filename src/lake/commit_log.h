#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lake/table.h"

/// A table's commits, looked back at from its latest version.
namespace windrow::lake {

/// Reads commits when they are asked for, older ones ahead, and keeps them. What was cleaned from
/// the log is known as far as it was archived: what was committed, not which files.
class CommitLog {
 public:
  CommitLog(storage::FileSystem& files, const Table& table);

  const Table& table() const { return table_; }
  storage::FileSystem& files() const { return files_; }
  int64_t latest() const { return latest_; }
  /// The first version of the unbroken row of commits up to the latest.
  int64_t first() const { return first_; }
  /// first() … latest().
  const Commit& at(int64_t version);
  /// What a commit says of itself, also of a version before first(); nothing where nobody knows.
  std::optional<HistoryEntry> entry(int64_t version);
  bool changed_data(int64_t version);

 private:
  struct Archived {
    HistoryEntry entry;
    bool changes_data = false;
  };
  const Archived* archived(int64_t version);

  storage::FileSystem& files_;
  Table table_;
  int64_t first_ = 0, latest_ = -1;
  size_t ahead_;  ///< how many are read at a time, more each time
  std::map<int64_t, Commit> commits_;
  std::optional<std::map<int64_t, Archived>> archive_;
};

}  // namespace windrow::lake
