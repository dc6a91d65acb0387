#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace windrow::tasks {

/// What a run notes of its tasks in `<project>/.windrow/tasks.db`: that one is about to be done,
/// durably and before it is, so that after a kill it is known what may have been done; and what
/// tasks hand on. Several processes may write at once. Safe from any thread.
class TaskNotes {
 public:
  explicit TaskNotes(std::string path);
  ~TaskNotes();

  /// Durable when it returns. Error where it cannot be noted.
  int64_t begin(const std::string& run, const std::string& environment, const std::string& task,
                Time now);
  /// Whatever came of it, it is known.
  void end(int64_t note);

  struct Interrupted {
    std::string run;
    Time began;
  };
  /// The last time that the task was begun, where nobody knows whether it was done: its process is
  /// gone. `run` empty: of whichever run.
  std::optional<Interrupted> interrupted(const std::string& environment, const std::string& task,
                                         const std::string& run);
  /// Somebody has looked at it, or it is done again.
  void settle(const std::string& environment, const std::string& task);

  void keep_output(const std::string& run, const std::string& environment, const std::string& task,
                   const std::string& json);
  /// The latest; nothing where there is none.
  std::optional<std::string> output(const std::string& environment, const std::string& task);

 private:
  struct Impl;
  Impl& opened();

  const std::string path_;
  std::mutex mutex_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::tasks
