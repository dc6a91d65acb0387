#pragma once

#include "incremental/tree.h"

namespace windrow::incremental {

/// The result from sums of its groups. Throws WhyNot.
ByState by_state(duck::Connection& connection, const Json& query, const Question& question);

}  // namespace windrow::incremental
