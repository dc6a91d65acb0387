#include "app/forecast.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <thread>

namespace windrow::app {

using std::chrono::microseconds;

namespace {

/// Runs that the future is judged by.
constexpr size_t kRunsJudged = 20;

struct Timed {
  size_t asset;  ///< in the graph
  Time start, end;
  bool ended = true;
  bool begun = true;  ///< it was not skipped
};

bool is_child(const std::string& asset) { return asset.ends_with("]"); }

/// Tasks in the order of the graph, by their places there; children are part of their parents.
std::map<size_t, Timed> ended_tasks(const graph::Graph& graph,
                                    const std::vector<history::Task>& tasks) {
  std::map<size_t, Timed> out;
  for (const auto& task : tasks) {
    const auto found = graph.by_name.find(task.asset);
    if (found == graph.by_name.end() || is_child(task.asset) || !task.started || !task.ended)
      continue;
    out[found->second] = {found->second, *task.started, *task.ended, true, task.attempts > 0};
  }
  return out;
}

/// Of what a task comes after, what ended last.
const Timed* awaited(const graph::Graph& graph, const std::set<size_t>& finally,
                     const std::map<size_t, Timed>& timed, size_t asset) {
  const Timed* out = nullptr;
  const auto look = [&](const Timed& task) {
    if (task.begun && (!out || task.end > out->end)) out = &task;
  };
  if (finally.contains(asset)) {
    for (const auto& [i, task] : timed)
      if (!finally.contains(i)) look(task);
  }
  for (const size_t up : graph.assets[asset].upstream)
    if (const auto found = timed.find(up); found != timed.end()) look(found->second);
  return out;
}

using Expected = std::function<microseconds(size_t)>;

/// Adds what has not ended: each task begins when what it comes after has, and a worker is free.
void add_expected(std::map<size_t, Timed>& timed, const graph::Graph& graph,
                  const std::set<size_t>& finally, const std::vector<size_t>& left,
                  const Expected& expected, Time begun, Time now, int jobs) {
  std::priority_queue<Time, std::vector<Time>, std::greater<>> workers;
  for (int i = 0; i < std::max(1, jobs); ++i) workers.push(begun);
  for (const size_t i : left) {
    const auto* before = awaited(graph, finally, timed, i);
    const Time ready = before ? std::max(begun, before->end) : begun;
    const Time start = std::max(ready, workers.top());
    workers.pop();
    const Time end = std::max(now, start + expected(i));
    workers.push(end);
    timed[i] = {i, start, end, false};
  }
}

std::vector<size_t> path_of(const graph::Graph& graph, const std::set<size_t>& finally,
                            const std::map<size_t, Timed>& timed) {
  std::vector<size_t> out;
  const Timed* last = nullptr;
  for (const auto& [i, task] : timed)
    if (task.begun && (!last || task.end >= last->end)) last = &task;
  for (; last; last = awaited(graph, finally, timed, last->asset)) out.push_back(last->asset);
  std::reverse(out.begin(), out.end());
  return out;
}

Time last_end(const std::map<size_t, Timed>& timed, Time begun) {
  Time out = begun;
  for (const auto& [i, task] : timed) out = std::max(out, task.end);
  return out;
}

}  // namespace

std::optional<Took> took(const history::Durations& durations, const std::string& asset) {
  const auto found = durations.find(asset);
  if (found == durations.end() || found->second.empty()) return {};
  auto sorted = found->second;
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  return Took{sorted[(n - 1) / 2], sorted[(n * 9 + 9) / 10 - 1], n};
}

CriticalPath critical_path(const graph::Graph& graph, const std::set<size_t>& finally,
                           const history::Run& run, const std::vector<history::Task>& tasks,
                           const std::vector<history::Task>& like,
                           const history::Durations& durations, Time now, int jobs) {
  CriticalPath out;
  auto timed = ended_tasks(graph, tasks);
  std::vector<size_t> left;
  for (const auto& [i, task] : ended_tasks(graph, like))
    if (!timed.contains(i)) left.push_back(i);
  std::stable_partition(left.begin(), left.end(), [&](size_t i) { return !finally.contains(i); });
  if (!run.ended && !left.empty()) {
    auto late = timed;
    const auto expect = [&](auto& into, microseconds Took::*which) {
      add_expected(
          into, graph, finally, left,
          [&](size_t i) {
            const auto known = took(durations, graph.assets[i].name);
            return known ? (*known).*which : microseconds(0);
          },
          run.started, now, jobs);
    };
    expect(timed, &Took::median);
    expect(late, &Took::p90);
    out.expected = last_end(timed, now);
    out.late = last_end(late, now);
  }
  const Time end = run.ended ? *run.ended : last_end(timed, now);
  out.total = std::max(microseconds(0), end - run.started);
  Time before = run.started;
  for (const size_t i : path_of(graph, finally, timed)) {
    const auto& task = timed.at(i);
    CriticalStep step;
    step.asset = graph.assets[i].name;
    step.wait = std::max(microseconds(0), task.start - before);
    step.time = std::max(microseconds(0), task.end - std::max(task.start, before));
    if (out.total.count() > 0)
      step.share = double((step.wait + step.time).count()) / double(out.total.count());
    step.ended = task.ended;
    step.took = took(durations, step.asset);
    before = task.end;
    out.steps.push_back(std::move(step));
  }
  return out;
}

CriticalPath critical_path(const Workspace& workspace, const history::History& history,
                           const history::Run& run, Time now) {
  std::set<size_t> finally;
  for (const auto& [name, i] : workspace.graph.by_name)
    if (const auto* task = workspace.project.task(name); task && task->after_all) finally.insert(i);
  const auto tasks = history.tasks(run.id);  // first: then all that was told is in the file
  const auto file = workspace.project.state_folder() + "/history.db";
  const auto durations = history::durations(file, run.environment, kRunsJudged, run.id);
  std::vector<history::Task> like;
  if (!run.ended) {
    if (const auto alike = history::last_alike(file, run)) like = history.tasks(*alike);
  }
  return critical_path(workspace.graph, finally, run, tasks, like, durations, now,
                       int(std::max(1u, std::thread::hardware_concurrency())));
}

Json json_of(const CriticalPath& path) {
  const auto seconds = [](microseconds d) { return double(d.count()) / 1e6; };
  Json out{{"seconds", seconds(path.total)}, {"steps", Json::array()}};
  for (const auto& step : path.steps) {
    Json one{{"asset", step.asset},
             {"wait", seconds(step.wait)},
             {"seconds", seconds(step.time)},
             {"share", step.share},
             {"ended", step.ended}};
    if (step.took) {
      one["median"] = seconds(step.took->median);
      one["p90"] = seconds(step.took->p90);
      one["runs"] = step.took->runs;
    }
    out["steps"].push_back(std::move(one));
  }
  if (path.expected) out["expected"] = iso(*path.expected);
  if (path.late) out["late"] = iso(*path.late);
  return out;
}

}  // namespace windrow::app
