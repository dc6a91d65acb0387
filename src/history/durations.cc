#include "history/durations.h"

#include "clients/sqlite.h"

namespace windrow::history {

using clients::integer_of;
using clients::Sqlite;
using clients::text_of;

Durations durations(const std::string& path, const std::string& environment, size_t most,
                    const std::string& but_for) {
  Sqlite reader(path, Sqlite::Mode::existing);
  Durations out;
  for (const auto& row : reader.query(
           "SELECT asset, time FROM (SELECT t.asset, t.ended - t.started AS time, row_number() "
           "OVER (PARTITION BY t.asset ORDER BY r.started DESC) AS place FROM tasks t JOIN runs r "
           "ON r.id = t.run WHERE r.environment = ? AND r.ended IS NOT NULL AND r.id <> ? AND "
           "t.status IN ('done', 'up to date', 'passed over') AND t.attempts > 0 AND "
           "t.ended >= t.started) WHERE place <= ? ORDER BY asset, place",
           {environment, but_for, int64_t(most)}))
    out[text_of(row[0])].emplace_back(integer_of(row[1]).value_or(0));
  return out;
}

std::optional<std::string> last_alike(const std::string& path, const Run& run) {
  Sqlite reader(path, Sqlite::Mode::existing);
  const auto found = reader.query(
      "SELECT id FROM runs WHERE environment = ? AND ended IS NOT NULL AND tasks = ? AND id <> ? "
      "AND coalesce(schedule, '') = ? AND (coalesce(schedule, '') <> '' OR command = ?) "
      "ORDER BY started DESC LIMIT 1",
      {run.environment, run.tasks, run.id, run.schedule, run.command});
  if (found.empty()) return {};
  return text_of(found[0][0]);
}

}  // namespace windrow::history
