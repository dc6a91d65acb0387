#pragma once

#include <optional>
#include <string>

#include "history/history.h"

namespace windrow::history {

/// The run that ended last in the history at `path`, which may be another project's and is only
/// read. `schedule` empty: whatever it was begun for. `any`: also one that did not end well; those
/// that were interrupted go on as others. Nothing where there is none, or no history. Of the run
/// the id, status, schedule and times are given.
std::optional<Run> last_end(const std::string& path, const std::string& environment,
                            const std::string& schedule, bool any);

}  // namespace windrow::history
