#pragma once

#include <chrono>
#include <optional>

/// When a sensor is looked at again.
namespace windrow::sensors {

struct Pace {
  using Duration = std::chrono::microseconds;

  Duration gap{0};   ///< after the last look; 0: before the first one
  int failures = 0;  ///< in a row

  /// After a look that took `took`. While new things come it is looked at often, then ever less, up
  /// to `poll`; where changes are `told`, as rarely at once. No more than a tenth of the time goes
  /// into looking. `again`: something is about to be seen.
  Duration looked(bool is_new, Duration took, Duration poll, bool told,
                  std::optional<Duration> again);
  /// After a look that could not be: twice as long each time, up to five minutes, or to `poll`
  /// where that is more.
  Duration failed(Duration poll);
};

}  // namespace windrow::sensors
