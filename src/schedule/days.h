#pragma once

#include "schedule/calendar.h"

/// Private to the room: days of the proleptic Gregorian calendar.
namespace windrow::schedule {

struct Civil {
  int year;
  unsigned month, day;
};

inline Day day_of(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return Day(sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))
                 .time_since_epoch()
                 .count());
}
inline Civil civil_of(Day day) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days(std::chrono::days(day))};
  return {int(ymd.year()), unsigned(ymd.month()), unsigned(ymd.day())};
}
inline unsigned days_in_month(int year, unsigned month) {
  return unsigned(std::chrono::year_month_day_last(std::chrono::year(year) /
                                                   std::chrono::month(month) / std::chrono::last)
                      .day());
}
/// 0 is Sunday.
inline unsigned weekday_of(Day day) { return unsigned(((day + 4) % 7 + 7) % 7); }
inline Time midnight_of(Day day) { return Time(std::chrono::days(day)); }
inline Day day_at(Time local) {
  return Day(std::chrono::floor<std::chrono::days>(local).time_since_epoch().count());
}

}  // namespace windrow::schedule
