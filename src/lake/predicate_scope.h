#pragma once

#include <string>

#include "lake/read_scope.h"
#include "lake/row_work.h"

namespace windrow::lake {

/// A box that holds every row for which `condition` (SQL over the table's columns) is true: from
/// those of its parts, joined by AND, that compare a column with a constant. Without any such part
/// it is the whole table: a box without conditions.
ReadScope::Box box_of(RowWork& engine, const Schema& schema, const std::string& condition);

}  // namespace windrow::lake
