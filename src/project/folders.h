#pragma once

#include <string>

#include "project/forward.h"

namespace windrow::project {

/// Where a project's sources lay down what they are about to load. It may be emptied while nothing
/// runs.
std::string spill_folder(const Project& project);

}  // namespace windrow::project
