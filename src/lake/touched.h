#pragma once

#include <string>

#include "lake/provenance.h"
#include "lake/row_work.h"
#include "lake/schema.h"

namespace windrow::lake {

/// The points in time that `changed_rows` (a SELECT with the schema's columns) has in each of the
/// table's DATE and TIMESTAMP columns, rounded as Touched says. Local times (DATE, timestampNtz)
/// count as if they were UTC; infinite ones lie beyond the calendar's ends. `costly` rows are
/// computed once and only their times kept.
Touched touched_by(RowWork& engine, const Schema& schema, const Relation& changed_rows,
                   bool costly = false);

/// DATE or a timestamp of either kind.
bool is_time(const Type& type);

/// SQL of the microseconds since 1970 that `value` stands for, which is of one of these kinds. A
/// type of the engine's reaches further than the calendar of intervals: what lies before that is
/// one microsecond before, what lies after is its end.
std::string calendar_micros(const std::string& value, Type::Kind kind);
/// The number-th unit of that length since 1970; without a bound beyond the calendar.
Interval calendar_part(int64_t number, std::chrono::microseconds length);

}  // namespace windrow::lake
