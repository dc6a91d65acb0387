#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "schedule/memory.h"
#include "schedule/schedule.h"

/// Decides what runs when, over all schedules of all projects. Pure: the time and everything that
/// happened are arguments, and what it decides somebody else does.
///
///     auto step = scheduler.step(clock.now(), observations);
///     in one transaction: write each memory of `step.changed`, `step.now` as the time of the last
///       step, a record for each Start (unique by schedule and due), Skipped and Failed
///     then do what was decided, and call again at `step.wake` or when something happens
///
/// **Crashes.** Killed before the transaction nothing was decided: the next process begins with the
/// memories that there are and decides again. Killed after it, `in_flight` names runs that were
/// decided on; the caller starts those of them that it finds never began, and reports those that
/// are over (RunEnded). Where the transaction fails, either write the same step again or throw the
/// scheduler away and begin anew from what is written.
///
/// **Observations** may be repeated and may come late: they say how things are, and what is known
/// already changes nothing. After a restart the caller says again how tables and sensors are.
///
/// **The clock.** A due time has one run or is skipped by a rule, with a reason. When the clock
/// goes forward, what was passed is missed, and `catchup` decides. When it goes back, what has run
/// does not run again, and what was skipped as missed becomes due again when its time comes. (Of
/// due times that run and are skipped in turn, the last 64 ranges are remembered; what is older
/// counts as run.)
///
/// **Edits.** A schedule whose rule changes keeps what it has running. Due times of the old rule
/// that wait are skipped with the reason. The new rule holds from now on where it is changed before
/// our eyes, and from `last_step` on where that was while nobody looked.
namespace windrow::schedule {

// --- what happened ------------------------------------------------------------------------------

/// The run of a fire is over. Of a fire that is not in flight: nothing is done.
struct RunEnded {
  enum class Outcome { success, failure, canceled };
  std::string schedule;
  Time due;
  Outcome outcome = Outcome::success;
  Time began, ended;
};
/// How a table is now. The first word about a table of `on_change` fires nothing, unless it says
/// that there is none (version -1).
struct TableSeen {
  TableName name;
  int64_t version = -1;
  std::optional<Time> complete_to;  ///< nothing: not known; for needs
};
/// What a sensor saw last, as UTF-8; another `token` than before fires. Empty: nothing yet.
struct SensorSeen {
  std::string project, sensor, token;
  std::string text = {};  ///< the same for people
};
/// What a `freshness` schedule builds is as fresh as this, whoever built it.
struct FreshSeen {
  std::string schedule;
  Time at;
};
/// Somebody wants a run now. A request is answered once: by a Fire whose `detail` is `request`, or
/// by Refused.
struct Wanted {
  std::string schedule, request;
  std::optional<Interval> interval;  ///< nothing: as the schedule's next run would have
  std::map<std::string, std::string> vars;
};
/// Paused or resumed by hand; nothing: as declared.
struct PauseSet {
  std::string schedule;
  std::optional<bool> paused;
};
/// A run that waits is not wanted any longer (`cancel` of a fire that is not in flight).
struct Dropped {
  std::string schedule;
  Time due;
};
using Observation =
    std::variant<RunEnded, TableSeen, SensorSeen, FreshSeen, Wanted, PauseSet, Dropped>;

// --- what is to be done -------------------------------------------------------------------------

struct Start {
  Fire fire;
};
/// Due times that get no run. A range: thousands may have been missed.
struct Skipped {
  std::string schedule;
  Time first, last;
  uint64_t count = 1;  ///< 0: not counted, so of more than 100,000
  std::string reason;  ///< `a run goes on`, `missed: the process was down`, …
};
/// A due run that fails without having run: what it needs is not there.
struct Failed {
  Fire fire;
  std::string reason;
};
/// Ask a run in flight to stop; its end is told as that of any other (RunEnded).
struct CancelRun {
  std::string schedule;
  Time due;
  std::string reason;
};
/// A run is not done at its deadline. Said once.
struct DeadlineMissed {
  std::string schedule;
  Time due, deadline;
};
/// A request that gets no run.
struct Refused {
  std::string schedule, request, reason;
};
using Decision = std::variant<Start, Skipped, Failed, CancelRun, DeadlineMissed, Refused>;

struct Step {
  Time now;  ///< as given
  std::vector<Decision> decisions;
  std::vector<Memory> changed;
  std::optional<Time> wake;  ///< when to call again though nothing happens
};

/// A schedule as it is: for lists and pages.
struct Status {
  const Schedule* schedule;
  const Memory* memory;
  bool paused = false;
  std::optional<Time> next;  ///< the next due time, where it is known
  bool behind = false;       ///< due times wait for a free run
};

class Scheduler {
 public:
  /// `memories`: as the last steps left them. `last_step`: when the last one was; nothing: never.
  explicit Scheduler(std::vector<Memory> memories = {}, std::optional<Time> last_step = {});
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  /// Puts a project's schedules in place of those that it had; none: the project is gone. What its
  /// runs in flight are is kept, and so is the memory of a schedule that is gone, should it come
  /// back. The next step acts on it.
  void declare(const std::string& project, std::vector<Schedule> schedules);
  /// What is wrong across projects, once all are declared: an `after` that is not there, or that
  /// goes in a circle. Such a schedule does not fire by itself until it is mended; others do.
  std::vector<Problem> problems() const;

  /// `now` may lie anywhere, also before the last one.
  Step step(Time now, const std::vector<Observation>& observations = {});

  /// Runs that were decided on and did not end yet.
  std::vector<Fire> in_flight() const;
  /// Of one schedule; nothing where there is none of this id. Pointers hold until the next change.
  std::optional<Status> status(std::string_view id) const;
  /// Of all that are declared, ordered by id.
  std::vector<Status> all() const;
  /// Tables and sensors (project, name) that somebody waits for: what the caller has to look at.
  std::set<TableName> tables_watched() const;
  std::set<std::pair<std::string, std::string>> sensors_watched() const;

 private:
  class Book;
  std::unique_ptr<Book> book_;
};

}  // namespace windrow::schedule
