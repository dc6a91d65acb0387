#pragma once

#include <map>
#include <string>

#include "sql/sql.h"

namespace windrow::sql {

/// Output columns that are a column of a table, unchanged but perhaps for their name: what a row's
/// value is there, it is in the row that it came from. Those of aggregates, casts and other
/// expressions are none, nor those that the parts of a UNION take from several tables' columns.
std::map<std::string, ColumnSource> carried_columns(duck::Connection& connection,
                                                    const Parsed& select, const Catalog& catalog);

}  // namespace windrow::sql
