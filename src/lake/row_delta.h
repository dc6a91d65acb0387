#pragma once

#include <cstdint>
#include <string>

#include "duck/forward.h"
#include "lake/relation.h"

/// What became of a table's rows between two versions, for who keeps something that follows from
/// them.
namespace windrow::lake {

class Table;

/// As multisets: rows at `to` = rows at `from` - removed + added. A row may be in both, as often as
/// it was written again.
struct RowDelta {
  Relation added, removed;                   ///< with the columns of `to`; empty: none
  int64_t added_rows = 0, removed_rows = 0;  ///< at most, as the log says; -1: it does not say
  int64_t files = 0, bytes = 0;              ///< that hold them
  std::string unusable;  ///< why nobody can tell by rows: `retention or erasure has taken rows`
};
/// Unlike row_changes it counts what retention and erasure took as a reason not to. Nothing is
/// read but logs, so that files may turn out to be gone: Error(not_found) when the rows are read.
/// Error(history_lost) where the log no longer holds a version in between.
RowDelta row_delta(const Table& table, int64_t from, int64_t to, duck::Connection& connection);

}  // namespace windrow::lake
