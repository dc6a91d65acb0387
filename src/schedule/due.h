#pragma once

#include <algorithm>
#include <optional>

#include "base/local_time.h"
#include "base/zone.h"

/// Private to the room: from times that clocks show to moments.
namespace windrow::schedule {

/// The first moment after another that is due by `next_local`, which gives the first local time
/// after another that is. Fixed times: a skipped one is due at the end of the gap, a repeated one
/// once, at the first. Others: at each moment at which clocks show one.
template <class NextLocal>
std::optional<Time> next_moment(Time after, const Zone& zone, bool fixed, NextLocal next_local) {
  if (after >= kCalendarEnd) return {};
  after = std::max(after, kCalendarBegin);
  if (fixed) {
    // Moments never go back as local times go on, so what lies behind `after` on the clocks has
    // been. The same moment comes again only for several times of one gap.
    for (Time local = zone.local(after);;) {
      const auto found = next_local(local);
      if (!found || *found >= kCalendarEnd) return {};
      const Time moment = zone.moment(*found);
      if (moment > after) return moment;
      local = *found;
    }
  }
  for (auto stretch = zone.at(after);;) {
    const auto found = next_local(after + stretch.offset);
    if (!found || *found >= kCalendarEnd) return {};
    if (*found - stretch.offset < stretch.end) return *found - stretch.offset;
    // Just before the next stretch, by whose clocks the search goes on.
    if (stretch.end >= kCalendarEnd) return {};
    after = stretch.end - std::chrono::microseconds(1);
    stretch = zone.at(stretch.end);
  }
}

}  // namespace windrow::schedule
