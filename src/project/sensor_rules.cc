#include "project/sensor_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/nearest.h"
#include "base/text.h"
#include "project/names.h"

namespace windrow::project {
namespace {

class SensorRules {
 public:
  explicit SensorRules(Project& project) : project_(project) {
    for (const auto& source : project.sources) tables_.push_back(source.name);
    for (const auto& model : project.models) tables_.push_back(model.name);
    for (const auto& seed : project.seeds) tables_.push_back(seed.name);
  }

  void run() {
    std::map<std::string, Place> seen;
    for (auto& sensor : project_.declared_sensors) {
      const auto [other, is_new] = seen.emplace(lower(sensor.name), sensor.place);
      if (!is_new)
        wrong(sensor, "is declared twice: also in " + other->second.text(), "", sensor.place);
      if (project_.complete) look(sensor);
      if (!sensor.broken) project_.sensors.push_back(sensor);
    }
    std::sort(project_.sensors.begin(), project_.sensors.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

 private:
  void wrong(Sensor& sensor, const std::string& what, std::string hint, const Place& place) {
    sensor.broken = true;
    project_.schedule_problems.push_back({Code::configuration,
                                          "sensor " + in_quotes(sensor.name) + " " + what,
                                          std::move(hint), place});
  }

  void look(Sensor& sensor) {
    if (sensor.kind == SensorKind::table && !sensor.subject.empty() &&
        std::find(tables_.begin(), tables_.end(), sensor.subject.value) == tables_.end())
      wrong(sensor, "names table " + in_quotes(sensor.subject.shown()) + ", which is not there",
            did_you_mean(sensor.subject.value, tables_), sensor.subject.place);
    if (!sensor.connection.empty()) look_at_connection(sensor);
  }

  void look_at_connection(Sensor& sensor) {
    const auto& on = sensor.connection;
    const bool kafka = sensor.kind == SensorKind::kafka;
    static const std::set<std::string> kSql = {"postgres", "mysql", "sqlite", "duckdb"};
    const auto found = project_.connections.find(on.value);
    if (found == project_.connections.end()) {
      std::vector<std::string> known;
      for (const auto& [name, connection] : project_.connections) known.push_back(name);
      wrong(sensor, "names connection " + in_quotes(on.shown()) + ", which is not there",
            did_you_mean(on.value, known), on.place);
    } else if (kafka ? found->second.type != "kafka" : !kSql.contains(found->second.type)) {
      wrong(sensor,
            "needs a connection to " + std::string(kafka ? "Kafka" : "a database") + ", and " +
                in_quotes(on.shown()) + " is of type " + found->second.type,
            kafka ? "" : "postgres, mysql, sqlite and duckdb take SQL", on.place);
    }
  }

  Project& project_;
  std::vector<std::string> tables_;
};

}  // namespace

void settle_sensors(Project& project) { SensorRules(project).run(); }

}  // namespace windrow::project
