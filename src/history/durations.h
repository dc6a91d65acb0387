#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace windrow::history {

/// By asset, how long its tasks took that did what they were to do, in the last runs that ended;
/// at most `most` of each asset, newest first.
using Durations = std::map<std::string, std::vector<std::chrono::microseconds>>;

/// From the history in the file `path`, but for one run.
Durations durations(const std::string& path, const std::string& environment, size_t most,
                    const std::string& but_for);

}  // namespace windrow::history
