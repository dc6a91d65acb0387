#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/run_record.h"
#include "app/work.h"
#include "run/executor.h"
#include "tasks/control/task_run.h"

namespace windrow::app {

/// Private to app/: makes what the executor works on of the chosen assets.
class RunTasks {
 public:
  /// All that is given here outlives it, and it outlives the execution.
  RunTasks(const Workspace& workspace, Services& services, const RunOptions& options,
           const tasks::Context& context, RunRecord& record);

  /// One for each asset, in the same order.
  std::vector<run::Task> list(const std::vector<size_t>& assets);
  /// Runs that tasks began and did not wait for: they are waited for now. What of them failed, in
  /// words.
  std::vector<std::string> wait_for_others(Cancel& cancel);

 private:
  run::Task task_of(const graph::Asset& asset, const std::vector<std::optional<size_t>>& position);
  run::Result work_on(const graph::Asset& asset, const run::Task& like, run::Context& run,
                      tasks::Report& report);
  run::Result reload(const graph::Asset& asset, run::Context& run, tasks::Report& report);
  tasks::OtherRunEnd other_run(const tasks::OtherRun& asked, Cancel& cancel);
  std::vector<std::string> connections_of(const graph::Asset& asset) const;
  /// It stops between two commits where somebody of higher priority waits.
  bool may_give_way(const graph::Asset& asset) const;

  const Workspace& workspace_;
  Services& services_;
  const RunOptions& options_;
  const tasks::Context& context_;
  const project::Project& project_;
  RunRecord& record_;
  tasks::TaskRun shared_;
  struct Other {
    std::string asked_by;
    std::shared_ptr<App> app;  ///< of another project
    std::shared_ptr<Run> run;
  };
  std::mutex mutex_;
  std::vector<Other> others_;
};

/// What `run::Resources` knows a pool or a connection of the project by: those of a process may be
/// of several projects. What stands behind the last slash is for people.
std::string shared_name(const project::Project& project, const std::string& name);

/// Those that come after the whole run stand last.
std::vector<size_t> in_order_of_run(const Workspace& workspace, std::vector<size_t> assets);

}  // namespace windrow::app
