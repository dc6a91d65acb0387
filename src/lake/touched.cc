#include "lake/touched.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace windrow::lake {

namespace {

using std::chrono::microseconds;

struct Unit {
  const char* name;
  microseconds length;
};
constexpr Unit kUnits[] = {{"minute", std::chrono::minutes(1)},
                           {"hour", std::chrono::hours(1)},
                           {"day", std::chrono::hours(24)}};
constexpr size_t kStartsMax = 100'000;  // distinct starts looked at before a coarser unit is tried

/// Where the units that hold values begin, as numbers of that unit since 1970, sorted; nothing
/// where there are too many to look at.
std::optional<std::vector<int64_t>> starts(duck::Connection& connection, const std::string& column,
                                           const Unit& unit, const std::string& rows) {
  // Whole microseconds divide the same way in every time zone, so no calendar is asked. `//` cuts
  // towards zero, so what lies before 1970 is moved by a unit less one.
  const std::string length = std::to_string(unit.length.count());
  const std::string sql = "SELECT DISTINCT (us - if(us < 0, " + length + " - 1, 0)) // " + length +
                          " AS s FROM (SELECT epoch_us(" + column + "::TIMESTAMP) AS us FROM (" +
                          rows + ") WHERE " + column + " IS NOT NULL AND isfinite(" + column +
                          "::TIMESTAMP)) ORDER BY s LIMIT " + std::to_string(kStartsMax + 1);
  const auto found = connection.query(sql);
  if (found.rows.size() > kStartsMax) return {};
  std::vector<int64_t> out;
  out.reserve(found.rows.size());
  for (const auto& row : found.rows) out.push_back(std::get<int64_t>(row[0]));
  return out;
}

/// The same in a coarser unit.
std::vector<int64_t> coarser(std::vector<int64_t> starts, const Unit& from, const Unit& to) {
  const int64_t ratio = to.length / from.length;
  for (auto& start : starts) start = (start - (start < 0 ? ratio - 1 : 0)) / ratio;
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  return starts;
}

std::vector<Interval> joined(const std::vector<int64_t>& starts, const Unit& unit) {
  std::vector<Interval> parts;
  for (const int64_t number : starts) {
    const Time start = time_from_micros(number * unit.length.count());
    if (!parts.empty() && parts.back().end == start) {
      parts.back().end = start + unit.length;
    } else {
      parts.push_back({start, start + unit.length});
    }
  }
  return parts;
}

/// The finest unit that gives few enough intervals; nothing where even days give too many.
std::optional<IntervalSet> touched_in(duck::Connection& connection, const std::string& column,
                                      bool whole_days, const std::string& rows) {
  std::optional<std::vector<int64_t>> found;
  for (size_t u = whole_days ? 2 : 0; u < std::size(kUnits); ++u) {
    found = found ? coarser(std::move(*found), kUnits[u - 1], kUnits[u])
                  : starts(connection, column, kUnits[u], rows);
    if (!found) continue;
    const auto parts = joined(*found, kUnits[u]);
    if (parts.size() <= kTouchedMax) return IntervalSet(parts);
  }
  return {};
}

}  // namespace

bool is_time(const Type& type) {
  return type.kind == Type::Kind::date || type.kind == Type::Kind::timestamp ||
         type.kind == Type::Kind::timestamp_ntz;
}

Touched touched_by(duck::Connection& connection, const Schema& schema,
                   const std::string& changed_rows, bool costly) {
  constexpr const char* kTimes = "\"windrow touched\"";
  std::string times;
  for (const auto& field : schema.fields) {
    if (is_time(field.type)) times += (times.empty() ? "" : ", ") + duck::quote_name(field.name);
  }
  if (times.empty()) return {};
  std::string rows = changed_rows;
  if (costly) {
    connection.execute(std::string("CREATE OR REPLACE TEMP TABLE ") + kTimes + " AS SELECT " +
                       times + " FROM (" + changed_rows + ")");
    rows = std::string("SELECT * FROM temp.") + kTimes;
  }
  Touched out;
  for (const auto& field : schema.fields) {
    if (!is_time(field.type)) continue;
    std::string column = duck::quote_name(field.name);
    // A TIMESTAMPTZ becomes the UTC reading of itself.
    if (field.type.kind == Type::Kind::timestamp) column = "(" + column + " AT TIME ZONE 'UTC')";
    if (auto set = touched_in(connection, column, field.type.kind == Type::Kind::date, rows))
      out.columns[field.name] = std::move(*set);
  }
  if (costly) connection.execute(std::string("DROP TABLE temp.") + kTimes);
  return out;
}

}  // namespace windrow::lake
