#pragma once

#include "project/overlay.h"
#include "project/project.h"

namespace windrow::project {

/// Makes `schedules` of `declared_schedules`: calendars are read, names looked up. What is wrong
/// goes to `schedule_problems`, and the schedule is left out.
void settle_schedules(Project& project, const Overlay& overlay);

}  // namespace windrow::project
