#include "lake/statistics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <variant>

#include "base/time.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"

namespace windrow::lake {
namespace {

using Kind = Type::Kind;
constexpr size_t kStringCharacters = 32;

/// Byte where the n-th character begins; the end where there are fewer.
size_t character_offset(std::string_view text, size_t n) {
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if ((uint8_t(text[i]) & 0xC0) != 0x80 && n-- == 0) break;
  }
  return i;
}

/// A text not smaller than `text` of about 32 characters: the prefix and the greatest character.
/// Where the first character that is cut off is that very one, the prefix grows past it.
std::optional<std::string> rounded_up(const std::string& text) {
  constexpr std::string_view kGreatest = "\xF4\x8F\xBF\xBF";  // U+10FFFF
  size_t cut = character_offset(text, kStringCharacters);
  while (cut < text.size() && std::string_view(text).substr(cut).starts_with(kGreatest))
    cut += kGreatest.size();
  if (cut >= text.size()) return text;
  return text.substr(0, cut) + std::string(kGreatest);
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

/// `2025-10-17T14:00:00.123Z`: milliseconds as most writers have, microseconds only where there are
/// some.
std::optional<std::string> stats_timestamp(const std::string& text, bool utc) {
  const auto time = parse_time(text);
  if (!time || !is_date(text.substr(0, 10))) return {};
  std::string out = iso(*time);
  out.pop_back();
  const size_t dot = out.find('.');
  if (dot == std::string::npos) {
    out += ".000";
  } else {
    const bool has_micros = micros(*time) % 1000 != 0;
    out.resize(dot + (has_micros ? 7 : 4), '0');
  }
  return utc ? out + "Z" : out;
}

std::optional<double> as_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<std::string> stats_double(const std::string& text, bool is_max) {
  const auto value = as_double(text);
  if (!value || !std::isfinite(*value)) return {};
  // Zero has two signs; a bound has to hold both (Parquet: PARQUET-1222).
  if (*value == 0) return is_max ? "0.0" : "-0.0";
  return JsonWriter().value(*value).take();
}

/// A number as JSON has it: DuckDB leaves the zero before a decimal point away.
std::optional<std::string> stats_number(std::string text) {
  if (!as_double(text)) return {};
  const size_t first = text.starts_with('-') ? 1 : 0;
  if (text.compare(first, 1, ".") == 0) text.insert(first, "0");
  return text;
}

/// JSON text of a bound; nothing where the type or the value has none.
std::optional<std::string> bound_json(const Type& type, const std::optional<std::string>& text,
                                      bool is_max) {
  if (!text) return {};
  const auto quoted = [](const std::optional<std::string>& t) {
    return t ? std::optional(json_quoted(*t)) : std::nullopt;
  };
  switch (type.kind) {
    case Kind::long_:
    case Kind::integer:
    case Kind::short_:
    case Kind::byte:
    case Kind::decimal: return stats_number(*text);
    case Kind::float_:
    case Kind::double_: return stats_double(*text, is_max);
    case Kind::string:
      return quoted(is_max ? rounded_up(*text)
                           : text->substr(0, character_offset(*text, kStringCharacters)));
    case Kind::date: return is_date(*text) ? quoted(text) : std::nullopt;
    case Kind::timestamp:
    case Kind::timestamp_ntz: return quoted(stats_timestamp(*text, type.kind == Kind::timestamp));
    default: return {};
  }
}

/// A tree of JSON values, in the schema's order.
struct Tree {
  std::string json;  // a leaf, where not empty
  std::vector<std::pair<std::string, Tree>> children;

  void put(const std::vector<std::string>& path, size_t depth, std::string value) {
    if (depth == path.size()) {
      json = std::move(value);
      return;
    }
    for (auto& [name, child] : children) {
      if (name == path[depth]) return child.put(path, depth + 1, std::move(value));
    }
    children.emplace_back(path[depth], Tree{});
    children.back().second.put(path, depth + 1, std::move(value));
  }
  void write(JsonWriter& w) const {
    if (!json.empty()) {
      w.raw(json);
      return;
    }
    w.begin_object();
    for (const auto& [name, child] : children) child.write(w.key(name));
    w.end_object();
  }
};

/// Leaves of columns and of structures, in the schema's order; nothing below lists and maps.
void each_leaf(const std::vector<Field>& fields, std::vector<std::string>& path,
               const std::function<void(const std::vector<std::string>&, const Type&)>& visit) {
  for (const auto& field : fields) {
    path.push_back(field.in_files());
    if (field.type.kind == Kind::struct_) {
      each_leaf(field.type.fields, path, visit);
    } else if (field.type.kind != Kind::array && field.type.kind != Kind::map) {
      visit(path, field.type);
    }
    path.pop_back();
  }
}

/// The JSON of the statistics, parsed; nothing where they are absent or do not read. `exact`: long
/// numbers are texts, digit by digit; else only where they would not be read otherwise.
template <typename Work>
auto with_stats(const Add& add, bool exact, Work work) -> decltype(work(JsonObject())) {
  if (add.stats.empty()) return {};
  thread_local simdjson::dom::parser parser;  // snapshots hold many files; its buffers are dear
  if (!exact) {
    try {
      return work(JsonObject(parser.parse(add.stats)));
    } catch (const simdjson::simdjson_error& error) {
      if (error.error() != simdjson::NUMBER_ERROR) return {};  // statistics only ever spare work
    }
  }
  try {
    return work(JsonObject(parser.parse(long_numbers_quoted(add.stats))));
  } catch (const simdjson::simdjson_error&) {
    return {};
  }
}

std::optional<std::string> scalar_text(const std::optional<JsonElement>& element) {
  if (!element || element->is_object() || element->is_array()) return {};
  if (element->is_string()) return std::string(std::string_view(*element));
  return std::string(simdjson::minify(*element));
}

/// A point in the order of a type, exact enough that a comparison is never wrong in the unsafe
/// direction.
using Point = std::variant<int64_t, double, std::string>;

std::optional<Point> point_of(const Type& type, const std::string& text) {
  switch (type.kind) {
    case Kind::long_:
    case Kind::integer:
    case Kind::short_:
    case Kind::byte: {
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return {};
      return value;
    }
    case Kind::float_:
    case Kind::double_:
    case Kind::decimal:
      if (const auto value = as_double(text)) return *value;
      return {};
    case Kind::string: return text;
    case Kind::date:
    case Kind::timestamp:
    case Kind::timestamp_ntz:
      if (const auto time = parse_time(text)) return micros(*time);
      return {};
    default: return {};
  }
}

/// Many writers have put decimals through a double, twice: the true bound may lie beyond by some of
/// its last places.
constexpr double kDecimalSlack = 4 * std::numeric_limits<double>::epsilon();

std::optional<Point> least_of(const Type& type, const std::string& text) {
  auto point = point_of(type, text);
  if (point && type.kind == Kind::decimal) {
    const double value = std::get<double>(*point);
    point = value - std::abs(value) * kDecimalSlack;
  }
  return point;
}

/// Many writers cut times to milliseconds, the maximum too: the true one may be up to 999 µs later.
std::optional<Point> greatest_of(const Type& type, const std::string& text) {
  auto point = point_of(type, text);
  if (point && type.kind == Kind::decimal) {
    const double value = std::get<double>(*point);
    return value + std::abs(value) * kDecimalSlack;
  }
  const bool time = type.kind == Kind::timestamp || type.kind == Kind::timestamp_ntz;
  if (!point || !time) return point;
  const size_t dot = std::min(text.find('.'), text.size());
  const size_t end = std::min(text.find_first_not_of("0123456789", dot + 1), text.size());
  if (end <= dot + 4) point = std::get<int64_t>(*point) + 999;
  return point;
}

}  // namespace

std::string stats_json(const Schema& schema, const columns::WrittenFile& file) {
  std::map<std::vector<std::string>, const columns::ColumnStatistics*> known;
  for (const auto& column : file.columns) known[column.path] = &column;
  Tree min, max, nulls;
  std::vector<std::string> at;
  each_leaf(schema.fields, at, [&](const std::vector<std::string>& path, const Type& type) {
    const auto found = known.find(path);
    if (found == known.end()) return;
    const columns::ColumnStatistics& column = *found->second;
    if (column.null_count) nulls.put(path, 0, std::to_string(*column.null_count));
    if (column.has_nan) return;
    // One bound without the other is of no use to most readers, and some refuse it.
    auto low = bound_json(type, column.min, false), high = bound_json(type, column.max, true);
    if (!low || !high) return;
    min.put(path, 0, std::move(*low));
    max.put(path, 0, std::move(*high));
  });
  JsonWriter w;
  w.begin_object().field("numRecords", file.rows);
  min.write(w.key("minValues"));
  max.write(w.key("maxValues"));
  nulls.write(w.key("nullCount"));
  return w.end_object().take();
}

std::string loose_stats(const std::string& stats) {
  const size_t brace = stats.find('{');
  if (brace == std::string::npos) return stats;
  // Not parsed and written again: numbers beyond 64 bits would lose digits. A column of that name
  // has no bound that is a truth value.
  const std::string loose = "\"tightBounds\":false";
  if (stats.find(loose) != std::string::npos) return stats;
  for (const std::string_view tight : {"\"tightBounds\":true", "\"tightBounds\": true"}) {
    const size_t at = stats.find(tight);
    if (at == std::string::npos) continue;
    std::string out = stats;
    return out.replace(at, tight.size(), loose);
  }
  const bool empty = stats.find_first_not_of(" \t\r\n", brace + 1) == stats.find('}');
  return stats.substr(0, brace + 1) + loose + (empty ? "" : ",") + stats.substr(brace + 1);
}

std::optional<int64_t> rows_of(const Add& add) {
  return with_stats(add, false, [&](const JsonObject& stats) -> std::optional<int64_t> {
    if (!find(stats, "numRecords")) return {};
    return integer_at(stats, "numRecords") -
           (add.deletion_vector ? add.deletion_vector->cardinality : 0);
  });
}

std::optional<ColumnRange> column_range(const Add& add, const Field& field) {
  const std::string& column = field.in_files();
  if (const auto value = add.partition_values.find(column); value != add.partition_values.end()) {
    return ColumnRange{value->second, value->second, !value->second, value->second.has_value()};
  }
  const bool exact = field.type.kind == Kind::decimal;
  return with_stats(add, exact, [&](const JsonObject& stats) -> std::optional<ColumnRange> {
    const auto inside = [&](std::string_view group) -> std::optional<JsonElement> {
      const auto found = find(stats, group);
      return found ? find(JsonObject(*found), column) : std::nullopt;
    };
    ColumnRange range{scalar_text(inside("minValues")), scalar_text(inside("maxValues"))};
    const auto nulls = inside("nullCount");
    if (nulls && !nulls->is_object() && find(stats, "numRecords")) {
      range.all_null = int64_t(*nulls) == integer_at(stats, "numRecords");
      range.no_null = int64_t(*nulls) == 0;
    }
    if (!range.min && !range.max && !range.all_null) return {};
    return range;
  });
}

bool lies_inside(const Add& add, const Field& column, const std::string& from,
                 const std::string& to) {
  const auto range = column_range(add, column);
  if (!range || !range->no_null || !range->min || !range->max) return false;
  const auto first = point_of(column.type, from), end = point_of(column.type, to);
  const auto min = point_of(column.type, *range->min), max = greatest_of(column.type, *range->max);
  return first && end && min && max && std::holds_alternative<int64_t>(*min) && *min >= *first &&
         *max < *end;
}

bool may_overlap(const Add& add, const Field& column, const std::string& from,
                 const std::string& to) {
  return may_hold(add, {column, from, to, true, false});
}

bool may_hold(const Add& add, const ReadScope::Condition& condition) {
  const Type& type = condition.column.type;
  const auto range = column_range(add, condition.column);
  if (!range) return true;
  if (condition.is_null) return !range->no_null;
  if (range->all_null) return !condition.from && !condition.to;
  const auto first = condition.from ? point_of(type, *condition.from) : std::nullopt;
  if (range->max && first) {
    const auto max = greatest_of(type, *range->max);
    if (max && *max < *first) return false;
  }
  const auto end = condition.to ? point_of(type, *condition.to) : std::nullopt;
  if (range->min && end) {
    const auto min = least_of(type, *range->min);
    // Numbers as double may be rounded: equal does not mean equal.
    const bool exact = min && condition.open_end && !std::holds_alternative<double>(*min);
    if (min && (exact ? *min >= *end : *min > *end)) return false;
  }
  return true;
}

}  // namespace windrow::lake
