#include "lake/extent.h"

#include <algorithm>

#include "base/local_time.h"
#include "lake/statistics.h"
#include "lake/touched.h"

namespace windrow::lake {

const Field* time_column(const Schema& schema, std::string expression) {
  if (expression.size() > 2 && expression.front() == '"' && expression.back() == '"')
    expression = expression.substr(1, expression.size() - 2);
  const Field* field = schema.find_any_case(expression);
  return field && is_time(field->type) ? field : nullptr;
}

std::optional<Interval> times_of(const Add& add, const Field& column, const std::string& zone) {
  const auto range = column_range(add, column);
  if (range && range->all_null) return Interval{};
  if (!range || !range->min || !range->max) return {};
  const auto least = parse_time(*range->min), most = parse_time(*range->max);
  if (!least || !most) return {};
  // Many writers cut the greatest time to milliseconds.
  const Interval part{*least, *most + std::chrono::milliseconds(1)};
  return column.type.kind == Type::Kind::timestamp ? part : moments_of(part, zone);
}

std::optional<Extent> extent_of(const Snapshot& table, const std::string& expression,
                                const Grain& grain, const IntervalSet& within) {
  const Field* column = time_column(table.schema, expression);
  if (!column) return {};
  Extent out;
  for (const auto& add : table.files) {
    const auto times = times_of(add, *column, std::string(grain.zone()));
    if (!times) return {};
    if (times->empty()) continue;
    const Interval whole = grain.widen(*times);
    out.intervals.add(whole);
    if (!within.overlaps(whole)) continue;
    ++out.files;
    out.rows += rows_of(add).value_or(0);
    out.bytes += add.size;
  }
  return out;
}

}  // namespace windrow::lake
