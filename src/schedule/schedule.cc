#include "schedule/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.h"
#include "schedule/days.h"
#include "schedule/due.h"

namespace windrow::schedule {

using namespace std::chrono_literals;

namespace {

/// Monday, from which periods of days and of odd lengths are counted.
constexpr Time kEveryAnchor{std::chrono::days(4)};

/// The first time after another that lies a multiple of the period from the anchor.
Time next_on_grid(const Every& every, Time after) {
  const auto since = after - kEveryAnchor - every.offset;
  auto rest = since % every.period;
  if (rest < Duration(0)) rest += every.period;
  return after - rest + every.period;
}

std::optional<Time> next_of(const Every& every, Time after, const Zone& zone) {
  const auto next_local = [&](Time local) { return std::optional(next_on_grid(every, local)); };
  if (Duration(1h) % every.period == Duration(0))
    return next_moment(after, zone, false, next_local);
  if (Duration(24h) % every.period == Duration(0) || every.period % Duration(24h) == Duration(0))
    return next_moment(after, zone, true, next_local);
  return next_moment(after, Zone(), true, next_local);
}

/// Without calendar, start and end.
std::optional<Time> next_of(const Schedule& schedule, Time after) {
  if (const auto* every = std::get_if<Every>(&schedule.trigger))
    return next_of(*every, after, schedule.zone);
  std::optional<Time> first;
  if (const auto* cron = std::get_if<OnCron>(&schedule.trigger)) {
    for (const auto& expression : cron->expressions) {
      const auto found = expression.next(after, schedule.zone);
      if (found && (!first || *found < *first)) first = found;
    }
  }
  return first;
}

/// Those that a calendar keeps lie no further apart.
constexpr auto kApartMax = std::chrono::days(3660);

std::optional<Time> next_kept(const Schedule& schedule, Time after) {
  const auto& calendar = schedule.calendar;
  for (Time from = after;;) {
    const auto due = next_of(schedule, from);
    if (!due || !calendar || calendar->keeps(*due, schedule.zone)) return due;
    const auto open = calendar->opens(*due, schedule.zone);
    if (!open || *open > after + kApartMax) return {};
    from = *open - 1us;
  }
}

std::string joined(const std::vector<std::string>& all) {
  return fmt::format("{}", fmt::join(all, ", "));
}

struct TriggerText {
  std::string operator()(const ByHand&) const { return "by hand"; }
  std::string operator()(const OnCron& cron) const {
    std::vector<std::string> all;
    for (const auto& expression : cron.expressions) all.push_back(expression.text());
    return "cron " + joined(all);
  }
  std::string operator()(const Every& every) const {
    return "every " + duration_text(every.period) +
           (every.offset == Duration(0) ? "" : " + " + duration_text(every.offset));
  }
  std::string operator()(const AfterEnd& after) const {
    return duration_text(after.delay) + " after its end";
  }
  std::string operator()(const AfterSchedule& after) const {
    return "after " + after.schedule +
           (after.delay == Duration(0) ? "" : " + " + duration_text(after.delay)) +
           (after.any_end ? ", however it ends" : "");
  }
  std::string operator()(const OnChange& change) const {
    return "change of " + joined(change.tables);
  }
  std::string operator()(const Freshness& fresh) const {
    return "never older than " + duration_text(fresh.age);
  }
  std::string operator()(const OnSensor& sensor) const {
    return "sensor " + joined(sensor.sensors);
  }
};

uint64_t mixed(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211u;
  return hash;
}
constexpr uint64_t kMixBegin = 14'695'981'039'346'656'037u;

std::string text_of(const CalendarUse& use) {
  uint64_t holidays = kMixBegin;
  for (const auto& [day, name] : use.calendar.holidays)
    holidays = mixed(holidays, std::to_string(day) + ",");
  return fmt::format("{} {} {} {} {} {} {:x}", use.calendar.name, int(use.days), use.nth,
                     use.business_hours ? use.calendar.hours.first.count() : 0,
                     use.business_hours ? use.calendar.hours.second.count() : 0,
                     use.calendar.weekend.to_string(), holidays);
}

}  // namespace

Time Need::bound(const Interval& interval) const {
  return (to_start ? interval.start : interval.end) + shift;
}

std::string_view name_of(CatchUp value) {
  return value == CatchUp::all ? "all" : value == CatchUp::latest ? "latest" : "none";
}
std::string_view name_of(Overlap value) {
  return value == Overlap::queue ? "queue" : value == Overlap::skip ? "skip" : "replace";
}
std::string_view name_of(Otherwise value) {
  return value == Otherwise::run ? "run" : value == Otherwise::skip ? "skip" : "fail";
}

bool by_clock(const Trigger& trigger) {
  return std::holds_alternative<OnCron>(trigger) || std::holds_alternative<Every>(trigger);
}

std::string text_of(const Trigger& trigger) { return std::visit(TriggerText(), trigger); }

std::string rule_of(const Schedule& schedule) {
  return text_of(schedule.trigger) + " | " + schedule.zone.name() +
         (schedule.calendar ? " | " + text_of(*schedule.calendar) : std::string());
}

std::optional<Time> next_due(const Schedule& schedule, Time after) {
  if (schedule.start && after < *schedule.start) after = *schedule.start - 1us;
  if (schedule.end && after >= *schedule.end) return {};
  const auto due = next_kept(schedule, after);
  if (due && schedule.end && *due >= *schedule.end) return {};
  return due;
}

std::optional<Time> previous_due(const Schedule& schedule, Time before) {
  if (!by_clock(schedule.trigger)) return {};
  if (schedule.end) before = std::min(before, *schedule.end);
  // From a stretch in which there may be a few to one in which there are some.
  for (const Duration back :
       {Duration(1min), Duration(1h), Duration(24h), Duration(32 * 24h), Duration(367 * 24h),
        Duration(8 * 367 * 24h), Duration(40 * 366 * 24h)}) {
    auto found = next_kept(schedule, before - back - 1us);
    if (!found || *found >= before) continue;
    for (auto next = found; next && *next < before; next = next_kept(schedule, *next)) found = next;
    return found;
  }
  return {};
}

Duration jitter_of(const Schedule& schedule, Time due) {
  if (schedule.jitter <= Duration(0)) return Duration(0);
  uint64_t hash = mixed(mixed(kMixBegin, schedule.id()), std::to_string(micros(due)));
  hash ^= hash >> 29;  // the low digits of what is multiplied last are poor
  hash *= 0xbf58476d1ce4e5b9u;
  hash ^= hash >> 32;
  return Duration(int64_t(hash % uint64_t(schedule.jitter.count())));
}

}  // namespace windrow::schedule
