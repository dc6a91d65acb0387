#pragma once

#include <string>

#include "duck/duck.h"
#include "lake/provenance.h"
#include "lake/schema.h"

namespace windrow::lake {

/// The points in time that `changed_rows` (a SELECT with the schema's columns) has in each of the
/// table's DATE and TIMESTAMP columns, rounded as Touched says. Local times (DATE, timestampNtz)
/// count as if they were UTC. `costly` rows are computed once and only their times kept.
Touched touched_by(duck::Connection& connection, const Schema& schema,
                   const std::string& changed_rows, bool costly = false);

/// DATE or a timestamp of either kind.
bool is_time(const Type& type);

}  // namespace windrow::lake
