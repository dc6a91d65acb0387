#pragma once

#include <optional>
#include <string>

#include "base/interval.h"
#include "duck/forward.h"
#include "lake/relation.h"

/// Which intervals of an input were touched between two of its versions: idea 2, exact increments.
namespace windrow::lake {

class Table;

struct ChangedIntervals {
  bool everything = false;  ///< the change cannot be placed in time (metadata replaced, unreadable
                            ///< rows, no column)
  IntervalSet intervals;    ///< widened to the grain
  int64_t files = 0;        ///< data files that were added or removed
  bool rows_removed = false;  ///< rows that were there are gone or changed (not merely added)
  std::string how;  ///< `recorded`, `statistics`, `read`, `change data`: for plan's explanation
};

/// `expression` is SQL over the table's columns that yields DATE, TIMESTAMP or TIMESTAMPTZ (a
/// column name in the simplest case). Commits with dataChange=false, retention and erasure do not
/// count. The order of means: what our own commit recorded (where the expression is a plain
/// column), else statistics where every changed file lies inside one interval, else the rows of
/// added and removed files are compared (EXCEPT ALL both ways) and only differing rows count; a
/// removed file that is gone counts with its statistics' range. Error(history_lost) where the log
/// no longer holds a version in between.
ChangedIntervals changed_intervals(const Table& table, int64_t from_version, int64_t to_version,
                                   const std::string& expression, const Grain& grain,
                                   duck::Connection& connection);

/// All that the commits up to `now`, a version of the table, say they touched: no row lies
/// elsewhere. Nothing where one of them does not say, or the log no longer holds it. Opens no data
/// file.
std::optional<IntervalSet> recorded_intervals(const Table& table, const Snapshot& now,
                                              const std::string& expression, const Grain& grain,
                                              duck::Connection& connection);

/// Changes of an input that is read whole: only whether and how many files changed.
ChangedIntervals changed_files(const Table& table, int64_t from_version, int64_t to_version);

/// Rows that retention has taken out of the table in the versions (from, to]; nothing where it has
/// taken none. Erasure does not count. Also of versions whose log was cleaned.
std::optional<int64_t> taken_by_retention(const Table& table, int64_t from_version,
                                          int64_t to_version);

/// The rows that were added between two versions, for `new_rows:` inputs. `clean` is
/// false where rows were also removed or changed: then `removed` are those.
struct RowChanges {
  bool clean = true;
  Relation added;
  Relation removed;  ///< empty where clean
};
RowChanges row_changes(const Table& table, int64_t from_version, int64_t to_version,
                       duck::Connection& connection);

}  // namespace windrow::lake
