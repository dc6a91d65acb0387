#include <date/tz.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/interval.h"
#include "base/local_time.h"

namespace windrow {

using date::days;
using date::months;
using date::years;
using std::chrono::microseconds;

bool known_zone(std::string_view zone) {
  if (zone == "UTC") return true;
  try {
    date::locate_zone(std::string(zone));
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

namespace {

using Local = date::local_time<microseconds>;
using Unit = Grain::Unit;

/// Clocks have never been moved by more than a day.
constexpr microseconds kMoveMax = std::chrono::hours(25);

Local to_local(Time t, const std::string& zone) {
  if (zone == "UTC") return Local(t.time_since_epoch());
  const auto seconds = date::floor<std::chrono::seconds>(t);
  return Local((t + date::locate_zone(zone)->get_info(seconds).offset).time_since_epoch());
}

bool divides_a_day(Unit unit) { return unit == Unit::minute || unit == Unit::hour; }

microseconds length_of(Unit unit, int count) {
  return count * (unit == Unit::hour ? microseconds(std::chrono::hours(1))
                                     : microseconds(std::chrono::minutes(1)));
}

/// The last time on the clocks that is a start and not after `local`, as if clocks never moved.
Local civil_floor(Local local, Unit unit, int count) {
  if (divides_a_day(unit)) {
    const microseconds step = length_of(unit, count);
    auto rest = local.time_since_epoch() % step;
    if (rest < microseconds(0)) rest += step;
    return local - rest;
  }
  const auto day = date::floor<days>(local);
  const date::year_month_day ymd(day);
  switch (unit) {
    case Unit::week: return day - (date::weekday(day) - date::Monday);
    case Unit::month: return date::local_days(ymd.year() / ymd.month() / 1);
    case Unit::quarter:
      return date::local_days(ymd.year() / date::month((unsigned(ymd.month()) - 1) / 3 * 3 + 1) /
                              1);
    case Unit::year: return date::local_days(ymd.year() / date::January / 1);
    default: return day;
  }
}

/// The start after `start`.
Local civil_next(Local start, Unit unit, int count) {
  if (divides_a_day(unit)) return start + length_of(unit, count);
  const auto day = date::floor<days>(start);
  const date::year_month_day ymd(day);
  switch (unit) {
    case Unit::week: return day + days(7);
    case Unit::month:
      return date::local_days(date::year_month_day(ymd.year() / ymd.month() / 1) + months(1));
    case Unit::quarter:
      return date::local_days(date::year_month_day(ymd.year() / ymd.month() / 1) + months(3));
    case Unit::year:
      return date::local_days(date::year_month_day(ymd.year() / date::January / 1) + years(1));
    default: return day + days(1);
  }
}

/// The moment at which an interval starts whose clocks show `start`. Nothing where they show it
/// twice, but for the very first of what comes twice, and nothing in as much time after clocks went
/// forward as they were put forward: local_time.h says why.
std::optional<Time> boundary(Local start, const date::time_zone& zone) {
  const auto info = zone.get_info(
      date::local_seconds(date::floor<std::chrono::seconds>(start.time_since_epoch())));
  const Time first(start.time_since_epoch() - info.first.offset);
  switch (info.result) {
    case date::local_info::nonexistent: return Time(info.first.end);
    case date::local_info::ambiguous: {
      const auto repeated = info.first.offset - info.second.offset;
      return first == Time(info.first.end) - repeated ? std::optional(first) : std::nullopt;
    }
    default: break;
  }
  if (first - Time(info.first.begin) > kMoveMax || first == Time(info.first.begin)) return first;
  const auto forward =
      info.first.offset - zone.get_info(info.first.begin - std::chrono::seconds(1)).offset;
  return first - Time(info.first.begin) < forward ? std::nullopt : std::optional(first);
}

}  // namespace

Grain::Grain(Unit unit, int count, std::string_view zone)
    : unit_(unit), count_(count), zone_(zone) {
  if (!known_zone(zone)) {
    throw Error(Code::configuration, fmt::format("time zone \"{}\" is not known", zone),
                "use a name such as Europe/Berlin or UTC");
  }
}

std::optional<Grain> Grain::parse(std::string_view text, std::string_view zone) {
  static constexpr std::pair<std::string_view, Unit> kNames[] = {
      {"minute", Unit::minute}, {"hour", Unit::hour},   {"day", Unit::day},
      {"week", Unit::week},     {"month", Unit::month}, {"quarter", Unit::quarter},
      {"year", Unit::year}};
  for (const auto& [name, unit] : kNames) {
    if (text == name) return Grain(unit, 1, zone);
  }
  const auto duration = parse_duration(text);
  if (!duration || *duration <= microseconds(0)) return {};
  constexpr microseconds minute = std::chrono::minutes(1), hour = std::chrono::hours(1),
                         day = std::chrono::hours(24);
  if (*duration == day) return Grain(Unit::day, 1, zone);
  if (*duration == 7 * day) return Grain(Unit::week, 1, zone);
  if (*duration % hour == microseconds(0) && day % *duration == microseconds(0)) {
    return Grain(Unit::hour, int(*duration / hour), zone);
  }
  if (*duration % minute == microseconds(0) && hour % *duration == microseconds(0)) {
    return Grain(Unit::minute, int(*duration / minute), zone);
  }
  return {};
}

Time Grain::floor(Time t) const {
  if (t < kCalendarBegin) return kEver;
  if (t >= kCalendarEnd) return kCalendarEnd;
  Local start = civil_floor(to_local(t, zone_), unit_, count_);
  if (zone_ == "UTC") return std::max(Time(start.time_since_epoch()), kCalendarBegin);
  const auto& zone = *date::locate_zone(zone_);
  for (;; start = civil_floor(start - microseconds(1), unit_, count_)) {
    const auto found = boundary(start, zone);
    if (found && *found <= t) return std::max(*found, kCalendarBegin);
  }
}

Time Grain::next(Time t) const {
  if (t < kCalendarBegin) return kCalendarBegin;
  if (t >= kCalendarEnd) return kNever;
  Local start = civil_next(civil_floor(to_local(t, zone_), unit_, count_), unit_, count_);
  if (zone_ == "UTC") return std::min(Time(start.time_since_epoch()), kCalendarEnd);
  const auto& zone = *date::locate_zone(zone_);
  for (;; start = civil_next(start, unit_, count_)) {
    const auto found = boundary(start, zone);
    if (found && *found > t) return std::min(*found, kCalendarEnd);
  }
}

Time Grain::ceil(Time t) const {
  const Time start = floor(t);
  return start == t ? t : next(t);
}

Interval Grain::widen(const Interval& part) const {
  if (part.empty()) return part;
  return {floor(part.start), ceil(part.end)};
}

IntervalSet Grain::widen(const IntervalSet& set) const {
  IntervalSet out;
  for (const auto& part : set.parts()) out.add(widen(part));
  return out;
}

std::vector<Interval> Grain::split(const Interval& part) const {
  std::vector<Interval> out;
  for (Time t = part.start; t < part.end;) {
    const Time end = next(t);
    out.push_back({t, end});
    t = end;
  }
  return out;
}

size_t Grain::count(const IntervalSet& set) const {
  size_t n = 0;
  for (const auto& part : set.parts()) {
    for (Time t = part.start; t < part.end; t = next(t)) ++n;
  }
  return n;
}

std::string Grain::text() const {
  switch (unit_) {
    case Unit::minute: return count_ == 1 ? "minute" : fmt::format("{}m", count_);
    case Unit::hour: return count_ == 1 ? "hour" : fmt::format("{}h", count_);
    case Unit::day: return "day";
    case Unit::week: return "week";
    case Unit::month: return "month";
    case Unit::quarter: return "quarter";
    case Unit::year: return "year";
  }
  return "";
}

std::string Grain::label(const Interval& one) const {
  if (one.start < kCalendarBegin) return "before 0001";
  const auto local = to_local(one.start, zone_);
  const auto day = date::floor<days>(local);
  const date::year_month_day ymd(day);
  const date::hh_mm_ss<microseconds> clock(local - day);
  const int year = int(ymd.year());
  const unsigned month = unsigned(ymd.month());
  switch (unit_) {
    case Unit::year: return fmt::format("{:04}", year);
    case Unit::quarter: return fmt::format("{:04}-Q{}", year, (month - 1) / 3 + 1);
    case Unit::month: return fmt::format("{:04}-{:02}", year, month);
    case Unit::hour:
      return fmt::format("{:04}-{:02}-{:02}T{:02}", year, month, unsigned(ymd.day()),
                         clock.hours().count());
    case Unit::minute:
      return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}", year, month, unsigned(ymd.day()),
                         clock.hours().count(), clock.minutes().count());
    default: return fmt::format("{:04}-{:02}-{:02}", year, month, unsigned(ymd.day()));
  }
}

}  // namespace windrow
