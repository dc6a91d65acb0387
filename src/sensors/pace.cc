#include "sensors/pace.h"

#include <algorithm>

namespace windrow::sensors {

namespace {

using namespace std::chrono_literals;

constexpr Pace::Duration kLeast = 1s, kMostAfterFailures = 5min, kFirstAfterFailure = 2s;
constexpr int kShare = 10;
constexpr int kDoubledMax = 10;

}  // namespace

Pace::Duration Pace::looked(bool is_new, Duration took, Duration poll, bool told,
                            std::optional<Duration> again) {
  failures = 0;
  if (told)
    gap = poll;
  else if (is_new || gap == Duration(0))
    gap = std::min(kLeast, poll);
  else
    gap = std::min(gap * 3 / 2, poll);
  auto out = gap;
  if (again) out = std::min(out, std::max(*again, Duration(10ms)));
  return std::max(out, took * kShare);
}

Pace::Duration Pace::failed(Duration poll) {
  const int doubled = std::min(failures++, kDoubledMax);
  gap = Duration(0);
  return std::min(kFirstAfterFailure * (1 << doubled), std::max(poll, kMostAfterFailures));
}

}  // namespace windrow::sensors
