#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/services.h"
#include "app/views.h"
#include "app/workspace.h"
#include "base/clock.h"
#include "observe/run_log.h"
#include "run/executor.h"
#include "tasks/context.h"

namespace windrow::app {

struct RunOptions;

/// Private to app/: makes events of what happens in one run, with texts masked, and tells them to
/// the run's log, to the history and to a listener.
class RunRecord final : public run::Observer {
 public:
  /// `assets`: places in the graph, one for each task. Error(unsupported) where a newer program
  /// made the history.
  RunRecord(const Workspace& workspace, Services& services, std::string run,
            std::vector<size_t> assets, observe::Listener listener, SteadyTime begun);

  void begin(const RunOptions& options);
  /// What a task says of itself while it works.
  tasks::Report& report(size_t i) {
    std::lock_guard lock(reports_mutex_);
    return reports_[i];
  }
  /// A line of a task's command; told in turn with the others.
  void said(const std::string& task, bool error, const std::string& line);
  void moved(size_t i, const observe::StreamStatus& status);
  /// The run is over: what of its record was lost becomes a warning.
  RunResult end(const std::string& status);

  void started(size_t i, int attempt) override;
  void progressed(size_t i, const Progress& progress) override;
  void retrying(size_t i, int attempt, const Problem& problem,
                std::chrono::microseconds wait) override;
  void finished(size_t i, const run::Outcome& outcome) override;
  void spread(size_t parent, size_t first, const std::vector<std::string>& names) override;
  void gave_way(size_t i, const run::Asker& to) override;
  void went_on(size_t i, std::chrono::microseconds waited) override;
  void held(size_t i, Time until) override;
  void breaker(const run::BreakerState& state) override;

 private:
  template <typename What>
  observe::Event event_of(What what) const {
    return {run_, services_.clock().now(), std::move(what)};
  }
  template <typename What>
  void tell(What what) {
    const auto event = event_of(std::move(what));
    services_.recorder().told(event);
    show(event);
  }
  void show(const observe::Event& event) {
    log_.told(event);
    if (listener_) listener_(event);
  }
  const std::string& name(size_t i) const {
    return i < assets_.size() ? workspace_.graph.assets[assets_[i]].name
                              : children_[i - assets_.size()].name;
  }
  std::string kind_of(size_t i) const;
  std::string redacted(const std::string& text) const { return services_.secrets().redact(text); }
  Problem redacted(Problem problem) const;
  std::vector<std::string> redacted(const std::vector<std::string>& texts) const;
  /// Which of an asset's warnings the last run that built it told as well.
  std::vector<bool> known(const std::string& asset, const std::vector<std::string>& warnings) const;
  observe::TaskOutcome outcome_of(size_t i, const run::Outcome& outcome);

  const Workspace& workspace_;
  Services& services_;
  const std::string run_;
  const std::vector<size_t> assets_;
  const observe::Listener listener_;
  const SteadyTime begun_;
  struct Child {
    std::string name;
    size_t parent;
  };
  std::vector<Child> children_;  ///< behind the assets
  std::mutex reports_mutex_;
  std::deque<tasks::Report> reports_;
  observe::RunLog log_;
  std::map<size_t, observe::TaskOutcome> outcomes_;
  std::map<size_t, std::string> gave_way_to_;  ///< last
  std::optional<observe::StreamStatus> stream_;
  int64_t lost_before_ = 0;  ///< records of other runs
};

}  // namespace windrow::app
