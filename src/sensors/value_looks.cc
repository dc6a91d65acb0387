#include <fmt/format.h>

#include "history/last_end.h"
#include "sensors/look.h"
#include "tasks/control/sql_session.h"

// What is a value: of a table, of SQL, of another project.
namespace windrow::sensors {

Sight look_at_table(const project::Sensor& sensor, const Outside& outside) {
  using Of = project::Sensor::Of;
  const bool rows = sensor.of == Of::rows || sensor.rows > 0;
  const auto table = outside.table(sensor);
  Sight out;
  if (table.version < 0) {
    out.text = "there is no such table yet";
    return out;
  }
  if (!table.log.empty()) out.folders = {table.log};
  if (rows && table.rows < 0) {
    throw Error(Code::unsupported,
                fmt::format("how many rows \"{}\" has is not known: another program wrote it "
                            "without statistics",
                            sensor.subject.value),
                "`of: version` sees each new version", sensor.subject.place);
  }
  if (sensor.rows > 0) {
    out.text = fmt::format("{} row{}", table.rows, table.rows == 1 ? "" : "s");
    const int64_t steps = table.rows / sensor.rows;
    if (steps > 0) out.things = {thing(fmt::format("step {}", steps), out.text)};
  } else if (rows) {
    out.text = fmt::format("{} row{}", table.rows, table.rows == 1 ? "" : "s");
    out.things = {thing(fmt::format("rows {}", table.rows), out.text)};
  } else if (sensor.of == Of::complete_to) {
    out.text = table.complete_to ? "complete to " + iso(*table.complete_to)
                                 : "complete to no time that is known";
    if (table.complete_to) out.things = {thing(out.text, out.text)};
  } else {
    out.text = fmt::format("version {}", table.version);
    out.things = {thing(out.text, out.text)};
  }
  return out;
}

Sight look_at_sql(const project::Sensor& sensor, const Outside& outside, Cancel& cancel) {
  const auto& connection = outside.project.connections.at(sensor.connection.value);
  tasks::SqlWork work;
  // The server ends it by itself; a request to stop may not reach one that is busy.
  if (connection.type == "postgres") {
    const auto most = std::chrono::ceil<std::chrono::milliseconds>(sensor.timeout).count();
    work.statements = {"SET statement_timeout = " + std::to_string(most)};
  }
  work.statements.push_back(sensor.subject.value);
  work.transaction = false;
  work.read_only = true;
  work.rows = 1;
  const auto rows = tasks::run_sql(connection, outside.project.root, work, cancel);
  Sight out;
  if (rows.rows.empty()) {
    out.text = "no row";
    return out;
  }
  const auto& row = rows.rows.front();
  bool something = false;
  std::string value;
  for (const auto& cell : row) {
    const auto* yes = std::get_if<bool>(&cell);
    something |= !std::holds_alternative<std::monostate>(cell) && !(yes && !*yes);
    // Apart from NULL, and from what values could hold.
    value += (value.empty() ? "" : ", ") +
             (std::holds_alternative<std::monostate>(cell) ? "NULL" : cell_text(cell));
  }
  if (something) return sight_of_value(sensor, outside, value);
  out.text = shown(outside.secrets, value);
  return out;
}

Sight look_at_project(const project::Sensor& sensor, const Outside& outside) {
  const auto root = project::find_root(folder_of(sensor, outside.project));
  const auto run =
      history::last_end(root + "/.windrow/history.db",
                        sensor.environment.empty() ? outside.environment : sensor.environment,
                        sensor.schedule.value, sensor.any_end);
  Sight out;
  if (!run) {
    out.text = "no run has ended yet";
    return out;
  }
  out.text = fmt::format("run {} ended: {}", run->id.substr(0, 13), run->status);
  out.things = {thing("run " + run->id, out.text)};
  return out;
}

}  // namespace windrow::sensors
