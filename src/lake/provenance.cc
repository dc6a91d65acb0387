#include "lake/provenance.h"

#include <algorithm>

#include "base/error.h"
#include "base/local_time.h"
#include "lake/json_reader.h"
#include "lake/json_text.h"

namespace windrow::lake {
namespace {

/// What has no bound is written up to the last moments that every reader can read.
std::string bound_text(Time t) {
  if (t < kCalendarBegin) return "0000-01-01T00:00:00Z";
  if (t > kCalendarEnd) return "9999-12-31T23:59:59.999999Z";
  return iso(t);
}

/// A time before the year 0 or after 9999, as it was written before there were such bounds.
std::optional<Time> beyond_the_calendar(const std::string& text) {
  const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const size_t end = std::min(text.find_first_not_of("0123456789", sign), text.size());
  if (end == text.size() || text[end] != '-') return {};
  if (text.starts_with('-')) return kEver;
  return end - sign > 4 ? std::optional(kNever) : std::nullopt;
}

void write_intervals(JsonWriter& w, const IntervalSet& set) {
  w.begin_array();
  for (const auto& part : set.parts())
    w.begin_array().value(bound_text(part.start)).value(bound_text(part.end)).end_array();
  w.end_array();
}

Time time_from(JsonElement element) {
  const std::string text{std::string_view(element)};
  const auto time = parse_time(text);
  if (!time) {
    if (const auto beyond = beyond_the_calendar(text)) return *beyond;
    throw Error(Code::corrupt, "a provenance record has \"" + text + "\" where a time belongs");
  }
  return *time < kCalendarBegin ? kEver : *time > kCalendarEnd ? kNever : *time;
}

IntervalSet intervals_from(JsonElement element) {
  std::vector<Interval> parts;
  for (JsonElement pair : element.get_array()) {
    const simdjson::dom::array bounds = pair;
    parts.push_back({time_from(bounds.at(0)), time_from(bounds.at(1))});
  }
  return IntervalSet(parts);
}

Provenance record_from(const JsonObject& object) {
  Provenance p;
  p.format = int(int64_t(object["windrow"]));
  if (p.format > kProvenanceFormat) {
    throw Error(Code::unsupported,
                "a provenance record is of format " + std::to_string(p.format) +
                    "; this version of windrow knows " + std::to_string(kProvenanceFormat),
                "use the newer windrow that wrote it");
  }
  p.asset = string_at(object, "asset");
  p.kind = string_at(object, "kind");
  p.run = string_at(object, "run");
  p.definition = string_at(object, "definition");
  p.text_hash = string_at(object, "textHash");
  p.dialect = string_at(object, "dialect");
  if (const auto inputs = find(object, "inputs")) {
    for (auto [name, value] : inputs->get_object()) {
      const JsonObject input = value;
      p.inputs[std::string(name)] = {string_at(input, "tableId"), integer_at(input, "version", -1)};
    }
  }
  p.sample = string_at(object, "sample");
  if (const auto set = find(object, "intervals")) p.intervals = intervals_from(*set);
  if (const auto set = find(object, "complete")) p.complete = intervals_from(*set);
  if (const auto time = find(object, "runTime")) p.run_time = time_from(*time);
  if (const auto touched = find(object, "touched")) {
    for (auto [column, set] : touched->get_object())
      p.touched.columns[std::string(column)] = intervals_from(set);
  }
  if (const auto score = find(object, "qualityScore")) p.quality_score = double(*score);
  p.state = string_at(object, "state");
  return p;
}

}  // namespace

std::string to_json(const Provenance& p) {
  JsonWriter w;
  w.begin_object()
      .field("windrow", p.format)
      .field("asset", p.asset)
      .field("kind", p.kind)
      .field("run", p.run);
  const auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) w.field(key, value);
  };
  text("definition", p.definition);
  text("textHash", p.text_hash);
  text("dialect", p.dialect);
  if (!p.inputs.empty()) {
    w.key("inputs").begin_object();
    for (const auto& [name, input] : p.inputs) {
      w.key(name)
          .begin_object()
          .field("tableId", input.table_id)
          .field("version", input.version)
          .end_object();
    }
    w.end_object();
  }
  text("sample", p.sample);
  if (!p.intervals.empty()) write_intervals(w.key("intervals"), p.intervals);
  if (!p.complete.empty()) write_intervals(w.key("complete"), p.complete);
  if (p.run_time) w.field("runTime", iso(*p.run_time));
  if (!p.touched.columns.empty()) {
    w.key("touched").begin_object();
    for (const auto& [column, set] : p.touched.columns) write_intervals(w.key(column), set);
    w.end_object();
  }
  if (p.quality_score) w.field("qualityScore", *p.quality_score);
  text("state", p.state);
  return w.end_object().take();
}

Provenance provenance_from_json(std::string_view json) {
  return reading_json("a provenance record", [&] {
    simdjson::dom::parser parser;
    return record_from(parser.parse(json.data(), json.size()));
  });
}

std::optional<Provenance> provenance_of(const CommitInfo& info) {
  return reading_json("a provenance record", [&]() -> std::optional<Provenance> {
    simdjson::dom::parser parser;
    const JsonObject object = parser.parse(info.json);
    const auto record = find(object, "windrow");
    if (!record) return {};
    return record_from(*record);
  });
}

}  // namespace windrow::lake
