#pragma once

#include <optional>
#include <string>

#include "base/interval.h"
#include "lake/table.h"

/// Where a table's rows lie in time, as the statistics of its files say: without opening one.
namespace windrow::lake {

/// The column that an expression is, where it is nothing but one of times.
const Field* time_column(const Schema& schema, std::string expression);

/// The moments between a file's least and greatest time: empty where it has NULLs only, nothing
/// where nobody knows. Local times count in `zone`.
std::optional<Interval> times_of(const Add& add, const Field& column, const std::string& zone);

struct Extent {
  IntervalSet intervals;                   ///< whole grains; no row lies in another one
  int64_t files = 0, rows = 0, bytes = 0;  ///< of the files that may hold rows of `within`
};
/// Nothing where the expression is no column, or a file says nothing of it.
std::optional<Extent> extent_of(const Snapshot& table, const std::string& expression,
                                const Grain& grain, const IntervalSet& within);

}  // namespace windrow::lake
