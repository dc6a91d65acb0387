#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/app.h"
#include "app/forecast.h"
#include "base/zone.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/session.h"
#include "cli/underway_view.h"
#include "cli/usage_text.h"

// runs.
namespace windrow::cli {

namespace {

std::string status_of(const history::Run& run) {
  return run.ended ? run.status : "no end";  // it runs, or it was killed
}

std::string why(const history::Task& task) {
  if (!task.error.empty()) return task.error;
  if (!task.caused_by.empty()) return "because " + task.caused_by + " was not built";
  std::string out;
  const auto reasons = app::parsed(task.reasons);
  if (!reasons.is_array()) return out;
  for (const auto& reason : reasons) {
    if (reason.is_string()) out += (out.empty() ? "" : "; ") + reason.get<std::string>();
  }
  return out;
}

/// A row with what the task used and why it ran at its end.
void add_with_usage(TextTable& table, std::vector<TextTable::Cell> cells,
                    const history::Task& task) {
  for (auto& cell : usage_cells(task.usage)) cells.push_back(std::move(cell));
  cells.emplace_back(why(task));
  table.add(std::move(cells));
}

void show_sample(const Out& out, const std::string& text) {
  const auto sample = app::parsed(text);
  if (!sample.is_object() || !sample.contains("columns") || !sample.contains("rows")) return;
  if (!sample["columns"].is_array() || !sample["rows"].is_array() || sample["rows"].empty()) return;
  const auto text_of = [](const Json& cell) {
    return cell.is_null() ? "NULL" : cell.is_string() ? cell.get<std::string>() : cell.dump();
  };
  std::vector<std::string> heads;
  for (const auto& head : sample["columns"]) heads.push_back(text_of(head));
  TextTable table(heads);
  for (const auto& row : sample["rows"]) {
    std::vector<TextTable::Cell> cells;
    for (const auto& cell : row) cells.emplace_back(text_of(cell));
    table.add(std::move(cells));
  }
  out.table(table);
}

void show_run(const Out& out, const history::Run& run, const std::vector<history::Task>& tasks,
              const std::vector<history::Check>& checks) {
  out.print(fmt::format("run {}  {}  {}  {}\n{}\n", run.id, status_of(run), run.environment,
                        short_time(run.started), out.style().dim(run.command)));
  TextTable table({"asset", "kind", "status", "attempts", "rows", "version", "time", "cpu",
                   "memory", "read", "written", "why"},
                  {3, 4, 5, 6, 7, 8, 9, 10});
  table.give_way({11, 8, 10, 9, 7, 3});
  for (const auto& t : tasks) {
    if (t.status == "up to date" && !out.verbose()) continue;
    add_with_usage(table,
                   {t.asset,
                    t.kind,
                    {t.status, tone_of(t.status)},
                    t.attempts > 0 ? std::to_string(t.attempts) : "",
                    t.rows >= 0 ? count_text(t.rows) : "",
                    t.version >= 0 ? std::to_string(t.version) : "",
                    t.started && t.ended ? seconds_text(*t.ended - *t.started) : ""},
                   t);
  }
  if (!table.empty()) out.table(table);
  if (const auto used = usage_text(run.usage); !used.empty()) out.print(out.style().dim(used));
  for (const auto& t : tasks) {
    if (t.error.empty()) continue;
    out.print("\n" + out.style().red("failed:") + " " + t.asset + ": " + t.error);
    if (!t.hint.empty()) out.print("  " + out.style().dim("hint:") + " " + t.hint);
  }
  std::set<std::string> shown;  // with their rows, below
  for (const auto& c : checks)
    if (!c.passed) shown.insert(c.asset + ": " + c.description + ": " + c.message);
  for (const auto& t : tasks) {
    const auto warnings = app::parsed(t.warnings);
    for (const auto& warning : warnings.is_array() ? warnings : Json::array()) {
      const auto text = t.asset + ": " + (warning.is_string() ? warning.get<std::string>() : "");
      if (!shown.contains(text)) out.print("\n" + out.style().yellow("warning:") + " " + text);
    }
  }
  for (const auto& c : checks) {
    if (c.passed) continue;
    out.print(fmt::format("\n{} {}: {}{}",
                          c.severity == "block" ? out.style().red("check failed:")
                                                : out.style().yellow("check warned:"),
                          c.asset, c.description, c.message.empty() ? "" : ": " + c.message));
    show_sample(out, c.sample);
  }
}

[[noreturn]] int no_run(const std::string& id) {
  throw Error(Code::usage, id.empty() ? "there is no run yet" : "there is no run \"" + id + "\"",
              id.empty() ? "`windrow run` makes one" : "`windrow runs` shows what there was");
}

int one_run(Session& session, const history::History& history) {
  const auto run = history.run(session.arguments.run);
  if (!run) return no_run(session.arguments.run);
  const auto tasks = history.tasks(run->id);
  const auto checks = history.checks(run->id);
  if (!session.out.json()) {
    show_run(session.out, *run, tasks, checks);
    return kDone;
  }
  Json out = json_of(*run);
  out["tasks"] = json_of(tasks);
  out["checks"] = json_of(checks);
  session.out.write(dumped(out));
  return kDone;
}

std::string share_text(double share) { return fmt::format("{:.0f} %", share * 100); }

void show_critical(const Out& out, const history::Run& run, const app::CriticalPath& path,
                   const Zone& zone) {
  out.print(fmt::format("run {}  {}  {}  {}", run.id, status_of(run), run.environment,
                        short_time(run.started)));
  TextTable table({"asset", "wait", "time", "share", "median", "p90", "runs"}, {1, 2, 3, 4, 5, 6});
  for (const auto& step : path.steps) {
    const auto& took = step.took;
    table.add({step.asset,
               seconds_text(step.wait),
               {(step.ended ? "" : "about ") + seconds_text(step.time),
                step.ended ? TextTable::Tone::plain : TextTable::Tone::dim},
               share_text(step.share),
               took ? seconds_text(took->median) : "",
               took ? seconds_text(took->p90) : "",
               took ? count_text(int64_t(took->runs)) : ""});
  }
  if (!table.empty()) out.table(table);
  const auto clock = [&](Time moment) {
    return zone.text(std::chrono::ceil<std::chrono::seconds>(moment));
  };
  if (path.expected) {
    out.print(
        fmt::format("\nexpected to end {}; {} if what is left takes as long as in the slowest "
                    "of ten runs",
                    clock(*path.expected), clock(path.late.value_or(*path.expected))));
  } else if (!run.ended) {
    out.print("\nwhen it ends nobody knows: no run of its kind has ended yet");
  }
}

int critical(Session& session, const app::App& app, const history::History& history) {
  const auto run = history.run(session.arguments.run);
  if (!run) return no_run(session.arguments.run);
  const auto workspace = app.workspace();
  const auto path = app::critical_path(*workspace, history, *run, session.clock.now());
  if (!session.out.json()) {
    show_critical(session.out, *run, path, Zone(workspace->project.zone));
    return kDone;
  }
  Json out = json_of(*run);
  out["critical"] = app::json_of(path);
  session.out.write(dumped(out));
  return kDone;
}

int of_asset(Session& session, const history::History& history) {
  const auto tasks =
      history.tasks_of(session.arguments.asset, "", size_t(session.arguments.limit.value_or(20)));
  if (session.out.json()) {
    Json list = Json::array();
    for (const auto& t : tasks) {
      auto one = json_of(t);
      one["run"] = t.run;
      list.push_back(std::move(one));
    }
    session.out.write(dumped(list));
    return kDone;
  }
  if (tasks.empty()) {
    session.out.print("no run has had \"" + session.arguments.asset + "\" in it");
    return kDone;
  }
  TextTable table({"run", "started", "status", "rows", "intervals", "set aside", "warnings",
                   "version", "time", "cpu", "memory", "read", "written", "why"},
                  {3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  table.give_way({13, 10, 12, 11, 9, 6, 5, 4});
  for (const auto& t : tasks) {
    const auto warnings = app::parsed(t.warnings);
    const auto number = [](int64_t n) { return n > 0 ? count_text(n) : std::string(); };
    add_with_usage(table,
                   {short_run(t.run),
                    t.started ? short_time(*t.started) : "",
                    {t.status, tone_of(t.status)},
                    t.rows >= 0 ? count_text(t.rows) : "",
                    number(t.intervals),
                    number(t.rejected),
                    number(warnings.is_array() ? int64_t(warnings.size()) : 0),
                    t.version >= 0 ? std::to_string(t.version) : "",
                    t.started && t.ended ? seconds_text(*t.ended - *t.started) : ""},
                   t);
  }
  session.out.table(table);
  return kDone;
}

int all_runs(Session& session, const history::History& history) {
  const auto runs = history.runs(size_t(session.arguments.limit.value_or(20)));
  const bool scheduled =
      std::any_of(runs.begin(), runs.end(), [](const auto& run) { return !run.schedule.empty(); });
  std::vector<std::string> heads{"run",    "started", "status",      "tasks",
                                 "failed", "time",    "environment", "command"};
  if (scheduled) heads.insert(heads.end() - 1, "schedule");
  TextTable table(heads, {3, 4, 5});
  table.give_way(scheduled ? std::vector<size_t>{8, 7, 6}
                           : std::vector<size_t>{7, 6});  // the id is what one copies
  for (const auto& run : runs) {
    std::vector<TextTable::Cell> cells{short_run(run.id),
                                       short_time(run.started),
                                       {status_of(run), tone_of(run.status)},
                                       count_text(run.tasks),
                                       count_text(run.failed),
                                       run.ended ? seconds_text(*run.ended - run.started) : "",
                                       run.environment};
    if (scheduled) cells.emplace_back(run.schedule);
    cells.emplace_back(run.command);
    table.add(std::move(cells));
  }
  if (session.out.json()) {
    session.out.write(dumped(json_of(runs)));
  } else if (table.empty()) {
    session.out.note("no runs yet");
  } else {
    session.out.table(table);
  }
  return kDone;
}

/// What of it can change, as text.
std::string state_of(Session& session, const history::History& history) {
  const auto& a = session.arguments;
  if (!a.asset.empty())
    return json_of(history.tasks_of(a.asset, "", size_t(a.limit.value_or(20)))).dump();
  if (a.run.empty() && !a.explain)
    return json_of(history.runs(size_t(a.limit.value_or(20)))).dump();
  const auto run = history.run(a.run);
  return run ? json_of(*run).dump() + json_of(history.tasks(run->id)).dump() : "";
}

/// Each run is a line of its own where it is for programs, and only what is new.
void tell_changed(Session& session, const app::App& app, const history::History& history,
                  std::map<std::string, std::string>& shown) {
  const auto& a = session.arguments;
  auto runs = history.runs(size_t(a.limit.value_or(20)));
  if (!a.run.empty() || a.explain) {
    const auto one = history.run(a.run);
    runs.clear();
    if (one) runs.push_back(*one);
  }
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    auto json = json_of(*run);
    if (a.explain)
      json["critical"] =
          json_of(app::critical_path(*app.workspace(), history, *run, session.clock.now()));
    else if (!a.run.empty())
      json["tasks"] = json_of(history.tasks(run->id));
    auto line = dumped_line(json);
    if (shown[run->id] == line) continue;
    session.out.write(line);
    shown[run->id] = std::move(line);
  }
  session.out.finish();
}

int show(Session& session, const app::App& app, const history::History& history) {
  if (session.arguments.underway) return show_underway(session, app, session.arguments.run);
  if (session.arguments.explain) return critical(session, app, history);
  if (!session.arguments.asset.empty()) return of_asset(session, history);
  if (!session.arguments.run.empty()) return one_run(session, history);
  return all_runs(session, history);
}

constexpr auto kLookAgain = std::chrono::milliseconds(500);
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

int watch_runs(Session& session, const app::App& app, const history::History& history) {
  const auto& out = session.out;
  std::map<std::string, std::string> told;
  std::string shown = "nothing yet";
  do {
    if (session.arguments.underway) {  // times go on
      if (out.terminal()) out.write(kClearScreen);
      show(session, app, history);
      out.finish();
    } else if (out.json()) {
      tell_changed(session, app, history, told);
    } else if (auto now = state_of(session, history); now != shown) {
      shown = std::move(now);
      if (out.terminal())
        out.write(kClearScreen);
      else
        out.print("");
      show(session, app, history);
      out.finish();
    }
    if (const auto& id = session.arguments.run; !id.empty()) {
      const auto run = history.run(id);
      if (run && run->ended) return run->status == "done" ? kDone : kFailed;
    }
  } while (!session.interrupts.cancel().wait_for(kLookAgain));
  return kStopped;
}

}  // namespace

int runs_verb(Session& session) {
  const auto app = open_app(session);
  const auto history = app->history();
  if (session.arguments.watch) return watch_runs(session, *app, *history);
  return show(session, *app, *history);
}

}  // namespace windrow::cli
