#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/rows.h"
#include "lake/commit_log.h"
#include "lake/row_work.h"

/// Which commits changed certain rows, and how.
namespace windrow::lake {

struct RowQuestion {
  std::string condition;          ///< SQL over the columns that the table has at `to`
  int64_t from = -1, to = -1;     ///< versions (from, to]
  size_t changes_max = SIZE_MAX;  ///< the newest ones
  size_t rows_max = 10;           ///< of each, before and after
};

struct ChangedRows {
  int64_t version = -1;
  int64_t removed = 0, added = 0;  ///< rows that went and came, all of them
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> before, after;  ///< up to rows_max
};

/// A commit whose files are gone or do not read: there may be a change or none.
struct UnknownChange {
  int64_t version = -1;
  std::string why;
};

struct RowHistory {
  std::vector<ChangedRows> changes;    ///< newest first
  std::vector<UnknownChange> unknown;  ///< newest first
  bool more = false;                   ///< there may be older ones: changes_max was reached
  /// Versions up to this one, of those asked for, are no longer in the log; `from` where all are.
  int64_t known_after = -1;
  size_t commits = 0;                      ///< that changed data, of those looked at
  size_t files_read = 0, files_there = 0;  ///< that these commits added and removed
};

/// Net: rows that a commit wrote again equal are none of its changes (net_changes.h says what
/// equal is). Commits and files that cannot hold such rows are not opened: their partition values,
/// statistics and what they say they touched settle it. Error(usage) where the condition does not
/// bind.
RowHistory row_history(CommitLog& log, DuckRows& session, const RowQuestion& question,
                       Cancel& cancel);

}  // namespace windrow::lake
