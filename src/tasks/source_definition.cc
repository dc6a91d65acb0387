#include "tasks/source_definition.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "base/secret_text.h"
#include "duck/duck.h"
#include "tasks/audit.h"

namespace windrow::tasks {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOthersStay = "rows that are there stay as they are";

/// `given`: names that the server gives, some of them to secrets.
Json json_of(const project::Value& value, bool given = false) {
  if (const auto* list = std::get_if<project::Value::List>(&value.data)) {
    Json out = Json::array();
    for (const auto& item : *list) out.push_back(json_of(item));
    return out;
  }
  if (const auto* map = std::get_if<project::Value::Map>(&value.data)) {
    Json out = Json::object();
    for (const auto& [key, item] : *map) {
      out[key.shown()] =
          given && names_secret(key.value) ? Json("***") : json_of(item, key.value == "params");
    }
    return out;
  }
  // As it is written: what was filled in from outside may be a secret.
  return value.is_null() ? Json() : Json(value.written.empty() ? value.text() : value.written);
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void compare_column(const std::string& name, const Json& before, const Json& now,
                    std::vector<std::string>& out) {
  const auto type_before = text_at(before, "type"), type = text_at(now, "type");
  if (type_before != type) {
    out.push_back(fmt::format("column \"{}\" is now {}, was {}: its rows need reading again", name,
                              type.empty() ? "of an inferred type" : "of type " + type,
                              type_before.empty() ? "inferred" : type_before));
  }
  if (text_at(before, "value") != text_at(now, "value"))
    out.push_back(fmt::format("column \"{}\" is computed otherwise: {}", name, kOthersStay));
}

}  // namespace

std::string source_definition(const project::Source& source, const sources::SourceKind& kind) {
  Json out;
  out["kind"] = source.kind;
  out["format"] = source.format;
  out["raw"] = source.raw;
  out["explode"] = source.explode;
  out["columns"] = Json::object();
  for (const auto& column : source.columns)
    out["columns"][column.name] = {{"type", column.type}, {"value", column.value}};
  out["partition_by"] = Json::array();
  for (const auto& [column, expression] : source.partition_by)
    out["partition_by"].push_back({column, expression});
  out["from"] = Json::object();
  for (const auto& key : kind.shaping) {
    if (const auto* value = source.from.find(key)) out["from"][key] = json_of(*value);
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> definition_changes(const std::string& before_text,
                                            const std::string& now_text) {
  std::vector<std::string> out;
  if (before_text == now_text) return out;
  const auto before = Json::parse(before_text, nullptr, false);
  const auto now = Json::parse(now_text);
  if (!before.is_object() || !before.contains("columns"))
    return {fmt::format("the definition has changed: {}", kOthersStay)};
  const auto& was = before["columns"];
  for (const auto& [name, column] : now["columns"].items()) {
    if (was.contains(name)) {
      compare_column(name, was[name], column, out);
    } else {
      out.push_back(fmt::format("column \"{}\" is new: NULL in the rows that are there", name));
    }
  }
  for (const auto& [name, column] : was.items()) {
    if (!now["columns"].contains(name))
      out.push_back(fmt::format("column \"{}\" is not declared any more: {}", name, kOthersStay));
  }
  for (const auto& [key, value] : now.items()) {
    if (key == "columns" || (before.contains(key) && before[key] == value)) continue;
    out.push_back(fmt::format("`{}` has changed: {}", key, kOthersStay));
  }
  return out;
}

std::vector<std::string> changes_of_definition(const Context& context,
                                               const project::Source& source) {
  const auto table = context.lake.table(source.name);
  if (!table.exists()) return {};
  const auto last = table.provenance().last;
  const std::string now = source_definition(source, context.sources->of(source));
  if (!last || last->text_hash.empty() || last->text_hash == sha256(now)) return {};
  return definition_changes(context.lake.definition(last->text_hash).value_or(""), now);
}

void name_definition(const Context& context, const project::Source& source,
                     lake::Provenance& record) {
  const std::string text = source_definition(source, context.sources->of(source));
  record.definition = record.text_hash = sha256(text);
  context.lake.keep_definition(record.text_hash, text);
}

void take_definition(const Context& context, const project::Source& source, Report& report) {
  const auto changes = changes_of_definition(context, source);
  if (changes.empty()) return;
  duck::Connection connection(context.database);
  const auto table = context.lake.table(source.name);
  const auto snapshot = table.snapshot({}, &connection);
  const auto last = table.provenance().last;
  lake::CommitRequest request;
  request.operation = "WRITE";
  request.read_version = snapshot.version;
  request.base = lake::base_of(snapshot);
  auto record = record_of(context, source.name, "source");
  name_definition(context, source, record);
  if (last) record.state = last->state;  // how far it has come
  request.provenance = record;
  // What others have committed tells of a later state than ours.
  request.rebase = [](const auto&, auto&) {
    return std::optional<std::string>("written meanwhile");
  };
  const auto version = commit(context, source.name, std::move(request), {});
  if (!version) return;
  report.changed = true;
  report.version = *version;
}

}  // namespace windrow::tasks
