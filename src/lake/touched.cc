#include "lake/touched.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/local_time.h"
#include "duck/quoting.h"

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
std::optional<std::vector<int64_t>> starts(RowWork& engine, const std::string& column,
                                           Type::Kind kind, const Unit& unit,
                                           const Relation& rows) {
  // Whole microseconds divide the same way in every time zone, so no calendar is asked. `//` cuts
  // towards zero, so what lies before 1970 is moved by a unit less one.
  const std::string length = std::to_string(unit.length.count());
  const Relation select = "SELECT DISTINCT (us - if(us < 0, " + length + " - 1, 0)) // " + length +
                          " AS s FROM (SELECT " + calendar_micros(column, kind) + " AS us FROM (" +
                          rows + ") WHERE " + column + " IS NOT NULL) ORDER BY s LIMIT " +
                          std::to_string(kStartsMax + 1);
  const auto found = engine.query(select);
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
    const Interval part = calendar_part(number, unit.length);
    if (!parts.empty() && parts.back().end == part.start) {
      parts.back().end = part.end;
    } else {
      parts.push_back(part);
    }
  }
  return parts;
}

/// The finest unit that gives few enough intervals; nothing where even days give too many.
std::optional<IntervalSet> touched_in(RowWork& engine, const std::string& column, Type::Kind kind,
                                      const Relation& rows) {
  std::optional<std::vector<int64_t>> found;
  for (size_t u = kind == Type::Kind::date ? 2 : 0; u < std::size(kUnits); ++u) {
    found = found ? coarser(std::move(*found), kUnits[u - 1], kUnits[u])
                  : starts(engine, column, kind, kUnits[u], rows);
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

std::string calendar_micros(const std::string& value, Type::Kind kind) {
  const char* type = kind == Type::Kind::date        ? "DATE '"
                     : kind == Type::Kind::timestamp ? "TIMESTAMPTZ '"
                                                     : "TIMESTAMP '";
  const auto literal = [&](Time t) {
    std::string text = iso(t);
    if (kind == Type::Kind::date) text.resize(10);
    return type + text + "'";
  };
  // A date that no timestamp can be is only cast where it lies inside.
  return "CASE WHEN " + value + " >= " + literal(kCalendarEnd) + " THEN " +
         std::to_string(micros(kCalendarEnd)) + " WHEN " + value + " < " + literal(kCalendarBegin) +
         " THEN " + std::to_string(micros(kCalendarBegin) - 1) + " ELSE epoch_us(" +
         (kind == Type::Kind::date ? value + "::TIMESTAMP" : value) + ") END";
}

Interval calendar_part(int64_t number, microseconds length) {
  Interval out{time_from_micros(number * length.count()), {}};
  out.end = out.start + length;
  if (out.end <= kCalendarBegin) out.start = kEver;
  if (out.start >= kCalendarEnd) out.end = kNever;
  return out;
}

Touched touched_by(RowWork& engine, const Schema& schema, const Relation& changed_rows,
                   bool costly) {
  constexpr const char* kTimes = "windrow touched";
  std::string times;
  for (const auto& field : schema.fields) {
    if (is_time(field.type)) times += (times.empty() ? "" : ", ") + duck::quote_name(field.name);
  }
  if (times.empty()) return {};
  Relation rows = changed_rows;
  if (costly) {
    rows =
        "SELECT * FROM " + engine.keep(kTimes, "SELECT " + times + " FROM (" + changed_rows + ")");
  }
  Touched out;
  for (const auto& field : schema.fields) {
    if (!is_time(field.type)) continue;
    const std::string column = duck::quote_name(field.name);
    if (auto set = touched_in(engine, column, field.type.kind, rows))
      out.columns[field.name] = std::move(*set);
  }
  if (costly) engine.drop(kTimes);
  return out;
}

}  // namespace windrow::lake
