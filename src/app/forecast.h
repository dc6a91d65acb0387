#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/json.h"
#include "app/workspace.h"
#include "base/time.h"
#include "graph/graph.h"
#include "history/durations.h"
#include "history/history.h"

/// What a run's time goes into, and when a run that goes on is going to end.
namespace windrow::app {

/// How long an asset took in its last runs, whatever there was to do.
struct Took {
  std::chrono::microseconds median{}, p90{};
  size_t runs = 0;
};
/// Nothing where it never ran. p90: nine of ten runs were at most so long.
std::optional<Took> took(const history::Durations& durations, const std::string& asset);

/// Of the path: a task that decides when the run ends.
struct CriticalStep {
  std::string asset;
  std::chrono::microseconds wait{};  ///< from the end of the step before, or the run's begin
  std::chrono::microseconds time{};  ///< with its children and all attempts
  double share = 0;                  ///< of the run's time: of wait and time
  bool ended = true;                 ///< else `wait` and `time` are what is expected
  std::optional<Took> took;
};
struct CriticalPath {
  std::vector<CriticalStep> steps;  ///< in the order of time
  std::chrono::microseconds total{};
  /// Of a run that goes on, if all that is left takes its median, its p90; nothing where nobody
  /// can know.
  std::optional<Time> expected, late;
};

/// Of a run that has ended: from its last task back, each time to what it waited for longest. Of
/// one that goes on: what is left takes what it took before, `jobs` at a time; its tasks are those
/// of `like`, the last run of the kind. `finally`: assets that come after all others.
CriticalPath critical_path(const graph::Graph& graph, const std::set<size_t>& finally,
                           const history::Run& run, const std::vector<history::Task>& tasks,
                           const std::vector<history::Task>& like,
                           const history::Durations& durations, Time now, int jobs);
/// The same, with what the history has.
CriticalPath critical_path(const Workspace& workspace, const history::History& history,
                           const history::Run& run, Time now);

Json json_of(const CriticalPath& path);

}  // namespace windrow::app
