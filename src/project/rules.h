#pragma once

#include "base/error.h"
#include "project/project.h"

namespace windrow::project {

/// What spans files: names that come twice, layers, connections, variables, tests of models that
/// are not there.
void check_rules(const Project& project, const LoadOptions& options, Problems& problems);

/// Gives every variable its value: from the command line, else from the environment, else its
/// default.
void settle_variables(Project& project, const LoadOptions& options, Problems& problems);

}  // namespace windrow::project
