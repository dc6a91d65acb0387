#include "app/sensor_views.h"

#include <algorithm>

#include "sensors/look.h"
#include "sensors/seen.h"

namespace windrow::app {

namespace {

using project::Sensor;

/// What a server says, or without one what the last of them has seen.
Json state_of(const Sensor& sensor, const Json& served,
              const std::map<std::string, std::string>& memories, bool waited_for) {
  for (const auto& each : served)
    if (each.value("sensor", "") == sensor.name) return each;
  Json out{{"sensor", sensor.name}, {"state", waited_for ? "no server" : "no schedule"}};
  if (const auto found = memories.find(kSeenOfSensor + sensor.name); found != memories.end()) {
    const auto seen = sensors::read_seen(found->second);
    if (seen.at) out.update({{"seen", seen.text}, {"seen_at", iso(*seen.at)}});
  }
  return out;
}

}  // namespace

std::vector<const schedule::Schedule*> schedules_on(const project::Project& project,
                                                    const std::string& sensor) {
  std::vector<const schedule::Schedule*> out;
  for (const auto& each : project.schedules) {
    const auto* on = std::get_if<schedule::OnSensor>(&each.trigger);
    if (on && std::find(on->sensors.begin(), on->sensors.end(), sensor) != on->sensors.end())
      out.push_back(&each);
  }
  return out;
}

Json sensors_json(const project::Project& project, const std::string& name, const Json& served,
                  const std::map<std::string, std::string>& memories, const Secrets& secrets) {
  Json out{{"sensors", Json::array()}, {"problems", Json::array()}};
  for (const auto& sensor : project.sensors) {
    if (!name.empty() && sensor.name != name) continue;
    const auto schedules = schedules_on(project, sensor.name);
    auto one = state_of(sensor, served, memories, !schedules.empty());
    one["looks_at"] = secrets.redact(sensors::subject_of(sensor));
    one["schedules"] = Json::array();
    for (const auto* each : schedules) one["schedules"].push_back(each->name);
    out["sensors"].push_back(std::move(one));
  }
  for (const auto& problem : project.schedule_problems) out["problems"].push_back(json_of(problem));
  return out;
}

}  // namespace windrow::app
