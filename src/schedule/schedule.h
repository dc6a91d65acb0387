#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/interval.h"
#include "schedule/calendar.h"
#include "schedule/cron.h"

/// What is declared: when runs of a selection of assets begin by themselves.
namespace windrow::schedule {

using Duration = std::chrono::microseconds;

/// A table of a project's lake.
struct TableName {
  std::string project, table;
  auto operator<=>(const TableName&) const = default;
};

/// Due whenever one of the expressions is.
struct OnCron {
  std::vector<Cron> expressions;
  bool operator==(const OnCron&) const = default;
};
/// Due every `period`, `offset` later than the clocks are round: docs/scheduling.md says round to
/// what.
struct Every {
  Duration period{}, offset{};
  bool operator==(const Every&) const = default;
};
/// Due so long after the last run ended, however it ended.
struct AfterEnd {
  Duration delay{};
  bool operator==(const AfterEnd&) const = default;
};
/// Due so long after a run of another schedule ended well; `any_end`: however it ended.
struct AfterSchedule {
  std::string schedule;  ///< its id
  Duration delay{};
  bool any_end = false;
  bool operator==(const AfterSchedule&) const = default;
};
/// Due when one of the tables has a new version; several new versions are one due time.
struct OnChange {
  std::vector<std::string> tables;
  bool operator==(const OnChange&) const = default;
};
/// Due so early that what it builds is never older than `age`, by how long its runs have taken.
struct Freshness {
  Duration age{};
  bool operator==(const Freshness&) const = default;
};
/// Due when one of the project's sensors sees something new.
struct OnSensor {
  std::vector<std::string> sensors;
  bool operator==(const OnSensor&) const = default;
};
/// Started by hand alone.
struct ByHand {
  bool operator==(const ByHand&) const = default;
};
using Trigger =
    std::variant<ByHand, OnCron, Every, AfterEnd, AfterSchedule, OnChange, Freshness, OnSensor>;

/// A due run waits until the table is complete to a time of its interval.
struct Need {
  std::string table;
  bool to_start = false;  ///< else to the interval's end
  Duration shift{};       ///< so much later than that; negative: earlier
  Place place;
  /// The time that the table has to be complete to for a run over `interval`.
  Time bound(const Interval& interval) const;
  bool operator==(const Need& o) const {
    return table == o.table && to_start == o.to_start && shift == o.shift;
  }
};

/// What becomes of due times that passed while nobody looked: the process was down, the schedule
/// paused, the clock jumped.
enum class CatchUp { all, latest, none };
/// What becomes of a due time at which `max_active_runs` runs go on.
enum class Overlap { queue, skip, replace };
/// What becomes of a run whose needs are not there in time.
enum class Otherwise { run, skip, fail };

std::string_view name_of(CatchUp value);
std::string_view name_of(Overlap value);
std::string_view name_of(Otherwise value);

struct Schedule {
  std::string project, name;
  std::string description, owner;
  std::vector<std::string> tags;
  Trigger trigger;
  Zone zone;
  std::optional<CalendarUse> calendar;
  std::optional<Time> start, end;  ///< no due time before start, none at or after end
  CatchUp catchup = CatchUp::latest;
  int max_active_runs = 1;
  Overlap overlap = Overlap::queue;
  /// A run starts up to so much after its due time, always the same for the same due time.
  Duration jitter{};
  bool paused = false;
  std::optional<Duration> deadline;  ///< counted from the due time
  std::vector<Need> needs;
  std::optional<Duration> needs_timeout;  ///< nothing: waits for ever
  Otherwise otherwise = Otherwise::fail;
  std::string select;  ///< a selector; empty: everything
  std::map<std::string, std::string> vars;
  Place place;

  /// `project/name`: what it is known by.
  std::string id() const { return project + "/" + name; }
};

/// True of triggers whose due times are known beforehand, from the clock alone.
bool by_clock(const Trigger& trigger);
/// The trigger in words: `cron 0 6 * * MON-FRI`, `every 4h`, `after wikipedia/ingest + 30m`.
std::string text_of(const Trigger& trigger);
/// What due times depend on, as text: another text, another rule.
std::string rule_of(const Schedule& schedule);

/// The first due time after a moment, by trigger, calendar, start and end; nothing where there is
/// none, and for triggers that are not by_clock.
std::optional<Time> next_due(const Schedule& schedule, Time after);
/// The last due time before a moment, `start` left aside; nothing where there is none in the forty
/// years before, and for triggers that are not by_clock.
std::optional<Time> previous_due(const Schedule& schedule, Time before);
/// How much later than its due time a run starts: from 0 to less than `jitter`.
Duration jitter_of(const Schedule& schedule, Time due);

}  // namespace windrow::schedule
