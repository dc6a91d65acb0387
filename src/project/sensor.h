#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "project/task.h"
#include "project/values.h"

namespace windrow::project {

enum class SensorKind { file, table, sql, http, kafka, project };
std::string_view name_of(SensorKind kind);

/// What somebody looks at, now and then, so that schedules fire when it is another than before.
struct Sensor {
  enum class Of { version, rows, complete_to };

  std::string name, description;
  SensorKind kind = SensorKind::file;
  /// A pattern of files, a table, a SELECT, a URL, a topic, the folder of a project.
  Text subject;
  Duration at_rest = std::chrono::seconds(2);  ///< of a file: it has not changed for so long
  Of of = Of::version;                         ///< of a table
  int rows = 0;                                ///< of a table: steps of so many rows; 0: each row
  Text connection;                             ///< of SQL and Kafka
  HttpBody http;
  Text path;                          ///< into the JSON of an answer; empty: whether it answers
  std::optional<std::string> equals;  ///< of SQL and HTTP: nothing else is something
  Text group;                         ///< of Kafka; empty: all that the topic has
  int lag = 0;                        ///< of Kafka: nothing before so many messages wait
  Text schedule;                      ///< of another project; empty: all runs
  bool any_end = false;               ///< also of runs that failed
  std::string environment;            ///< of another project; empty: the same
  Duration poll = std::chrono::seconds(30);     ///< it is looked at as often, at least
  Duration timeout = std::chrono::seconds(10);  ///< of one look
  bool broken = false;                          ///< what is wrong with it has been said
  Place place;
};

}  // namespace windrow::project
