#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "history/history.h"

namespace windrow::history {

/// By asset, how long its tasks took that did what they were to do, in the last runs that ended;
/// at most `most` of each asset, newest first.
using Durations = std::map<std::string, std::vector<std::chrono::microseconds>>;

/// From the history in the file `path`, but for one run.
Durations durations(const std::string& path, const std::string& environment, size_t most,
                    const std::string& but_for);

/// The last run that ended and was begun for the same: by the same schedule, or, by hand, by the
/// same command, with as many tasks. Its id; nothing where there is none.
std::optional<std::string> last_alike(const std::string& path, const Run& run);

}  // namespace windrow::history
