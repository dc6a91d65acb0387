#include <algorithm>
#include <fstream>
#include <set>

#include "api/api.h"
#include "api/endpoint.h"
#include "app/app.h"
#include "app/forecast.h"
#include "app/retry.h"
#include "base/text.h"
#include "graph/graph.h"
#include "history/history.h"

namespace windrow::api {

namespace {

/// More than the history keeps.
constexpr size_t kAllRuns = 100'000;
constexpr size_t kLogBytesMost = 4 << 20;

history::Run run_of(Call& call) {
  const auto& id = call.path.at("run");
  if (auto run = call.app().history()->run(id)) return *run;
  throw Error(Code::not_found, "there is no run \"" + id + "\"", "GET …/runs lists them");
}

std::set<std::string> parts_of(const std::string& list) {
  std::set<std::string> out;
  for (size_t at = 0; at <= list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    if (end > at) out.insert(list.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

http::Response list_runs(Call& call) {
  auto runs = call.app().history()->runs(kAllRuns);
  const auto statuses = parts_of(call.text("status"));
  const auto schedule = call.text("schedule"), environment = call.text("environment");
  const auto since = call.time("since"), until = call.time("until");
  std::erase_if(runs, [&](const auto& run) {
    return (!statuses.empty() && !statuses.contains(run.status)) ||
           (!schedule.empty() && run.schedule != schedule) ||
           (!environment.empty() && run.environment != environment) ||
           (since && run.started < *since) || (until && run.started >= *until);
  });
  size_t begin = 0;
  if (const auto after = call.text("after"); !after.empty()) {
    const auto at =
        std::find_if(runs.begin(), runs.end(), [&](const auto& each) { return each.id == after; });
    if (at == runs.end())
      throw Error(Code::usage, "there is no run \"" + after + "\" in this list to go on after");
    begin = size_t(at - runs.begin()) + 1;
  }
  const auto end = std::min(runs.size(), begin + size_t(call.number("limit", 20)));
  Json out = Json::array();
  for (size_t i = begin; i < end; ++i) out.push_back(app::json_of(runs[i]));
  return page_of(call, out, runs.size(), end < runs.size() ? runs[end - 1].id : "");
}

/// Tasks that are at work; the history has them once they have ended.
void add_those_at_work(Call& call, const std::string& run, Json& tasks) {
  const auto workspace = call.app().workspace();
  const auto now = call.api.clock().now();
  for (const auto& project : call.ask({{"do", "status"}}).value("projects", Json::array())) {
    for (const auto& task : project.value("tasks", Json::array())) {
      const auto name = task.value("task", "");
      const auto* asset = workspace->graph.find(name);
      if (task.value("run", "") != run || task.value("state", "") != "runs" || !asset) continue;
      const std::chrono::duration<double> since(task.value("seconds", 0.0));
      tasks.push_back(
          {{"asset", name},
           {"kind", std::string(graph::name_of(asset->kind))},
           {"status", "running"},
           {"attempts", 1},
           {"started", iso(now - std::chrono::duration_cast<std::chrono::microseconds>(since))}});
    }
  }
}

http::Response one_run(Call& call) {
  const auto history = call.app().history();
  const auto run = run_of(call);
  auto out = app::json_of(run);
  out["tasks"] = app::json_of(history->tasks(run.id));
  if (run.status == "running") add_those_at_work(call, run.id, out["tasks"]);
  out["checks"] = app::json_of(history->checks(run.id));
  return json_answer(out);
}

http::Response critical_path(Call& call) {
  const auto history = call.app().history();
  const auto run = run_of(call);
  auto out = app::json_of(run);
  out["critical"] = app::json_of(
      app::critical_path(*call.app().workspace(), *history, run, call.api.clock().now()));
  return json_answer(out);
}

http::Response show_logs(Call& call) {
  const auto run = run_of(call);
  std::ifstream file(call.project().root + "/.windrow/logs/" + run.id + ".jsonl", std::ios::binary);
  if (!file) {
    throw Error(Code::not_found, "there is no log of run " + run.id,
                "logs may be removed at any time; the run's record says what is known");
  }
  const auto after = call.number("after", 0), limit = call.number("limit", 1000);
  const auto search = lower(call.text("search")), asset = call.text("asset");
  Json out = Json::array();
  std::string text;
  size_t bytes = 0;
  int64_t line = 0, last = 0;
  bool more = false;
  while (std::getline(file, text) && !file.eof()) {  // what has no end yet is still written
    if (++line <= after) continue;
    if (!search.empty() && lower(text).find(search) == std::string::npos) continue;
    auto json = app::parsed(text);
    if (!json.is_object() || (!asset.empty() && json.value("asset", "") != asset)) continue;
    more = int64_t(out.size()) >= limit || bytes > kLogBytesMost;
    if (more) break;
    bytes += text.size();
    Json one{{"number", line}};
    one.update(json);
    out.push_back(std::move(one));
    last = line;
  }
  return page_of(call, out, {}, more ? std::to_string(last) : "");
}

http::Response task_grid(Call& call) {
  const auto history = call.app().history();
  const auto assets = parts_of(call.text("assets"));
  Json out = Json::array();
  for (const auto& run : history->runs(size_t(call.number("limit", 50)))) {
    for (const auto& task : history->tasks(run.id)) {
      if (!assets.empty() && !assets.contains(task.asset)) continue;
      auto one = app::json_of(task);
      one["run"] = run.id;
      out.push_back(std::move(one));
    }
  }
  return json_answer(out);
}

/// Error(usage) for a selector that chooses nothing, before a run begins that could not.
void look_at_selector(const app::Workspace& workspace, const std::string& selector) {
  if (selector.empty()) return;
  const auto yes = [](const std::string&, const std::string&) { return true; };
  graph::select(workspace.graph, selector, {yes, yes});
}

http::Response start_run(Call& call) {
  Json request{{"do", "run"}};
  request.update(call.body);
  const auto workspace = call.app().workspace();
  look_at_selector(*workspace, call.body.value("select", ""));
  look_at_selector(*workspace, call.body.value("exclude", ""));
  const Json vars = call.body.value("vars", Json::object());
  for (const auto& [name, value] : vars.items()) {
    if (!workspace->project.vars.contains(name))
      throw Error(Code::usage, "there is no variable \"" + name + "\"",
                  "`vars:` of windrow.yaml declares them");
  }
  return json_answer(call.ask(request), 202);
}

http::Response cancel_run(Call& call) {
  const auto run = run_of(call);
  if (run.ended) {
    throw Error(Code::conflict, "run " + run.id + " has ended already: " + run.status,
                "what is done is done");
  }
  try {
    return json_answer(call.ask({{"do", "cancel"}, {"run", run.id}}), 202);
  } catch (const Error& error) {
    if (error.code() != Code::usage) throw;
    throw Error(Code::conflict, error.problem().message, error.problem().hint);
  }
}

http::Response retry_run(Call& call) {
  const auto run = run_of(call);
  const auto assets = app::assets_to_retry(call.app().workspace()->graph, *call.app().history(),
                                           run, call.body.value("from_failed", false));
  if (assets.empty())
    throw Error(Code::conflict, "there is nothing to retry: nothing failed in run " + run.id);
  std::string select;
  for (const auto& each : assets) select += (select.empty() ? "" : " ") + each;
  return json_answer(call.ask({{"do", "retry"},
                               {"run", run.id},
                               {"select", select},
                               {"jobs", call.body.value("jobs", 0)},
                               {"fail_fast", call.body.value("fail_fast", false)}}),
                     202);
}

/// So many runs are looked through for the last one that looked at an asset.
constexpr size_t kRunsLooked = 200;

http::Response list_checks(Call& call) {
  const auto history = call.app().history();
  const auto asset = call.text("asset"), wanted = call.text("run");
  const bool failed = call.is("failed");
  std::vector<history::Run> runs;
  if (wanted.empty()) {
    runs = history->runs(kRunsLooked);
  } else if (const auto run = history->run(wanted)) {
    runs.push_back(*run);
  } else {
    throw Error(Code::not_found, "there is no run \"" + wanted + "\"");
  }
  Json out = Json::array();
  std::set<std::string> seen;
  for (const auto& run : runs) {
    if (run.environment != call.project().environment && wanted.empty()) continue;
    std::set<std::string> here;
    for (const auto& check : history->checks(run.id)) {
      if (seen.contains(check.asset) || (!asset.empty() && check.asset != asset)) continue;
      here.insert(check.asset);
      if (failed && check.passed) continue;
      auto one = app::json_of(check);
      one["run"] = run.id;
      out.push_back(std::move(one));
    }
    seen.merge(here);
    if (!asset.empty() && !seen.empty()) break;
  }
  return json_answer(out);
}

http::Response list_quality(Call& call) {
  const auto history = call.app().history();
  struct Found {
    int64_t checks = 0, failed = 0, warned = 0;
  };
  Json out = Json::array();
  std::set<std::string> seen;
  for (const auto& run : history->runs(kRunsLooked)) {
    if (run.environment != call.project().environment) continue;
    std::map<std::string, Found> found;
    bool read = false;
    for (const auto& task : history->tasks(run.id)) {
      const bool looked = task.status == "done" || task.status == "failed";
      if (!looked || seen.contains(task.asset)) continue;
      if (!std::exchange(read, true)) {
        for (const auto& check : history->checks(run.id)) {
          auto& one = found[check.asset];
          ++one.checks;
          if (!check.passed) ++(check.severity == "block" ? one.failed : one.warned);
        }
      }
      seen.insert(task.asset);
      const auto& counts = found[task.asset];
      Json one{{"asset", task.asset},     {"run", run.id},           {"checks", counts.checks},
               {"failed", counts.failed}, {"warned", counts.warned}, {"rejected", task.rejected}};
      if (task.ended) one["ended"] = iso(*task.ended);
      if (task.quality_score) one["quality_score"] = *task.quality_score;
      out.push_back(std::move(one));
    }
  }
  return json_answer(out);
}

http::Response show_health(Call& call) {
  const auto lines = call.app().health(*call.request.gone);
  bool ok = true;
  for (const auto& line : lines) ok = ok && line.ok;
  return json_answer({{"ok", ok}, {"findings", app::json_of(lines)}});
}

void add_writes(std::vector<Endpoint>& all) {
  const auto add = [&](const char* path, const char* summary, const char* body, Answer answer,
                       auto handle) {
    Endpoint out{"POST", path, summary, "runs"};
    out.role = access::Role::operators;
    out.body = body;
    out.body_optional = true;
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  add("/projects/{project}/runs", "Begin a run",
      "{select?: text(0..2000), exclude?: text(0..2000), vars?: {*: text(0..10000)}, jobs?: "
      "whole(0..10000), fail_fast?: truth, full_refresh?: truth}",
      {202, "RunNamed", "it begins"}, start_run);
  add("/projects/{project}/runs/{run}/cancel", "Stop a run at its next commit", "{}",
      {202, "RunNamed", "it is asked to stop"}, cancel_run);
  add("/projects/{project}/runs/{run}/retry", "Run again what failed, was skipped or stopped",
      "{from_failed?: truth, jobs?: whole(0..10000), fail_fast?: truth}",
      {202, "RunNamed", "the new run"}, retry_run);
}

}  // namespace

void add_run_endpoints(std::vector<Endpoint>& all) {
  const auto add = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       Answer answer, auto handle) {
    Endpoint out{"GET", path, summary, "runs"};
    out.query = std::move(query);
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const std::vector<std::string> paged{"Link", "X-Total-Count"};
  add("/projects/{project}/runs", "Runs, newest first",
      {{"status", "text(1..200)", "with one of these, with commas between"},
       {"schedule", "text(1..200)", "of one schedule"},
       {"environment", "text(1..200)", "of one environment"},
       {"since", "text(1..40)", "begun at this time or later"},
       {"until", "text(1..40)", "begun before this time"},
       {"limit", "whole(1..1000)", "at most so many (20)"},
       {"after", "text(1..100)", "those before this run"}},
      {200, "[Run]", "as `runs`", "application/json", paged}, list_runs);
  add("/projects/{project}/runs/{run}", "One run, with its tasks and checks", {},
      {200, "RunDetail", "as `runs RUN`"}, one_run);
  add("/projects/{project}/runs/{run}/critical", "What decides when a run ends", {},
      {200, "CriticalRun", "as `runs RUN --critical`"}, critical_path);
  add("/projects/{project}/runs/{run}/logs", "Lines of a run's log",
      {{"after", "whole(0..1000000000)", "lines behind this one"},
       {"limit", "whole(1..10000)", "at most so many (1,000)"},
       {"search", "text(1..200)", "lines with this text, in any case"},
       {"asset", "text(1..300)", "of one asset"}},
      {200, "[LogLine]", "as `logs`", "application/json", {"Link"}}, show_logs);
  add("/projects/{project}/tasks", "Tasks of the last runs, for a grid",
      {{"assets", "text(1..10000)", "of these alone, with commas between"},
       {"limit", "whole(1..500)", "of so many runs (50)"}},
      {200, "[TaskOfRun]", "runs newest first"}, task_grid);
  add_writes(all);
}

void add_quality_endpoints(std::vector<Endpoint>& all) {
  const auto add = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       Answer answer, auto handle) {
    Endpoint out{"GET", path, summary, "quality"};
    out.query = std::move(query);
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  add("/projects/{project}/checks", "Checks, as the last run of each asset found them",
      {{"asset", "text(1..300)", "of one asset"},
       {"run", "text(1..100)", "of one run"},
       {"failed", "truth", "only those that failed"}},
      {200, "[CheckOfRun]", "them"}, list_checks);
  add("/projects/{project}/quality", "Quality of each asset, as its last run found it", {},
      {200, "[Quality]", "them"}, list_quality);
  add("/projects/{project}/health", "Whether what the project needs is there", {},
      {200, "Health", "as `health`"}, show_health);
}

}  // namespace windrow::api
