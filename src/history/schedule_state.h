#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace windrow::history {

/// One time at which a schedule was due, and the run that is for it; or times that get none.
struct Fire {
  std::string schedule;  ///< empty: somebody asked a server for the run
  Time due;
  std::string run = {};      ///< empty: there is none, and never was
  std::string request = {};  ///< what is to run, in the words of whoever decided
  std::string version = {};  ///< hash of the project's files that it is pinned to
  Time decided = {};
  std::optional<Time> ended = {};  ///< nothing: it goes on
  std::string status = {};         ///< done, failed, canceled, skipped; empty: it goes on
  std::optional<Time> last = {};   ///< of several times without a run: the last of them
  int64_t count = 1;               ///< of times
  std::string reason = {};         ///< why there is no run
};

/// What a server has to know after it was killed: what each schedule remembers, and which times
/// have fired. In the history's file, but written before the call returns: what returned survives a
/// power cut. Of one environment. Failures are Errors, and leave everything as it was. Several
/// processes may work on one file. Safe from any thread.
class ScheduleState {
 public:
  /// Error where the file cannot be opened or made; Error(unsupported) where a newer program made
  /// it.
  ScheduleState(const std::string& path, std::string environment);
  ~ScheduleState();

  /// What schedules remember, by their names, in the words of whoever decides.
  std::map<std::string, std::string> memories() const;
  /// All or nothing: these memories, and these fires, whose runs may begin once it has returned.
  /// Error(conflict) where one of the times has a run already.
  void decide(const std::map<std::string, std::string>& memories, const std::vector<Fire>& fires);

  /// Fires whose run has not ended, in the order of their decision.
  std::vector<Fire> going_on() const;
  std::optional<Fire> fire_of(const std::string& run) const;
  std::optional<Fire> fire_at(const std::string& schedule, Time due) const;
  /// The newest of a schedule, or of all where `schedule` is empty.
  std::vector<Fire> fires(const std::string& schedule, size_t limit) const;
  /// The run of a fire has ended, which is the end of the fire. Nothing where it has ended already.
  void ended(const std::string& run, const std::string& status, Time at);
  /// Somebody wants the run of a fire to end: killed meanwhile, it is not begun again.
  void cancel(const std::string& run, const std::string& reason);
  /// The run of a fire was interrupted, and another one is for it from now on. One that was killed
  /// before its record was written may have begun all the same: it has one now.
  void again(const Fire& interrupted, const std::string& run, Time at);
  /// A run that goes on nowhere any more has an end, with this status.
  void close_run(const std::string& run, const std::string& status, Time at);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::history
