#pragma once

#include "project/project.h"

namespace windrow::project {

/// Looks up what sensors name. Those that nothing is wrong with become `Project::sensors`, what is
/// wrong joins the problems of schedules. Before those are settled.
void settle_sensors(Project& project);

}  // namespace windrow::project
