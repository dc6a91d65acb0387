#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"
#include "project/values.h"
#include "sql/sql.h"

/// Private to quality/: rows of YAML as rows of DuckDB.
namespace windrow::quality {

/// Makes `name` (`layer.table`) with these rows. `columns` null: as the rows show.
/// Error(configuration) with the place of the row or value that does not fit.
void make_table(duck::Connection& connection, const std::string& name, const project::Value& rows,
                const std::vector<Column>* columns);

/// An expected value, brought to the type of the column that came out.
struct Expected {
  bool compared = false;  ///< the row names this column
  Cell cell;
  bool misfit = false;  ///< it is no value of that type, so nothing equals it
  std::string shown;    ///< as it is printed
};

/// The expected rows in the order of `columns`. Error(configuration) where they name a column that
/// did not come out.
std::vector<std::vector<Expected>> expected_rows(duck::Connection& connection,
                                                 const project::Value& rows,
                                                 const std::vector<Column>& columns);

bool equal(const Expected& expected, const Cell& found, const std::string& type);

}  // namespace windrow::quality
