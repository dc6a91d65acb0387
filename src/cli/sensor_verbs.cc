#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "app/app.h"
#include "app/sensor_views.h"
#include "base/nearest.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/server_channel.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "history/schedule_state.h"
#include "schedule/memory.h"
#include "sensors/look.h"

// sensor.
namespace windrow::cli {

namespace {

using project::Sensor;

std::map<std::string, std::string> memories_of(Session& session, const std::string& root) {
  const auto path = root + "/.windrow/history.db";
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return {};
  return history::ScheduleState(path, session.arguments.environment).memories();
}

const Sensor& declared(const project::Project& project, const std::string& name) {
  if (const auto* found = project.sensor(name)) return *found;
  std::vector<std::string> known;
  for (const auto& each : project.sensors) known.push_back(each.name);
  std::vector<Problem> problems{{Code::usage,
                                 "there is no sensor \"" + name + "\"",
                                 known.empty()
                                     ? "sensors are declared in sensors/, or in windrow.yaml"
                                     : did_you_mean(name, known),
                                 {}}};
  for (const auto& each : project.schedule_problems) problems.push_back(each);
  throw Error(problems);
}

std::string time_of(const Json& json, const char* key, const Zone& zone) {
  const auto time = parse_time(json.value(key, ""));
  return time ? zone.text(std::chrono::floor<std::chrono::seconds>(*time)) : std::string();
}

void show(Session& session, const project::Project& project, const Json& all) {
  const Zone zone(project.zone);
  for (const auto& problem : project.schedule_problems)
    session.out.raw_error(problem_text(problem, session.out.error_style()));
  if (all.empty()) return session.out.print("no sensors");
  TextTable table({"sensor", "looks at", "state", "sees", "last new", "looked", "next look"});
  for (const auto& each : all)
    table.add({each.value("sensor", ""), each.value("looks_at", ""), each.value("state", ""),
               each.value("sees", ""), time_of(each, "seen_at", zone),
               time_of(each, "looked", zone), time_of(each, "next_look", zone)});
  session.out.table(table);
  for (const auto& each : all) {
    if (const auto problem = each.find("problem"); problem != each.end())
      session.out.print(session.out.style().red(each.value("sensor", "")) + ": " +
                        problem->value("message", ""));
  }
}

int list_sensors(Session& session) {
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  const auto& project = workspace->project;
  const auto& name = session.arguments.name;
  if (!name.empty()) declared(project, name);
  Json served = Json::array();
  if (const auto answer = ask_server(session, project.root, {{"do", "sensors"}}))
    served = answer->at("sensors");
  const auto json =
      app::sensors_json(project, name, served, memories_of(session, project.root), session.secrets);
  if (session.out.json())
    session.out.write(dumped(json));
  else
    show(session, project, json.at("sensors"));
  return kDone;
}

/// Whether a schedule would be due by a sight, and why not.
struct Would {
  bool fire = false;
  std::string why;
};

Would would(const schedule::Schedule& schedule, const std::string& sensor,
            const sensors::Seen& seen, bool is_new,
            const std::map<std::string, std::string>& memories) {
  schedule::Memory memory;
  if (const auto found = memories.find(schedule.name); found != memories.end())
    memory = schedule::read_memory(found->second);
  if (memory.paused.value_or(schedule.paused)) return {false, "it is paused"};
  if (is_new) return {true, "something new is there"};
  const auto told = memory.sensors.find(sensor);
  if (!seen.token().empty() && (told == memory.sensors.end() || told->second != seen.token()))
    return {true, "what was seen before has not started it yet"};
  return {false, seen.marks.empty() ? "nothing is there" : "nothing new is there"};
}

int try_sensor(Session& session) {
  const auto app = open_app(session);
  const auto workspace = app->workspace();
  const auto& project = workspace->project;
  const auto& sensor = declared(project, session.arguments.sensor);
  const auto memories = memories_of(session, project.root);
  sensors::Seen seen;
  if (const auto found = memories.find(app::kSeenOfSensor + sensor.name); found != memories.end())
    seen = sensors::read_seen(found->second);
  // One look takes no longer than it would in a server.
  Cancel cancel(session.interrupts.cancel());
  Alarm alarm(session.clock, [&] { cancel.request(); });
  alarm.set(session.clock.steady() + sensor.timeout + std::chrono::milliseconds(500));
  sensors::Sight sight;
  try {
    sight = app->sense(sensor.name, cancel);
  } catch (const Error& error) {
    if (error.code() != Code::canceled || session.interrupts.cancel().requested()) throw;
    throw Error(Code::timeout,
                fmt::format("sensor \"{}\": no answer within {}", sensor.name,
                            duration_text(sensor.timeout)),
                "`timeout:` says how long a look may take", sensor.place);
  }
  const bool is_new = sensors::is_new(seen, sight);
  const auto now_seen = sensors::after(seen, sight, session.clock.now());
  Json json{{"sensor", sensor.name},
            {"looks_at", session.secrets.redact(sensors::subject_of(sensor))},
            {"sees", sight.text},
            {"something", !sight.things.empty()},
            {"new", is_new}};
  if (is_new) json["what"] = now_seen.text;
  json["schedules"] = Json::array();
  for (const auto* each : app::schedules_on(project, sensor.name)) {
    const auto answer = would(*each, sensor.name, is_new ? now_seen : seen, is_new, memories);
    json["schedules"].push_back(
        {{"schedule", each->name}, {"would_fire", answer.fire}, {"because", answer.why}});
  }
  if (session.out.json()) {
    session.out.write(dumped(json));
    return kDone;
  }
  const auto style = session.out.style();
  session.out.print(style.bold(sensor.name) + " sees " + sight.text +
                    (is_new ? ", new: " + now_seen.text : ""));
  if (json["schedules"].empty()) session.out.print("no schedule waits for it");
  for (const auto& each : json["schedules"]) {
    const bool fires = each.value("would_fire", false);
    session.out.print("schedule " + each.value("schedule", "") +
                      (fires ? style.green(" would fire") : std::string(" would not fire")) + ": " +
                      each.value("because", ""));
  }
  return kDone;
}

}  // namespace

int sensor_verb(Session& session) {
  return session.arguments.sub_verb == "list" ? list_sensors(session) : try_sensor(session);
}

}  // namespace windrow::cli
