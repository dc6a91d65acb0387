#include "base/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/local_time.h"

namespace windrow {

using std::chrono::microseconds;

namespace {

const date::time_zone& table_of(const void* table) {
  return *static_cast<const date::time_zone*>(table);
}

/// The library's first and last stretch reach further than a Time does.
Time in_calendar(date::sys_seconds t) {
  return std::clamp(t, date::floor<std::chrono::seconds>(kCalendarBegin),
                    date::floor<std::chrono::seconds>(kCalendarEnd));
}

}  // namespace

Zone::Zone(std::string_view name) : name_(name) {
  if (name_ == "UTC") return;
  try {
    table_ = date::locate_zone(name_);
  } catch (const std::runtime_error&) {
    throw Error(Code::configuration, fmt::format("time zone \"{}\" is not known", name),
                "use a name such as Europe/Berlin or UTC");
  }
}

Zone::Stretch Zone::at(Time moment) const {
  if (!table_) return {kCalendarBegin, kCalendarEnd, microseconds(0)};
  const auto info = table_of(table_).get_info(date::floor<std::chrono::seconds>(moment));
  return {in_calendar(info.begin), in_calendar(info.end), info.offset};
}

Time Zone::moment(Time local) const {
  if (!table_) return local;
  const auto info = table_of(table_).get_info(
      date::local_seconds(date::floor<std::chrono::seconds>(local).time_since_epoch()));
  if (info.result == date::local_info::nonexistent) return in_calendar(info.first.end);
  return local - info.first.offset;
}

std::string Zone::text(Time moment) const {
  std::string shown = iso(local(moment));
  shown.pop_back();  // the Z
  shown[10] = ' ';
  if (shown.ends_with(":00")) shown.resize(shown.size() - 3);
  if (!table_) return shown + " UTC";
  return shown + ' ' + table_of(table_).get_info(date::floor<std::chrono::seconds>(moment)).abbrev;
}

}  // namespace windrow
