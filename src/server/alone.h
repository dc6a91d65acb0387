#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "schedule/schedule.h"

/// What is asked of a server, where none runs for the project: done by whoever asks. Each takes the
/// project's claim meanwhile; Error(conflict) where a server began just then: ask it instead.
namespace windrow::server {

/// What a project's schedules (ids) remember says from now on that somebody paused them, or did
/// not; nothing: as they are declared.
void pause_alone(const std::string& root, const std::string& environment,
                 const std::vector<std::string>& schedules, std::optional<bool> paused);

/// A run that was interrupted is not begun again by the next server. False where `run` is none of
/// those.
bool cancel_alone(const std::string& root, const std::string& environment, const std::string& run);

/// What a run of a schedule would be for that somebody asked a server for now; `all`: the schedules
/// of its project. Nothing where a server would not begin it at once. Takes no claim.
std::optional<Interval> interval_by_hand(const std::string& root, const std::string& environment,
                                         const schedule::Schedule& schedule,
                                         const std::vector<schedule::Schedule>& all, Time now);

}  // namespace windrow::server
