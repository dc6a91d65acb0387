#pragma once

#include <string>
#include <vector>

#include "duck/forward.h"
#include "lake/actions.h"

namespace windrow::lake {

struct Snapshot;

struct ZOrder {
  std::string columns;  ///< to be put behind the `*` of a SELECT of the rows: the ranges' numbers
  std::vector<std::string> order_by;  ///< expressions over the rows' columns and these
};

/// What to sort rows by, so that rows that are near each other in all of `columns` lie near
/// each other: a Z-order curve. As Spark does it, each column's values are numbered by ranges of
/// about as many rows (from a sample; NULL is range 0), and the numbers' bits are interleaved. One
/// column is simply sorted. Throws Error(usage) where a column is absent, a partition column, or
/// has no order that statistics could use.
ZOrder zorder_by(duck::Connection& connection, const Snapshot& snapshot,
                 const std::vector<Add>& files, const std::vector<std::string>& columns);
/// The checks alone.
void check_zorder(const Snapshot& snapshot, const std::vector<std::string>& columns);

}  // namespace windrow::lake
