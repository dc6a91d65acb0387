#include "project/project.h"

#include <algorithm>
#include <charconv>

#include "project/folders.h"

namespace windrow::project {
namespace {

/// Loaded projects are ordered by name; ones put together by hand may not be.
template <class T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  auto found = std::lower_bound(all.begin(), all.end(), name,
                                [](const T& a, std::string_view b) { return a.name < b; });
  if (found != all.end() && found->name == name) return &*found;
  for (const auto& each : all) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::string number_text(double number) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), number);
  return error == std::errc{} ? std::string(buffer, end) : std::string();
}

}  // namespace

std::vector<Text> related_tables(const std::vector<ColumnDeclaration>& columns,
                                 const std::vector<Check>& checks) {
  std::vector<Text> out;
  const auto look = [&](const Check& check) {
    const Value* to = check.name == "relationship" ? check.arguments.find("to") : nullptr;
    if (!to || std::any_of(out.begin(), out.end(),
                           [&](const Text& other) { return other.value == to->text(); }))
      return;
    out.push_back({to->text(), to->place, {}});
  };
  for (const auto& column : columns)
    std::for_each(column.checks.begin(), column.checks.end(), look);
  std::for_each(checks.begin(), checks.end(), look);
  return out;
}

const Value* Value::find(std::string_view key) const {
  if (const auto* map = std::get_if<Map>(&data)) {
    for (const auto& [name, value] : *map) {
      if (name.value == key) return &value;
    }
  }
  return nullptr;
}

std::string Connection::text(std::string_view key) const {
  const Value* found = settings.find(key);
  return found && !found->is_null() ? found->text() : std::string();
}

std::string Connection::file(std::string_view key, const std::string& root) const {
  std::string path = text(key);
  const bool whole = path.empty() || path.starts_with('/') || path.find("://") != std::string::npos;
  return whole ? path : root + "/" + path;
}

std::string Value::text() const {
  if (const auto* text = std::get_if<std::string>(&data)) return *text;
  if (!written.empty()) return written;
  if (const auto* flag = std::get_if<bool>(&data)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<int64_t>(&data)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&data)) return number_text(*number);
  const char* found = is_null()                            ? "nothing"
                      : std::holds_alternative<List>(data) ? "a list"
                                                           : "a mapping";
  throw Error(Code::configuration, std::string("expected a single value, found ") + found, "",
              place);
}

std::string_view name_of(BuildKind kind) {
  switch (kind) {
    case BuildKind::table: return "table";
    case BuildKind::interval: return "interval";
    case BuildKind::append: return "append";
    case BuildKind::merge: return "merge";
    case BuildKind::scd2: return "scd2";
    case BuildKind::view: return "view";
  }
  return "table";
}

const Model* Project::model(std::string_view name) const { return find_named(models, name); }
std::optional<Time> Project::begin_of(const Model& model) const {
  return model.build.begin ? model.build.begin : begin;
}
std::optional<Time> Project::end_of(const Model& model) const {
  return model.build.end ? model.build.end : end;
}
const Task* Project::task(std::string_view asset) const {
  constexpr std::string_view kBefore = "task.";
  if (!asset.starts_with(kBefore)) return nullptr;
  const auto name = asset.substr(kBefore.size());
  const auto found =
      std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}
std::string spill_folder(const Project& project) { return project.state_folder() + "/spill"; }
const Sensor* Project::sensor(std::string_view name) const { return find_named(sensors, name); }
const Source* Project::source(std::string_view name) const { return find_named(sources, name); }
const Seed* Project::seed(std::string_view name) const { return find_named(seeds, name); }
const Layer* Project::layer(std::string_view name) const {
  for (const auto& layer : layers) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}

}  // namespace windrow::project
