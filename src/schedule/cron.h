#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/zone.h"

namespace windrow::schedule {

/// A cron expression: five fields (minute, hour, day of the month, month, day of the week), six
/// with seconds in front, or `@hourly` and the like. docs/scheduling.md has its grammar.
///
/// Which times it means, by the clocks of a zone:
///   - where neither second, minute nor hour begins with `*` it names fixed times: one that clocks
///     skip is due at the end of the gap, one that they show twice is due once, at the first;
///   - else it follows real time: due whenever the clocks show what matches.
class Cron {
 public:
  /// Throws Error(configuration) whose place has the column (from 1) within `text`, for what is no
  /// expression, names a time that never comes (`0 0 30 2 *`) or is taken differently by others
  /// (`*/n` in one day field with the other restricted).
  static Cron parse(std::string_view text);

  /// The first due time after a moment; nothing where the calendar ends before.
  std::optional<Time> next(Time after, const Zone& zone) const;

  const std::string& text() const { return text_; }
  bool operator==(const Cron& o) const { return text_ == o.text_; }

 private:
  friend class CronParser;
  Cron() = default;

  /// The first local time after another that matches.
  std::optional<Time> next_local(Time after) const;
  /// The first second of a day that matches, from one on.
  std::optional<int64_t> next_in_day(int64_t from) const;
  bool day_matches(int year, unsigned month, unsigned day) const;

  std::string text_;
  std::bitset<60> seconds_, minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;                          ///< of the month, from 1
  std::bitset<32> nearest_weekday_;               ///< `15W`
  std::bitset<13> months_;                        ///< from 1
  std::bitset<7> weekdays_;                       ///< from Sunday
  std::bitset<7> last_weekdays_;                  ///< `5L`
  std::array<uint8_t, 7> nth_weekdays_{};         ///< `5#3`: a bit for each n
  bool last_day_ = false, last_weekday_ = false;  ///< `L`, `LW`
  bool any_day_ = true, any_weekday_ = true;      ///< `*` or `?`
  bool fixed_ = false;
};

}  // namespace windrow::schedule
