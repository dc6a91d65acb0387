#pragma once

#include <vector>

#include "sql/sql.h"
#include "sql/tree.h"

namespace windrow::sql {

enum class Side { start, end, other };

/// `expression >= $start`, `expression < $end`, or a comparison with a moved bound.
struct Bound {
  Json expression;
  Side side = Side::other;
  bool exact = true;
  size_t position = 0;
  bool of_result = false;  ///< no comparison, but a column of the whole SELECT's result
};
using Bounds = std::vector<Bound>;

/// One use of a table with what reached it.
struct Leaf {
  std::string table;
  size_t position;
  Bounds bounds;
};

/// Pushes every comparison with $start and $end down to the tables. One entry per use of a table
/// that was come upon; nothing where the query unfolds without end. Where it depends on the tables'
/// columns what a name means, `catalog` (or nothing) says; `names_depend` tells that it was needed
/// and not there.
std::vector<Leaf> push_intervals(const Json& node, const Parsed& select, const Catalog* catalog,
                                 Problems& problems, bool& names_depend);

/// The same with a column of the result pushed along with them. Nothing where a row's value of it
/// may come from anywhere else than one row of a table.
std::vector<Leaf> push_column(const Json& node, const Parsed& select, const std::string& column);

/// True where the expression has that parameter.
bool mentions(const Json& node, const char* parameter);

}  // namespace windrow::sql
