#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/time.h"
#include "base/usage.h"
#include "run/resources.h"
#include "run/window.h"

/// Executes tasks in the order of their dependencies. Knows nothing of what a task does.
namespace windrow::run {

struct Retry {
  int times = 0;  ///< attempts after the first one
  std::chrono::microseconds delay = std::chrono::seconds(10);
  double factor = 2;
  std::chrono::microseconds max = std::chrono::minutes(5);
  bool any = false;  ///< also of failures that do not pass by themselves
};

/// Wait before attempt `attempt` + 1 (1 is the first that failed): exponential with a cap, and full
/// jitter: uniform in (0, cap]. `random` is in [0, 1).
std::chrono::microseconds backoff(const Retry& retry, int attempt, double random);

struct Context {
  size_t position = 0;  ///< of the task, as observers are told
  Cancel& cancel;       ///< asked to stop by the user, or because time ran out
  int attempt = 1;
  ProgressSink progress;
  Meter& meter;  ///< of all attempts; the time of the thread that the work is on is counted already
  int round = 1;      ///< how often the task is done, where it asks to be done again
  bool news = false;  ///< something that it comes after did something, or it comes after nothing
  /// Calls back in turn with what the observer is told.
  std::function<void(const std::function<void()>&)> in_turn;
  /// Its window has closed: it is to stop where it can go on later, if there is such a place.
  const std::atomic<bool>& stop_at_commit;
  /// Asked in such a place by a task that `may_give_way`: true where somebody of higher priority
  /// waits for what it has. Then it is to stop with `Result::gave_way`, and is called again later
  /// in the same attempt.
  std::function<bool()> gives_way;
  bool goes_on = false;  ///< it gave way, and is called again
};

enum class Status {
  waiting,
  running,
  done,
  nothing_to_do,
  failed,
  skipped,  ///< something that it comes after failed
  canceled,
  passed_over  ///< its condition does not hold, or it is of a branch that was not taken
};
std::string_view name_of(Status status);

struct Task;

/// How work ended that did not fail. Failure is an Error.
struct Result {
  Status status = Status::done;  ///< done, nothing_to_do, passed_over
  std::string why;               ///< passed over: in words
  /// The task is to be done again after so long; waiting holds no worker and no share.
  std::optional<std::chrono::microseconds> again;
  /// It ends when these have ended, as they did; they come after nothing.
  std::vector<Task> children;
  bool stopped = false;  ///< it gave way

  Result(bool did) : status(did ? Status::done : Status::nothing_to_do) {}  // NOLINT: a value
  static Result passed_over(std::string why) {
    Result out(false);
    out.status = Status::passed_over;
    out.why = std::move(why);
    return out;
  }
  static Result gave_way() {
    Result out(false);
    out.stopped = true;
    return out;
  }
};

/// What a task comes after by somebody's word.
struct Tie {
  enum class Kind {
    after,       ///< that succeeds; passed over where all such were passed over
    anyhow,      ///< whatever became of that
    on_failure,  ///< one of those failed, or was skipped by a failure
    otherwise    ///< that was passed over by its own condition
  };
  size_t task = 0;
  Kind kind = Kind::after;
};

struct Task {
  std::string name;
  std::vector<size_t> after;  ///< positions in the list; they come before it. Its rows come from
                              ///< there: where such is passed over, this is done all the same
  std::vector<Tie> ties;
  Retry retry;
  std::optional<std::chrono::microseconds> timeout;  ///< of one attempt
  std::vector<Share> shares;                         ///< of pools
  std::vector<std::string> connections;
  int priority = 0;           ///< higher first among those that are ready
  bool takes_slot = true;     ///< one of the process; not where it only waits for others
  bool may_give_way = false;  ///< it knows places where it can stop and go on later
  std::optional<Window> window;
  std::function<Result(Context&)> work;
};

struct Outcome {
  Status status = Status::waiting;
  int attempts = 0;
  std::optional<Problem> problem;  ///< failed: the last attempt's
  std::optional<size_t> cause;     ///< skipped: the task that failed
  std::string why;                 ///< passed over
  Usage usage;                     ///< of all attempts
  Time started, ended;
  int gave_way = 0;                          ///< times
  std::chrono::microseconds gave_way_for{};  ///< in all, of the time between `started` and `ended`
};

/// Told what happens, one call at a time from a thread of its own and in the order in which it
/// happened: a task's first call comes after the last one of every task that it waited for. What is
/// told goes on meanwhile, but for `spread`, which comes before anything of the children begins. No
/// lock of the execution is held, so a call may ask the run to stop. It must not throw: what it
/// cannot keep, it counts.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void started(size_t, int /*attempt*/) {}
  virtual void progressed(size_t, const Progress&) {}
  virtual void retrying(size_t, int /*attempt*/, const Problem&,
                        std::chrono::microseconds /*wait*/) {}
  virtual void finished(size_t, const Outcome&) {}
  /// A task has children: positions from `first` on, in the order of the names.
  virtual void spread(size_t /*parent*/, size_t /*first*/,
                      const std::vector<std::string>& /*names*/) {}
  /// It has stopped for somebody of higher priority, and goes on later.
  virtual void gave_way(size_t, const Asker& /*to*/) {}
  virtual void went_on(size_t, std::chrono::microseconds /*waited*/) {}
  /// It waits until its window opens.
  virtual void held(size_t, Time /*until*/) {}
  /// A connection's breaker has opened or closed.
  virtual void breaker(const BreakerState&) {}
};

struct Settings {
  int jobs = 2;                       ///< tasks at a time
  bool fail_fast = false;             ///< after a failure nothing new is begun
  std::map<std::string, Pool> pools;  ///< not listed: one slot
  uint64_t seed = 0;                  ///< of the jitter
  std::string project, run;           ///< whose tasks these are: for who shares, and who looks
  /// What it shares with other executions; nothing: with none, and `pools` are its own.
  Resources* resources = nullptr;
  /// For what is done whatever happened, once the run was canceled.
  std::chrono::microseconds grace = std::chrono::seconds(30);
};

/// Runs them all and gives an outcome for each, those of children behind. A failure skips what
/// comes after it, directly or not, and nothing else. Waiting for another attempt, a share, a
/// window or children, or having given way, holds no worker. When `cancel` is requested running
/// tasks are asked to stop, the others become canceled, but for those that come after something
/// that was begun whatever becomes of it: these have `grace`. On a simulated clock the caller is at
/// work; meanwhile the tasks are.
std::vector<Outcome> execute(const std::vector<Task>& tasks, const Settings& settings,
                             Cancel& cancel, const Clock& clock, Observer& observer);

}  // namespace windrow::run
