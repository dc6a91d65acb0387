#pragma once

#include <string_view>

#include "base/interval.h"

/// Local times (DATE, TIMESTAMP: what a clock on the wall shows) beside moments. A local time is
/// kept as a Time as if it were UTC.
///
/// When clocks go back, an hour of local times comes twice; when they go forward, an hour is
/// missing. The engine compares such a time with a moment by the later of the two, or moves it on
/// by what the clocks were put forward. A Grain has no boundary inside of the hour that comes twice
/// (both times together), nor inside of as much time after the clocks went forward, so that each
/// local time and all moments it may stand for belong to one and the same interval, and the
/// intervals divide local times as they divide moments: without a gap, without an overlap.
namespace windrow {

/// The calendar that intervals are of, in years of four digits. All that lies before its begin is
/// one interval, and so is all that lies at or after its end.
inline constexpr Time kCalendarBegin{std::chrono::microseconds(-62'135'596'800'000'000)};
inline constexpr Time kCalendarEnd{std::chrono::microseconds(253'402'214'400'000'000)};

/// Without a bound on that side: earlier and later than all times there are, infinite ones too.
inline constexpr Time kEver = Time::min();
inline constexpr Time kNever = Time::max();

/// Stays at kEver or kNever, and ends there.
Time moved(Time t, std::chrono::microseconds by);

/// The local time at which an interval that starts (or ends) at `boundary` starts: the first local
/// time that does not belong to what is before.
Time local_boundary(Time boundary, std::string_view zone);

/// The same among dates, as midnights: a date lies where its midnight does.
Time date_boundary(Time boundary, std::string_view zone);

/// All moments that a local time of the part may stand for.
Interval moments_of(const Interval& local, std::string_view zone);

/// So much later (earlier): as time goes or as the clocks of the zone show, whichever is further. A
/// day of the calendar may have 25 hours, and three hours on the clocks may be four.
Time later_by(Time t, std::chrono::microseconds by, std::string_view zone);
Time earlier_by(Time t, std::chrono::microseconds by, std::string_view zone);

}  // namespace windrow
