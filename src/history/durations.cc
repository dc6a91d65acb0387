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
  // More runs than asked for: not every asset is in each of them.
  for (const auto& row : reader.query(
           "SELECT t.asset, t.ended - t.started FROM tasks t JOIN (SELECT id, started FROM runs "
           "WHERE environment = ? AND ended IS NOT NULL AND id <> ? ORDER BY started DESC LIMIT ?) "
           "r ON r.id = t.run WHERE t.status IN ('done', 'up to date', 'passed over') AND "
           "t.attempts > 0 AND t.ended >= t.started ORDER BY r.started DESC",
           {environment, but_for, int64_t(most * 10)})) {
    auto& list = out[text_of(row[0])];
    if (list.size() < most) list.emplace_back(integer_of(row[1]).value_or(0));
  }
  return out;
}

}  // namespace windrow::history
