#include "app/compiled.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "columns/operator.h"
#include "sql/macros.h"
#include "tasks/model_facts.h"

namespace windrow::app {

namespace {

[[noreturn]] void no_model(const Workspace& workspace, const std::string& name,
                           const graph::Asset* asset) {
  if (asset) {
    throw Error(Code::usage,
                fmt::format("\"{}\" is a {}, which has no SELECT of its own", asset->name,
                            graph::name_of(asset->kind)),
                asset->kind == graph::Kind::publication
                    ? "its file, " + asset->file + ", says what it sends"
                    : "name a model: `windrow ls` shows which there are");
  }
  std::vector<std::string> known;
  for (const auto& model : workspace.project.models) known.push_back(model.name);
  auto hint = did_you_mean(name, known);
  for (const auto& each : known) {
    if (each.ends_with("." + name)) hint = "did you mean \"" + each + "\"?";
  }
  throw Error(Code::usage, fmt::format("there is no model \"{}\"", name),
              hint.empty() ? "`windrow ls` shows which models there are" : hint);
}

/// The parameters in a text filled in where there are values, from the last to the first.
std::string filled(const sql::Parsed& select, const Parameters& values) {
  std::string out = select.text;
  auto uses = select.parameters;
  std::sort(uses.begin(), uses.end(),
            [](const auto& a, const auto& b) { return a.position > b.position; });
  for (const auto& use : uses) {
    const auto value = values.find(use.name);
    if (value != values.end())
      out.replace(use.position, use.name.size() + 1, tasks::literal_of(value->second));
  }
  return out;
}

}  // namespace

Compiled compiled(const Workspace& workspace, const std::string& name,
                  const std::optional<Interval>& interval) {
  const auto* asset = workspace.graph.resolve(name);
  if (!asset) asset = workspace.graph.find(name);
  const auto* model = asset ? workspace.project.model(asset->name) : nullptr;
  if (!model) no_model(workspace, name, asset);
  auto values = tasks::variables_of(workspace.project);
  if (interval) {
    if (model->build.kind != project::BuildKind::interval) {
      throw Error(Code::usage, fmt::format("\"{}\" is not built by intervals", model->name),
                  "leave --start and --end out");
    }
    tasks::add_interval(values, *interval,
                        *Grain::parse(model->build.grain, workspace.project.zone));
  }
  const auto& select = workspace.graph.selects.at(model->name);
  Compiled out;
  out.model = model->name;
  out.build = std::string(project::name_of(model->build.kind));
  out.sql = filled(select, values);
  const auto used = select.parameter_names();
  for (const char* parameter : {"start", "end", "run_time"}) {
    if (used.count(parameter) && !values.count(parameter)) out.parameters.push_back(parameter);
  }
  const auto tables = select.table_names();
  out.inputs.assign(tables.begin(), tables.end());
  out.new_rows = model->new_rows;
  if (model->through) out.through = model->through->kind->name();
  if (!select.pieces.empty()) {
    for (const auto& macro : workspace.graph.macros->definitions(model->sql, {}))
      out.macros.push_back(macro.name);
  }
  return out;
}

}  // namespace windrow::app
