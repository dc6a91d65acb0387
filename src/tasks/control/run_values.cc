#include "tasks/control/run_values.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/url.h"
#include "duck/quoting.h"

namespace windrow::tasks {

namespace {

using Json = nlohmann::ordered_json;

Json parsed_value(const std::string& text) { return Json::parse(text); }

/// Nothing: nothing of a run's.
std::optional<Json> value_of(const project::RunReference& reference, const RunValues& values) {
  const auto& path = reference.path;
  const bool output = path[0] == "task" && path.size() > 2;
  const bool of_row = !values.variable.empty() && path[0] == values.variable;
  if (!output && !of_row) {
    const auto found = values.named.find(path[0]);
    if (found == values.named.end() || path.size() > 1) return {};
    return Json(found->second);
  }
  const auto missing = [&](const std::string& why) -> Json {
    if (reference.otherwise) return *reference.otherwise;
    throw Error(Code::data, why, "where it may be missing write a default: ${…:-default}");
  };
  if (of_row) {
    const auto found = values.row.find(path.size() > 1 ? path[1] : "");
    if (found == values.row.end())
      return missing("the rows of for_each have no column \"" + path[1] + "\"");
    auto value = parsed_value(found->second);
    return value.is_null() ? missing("\"" + path[0] + "\" is NULL in this row") : value;
  }
  Json value;
  try {
    value = parsed_value(values.output(path[1]));
  } catch (const Error&) {
    if (reference.otherwise) return Json(*reference.otherwise);
    throw;
  }
  for (size_t i = 3; i < path.size(); ++i) {
    if (!value.is_object() || !value.contains(path[i]))
      return missing("the output of task \"" + path[1] + "\" has no field \"" + path[i] + "\"");
    value = Json(value[path[i]]);
  }
  return value;
}

std::string text_of_json(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "";
  return value.dump();
}

std::string written_as(const Json& value, Fills how) {
  switch (how) {
    case Fills::text: return text_of_json(value);
    case Fills::url: return percent_encoded(text_of_json(value));
    case Fills::literal: break;
  }
  if (value.is_null()) return "NULL";
  if (value.is_number() || value.is_boolean()) return value.dump();
  return duck::quote_text(text_of_json(value));
}

}  // namespace

std::string fill(std::string_view text, const RunValues& values, Fills how) {
  std::string out;
  size_t from = 0;
  for (const auto& reference : project::run_references(text)) {
    const auto value = value_of(reference, values);
    if (!value) continue;
    out += text.substr(from, reference.at - from);
    out += written_as(*value, how);
    from = reference.at + reference.length;
  }
  out += text.substr(from);
  return out;
}

nlohmann::ordered_json fill(const project::Value& value, const RunValues& values) {
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    const auto references = project::run_references(*text);
    if (references.size() == 1 && references[0].length == text->size()) {
      if (const auto alone = value_of(references[0], values)) return *alone;
    }
    return fill(*text, values);
  }
  if (const auto* list = std::get_if<project::Value::List>(&value.data)) {
    auto out = Json::array();
    for (const auto& each : *list) out.push_back(fill(each, values));
    return out;
  }
  if (const auto* map = std::get_if<project::Value::Map>(&value.data)) {
    auto out = Json::object();
    for (const auto& [key, each] : *map) out[key.value] = fill(each, values);
    return out;
  }
  if (const auto* yes = std::get_if<bool>(&value.data)) return *yes;
  if (const auto* number = std::get_if<int64_t>(&value.data)) return *number;
  if (const auto* number = std::get_if<double>(&value.data)) return *number;
  return nullptr;
}

Parameters parameters_for(std::string_view sql, const RunValues& values) {
  Parameters out;
  for (const auto& reference : project::run_references(sql)) {
    auto& parameter = out[project::run_parameter(reference.at)];
    const auto value = value_of(reference, values);
    if (!value || value->is_null()) continue;
    if (value->is_boolean())
      parameter = Parameter(value->get<bool>());
    else if (value->is_number_integer())
      parameter = Parameter(value->get<int64_t>());
    else if (value->is_number())
      parameter = Parameter(value->get<double>());
    else
      parameter = Parameter(text_of_json(*value));
  }
  return out;
}

}  // namespace windrow::tasks
