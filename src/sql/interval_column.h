#pragma once

#include <string>

#include "base/interval.h"
#include "duck/forward.h"
#include "sql/sql.h"

namespace windrow::sql {

/// True where the SELECT shows that `column` of each row lies in the same interval as the input's
/// row that it was made of: it is the very expression that is compared with $start and $end, or
/// that one rounded down (date_trunc, time_bucket, a cast to DATE) within the grain. Only then do
/// the rows of several intervals that one SELECT yields tell which interval each was asked for.
bool stays_in_interval(duck::Connection& connection, const Parsed& select,
                       const std::string& column, const Grain& grain);

}  // namespace windrow::sql
