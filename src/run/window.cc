#include "run/window.h"

#include "base/error.h"

namespace windrow::run {

Interval span_of(const Window& window, Time now) {
  const auto days = Grain::parse("day", window.zone).value();
  // From the day before on, whose span may still be open.
  Time day = days.floor(days.floor(now) - std::chrono::microseconds(1));
  const bool over_midnight = window.to <= window.from;
  while (true) {
    const Time next = days.next(day);
    const auto at = [&](Time of, const std::string& clock) {
      return parse_time(days.label(days.around(of)) + " " + clock, window.zone).value();
    };
    const Interval span{at(day, window.from), at(over_midnight ? next : day, window.to)};
    if (span.end > now && !span.empty()) return span;
    day = next;
  }
}

}  // namespace windrow::run
