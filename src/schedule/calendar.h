#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/zone.h"

namespace windrow::schedule {

/// Days since 1970-01-01, of a zone's clocks.
using Day = int32_t;

/// `2026-12-25`; nothing where the text is another.
std::optional<Day> parse_day(const std::string& text);

/// Which days are worked on, and in which hours.
struct Calendar {
  std::string name;
  std::bitset<7> weekend{0b1000001};                  ///< from Sunday
  std::vector<std::pair<Day, std::string>> holidays;  ///< ordered; with their names
  /// Of business days, on the clocks, since midnight: from the first to before the second.
  std::pair<std::chrono::microseconds, std::chrono::microseconds> hours{std::chrono::hours(0),
                                                                        std::chrono::hours(24)};

  bool is_holiday(Day day) const;
  bool is_business_day(Day day) const;
  /// The n-th business day of a day's month, from the end where n is negative; nothing where it has
  /// fewer.
  std::optional<Day> business_day_of_month(Day in_month, int n) const;
};

/// Holidays of an iCalendar file (RFC 5545): its events of whole days, those that come every year,
/// month or week (RRULE with FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY) up to
/// `until`. Events with a time of day are none. Throws Error(configuration) with line and column
/// for what is no calendar, and for rules that it does not know.
std::vector<std::pair<Day, std::string>> read_icalendar(std::string_view text,
                                                        const std::string& file, Day until);

/// Which due times a schedule keeps of those that its trigger names.
struct CalendarUse {
  /// holidays: days that are no business days, weekends too.
  enum class Days { all, business, holidays, nth };
  Calendar calendar;
  Days days = Days::business;
  int nth = 0;  ///< of nth: the n-th business day of the month, from the end where negative
  bool business_hours = false;

  bool keeps_day(Day day) const;
  bool keeps(Time moment, const Zone& zone) const;
  /// The first moment at or after another that it keeps; nothing where there is none within ten
  /// years.
  std::optional<Time> opens(Time moment, const Zone& zone) const;
};

}  // namespace windrow::schedule
