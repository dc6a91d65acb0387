#include "history/last_end.h"

#include <filesystem>

#include "clients/sqlite.h"

namespace windrow::history {

std::optional<Run> last_end(const std::string& path, const std::string& environment,
                            const std::string& schedule, bool any) {
  std::error_code gone;
  if (!std::filesystem::exists(path, gone)) return {};
  clients::Sqlite database(path, clients::Sqlite::Mode::read_only);
  std::string sql =
      "SELECT id, status, started, ended, schedule FROM runs WHERE environment = ?1 AND ended IS "
      "NOT NULL AND status IN ('done'";
  sql += any ? ", 'failed', 'canceled')" : ")";
  std::vector<clients::SqliteValue> values{environment};
  if (!schedule.empty()) {
    sql += " AND schedule = ?2";
    values.emplace_back(schedule);
  }
  const auto rows = database.query(sql + " ORDER BY ended DESC, id DESC LIMIT 1", values);
  if (rows.empty()) return {};
  Run out;
  out.environment = environment;
  out.id = clients::text_of(rows[0][0]);
  out.status = clients::text_of(rows[0][1]);
  out.started = time_from_micros(clients::integer_of(rows[0][2]).value_or(0));
  out.ended = time_from_micros(clients::integer_of(rows[0][3]).value_or(0));
  out.schedule = clients::text_of(rows[0][4]);
  return out;
}

}  // namespace windrow::history
