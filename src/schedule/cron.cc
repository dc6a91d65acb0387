#include "schedule/cron.h"

#include <algorithm>

#include "base/local_time.h"
#include "schedule/days.h"
#include "schedule/due.h"

namespace windrow::schedule {

using std::chrono::microseconds;

namespace {

/// The first set bit at or after `from`; `N` where there is none.
template <size_t N>
size_t first_set(const std::bitset<N>& bits, size_t from) {
  while (from < N && !bits[from]) ++from;
  return from;
}

/// The day of a month on which `15W` is due: the nearest from Monday to Friday in the same month.
unsigned nearest_weekday(unsigned day, unsigned length, unsigned weekday) {
  if (weekday == 6) return day == 1 ? 3 : day - 1;             // Saturday
  if (weekday == 0) return day == length ? day - 2 : day + 1;  // Sunday
  return day;
}

/// The expressions that never come have been refused; a leap day comes within eight years, a fifth
/// Friday of February within twenty-eight, or forty where a century is no leap year.
constexpr int kYearsMax = 50;

}  // namespace

bool Cron::day_matches(int year, unsigned month, unsigned day) const {
  const unsigned length = days_in_month(year, month);
  const unsigned weekday = weekday_of(day_of(year, month, day));
  const auto weekday_of_day = [&](unsigned other) { return (weekday + 35 + other - day) % 7; };
  const auto in_month = [&] {
    if (days_[day] || (last_day_ && day == length)) return true;
    if (last_weekday_ && day == nearest_weekday(length, length, weekday_of_day(length)))
      return true;
    for (unsigned wanted = day > 2 ? day - 2 : 1; wanted <= std::min(day + 2, length); ++wanted) {
      if (nearest_weekday_[wanted] &&
          nearest_weekday(wanted, length, weekday_of_day(wanted)) == day)
        return true;
    }
    return false;
  };
  const auto in_week = [&] {
    return weekdays_[weekday] || (last_weekdays_[weekday] && day + 7 > length) ||
           (nth_weekdays_[weekday] >> ((day + 6) / 7) & 1) != 0;
  };
  if (any_day_) return any_weekday_ || in_week();
  if (any_weekday_) return in_month();
  return in_month() || in_week();
}

std::optional<Time> Cron::next_local(Time after) const {
  // The next whole second, field by field from the largest: a field that has to move on sets those
  // below it back to their first.
  const auto second = std::chrono::floor<std::chrono::seconds>(after) + std::chrono::seconds(1);
  const auto midnight = std::chrono::floor<std::chrono::days>(second);
  const auto begin = civil_of(Day(midnight.time_since_epoch().count()));
  int64_t of_day = (second - midnight).count();
  for (int year = begin.year; year <= begin.year + kYearsMax; ++year) {
    const bool first_year = year == begin.year;
    for (size_t month = first_set(months_, first_year ? begin.month : 1); month < 13;
         month = first_set(months_, month + 1)) {
      const bool first_month = first_year && month == begin.month;
      const unsigned length = days_in_month(year, unsigned(month));
      for (unsigned day = first_month ? begin.day : 1; day <= length; ++day) {
        const bool first_day = first_month && day == begin.day;
        if (!day_matches(year, unsigned(month), day)) continue;
        const auto found = next_in_day(first_day ? of_day : 0);
        if (!found) continue;
        return midnight_of(day_of(year, unsigned(month), day)) + std::chrono::seconds(*found);
      }
    }
  }
  return {};
}

std::optional<int64_t> Cron::next_in_day(int64_t from) const {
  const size_t hour = size_t(from / 3600), minute = size_t(from / 60 % 60),
               second = size_t(from % 60);
  const auto at = [](size_t h, size_t m, size_t s) { return int64_t(h * 3600 + m * 60 + s); };
  const size_t first_minute = first_set(minutes_, 0), first_second = first_set(seconds_, 0);
  if (hours_[hour]) {
    if (minutes_[minute]) {
      if (const size_t s = first_set(seconds_, second); s < 60) return at(hour, minute, s);
    }
    if (const size_t m = first_set(minutes_, minute + 1); m < 60) return at(hour, m, first_second);
  }
  if (const size_t h = first_set(hours_, hour + 1); h < 24)
    return at(h, first_minute, first_second);
  return {};
}

std::optional<Time> Cron::next(Time after, const Zone& zone) const {
  return next_moment(after, zone, fixed_, [this](Time local) { return next_local(local); });
}

}  // namespace windrow::schedule
