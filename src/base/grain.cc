#include <date/tz.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/interval.h"

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

/// UTC is by far the most frequent zone and needs no table.
struct Offset {
  microseconds offset;
  Time from, until;  ///< where it holds
};

Offset offset_at(Time t, const std::string& zone) {
  if (zone == "UTC") return {microseconds(0), Time::min(), Time::max()};
  const auto info =
      date::locate_zone(zone)->get_info(std::chrono::time_point_cast<std::chrono::seconds>(t));
  return {info.offset, Time(info.begin), Time(info.end)};
}

Local to_local(Time t, const std::string& zone) {
  return Local((t + offset_at(t, zone).offset).time_since_epoch());
}

/// The first moment whose local time is not before `local`: midnight may not exist on a day the
/// clocks move.
Time to_utc(Local local, const std::string& zone) {
  if (zone == "UTC") return Time(local.time_since_epoch());
  return date::locate_zone(zone)->to_sys(local, date::choose::earliest);
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
  const auto offset = offset_at(t, zone_);
  const Local local((t + offset.offset).time_since_epoch());
  if (unit_ == Unit::minute || unit_ == Unit::hour) {
    const microseconds step =
        count_ * (unit_ == Unit::hour ? microseconds(std::chrono::hours(1))
                                      : microseconds(std::chrono::minutes(1)));
    const auto since = local.time_since_epoch();
    auto rest = since % step;
    if (rest < microseconds(0)) rest += step;
    // A change of the clocks inside begins an interval anew, so that none reaches over it.
    return std::max(t - rest, offset.from);
  }
  const auto day = date::floor<days>(local);
  const date::year_month_day ymd(day);
  date::local_days start = day;
  switch (unit_) {
    case Unit::week: start = day - (date::weekday(day) - date::Monday); break;
    case Unit::month: start = date::local_days(ymd.year() / ymd.month() / 1); break;
    case Unit::quarter:
      start =
          date::local_days(ymd.year() / date::month((unsigned(ymd.month()) - 1) / 3 * 3 + 1) / 1);
      break;
    case Unit::year: start = date::local_days(ymd.year() / date::January / 1); break;
    default: break;
  }
  return to_utc(Local(start.time_since_epoch()), zone_);
}

Time Grain::next(Time t) const {
  const Time start = floor(t);
  if (unit_ == Unit::minute || unit_ == Unit::hour) {
    const auto offset = offset_at(t, zone_);
    const microseconds step =
        count_ * (unit_ == Unit::hour ? microseconds(std::chrono::hours(1))
                                      : microseconds(std::chrono::minutes(1)));
    const Local local((start + offset.offset).time_since_epoch());
    auto rest = local.time_since_epoch() % step;
    if (rest < microseconds(0)) rest += step;
    return std::min(start + (step - rest), offset.until);
  }
  const auto day = date::floor<days>(to_local(start, zone_));
  const date::year_month_day ymd(day);
  date::local_days then = day + days(1);
  switch (unit_) {
    case Unit::week: then = day + days(7); break;
    case Unit::month:
      then = date::local_days(date::year_month_day(ymd.year() / ymd.month() / 1) + months(1));
      break;
    case Unit::quarter:
      then = date::local_days(date::year_month_day(ymd.year() / ymd.month() / 1) + months(3));
      break;
    case Unit::year:
      then = date::local_days(date::year_month_day(ymd.year() / date::January / 1) + years(1));
      break;
    default: break;
  }
  return to_utc(Local(then.time_since_epoch()), zone_);
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
