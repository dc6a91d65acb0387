#include "base/local_time.h"

#include <date/tz.h>

namespace windrow {

using std::chrono::microseconds;

namespace {

date::local_info info_of(Time local, const date::time_zone& zone) {
  return zone.get_info(
      date::local_seconds(date::floor<std::chrono::seconds>(local).time_since_epoch()));
}

}  // namespace

Time moved(Time t, microseconds by) {
  if (t == kEver || t == kNever) return t;
  int64_t sum = 0;
  if (__builtin_add_overflow(micros(t), int64_t(by.count()), &sum))
    return by > microseconds(0) ? kNever : kEver;
  return time_from_micros(sum);
}

Time local_boundary(Time boundary, std::string_view zone) {
  if (zone == "UTC" || boundary == kEver || boundary == kNever) return boundary;
  // By the clocks of just before: where they were put forward, the missing times belong to what
  // follows.
  const auto just_before = date::floor<std::chrono::seconds>(boundary - microseconds(1));
  return boundary + date::locate_zone(std::string(zone))->get_info(just_before).offset;
}

Time date_boundary(Time boundary, std::string_view zone) {
  if (boundary == kEver || boundary == kNever) return boundary;
  return date::ceil<date::days>(local_boundary(boundary, zone));
}

Interval moments_of(const Interval& local, std::string_view zone) {
  if (zone == "UTC" || local.empty()) return local;
  const auto& table = *date::locate_zone(std::string(zone));
  Interval out{local.start, local.end};
  if (local.start != kEver) {
    const auto first = info_of(local.start, table);
    out.start = first.result == date::local_info::nonexistent ? Time(first.first.end)
                                                              : local.start - first.first.offset;
  }
  if (local.end != kNever) {
    const auto last = info_of(local.end - microseconds(1), table);
    out.end = local.end -
              (last.result == date::local_info::ambiguous ? last.second.offset : last.first.offset);
  }
  return out;
}

Time later_by(Time t, microseconds by, std::string_view zone) {
  if (by == microseconds(0) || t == kEver || t == kNever) return t;
  const Time shown = moved(local_boundary(t, zone), by);
  return std::max(moved(t, by), moments_of({shown - microseconds(1), shown}, zone).end);
}

Time earlier_by(Time t, microseconds by, std::string_view zone) {
  if (by == microseconds(0) || t == kEver || t == kNever) return t;
  const Time shown = moved(local_boundary(t, zone), -by);
  return std::min(moved(t, -by), moments_of({shown, shown + microseconds(1)}, zone).start);
}

}  // namespace windrow
