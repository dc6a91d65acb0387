#pragma once

#include <string>

#include "base/interval.h"

namespace windrow::run {

/// Hours of each day in which a task may begin, by the clocks of a zone. `to` at or before `from`
/// is of the next day.
struct Window {
  std::string from, to;  ///< `22:00`
  std::string zone = "UTC";
  bool stop = false;  ///< at its end what runs is asked to stop at its next commit
};

/// The one that holds `now`, else the next to come.
Interval span_of(const Window& window, Time now);

}  // namespace windrow::run
