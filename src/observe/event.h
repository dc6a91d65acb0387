#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "base/time.h"
#include "base/usage.h"

/// What happens in a run, told once to all who want to know: history, log, terminal, metrics.
namespace windrow::observe {

struct RunStarted {
  std::string environment;
  std::string command;   ///< what asked for it
  std::string version;   ///< of the program
  std::string retry_of;  ///< run id; empty: it retries none
  int64_t tasks = 0;
  std::string schedule = {};         ///< that it was begun for; empty: by hand
  std::optional<Time> due = {};      ///< the schedule's time that it is for
  std::string project_version = {};  ///< hash of the project's files; empty: nobody keeps them
};
struct TaskStarted {
  std::string asset;
  int attempt = 1;
};
/// A line that a task's command has written.
struct TaskSaid {
  std::string asset;
  bool error = false;  ///< on its errors
  std::string line;
};
/// A task waits for the hours in which it may begin.
struct TaskHeld {
  std::string asset;
  Time until;
};
/// A task has stopped between two commits, as somebody of higher priority waited.
struct TaskGaveWay {
  std::string asset;
  std::string to;  ///< in words
};
/// It goes on where it stopped.
struct TaskWentOn {
  std::string asset;
  std::chrono::microseconds waited{};
};
/// Tasks of a connection that does not answer wait, or do not any more.
struct BreakerMoved {
  std::string connection;
  bool open = false;
  int failures = 0;                  ///< in a row
  std::chrono::microseconds wait{};  ///< until it is tried again
  std::string why;                   ///< the last failure
};
struct TaskRetrying {
  std::string asset;
  int attempt = 1;  ///< that failed
  Problem problem;
  std::chrono::microseconds wait{};
};
struct CheckDone {
  std::string asset, description;
  std::string severity;  ///< block, warn
  bool passed = true;
  int64_t failing = 0, total = 0;
  std::string message;
  std::string sample;  ///< JSON: columns and some failing rows; empty where it passed
};
/// How a task ended.
struct TaskOutcome {
  std::string asset, kind;
  std::string status;       ///< done, up to date, failed, skipped, canceled
  int64_t rows = -1;        ///< written
  int64_t table_rows = -1;  ///< of the table afterwards, where known
  int64_t version = -1;     ///< committed
  size_t intervals = 0;
  std::chrono::microseconds elapsed{};
  std::optional<double> quality_score;
  int64_t rejected = 0;               ///< rows that could not be read
  std::vector<std::string> warnings;  ///< checks of severity warn that failed, rejected rows
  std::vector<bool> known_warnings;   ///< of each, whether the run before told it too
  std::optional<Problem> problem;
  std::string caused_by;  ///< skipped: the asset that failed
  int attempts = 0;
  Usage usage;  ///< of all attempts
  Time started, ended;
  std::vector<std::string> reasons;  ///< why it was due
  int gave_way = 0;                  ///< times
  std::chrono::microseconds gave_way_for{};
};
/// What a stream did so far and how it stands.
struct StreamStatus {
  std::string phase;  ///< joining, reading, writing, waiting, waiting for the store, done
  int64_t rows = 0, rejected = 0, messages = 0, bytes = 0;  ///< committed; bytes of messages
  int64_t files = 0, file_bytes = 0, commits = 0;
  int64_t conflicts = 0;     ///< commits that another copy was faster with
  int64_t lag = -1;          ///< messages between what is committed and the ends; -1: unknown
  int64_t partitions = 0;    ///< that this copy reads
  int64_t waiting = 0;       ///< messages read and not yet committed
  double flush_seconds = 0;  ///< of the last commit, from its first byte on
  double since_commit_seconds = 0;
  int64_t version = -1;
  std::string problem;  ///< why it waits; empty: it does not
};
struct StreamMoved {
  std::string source;
  StreamStatus status;
};
struct RunEnded {
  std::string status;  ///< done, failed, canceled
  int64_t failed = 0;  ///< tasks
  std::chrono::microseconds elapsed{};
  Usage usage = {};  ///< of all tasks; the memory is that of the whole process since it began
};
/// Records of the run that the history could not keep.
struct HistoryLost {
  int64_t records = 0;
  std::string why;
};

/// Its texts are masked.
struct Event {
  std::string run;
  Time at;
  std::variant<RunStarted, TaskStarted, Progress, TaskSaid, TaskHeld, TaskGaveWay, TaskWentOn,
               BreakerMoved, TaskRetrying, CheckDone, TaskOutcome, StreamMoved, RunEnded,
               HistoryLost>
      what;
};

/// Must not throw: what it cannot keep, it counts.
using Listener = std::function<void(const Event&)>;

/// Hands events on to whoever listens. Those of one run are told one at a time, in the order in
/// which things happened; those of several runs at the same time. Safe from any thread.
class Events {
 public:
  /// Ends the listening; waits for a call that goes on, so never from within one.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Events* owner, uint64_t id) : owner_(owner), id_(id) {}
    Subscription(Subscription&& o) noexcept
        : owner_(std::exchange(o.owner_, nullptr)), id_(o.id_) {}
    Subscription& operator=(Subscription&& o) noexcept;
    ~Subscription() { end(); }

   private:
    void end();
    Events* owner_ = nullptr;
    uint64_t id_ = 0;
  };
  [[nodiscard]] Subscription listen(Listener listener);
  void tell(const Event& event) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<uint64_t, Listener> listeners_;
  uint64_t next_id_ = 1;
};

}  // namespace windrow::observe
