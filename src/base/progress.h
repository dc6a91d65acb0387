#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace windrow {

/// How far a piece of long work is. Sent often, from any thread; the receiver throttles and draws.
struct Progress {
  std::string task;      ///< what works, e.g. `gold.trending`
  std::string phase;     ///< `reading`, `writing`, `checking`, `committing`
  double fraction = -1;  ///< 0 to 1; negative where unknown
  int64_t rows = -1;     ///< rows done so far; negative where unknown
};
using ProgressSink = std::function<void(const Progress&)>;

}  // namespace windrow
