#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/usage.h"

/// The record of runs in `<project>/.windrow/history.db`.
namespace windrow::history {

struct Run {
  std::string id;
  std::string environment;
  std::string command;  ///< redacted by the caller
  std::string version;  ///< of the program
  std::string retry_of;
  Time started;
  std::optional<Time> ended;  ///< nothing: it still runs, or it was killed
  std::string status;         ///< running, done, failed, canceled, interrupted
  int64_t tasks = 0, failed = 0;
  Usage usage = {};                  ///< empty while it runs, and where a version before kept none
  std::string schedule = {};         ///< that it was begun for; empty: by hand
  std::optional<Time> due = {};      ///< the schedule's time that it is for
  std::string project_version = {};  ///< hash of the project's files; empty: nobody kept them
};

struct Task {
  std::string run, asset, kind;
  std::string status;  ///< done, up to date, failed, skipped, canceled
  int attempts = 0;
  std::optional<Time> started, ended;
  int64_t rows = -1, version = -1, intervals = 0, rejected = 0;
  std::optional<double> quality_score;
  std::string reasons;  ///< JSON list
  std::string error_code, error, hint;
  std::string caused_by;
  std::string warnings;  ///< JSON list; empty where a version before kept none
  Usage usage;           ///< the same
};

struct Check {
  std::string run, asset, description, severity;
  bool passed = true;
  int64_t failing = 0, total = 0;
  std::string message;
  std::string sample;  ///< JSON: columns and up to some failing rows
};

/// Records that could not be written.
struct Loss {
  int64_t records = 0;
  std::string why;  ///< of the last of them; empty: nothing was lost
};

/// Records are queued and written by one thread, many in one transaction, so that a task costs
/// microseconds; the queue is bounded, and a writer that falls behind is waited for. What `flush`
/// returned from survives a power cut, less what `lost` counts; a kill before that loses records,
/// never data. A file that cannot be written is tried again a few times and then costs the records
/// that waited, not those that follow, and never an error: what a run has done is done. Several
/// processes may write at once. Safe from any thread.
class History {
 public:
  /// Makes the file where it is not there, or with the first records where that fails now.
  /// Error(unsupported) where a newer program made it.
  explicit History(const std::string& path);
  ~History();

  void begin(const Run& run);
  void end(const Run& run);
  void add(const Task& task);
  void add(const Check& check);
  /// Returns when everything queued so far is durable or lost.
  void flush();
  Loss lost() const;

  std::vector<Run> runs(size_t limit) const;  ///< newest first
  std::optional<Run> run(
      const std::string& id_prefix) const;  ///< the newest where the prefix is empty
  std::vector<Task> tasks(const std::string& run) const;
  std::vector<Check> checks(const std::string& run) const;
  /// Of one asset, newest first; `environment` empty: of all.
  std::vector<Task> tasks_of(const std::string& asset, const std::string& environment,
                             size_t limit) const;
  /// Drops all but the newest runs, and beside these of each schedule, and each command, the newest
  /// few, as many again at most: what runs every minute pushes nothing out that runs every month.
  /// Not each call does so.
  void keep(size_t runs);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::history
