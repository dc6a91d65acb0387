#include <nlohmann/json.hpp>

#include "project/shape.h"

namespace windrow::project {
namespace {

using Json = nlohmann::ordered_json;

/// A variable may stand wherever a value may.
constexpr const char* kVariablePattern = "\\$\\{";

Json schema_of(const Shape& shape);

Json text_schema(const Shape& shape) {
  if (!shape.words.empty()) {
    return {{"anyOf", Json::array({Json{{"enum", shape.words}},
                                   Json{{"type", "string"}, {"pattern", kVariablePattern}}})}};
  }
  if (!shape.pattern.empty()) {
    return {{"type", "string"}, {"pattern", "^(" + shape.pattern + ")$|" + kVariablePattern}};
  }
  // A text may be written without quotes even where YAML takes it for a number.
  return {{"type", Json::array({"string", "number", "boolean"})}};
}

Json or_variable(Json schema) {
  return {{"anyOf", Json::array({std::move(schema),
                                 Json{{"type", "string"}, {"pattern", kVariablePattern}}})}};
}

Json object_schema(const Shape& shape) {
  Json properties = Json::object(), required = Json::array();
  for (const auto& key : shape.keys) {
    Json property = schema_of(key.shape);
    property["description"] = key.sentence;
    properties[key.key] = std::move(property);
    if (key.required) required.push_back(key.key);
  }
  Json out = {{"type", "object"},
              {"properties", std::move(properties)},
              {"additionalProperties", shape.open}};
  if (!required.empty()) out["required"] = std::move(required);
  if (shape.one_key) out["minProperties"] = out["maxProperties"] = 1;
  return out;
}

Json schema_of(const Shape& shape) {
  switch (shape.form) {
    case Shape::Form::any: return Json::object();
    case Shape::Form::text: return text_schema(shape);
    case Shape::Form::boolean: return or_variable({{"type", "boolean"}});
    case Shape::Form::integer:
    case Shape::Form::number: {
      Json number = {{"type", shape.form == Shape::Form::integer ? "integer" : "number"}};
      if (shape.minimum) number["minimum"] = *shape.minimum;
      return or_variable(std::move(number));
    }
    case Shape::Form::list:
      return {{"type", Json::array({"array", "null"})}, {"items", schema_of(shape.parts.front())}};
    case Shape::Form::keyed:
      return {{"type", Json::array({"object", "null"})},
              {"additionalProperties", schema_of(shape.parts.front())}};
    case Shape::Form::object: return object_schema(shape);
    case Shape::Form::either: {
      Json parts = Json::array();
      for (const auto& part : shape.parts) parts.push_back(schema_of(part));
      return {{"anyOf", std::move(parts)}};
    }
  }
  return Json::object();
}

}  // namespace

std::string json_schema(std::string_view kind, const Kinds& kinds) {
  Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "windrow " + std::string(kind)}};
  Json root = schema_of(shape_of(kind, kinds));
  if (kind == "test" || kind == "schedule" || kind == "sensor") {
    const Json one = root;
    root = {{"anyOf", Json::array({one, Json{{"type", "array"}, {"items", one}}})}};
  }
  for (auto& [key, value] : root.items()) out[key] = std::move(value);
  return out.dump(2) + "\n";
}

}  // namespace windrow::project
