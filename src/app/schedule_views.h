#pragma once

#include <string>
#include <vector>

#include "app/json.h"
#include "project/project.h"
#include "schedule/schedule.h"

/// Schedules and their due times, as `schedule list` and `schedule next` tell them.
namespace windrow::app {

/// Those of a name or a tag; all where none is given. Error(usage) where nothing is called so.
std::vector<const schedule::Schedule*> chosen_schedules(const project::Project& project,
                                                        const std::string& name);
Json schedules_json(const project::Project& project,
                    const std::vector<const schedule::Schedule*>& chosen, Time now);

struct DueOf {
  Time at;
  const schedule::Schedule* schedule;
};
/// The next due times of all of them together.
std::vector<DueOf> due_times(const std::vector<const schedule::Schedule*>& all, Time from,
                             size_t count);
Json due_json(const std::vector<DueOf>& due, Time from);

}  // namespace windrow::app
