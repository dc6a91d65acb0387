#include "schedule/calendar.h"

#include <algorithm>

#include "schedule/days.h"

namespace windrow::schedule {

std::optional<Day> parse_day(const std::string& text) {
  const auto time = text.size() == 10 ? parse_time(text) : std::nullopt;
  return time ? std::optional(day_at(*time)) : std::nullopt;
}

bool Calendar::is_holiday(Day day) const {
  const auto found = std::lower_bound(holidays.begin(), holidays.end(), day,
                                      [](const auto& one, Day d) { return one.first < d; });
  return found != holidays.end() && found->first == day;
}

bool Calendar::is_business_day(Day day) const {
  return !weekend[weekday_of(day)] && !is_holiday(day);
}

std::optional<Day> Calendar::business_day_of_month(Day in_month, int n) const {
  const auto [year, month, day] = civil_of(in_month);
  const Day first = day_of(year, month, 1), last = day_of(year, month, days_in_month(year, month));
  const Day step = n < 0 ? -1 : 1;
  int left = n < 0 ? -n : n;
  for (Day each = n < 0 ? last : first; first <= each && each <= last; each += step) {
    if (is_business_day(each) && --left == 0) return each;
  }
  return {};
}

bool CalendarUse::keeps_day(Day day) const {
  switch (days) {
    case Days::business: return calendar.is_business_day(day);
    case Days::holidays: return !calendar.is_business_day(day);
    case Days::nth: return calendar.business_day_of_month(day, nth) == day;
    default: return true;
  }
}

bool CalendarUse::keeps(Time moment, const Zone& zone) const {
  const Time local = zone.local(moment);
  const Day day = day_at(local);
  if (!keeps_day(day)) return false;
  const auto of_day = local - midnight_of(day);
  return !business_hours || (calendar.hours.first <= of_day && of_day < calendar.hours.second);
}

std::optional<Time> CalendarUse::opens(Time moment, const Zone& zone) const {
  if (keeps(moment, zone)) return moment;
  constexpr Day kDaysMax = 3653;
  const Day begin = day_at(zone.local(moment));
  for (Day day = begin; day < begin + kDaysMax; ++day) {
    if (!keeps_day(day)) continue;
    const Time opening = zone.moment(
        midnight_of(day) + (business_hours ? calendar.hours.first : std::chrono::microseconds(0)));
    if (opening >= moment && keeps(opening, zone)) return opening;
  }
  return {};
}

}  // namespace windrow::schedule
