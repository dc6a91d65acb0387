#pragma once

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

/// Executes tasks in the order of their dependencies. Knows nothing of what a task does.
namespace windrow::run {

struct Retry {
  int times = 0;  ///< attempts after the first one
  std::chrono::microseconds delay = std::chrono::seconds(10);
  double factor = 2;
  std::chrono::microseconds max = std::chrono::minutes(5);
};

/// Wait before attempt `attempt` + 1 (1 is the first that failed): exponential with a cap, and full
/// jitter: uniform in (0, cap]. `random` is in [0, 1).
std::chrono::microseconds backoff(const Retry& retry, int attempt, double random);

struct Context {
  Cancel& cancel;  ///< asked to stop by the user, or because time ran out
  int attempt = 1;
  ProgressSink progress;
  Meter& meter;  ///< of all attempts; the time of the thread that the work is on is counted already
};

enum class Status { waiting, running, done, nothing_to_do, failed, skipped, canceled };
std::string_view name_of(Status status);

struct Task {
  std::string name;
  std::vector<size_t> after;  ///< positions in the list; they come before it
  Retry retry;
  std::optional<std::chrono::microseconds> timeout;  ///< of one attempt
  std::string pool;                                  ///< empty: none
  int priority = 0;                                  ///< higher first among those that are ready
  /// True: something was done; false: nothing was to do. Failure is an Error.
  std::function<bool(Context&)> work;
};

struct Outcome {
  Status status = Status::waiting;
  int attempts = 0;
  std::optional<Problem> problem;  ///< failed: the last attempt's
  std::optional<size_t> cause;     ///< skipped: the task that failed
  Usage usage;                     ///< of all attempts
  Time started, ended;
};

/// Told what happens. Calls come from several threads, but one at a time and in the order in which
/// it happened: a task's first call comes after the last one of every task that it waited for. No
/// lock of the execution is held meanwhile, so a call may ask the run to stop. It must not throw:
/// what it cannot keep, it counts.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void started(size_t, int /*attempt*/) {}
  virtual void progressed(size_t, const Progress&) {}
  virtual void retrying(size_t, int /*attempt*/, const Problem&,
                        std::chrono::microseconds /*wait*/) {}
  virtual void finished(size_t, const Outcome&) {}
};

struct Settings {
  int jobs = 2;                      ///< tasks at a time
  bool fail_fast = false;            ///< after a failure nothing new is begun
  std::map<std::string, int> pools;  ///< tasks at a time that name the pool; not listed: one
  uint64_t seed = 0;                 ///< of the jitter
};

/// Runs them all and gives an outcome for each. A failure skips what comes after it, directly or
/// not, and nothing else. Waiting for another attempt holds no worker. When `cancel` is requested
/// running tasks are asked to stop, the others become canceled. On a simulated clock the caller is
/// at work; meanwhile the tasks are.
std::vector<Outcome> execute(const std::vector<Task>& tasks, const Settings& settings,
                             Cancel& cancel, const Clock& clock, Observer& observer);

}  // namespace windrow::run
