#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace windrow::server {

/// What a server says of itself: a line in its log. Texts are not masked yet.
struct Told {
  /// serving, waiting (a project that is broken), reloaded, broken, fires, ended, skipped, failed,
  /// canceling, late_expected, late, interrupted, resumed (a run that was), ingesting,
  /// ingest_ended, trouble, sensor_lost (it cannot be looked at), sensor_back, paused,
  /// resumed_by_hand, backfilling, backfill_ended, listening (at an address), set_up (where the
  /// first administrator is made), stopping, stopped
  std::string event;
  Time at;
  std::string zone;  ///< that times are shown in
  std::string project, schedule, run, status, source, sensor;
  std::string backfill;  ///< id
  std::optional<Time> due, next;
  std::optional<Time> expected;  ///< late_expected: when it is going to end
  std::optional<std::chrono::microseconds> elapsed, wait;
  int64_t count = 0;
  std::string text;               ///< reason, cause
  std::vector<Problem> problems;  ///< of a broken project, of a run that could not begin
};
using Teller = std::function<void(const Told&)>;

}  // namespace windrow::server
