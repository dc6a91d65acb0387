#include <fmt/format.h>

#include <algorithm>

#include "app/app.h"
#include "app/schedule_views.h"
#include "base/nearest.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/server_channel.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "schedule/schedule.h"
#include "server/alone.h"

// schedule, cancel.
namespace windrow::cli {

namespace {

using schedule::Schedule;

/// What --count may ask for.
constexpr int64_t kCountMax = 100'000;

std::string notes_of(const Schedule& schedule) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (schedule.paused) add("paused");
  if (schedule.calendar) add("calendar " + schedule.calendar->calendar.name);
  if (!schedule.needs.empty()) add("waits for data");
  for (const auto& tag : schedule.tags) add("tag:" + tag);
  return out;
}

/// What is wrong with others does not hide these.
void tell_problems(const Session& session, const project::Project& project) {
  for (const auto& problem : project.schedule_problems)
    session.out.raw_error(problem_text(problem, session.out.error_style()));
}

int list_schedules(Session& session) {
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  const auto& project = workspace->project;
  const auto all = app::chosen_schedules(project, session.arguments.name);
  const Time now = session.clock.now();
  if (session.out.json()) {
    session.out.write(dumped(app::schedules_json(project, all, now)));
    return kDone;
  }
  tell_problems(session, project);
  if (all.empty()) {
    session.out.print("no schedules");
    return kDone;
  }
  TextTable table({"schedule", "due", "next", "timezone", "select", ""});
  for (const auto* one : all) {
    const auto next = one->paused ? std::nullopt : next_due(*one, now);
    table.add({one->name, text_of(one->trigger), next ? one->zone.text(*next) : "",
               one->zone.name(), one->select, notes_of(*one)});
  }
  session.out.table(table);
  return kDone;
}

int next_schedules(Session& session) {
  const auto& a = session.arguments;
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  const auto& project = workspace->project;
  const auto all = app::chosen_schedules(project, a.name);
  const int64_t count = a.limit.value_or(a.name.empty() ? 10 : 5);
  if (count < 1 || count > kCountMax)
    throw Error(Code::usage, "--count goes from 1 to " + std::to_string(kCountMax));
  const std::string zone = all.size() == 1 ? all.front()->zone.name() : project.zone;
  const Time from = a.from.empty() ? session.clock.now() : time_argument(a.from, "--from", zone);
  const auto due = app::due_times(all, from, size_t(count));
  if (session.out.json()) {
    session.out.write(dumped(app::due_json(due, from)));
    return kDone;
  }
  tell_problems(session, project);
  for (const auto* one : all) {
    if (!by_clock(one->trigger) && !a.name.empty())
      session.out.note("\"" + one->name + "\" is not due by the clock: " + text_of(one->trigger));
  }
  if (due.empty()) {
    session.out.print("nothing is due by the clock");
    return kDone;
  }
  TextTable table({"schedule", "due", "timezone", "UTC"});
  for (const auto& one : due)
    table.add({one.schedule->name, one.schedule->zone.text(one.at), one.schedule->zone.name(),
               iso(one.at)});
  session.out.table(table);
  return kDone;
}

/// One that is wrong says what is, where it is asked for; the others stand.
schedule::Schedule declared_schedule(const app::Workspace& workspace, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& each : workspace.project.schedules) {
    if (each.name == name) return each;
    known.push_back(each.name);
  }
  std::vector<Problem> problems{
      {Code::usage, "there is no schedule \"" + name + "\"", did_you_mean(name, known), {}}};
  for (const auto& each : workspace.project.schedule_problems) problems.push_back(each);
  throw Error(problems);
}

int trigger(Session& session) {
  const auto& a = session.arguments;
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  const auto schedule = declared_schedule(*workspace, a.schedule);
  Json request{{"do", "trigger"}, {"schedule", a.schedule}, {"wait", a.wait}};
  std::optional<Interval> interval;
  if (!a.start.empty() || !a.end.empty()) {
    if (a.start.empty() || a.end.empty())
      throw Error(Code::usage, "--start and --end are given together");
    const auto& zone = schedule.zone.name();
    interval = {time_argument(a.start, "--start", zone), time_argument(a.end, "--end", zone)};
    if (interval->empty()) {
      throw Error(Code::usage, "the interval from " + a.start + " to " + a.end + " is empty",
                  "--start comes before --end");
    }
    request["start"] = micros(interval->start);
    request["end"] = micros(interval->end);
  }
  if (const auto answer = ask_server(session, workspace->project.root, request, a.wait)) {
    if (a.wait) return show_server_result(session, *answer);
    const auto run = answer->value("run", "");
    if (session.out.json())
      session.out.write(dumped(*answer));
    else
      session.out.print("run " + short_run(run) + " begins: `windrow logs -f " + short_run(run) +
                        "` shows it");
    return kDone;
  }
  app::RunOptions options;
  options.plan.select = schedule.select;
  options.variables = schedule.vars;
  options.schedule = schedule.name;
  options.interval =
      interval ? interval
               : server::interval_by_hand(project_root(session), a.environment, schedule,
                                          workspace->project.schedules, session.clock.now());
  return run_with(session, *app, options);
}

int pause(Session& session, bool paused) {
  const auto& a = session.arguments;
  if (a.names.empty() == a.tag.empty()) {
    throw Error(Code::usage, "which schedules are meant is said by their names, or by --tag",
                "windrow schedule " + a.sub_verb + " NAME, or --tag TAG");
  }
  const auto what = paused ? "pause" : a.as_declared ? "as declared" : "resume";
  Json answer;
  if (const auto told = ask_server(session, project_root(session),
                                   {{"do", what}, {"schedules", a.names}, {"tag", a.tag}})) {
    answer = *told;
  } else {
    const auto app = open_app(session);
    const auto workspace = app->workspace();
    std::vector<std::string> ids;
    for (const auto& name : a.names) ids.push_back(declared_schedule(*workspace, name).id());
    for (const auto& each : workspace->project.schedules) {
      if (!a.tag.empty() && std::find(each.tags.begin(), each.tags.end(), a.tag) != each.tags.end())
        ids.push_back(each.id());
    }
    if (ids.empty()) throw Error(Code::usage, "no schedule has the tag \"" + a.tag + "\"");
    server::pause_alone(project_root(session), a.environment, ids,
                        a.as_declared ? std::nullopt : std::optional(paused));
    answer = {{"schedules", ids}};
  }
  if (session.out.json()) {
    session.out.write(dumped(answer));
    return kDone;
  }
  for (const auto& id : answer["schedules"]) {
    session.out.print(id.get<std::string>() + (paused          ? ": paused"
                                               : a.as_declared ? ": as its file says"
                                                               : ": resumed"));
  }
  return kDone;
}

}  // namespace

int schedule_verb(Session& session) {
  const auto& verb = session.arguments.sub_verb;
  if (verb == "list") return list_schedules(session);
  if (verb == "next") return next_schedules(session);
  return verb == "trigger" ? trigger(session) : pause(session, verb == "pause");
}

int cancel_verb(Session& session) {
  const auto app = open_app(session);
  const auto run = run_named(*app->history(), session.arguments.run);
  const auto& out = session.out;
  if (const auto answer =
          ask_server(session, app->workspace()->project.root, {{"do", "cancel"}, {"run", run}})) {
    if (out.json())
      out.write(dumped(*answer));
    else
      out.print("run " + short_run(run) + " is asked to stop");
    return kDone;
  }
  if (!server::cancel_alone(project_root(session), session.arguments.environment, run)) {
    throw Error(Code::usage, "run " + short_run(run) + " is not of a server, or has ended",
                "a run of `windrow run` is stopped by Ctrl-C, or by `kill` with its process");
  }
  if (out.json())
    out.write(dumped({{"run", run}}));
  else
    out.print("run " + short_run(run) + " was interrupted, and is not begun again");
  return kDone;
}

}  // namespace windrow::cli
