#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "app/backfills.h"
#include "base/clock.h"

namespace windrow::app {

/// Builds a backfill, part by part, each a run of its own; what of it is done is in the history
/// before the next one begins, so whoever is killed goes on from there. Nobody else may work on the
/// same one meanwhile: that is the caller's to see to.
class BackfillWork {
 public:
  struct Told {
    std::function<void(const BackfillState&)> changed = {};  ///< in the thread of `run`
    observe::Listener event = {};                            ///< of its runs; any thread
  };
  struct Manners {
    int jobs = 0;      ///< of each run, where the request does not say; 0: as many as cores
    int priority = 0;  ///< added to that of its tasks
  };
  /// All of these outlive it.
  BackfillWork(App& app, history::Backfills& store, const Clock& clock, Manners manners, Told told);

  /// Until it is done, failed, paused or canceled (by this, or by others in the history), or asked
  /// to stop: then its state stays, and whoever comes next goes on. Gives how it is then.
  BackfillState run(const std::string& id, Cancel& stop);

 private:
  struct Active {
    plan::Backfill::Part part;
    std::shared_ptr<Run> run;
    SteadyTime since;
  };
  enum class End { complete, stopped, paused };

  void work(Cancel& stop);
  /// The assets before or after all parts: empty, or what failed.
  std::string run_once(const std::vector<std::string>& assets, Cancel& stop);
  /// What the lake says of the tables counts.
  void take_from_lake(const std::vector<std::string>& models, Cancel& stop);
  End build_parts(const BackfillPhases& phases, Cancel& stop);
  void begin(const plan::Backfill::Part& part, const BackfillPhases& phases);
  /// Why it is to be paused; empty: it is not.
  std::string take_end(plan::Backfill& backfill, const Active& ended, Cancel& stop);
  std::string again_later(plan::Backfill& backfill, const plan::Backfill::Part& part,
                          const Problem& problem, Cancel& stop);
  void stop_all();
  void wait_for_ends(Cancel& stop);
  void count(const RunResult& result);
  RunOptions options_of(const std::vector<std::string>& assets) const;
  bool rebuilds() const {
    return state_.request.only == BackfillRequest::Only::all && !state_.first_done;
  }
  bool still_wanted() const;
  void pause(const std::string& reason);
  void save();

  App& app_;
  history::Backfills& store_;
  const Clock& clock_;
  const Manners manners_;
  const Told told_;
  BackfillState state_;
  std::map<std::string, Active> active_;  ///< by the run's id
  std::map<Time, int> tries_;             ///< of parts that may pass, by their begin
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> ended_;  ///< runs; guarded by `mutex_`
};

}  // namespace windrow::app
