#include <cmath>

#include "app/json.h"

namespace windrow::app {

namespace {

Json cell_json(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return nullptr;
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth;
  if (const auto* number = std::get_if<int64_t>(&cell)) return *number;
  if (const auto* number = std::get_if<double>(&cell))
    return std::isfinite(*number) ? Json(*number) : Json();
  return std::get<std::string>(cell);
}

Json rows_json(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows) {
  Json out = Json::array();
  for (const auto& row : rows) {
    Json one = Json::object();
    for (size_t i = 0; i < columns.size(); ++i) one[columns[i].name] = cell_json(row[i]);
    out.push_back(std::move(one));
  }
  return out;
}

Json json_of(const WhyInput& input) {
  Json out{{"table", input.name}};
  if (input.from >= 0) out["from"] = input.from;
  out["to"] = input.to;
  if (input.replaced) out["replaced"] = true;
  if (!input.not_followed.empty()) out["not_followed"] = input.not_followed;
  if (!input.followed.empty()) out["changes"] = app::json_of(input.followed.front());
  return out;
}

Json json_of(const WhyVersion& version) {
  Json out{
      {"version", version.version}, {"time", iso(version.time)}, {"operation", version.operation}};
  if (!version.kind.empty()) out["kind"] = version.kind;
  if (!version.run.empty()) out["run"] = version.run;
  out["engine"] = version.engine;
  out["reasons"] = version.reasons;
  if (!version.intervals.empty()) {
    out["intervals"] = Json::array();
    for (const auto& part : version.intervals)
      out["intervals"].push_back({{"start", iso(part.start)}, {"end", iso(part.end)}});
  }
  if (version.definition) {
    out["definition"] = Json::object();
    if (!version.definition->before.empty())
      out["definition"]["before"] = version.definition->before;
    if (!version.definition->after.empty()) out["definition"]["after"] = version.definition->after;
  }
  out["inputs"] = Json::array();
  for (const auto& input : version.inputs) out["inputs"].push_back(json_of(input));
  if (!version.read.empty()) out["read"] = version.read;
  if (version.rows_added) out["rows_added"] = *version.rows_added;
  if (version.rows_removed) out["rows_removed"] = *version.rows_removed;
  if (version.in_log)
    out["files"] = {{"added", version.files_added},
                    {"removed", version.files_removed},
                    {"bytes", version.bytes_added},
                    {"paths", version.files}};
  if (const auto& rows = version.rows) {
    out["rows"] = {{"removed", rows->removed},
                   {"added", rows->added},
                   {"before", rows_json(rows->columns, rows->before)},
                   {"after", rows_json(rows->columns, rows->after)}};
  }
  return out;
}

}  // namespace

Json json_of(const WhyTable& table) {
  Json out{{"table", table.table}};
  if (!table.condition.empty()) out["condition"] = table.condition;
  out["since"] = table.after + 1;
  out["latest"] = table.latest;
  out["versions"] = Json::array();
  for (const auto& version : table.versions) out["versions"].push_back(json_of(version));
  out["more"] = table.more;
  out["lost"] = table.lost;
  if (!table.condition.empty()) {
    out["looked_at"] = {{"commits", table.commits},
                        {"files_read", table.files_read},
                        {"files_there", table.files_there}};
  }
  return out;
}

}  // namespace windrow::app
