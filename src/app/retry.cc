#include "app/retry.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace windrow::app {

namespace {

/// What failed, was skipped or stopped; `after`: with what comes after it and was in the run too.
std::vector<std::string> to_retry(const graph::Graph& graph,
                                  const std::vector<history::Task>& tasks, bool after) {
  std::set<std::string> again, in_run;
  for (const auto& task : tasks) {
    if (!graph.find(task.asset)) continue;
    in_run.insert(task.asset);
    if (task.status == "failed" || task.status == "skipped" || task.status == "canceled")
      again.insert(task.asset);
  }
  std::vector<std::string> out;
  for (const auto& asset : graph.assets) {  // in the order of a run
    const bool follows =
        after && std::any_of(asset.upstream.begin(), asset.upstream.end(),
                             [&](size_t up) { return again.contains(graph.assets[up].name); });
    if (follows && in_run.contains(asset.name)) again.insert(asset.name);
    if (again.contains(asset.name)) out.push_back(asset.name);
  }
  return out;
}

}  // namespace

std::vector<std::string> assets_to_retry(const graph::Graph& graph, const history::History& history,
                                         const history::Run& run, bool after) {
  const auto name = "run " + run.id.substr(0, 13);
  if (!run.ended) {
    throw Error(Code::usage, name + " has no end: it still runs, or it was killed",
                "`windrow run` continues where the lake says");
  }
  if (run.status == "interrupted") {
    throw Error(Code::usage, name + " was interrupted: not all of it is known",
                "`windrow serve` has begun it again, or will; `windrow run` continues where the "
                "lake says");
  }
  return to_retry(graph, history.tasks(run.id), after);
}

}  // namespace windrow::app
