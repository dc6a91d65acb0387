#include <algorithm>

#include "api/api.h"
#include "api/endpoint.h"
#include "app/app.h"
#include "app/schedule_views.h"
#include "app/sensor_views.h"
#include "history/schedule_state.h"

namespace windrow::api {

namespace {

constexpr int64_t kDueMost = 10'000;

http::Response list_schedules(Call& call) {
  const auto workspace = call.app().workspace();
  const auto& project = workspace->project;
  auto out = app::schedules_json(project, app::chosen_schedules(project, call.text("name")),
                                 call.api.clock().now());
  const auto now = call.ask({{"do", "schedules"}}).at("schedules");
  for (auto& one : out["schedules"]) {
    const bool declared = one.value("paused", false);
    one.update({{"paused_by_hand", false}, {"behind", false}, {"running", Json::array()}});
    for (const auto& each : now) {
      if (each["schedule"] != one["schedule"]) continue;
      one["paused"] = each["paused"];
      one["paused_by_hand"] = each["paused"].get<bool>() && !declared;
      one["behind"] = each["behind"];
      one["running"] = each["running"];
      if (each.contains("next")) one["next"] = each["next"];
    }
  }
  return json_answer(out);
}

http::Response list_due(Call& call) {
  const auto workspace = call.app().workspace();
  const auto all = app::chosen_schedules(workspace->project, call.text("name"));
  const auto from = call.time("from").value_or(call.api.clock().now());
  const auto count = call.number("count", call.text("name").empty() ? 10 : 5);
  return json_answer(app::due_json(app::due_times(all, from, size_t(count)), from));
}

http::Response list_fires(Call& call) {
  Json out = Json::array();
  const auto limit = size_t(call.number("limit", 50));
  for (const auto& fire :
       call.api.schedules_of(call.project()).fires(call.text("schedule"), limit)) {
    Json one{{"schedule", fire.schedule},
             {"due", iso(fire.due)},
             {"status", fire.status.empty() ? "running" : fire.status},
             {"decided", iso(fire.decided)},
             {"count", fire.count}};
    if (!fire.run.empty()) one["run"] = fire.run;
    if (fire.ended) one["ended"] = iso(*fire.ended);
    if (fire.last) one["last"] = iso(*fire.last);
    if (!fire.reason.empty()) one["reason"] = fire.reason;
    out.push_back(std::move(one));
  }
  return json_answer(out);
}

http::Response list_sensors(Call& call) {
  const auto answer = call.ask({{"do", "sensors"}});
  const auto workspace = call.app().workspace();
  return json_answer(app::sensors_json(workspace->project, "", answer.at("sensors"),
                                       call.api.schedules_of(call.project()).memories(),
                                       call.api.secrets()));
}

/// Error(not_found) with the nearest name where there is none of this one.
void need_schedule(Call& call) {
  const auto workspace = call.app().workspace();
  const auto& name = call.path.at("schedule");
  for (const auto& each : workspace->project.schedules)
    if (each.name == name) return;
  try {
    app::chosen_schedules(workspace->project, name);
  } catch (const Error& error) {
    throw Error(Code::not_found, error.problem().message, error.problem().hint);
  }
  throw Error(Code::not_found, "\"" + name + "\" is a tag, not a schedule");
}

http::Response trigger_schedule(Call& call) {
  need_schedule(call);
  Json request{{"do", "trigger"}, {"schedule", call.path.at("schedule")}};
  if (call.body.contains("vars")) request["vars"] = call.body["vars"];
  const auto start = call.time_in_body("start"), end = call.time_in_body("end");
  if (start.has_value() != end.has_value())
    throw Error(Code::usage, "\"start\" and \"end\" are given together");
  if (start && *start >= *end)
    throw Error(Code::usage, "the interval is empty", "\"start\" comes before \"end\"");
  if (start) request.update({{"start", micros(*start)}, {"end", micros(*end)}});
  return json_answer(call.ask(request), 202);
}

http::Response move_schedule(Call& call, const char* what) {
  need_schedule(call);
  return json_answer(call.ask({{"do", what}, {"schedules", {call.path.at("schedule")}}}));
}

}  // namespace

void add_schedule_endpoints(std::vector<Endpoint>& all) {
  const auto get = [&](const char* path, const char* summary, std::vector<Parameter> query,
                       Answer answer, auto handle) {
    Endpoint out{"GET", path, summary, "schedules"};
    out.query = std::move(query);
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const auto post = [&](const char* path, const char* summary, const char* body, Answer answer,
                        auto handle) {
    Endpoint out{"POST", path, summary, "schedules"};
    out.role = access::Role::operators;
    out.body = body;
    out.body_optional = true;
    out.answers = {std::move(answer)};
    out.slow = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  const Parameter name{"name", "text(1..200)", "a schedule, or a tag of some"};
  get("/projects/{project}/schedules", "Schedules, and how they stand", {name},
      {200, "Schedules", "as `schedule list`"}, list_schedules);
  get("/projects/{project}/due", "When schedules are due next, by the clock",
      {name,
       {"count", "whole(1.." + std::to_string(kDueMost) + ")", "so many due times"},
       {"from", "text(1..40)", "from when on (now)"}},
      {200, "Due", "as `schedule next`"}, list_due);
  get("/projects/{project}/fires", "Due times that fired, or were skipped and why",
      {{"schedule", "text(1..200)", "of one schedule"},
       {"limit", "whole(1..1000)", "at most so many (50)"}},
      {200, "[Fire]", "newest first"}, list_fires);
  get("/projects/{project}/sensors", "What schedules wait for, and what it sees", {},
      {200, "Sensors", "as `sensor list`"}, list_sensors);
  post("/projects/{project}/schedules/{schedule}/trigger", "Begin a schedule's run now",
       "{vars?: {*: text(0..10000)}, start?: text(1..40), end?: text(1..40)}",
       {202, "Begun", "it begins"}, trigger_schedule);
  post("/projects/{project}/schedules/{schedule}/pause", "Let it fire no more", "{}",
       {200, "{schedules: [text]}", "paused"},
       [](Call& call) { return move_schedule(call, "pause"); });
  post("/projects/{project}/schedules/{schedule}/resume", "Let it fire again",
       "{as_declared?: truth}", {200, "{schedules: [text]}", "resumed"}, [](Call& call) {
         return move_schedule(call,
                              call.body.value("as_declared", false) ? "as declared" : "resume");
       });
}

}  // namespace windrow::api
