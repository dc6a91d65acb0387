#pragma once

#include <string>

#include "duck/duck.h"
#include "lake/read_scope.h"

namespace windrow::lake {

/// A box that holds every row for which `condition` (SQL over the table's columns) is true: from
/// those of its parts, joined by AND, that compare a column with a constant. Without any such part
/// it is the whole table: a box without conditions.
ReadScope::Box box_of(duck::Connection& connection, const Schema& schema,
                      const std::string& condition);

}  // namespace windrow::lake
