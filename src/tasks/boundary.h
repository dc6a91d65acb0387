#pragma once

#include <optional>
#include <string>

#include "tasks/context.h"

namespace windrow::tasks {

/// Before what a table is whole. Of one that is built by intervals: the end of the last interval
/// with all earlier ones complete, since `begin`. Of one that is built otherwise: the least of the
/// tables that it was built from, each at the version that was read, where all of them have one;
/// tables that the model declares as lookups do not count. Nothing for sources and seeds.
std::optional<Time> boundary_of(const Context& context, const std::string& table);

}  // namespace windrow::tasks
