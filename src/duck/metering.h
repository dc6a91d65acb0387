#pragma once

#include "base/usage.h"
#include "duck/duck.h"

namespace windrow::duck {

/// From now on the meter is told what the connection's statements use: processor time on DuckDB's
/// threads, what was read of how many files, and the
/// most memory that the whole database held meanwhile. Of connections `beside` it, too. `meter`
/// must outlive them.
void measure(Connection& connection, Meter& meter);

}  // namespace windrow::duck
