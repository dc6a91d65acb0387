#include "lake/touched.h"

#include <chrono>

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

/// Starts of the units that hold values, as microseconds since 1970; nothing where there are too
/// many.
std::optional<IntervalSet> starts(duck::Connection& connection, const std::string& column,
                                  const Unit& unit, const std::string& rows,
                                  const duck::Parameters& parameters) {
  // Whole microseconds divide the same way in every time zone, so no calendar is asked.
  const std::string sql = "SELECT DISTINCT epoch_us(" + column + "::TIMESTAMP) // " +
                          std::to_string(unit.length.count()) + " AS s FROM (" + rows + ") WHERE " +
                          column + " IS NOT NULL AND isfinite(" + column +
                          "::TIMESTAMP) ORDER BY s LIMIT " + std::to_string(kStartsMax + 1);
  const auto found = connection.query(sql, parameters);
  if (found.rows.size() > kStartsMax) return {};
  std::vector<Interval> parts;
  for (const auto& row : found.rows) {
    const Time start = time_from_micros(std::get<int64_t>(row[0]) * unit.length.count());
    if (!parts.empty() && parts.back().end == start) {
      parts.back().end = start + unit.length;
    } else {
      parts.push_back({start, start + unit.length});
    }
  }
  if (parts.size() > kTouchedMax) return {};
  return IntervalSet(parts);
}

}  // namespace

bool is_time(const Type& type) {
  return type.kind == Type::Kind::date || type.kind == Type::Kind::timestamp ||
         type.kind == Type::Kind::timestamp_ntz;
}

Touched touched_by(duck::Connection& connection, const Schema& schema,
                   const std::string& changed_rows, const duck::Parameters& parameters) {
  Touched out;
  for (const auto& field : schema.fields) {
    if (!is_time(field.type)) continue;
    std::string column = duck::quote_name(field.name);
    // A TIMESTAMPTZ becomes the UTC reading of itself.
    if (field.type.kind == Type::Kind::timestamp) column = "(" + column + " AT TIME ZONE 'UTC')";
    for (const auto& unit : kUnits) {
      if (auto set = starts(connection, column, unit, changed_rows, parameters)) {
        out.columns[field.name] = std::move(*set);
        break;
      }
    }
  }
  return out;
}

}  // namespace windrow::lake
