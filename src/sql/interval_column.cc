#include "sql/interval_column.h"

#include <algorithm>

#include "duck/duck.h"
#include "sql/interval_push.h"

namespace windrow::sql {

namespace {

using std::chrono::microseconds;
constexpr microseconds kDay = std::chrono::hours(24);
constexpr microseconds kOffsetStep = std::chrono::minutes(15);  // of all zones' offsets today

bool has_parameters_or_columns(const Json& node) {
  bool found = false;
  walk(node, [&](const Json& n) {
    found =
        found || is_class(n, "COLUMN_REF") || is_class(n, "PARAMETER") || is_class(n, "SUBQUERY");
    return !found;
  });
  return found;
}

/// How long an ordinary interval is, for those that divide a day; nothing for days and longer.
std::optional<microseconds> length_of(const Grain& grain) {
  const Time noon = time_from_micros(979'128'000'000'000);  // of a day without a change of clocks
  const auto length = grain.next(noon) - grain.floor(noon);
  return length < std::chrono::hours(20) ? std::optional(length) : std::nullopt;
}

/// Whole units tile an interval.
bool tiles(const std::string& unit, const Grain& grain) {
  const auto length = length_of(grain);
  if (unit == "minute" || unit == "second" || unit == "millisecond" || unit == "microsecond")
    return true;
  if (unit == "hour") return !length || *length % std::chrono::hours(1) == microseconds(0);
  if (length) return false;
  const std::string text = grain.text();
  if (unit == "day" || unit == text) return true;
  if (unit == "month") return text == "quarter" || text == "year";
  return unit == "quarter" && text == "year";
}

class Rounding {
 public:
  Rounding(duck::Connection& connection, const Grain& grain)
      : connection_(connection), grain_(grain) {}

  /// `rounded` is `exact`, or that rounded down within the grain.
  bool within(const Json& rounded, const Json& exact) const {
    if (bare(rounded) == bare(exact)) return true;
    if (is_class(rounded, "CAST")) {
      const auto type = rounded.value("cast_type", Json::object());
      const bool date = is(type, "id", "DATE");
      if (date && !tiles("day", grain_)) return false;
      return (date || is(type, "id", "TIMESTAMP") || is(type, "id", "TIMESTAMP WITH TIME ZONE")) &&
             !rounded.value("try_cast", false) && within(rounded.at("child"), exact);
    }
    if (!is_class(rounded, "FUNCTION")) return false;
    const auto name = lower(text_at(rounded, "function_name"));
    const auto& arguments = rounded.at("children");
    if (arguments.size() != 2) return false;
    if (name == "date_trunc" || name == "datetrunc") {
      const auto unit = arguments[0].value("value", Json::object());
      return is_class(arguments[0], "CONSTANT") && tiles(lower(text_at(unit, "value")), grain_) &&
             within(arguments[1], exact);
    }
    return name == "time_bucket" && buckets_tile(arguments[0]) && within(arguments[1], exact);
  }

 private:
  bool buckets_tile(const Json& width) const {
    if (has_parameters_or_columns(width)) return false;
    const auto seconds = connection_.value("SELECT CAST(epoch(" +
                                           expression_text(connection_, width) + ") AS BIGINT)");
    if (!std::holds_alternative<int64_t>(seconds)) return false;
    const microseconds bucket = std::chrono::seconds(std::get<int64_t>(seconds));
    // Buckets of moments begin by UTC.
    const auto whole = grain_.zone() == "UTC" ? length_of(grain_).value_or(kDay) : kOffsetStep;
    return bucket > microseconds(0) && whole % bucket == microseconds(0) &&
           length_of(grain_).value_or(kDay) % bucket == microseconds(0);
  }

  duck::Connection& connection_;
  const Grain& grain_;
};

}  // namespace

bool stays_in_interval(duck::Connection& connection, const Parsed& select,
                       const std::string& column, const Grain& grain) {
  const Json node = parse_tree(connection, select.text, select.begin);
  const Rounding rounding(connection, grain);
  bool found = false;
  for (const auto& leaf : push_column(node, select, column)) {
    for (const auto& result : leaf.bounds) {
      if (!result.of_result) continue;
      found = true;
      bool start = false, end = false;
      for (const auto& bound : leaf.bounds) {
        if (bound.of_result || !bound.exact) continue;
        if (!rounding.within(result.expression, bound.expression) &&
            !rounding.within(bound.expression, result.expression))
          continue;
        start = start || bound.side == Side::start;
        end = end || bound.side == Side::end;
      }
      if (!start || !end) return false;
    }
  }
  return found;
}

}  // namespace windrow::sql
