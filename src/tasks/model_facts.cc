#include "tasks/model_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/local_time.h"
#include "base/text.h"
#include "columns/operator.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/guided_scan.h"
#include "lake/table.h"
#include "operators/operators.h"

namespace windrow::tasks {

namespace {

using project::BuildKind;

const graph::Asset& asset_of(const graph::Graph& graph, const std::string& name) {
  const auto* asset = graph.resolve(name);
  WINDROW_INVARIANT(asset != nullptr);
  return *asset;
}

bool is_view(const project::Project& project, const std::string& name) {
  const auto* model = project.model(name);
  return model && model->build.kind == BuildKind::view;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += text + ",";
  return out;
}

const FormerNames kNone;

class Facts {
 public:
  /// With `former` names as the fingerprint would have been under those; it takes a connection to
  /// read the SELECTs anew.
  Facts(const project::Project& project, const graph::Graph& graph, const project::Model& model,
        Tables& tables, const FormerNames& former = kNone, duck::Connection* connection = nullptr)
      : project_(project),
        graph_(graph),
        model_(model),
        tables_(tables),
        former_(former),
        connection_(connection),
        select_(as_named(graph.selects.at(model.name))) {
    add_inputs(select_, graph.selects.at(model.name));
    for (const auto& name : model.partition_by) settings_["partition"] += name + ",";
    settings_["build"] = std::string(project::name_of(model.build.kind));
    settings_["key"] = joined(model.build.key);
    settings_["latest_by"] = model.build.latest_by;
    settings_["column"] = model.build.column;
    settings_["grain"] = model.build.grain;
    settings_["new_rows"] = under_former_name(graph, model.new_rows, former_);
    settings_["zone"] = project.zone;
    if (model.through) settings_["operator"] = model.through->meaning();
    add_functions(select_.text);
  }

  const sql::Parsed& select() const { return select_; }
  const sql::Catalog& catalog() const { return catalog_; }
  const std::map<std::string, std::string>& settings() const { return settings_; }
  const std::vector<std::string>& inputs() const { return inputs_; }
  /// Tables that views read, with rows of every interval, and which views those are.
  const std::map<std::string, std::set<std::string>>& read_by_views() const {
    return read_by_views_;
  }

 private:
  const sql::Parsed& as_named(const sql::Parsed& select) {
    if (!connection_) return select;
    const auto text = under_former_names(graph_, select, former_);
    read_anew_.push_back(sql::parse_select(*connection_, text, select.begin));
    return read_anew_.back();
  }

  /// A name in a comment or a text counts as a call: that costs a rebuild at most, when the
  /// function changes.
  void add_functions(const std::string& text) {
    const auto small = lower(text);
    for (const auto& function : operators::functions())
      if (small.find(function.name) != std::string::npos)
        settings_["function." + function.name] = std::to_string(function.version);
  }

  void add_inputs(const sql::Parsed& named, const sql::Parsed& select,
                  const std::set<std::string>& views = {}) {
    for (const auto& name : select.parameter_names()) {
      auto variable = project_.vars.find(name);
      if (variable != project_.vars.end())
        settings_["var." + name] = variable->second.value.value_or("");
    }
    for (const auto& name : select.table_names()) {
      const auto& asset = asset_of(graph_, name);
      if (is_view(project_, asset.name)) {
        const auto& inner = graph_.selects.at(asset.name);
        const auto& inner_named = as_named(inner);
        auto within = views;
        within.insert(asset.name);
        add_inputs(inner_named, inner, within);
        add_functions(inner.text);
        settings_["view." + asset.name] = sql::fingerprint(inner_named, catalog_, {});
        continue;
      }
      if (std::find(inputs_.begin(), inputs_.end(), asset.name) == inputs_.end())
        inputs_.push_back(asset.name);
      if (!views.empty()) read_by_views_[asset.name].insert(views.begin(), views.end());
      if (!named.star) continue;
      if (auto columns = tables_.columns(asset.name))
        catalog_[under_former_name(graph_, views.empty() ? name : asset.name, former_)] =
            std::move(*columns);
    }
  }

  const project::Project& project_;
  const graph::Graph& graph_;
  const project::Model& model_;
  Tables& tables_;
  const FormerNames& former_;
  duck::Connection* connection_;
  std::deque<sql::Parsed> read_anew_;
  const sql::Parsed& select_;
  sql::Catalog catalog_;
  std::map<std::string, std::string> settings_;
  std::vector<std::string> inputs_;
  std::map<std::string, std::set<std::string>> read_by_views_;
};

/// How the SELECT reads its tables, where need be with a look at their columns.
std::vector<sql::IntervalUse> intervals_of(const graph::Graph& graph, const sql::Parsed& select,
                                           Tables& tables, duck::Database& database) {
  if (!select.names_depend) return select.intervals;
  sql::Catalog catalog;
  for (const auto& name : select.table_names()) {
    if (auto columns = tables.columns(asset_of(graph, name).name))
      catalog[name] = std::move(*columns);
  }
  duck::Connection connection(database);
  return sql::intervals_over(connection, select, catalog);
}

/// An input counts by intervals where the SELECT proves that rows of other intervals do not matter,
/// or the model says in `reads` how far they do. Whatever reads it beside that, under another name
/// or through a view, must not matter either.
void add_interval_uses(const graph::Graph& graph, const std::vector<sql::IntervalUse>& uses,
                       const std::map<std::string, std::set<std::string>>& read_by_views,
                       const std::set<std::string>& declared, plan::Model& out) {
  std::set<std::string> whole;
  for (const auto& [name, views] : read_by_views) {
    if (!declared.count(name)) whole.insert(name);
  }
  for (const auto& use : uses) {
    const auto name = asset_of(graph, use.table).name;
    if (!use.expression || (!use.exact && !declared.count(name))) whole.insert(name);
    if (whole.count(name)) continue;
    for (auto& input : out.inputs) {
      if (input.name != name) continue;
      // `silver.a` and `a` may be compared in two ways.
      if (!input.expression.empty() && input.expression != *use.expression) whole.insert(name);
      input.expression = *use.expression;
    }
  }
  for (auto& input : out.inputs) {
    if (whole.count(input.name)) input.expression.clear();
  }
}

}  // namespace

plan::Model facts_of(const project::Project& project, const graph::Graph& graph,
                     const project::Model& model, Tables& tables, duck::Database& database) {
  const Facts facts(project, graph, model, tables);
  plan::Model out;
  out.name = model.name;
  out.kind = model.build.kind;
  out.definition = sql::fingerprint(facts.select(), facts.catalog(), facts.settings());
  out.by_run_time = facts.select().parameter_names().count("run_time") > 0;
  out.begin = project.begin_of(model).value_or(Time{});
  out.end = project.end_of(model);
  out.wait = model.build.wait.value_or(project::Duration{});
  std::set<std::string> declared;
  const auto* new_rows = model.new_rows.empty() ? nullptr : graph.resolve(model.new_rows);
  for (const auto& name : facts.inputs()) {
    plan::InputUse use;
    use.name = name;
    use.new_rows = new_rows && new_rows->name == name;
    if (const auto* made = project.model(name)) use.former = made->renamed_from;
    for (const auto& [read, how] : model.reads) {
      const auto* asset = graph.resolve(read);
      if (!asset) continue;
      const auto views = facts.read_by_views().find(name);
      const bool through =
          views != facts.read_by_views().end() && views->second.count(asset->name) > 0;
      if (asset->name == name || through)
        use.before = std::max(use.before, how.before.value_or(project::Duration{}));
      if (asset->name != name) continue;
      use.after = how.after.value_or(project::Duration{});
      use.lookup = how.lookup;
      if (how.before || how.after) declared.insert(name);
    }
    const auto* layer = project.layer(asset_of(graph, name).layer);
    if (layer && layer->retention) out.retention[name] = *layer->retention;
    out.inputs.push_back(std::move(use));
  }
  if (model.build.kind == BuildKind::interval) {
    out.grain = Grain::parse(model.build.grain, project.zone);
    add_interval_uses(graph, intervals_of(graph, facts.select(), tables, database),
                      facts.read_by_views(), declared, out);
  }
  return out;
}

FormerNames former_names(const project::Project& project) {
  FormerNames out;
  for (const auto& model : project.models) {
    if (!model.renamed_from.empty()) out[model.name] = model.renamed_from;
  }
  return out;
}

std::string under_former_name(const graph::Graph& graph, const std::string& written,
                              const FormerNames& former) {
  const auto* asset = former.empty() || written.empty() ? nullptr : graph.resolve(written);
  const auto found = asset ? former.find(asset->name) : former.end();
  if (found == former.end()) return written;
  const bool whole = written.find('.') != std::string::npos;
  return whole ? found->second : found->second.substr(found->second.find('.') + 1);
}

std::string under_former_names(const graph::Graph& graph, const sql::Parsed& select,
                               const FormerNames& former) {
  std::string out = select.text;
  for (auto use = select.tables.rbegin(); use != select.tables.rend(); ++use) {
    // A name in quotes stays, and counts as another one.
    if (out.compare(use->position, use->name.size(), use->name) != 0) continue;
    out.replace(use->position, use->name.size(), under_former_name(graph, use->name, former));
  }
  return out;
}

bool same_but_for_names(const project::Project& project, const graph::Graph& graph,
                        const project::Model& model, Tables& tables, duck::Database& database,
                        const lake::Provenance& recorded) {
  // It may have been built after one of them was renamed, and before another was.
  auto former = former_names(project);
  std::erase_if(former, [&](const auto& names) {
    return recorded.inputs.contains(names.first) || !recorded.inputs.contains(names.second);
  });
  if (former.empty()) return false;
  duck::Connection connection(database);
  const Facts then(project, graph, model, tables, former, &connection);
  return sql::fingerprint(then.select(), then.catalog(), then.settings()) == recorded.definition;
}

bool same_text_meaning(const project::Project& project, const graph::Graph& graph,
                       const project::Model& model, Tables& tables, duck::Database& database,
                       const std::string& old_text) {
  const Facts facts(project, graph, model, tables);
  duck::Connection connection(database);
  return sql::same_meaning(connection, old_text,
                           sql::fingerprint(facts.select(), facts.catalog(), facts.settings()),
                           facts.catalog(), facts.settings());
}

Parameters variables_of(const project::Project& project) {
  static const std::map<std::string, std::string> types{
      {"int", "BIGINT"},   {"double", "DOUBLE"}, {"text", "VARCHAR"},
      {"bool", "BOOLEAN"}, {"date", "DATE"},     {"timestamp", "TIMESTAMP"}};
  Parameters out;
  for (const auto& [name, variable] : project.vars) {
    auto type = types.find(variable.type);
    Parameter parameter;
    if (variable.value) parameter.value = *variable.value;
    parameter.type = type == types.end() ? "" : type->second;
    out[name] = std::move(parameter);
  }
  return out;
}

std::string literal_of(const Parameter& parameter) {
  const bool null = std::holds_alternative<std::monostate>(parameter.value);
  std::string text = null ? "NULL" : duck::quote_text(cell_text(parameter.value));
  return parameter.type.empty() ? text : "CAST(" + text + " AS " + parameter.type + ")";
}

bool compares_dates(const sql::Parsed& select, const graph::Graph& graph, Tables& tables) {
  const auto uses_of = [&](const char* name) {
    return std::count_if(select.parameters.begin(), select.parameters.end(),
                         [&](const auto& use) { return use.name == name; });
  };
  if (select.names_depend || uses_of("start") != 1 || uses_of("end") != 1) return false;
  for (const auto& use : select.intervals) {
    if (!use.expression || !use.exact) continue;
    const auto columns = tables.columns(asset_of(graph, use.table).name);
    if (!columns) return false;
    return std::any_of(columns->begin(), columns->end(), [&](const auto& column) {
      return column.type == "DATE" &&
             (*use.expression == column.name || *use.expression == duck::quote_name(column.name));
    });
  }
  return false;
}

void add_interval(Parameters& parameters, const Interval& interval, const Grain& grain,
                  bool dates) {
  // A local TIMESTAMP compares with DATE, TIMESTAMP and TIMESTAMPTZ columns alike, without a cast
  // of the column. Hours of a zone whose clocks move are told apart by moments only, and so is a
  // midnight that comes twice.
  const Time any_noon = time_from_micros(979'128'000'000'000);  // of a day without a change
  const bool by_moment = grain.zone() != "UTC" &&
                         grain.next(any_noon) - grain.floor(any_noon) < std::chrono::hours(20);
  const auto tick = std::chrono::microseconds(1);
  const auto set = [&](const char* name, Time t) {
    if (dates) {
      parameters[name] = Parameter(iso(date_boundary(t, grain.zone())).substr(0, 10), "DATE");
      return;
    }
    const Time local = local_boundary(t, grain.zone());
    if (by_moment || !(moments_of({local, local + tick}, grain.zone()) == Interval{t, t + tick})) {
      parameters[name] = Parameter(iso(t), "TIMESTAMP WITH TIME ZONE");
      return;
    }
    std::string text = iso(local);
    text.pop_back();
    parameters[name] = Parameter(text, "TIMESTAMP");
  };
  set("start", interval.start);
  set("end", interval.end);
}

void add_run_time(Parameters& parameters, Time run_time) {
  parameters["run_time"] = Parameter(iso(run_time), "TIMESTAMP WITH TIME ZONE");
}

std::string with_variables(const project::Project& project, const sql::Parsed& select) {
  std::string out = select.text;
  auto uses = select.parameters;
  std::sort(uses.begin(), uses.end(),
            [](const auto& a, const auto& b) { return a.position > b.position; });
  const auto variables = variables_of(project);
  for (const auto& use : uses) {
    const auto found = variables.find(use.name);
    if (found == variables.end()) continue;
    const auto& [name, parameter] = *found;
    out.replace(use.position, name.size() + 1, literal_of(parameter));
  }
  return out;
}

namespace {

void collect_inputs(const project::Project& project, const graph::Graph& graph,
                    const std::string& written, Tables& tables,
                    const std::map<std::string, lake::Relation>& replaced,
                    std::set<std::string>& seen, std::vector<engine::Input>& out) {
  if (!seen.insert(written).second) return;
  const auto& asset = asset_of(graph, written);
  if (is_view(project, asset.name)) {
    const auto& inner = graph.selects.at(asset.name);
    for (const auto& name : inner.table_names())
      collect_inputs(project, graph, name, tables, replaced, seen, out);
    out.push_back({written, with_variables(project, inner)});
    return;
  }
  if (auto other = replaced.find(asset.name); other != replaced.end()) {
    out.push_back({written, other->second});
    return;
  }
  if (!tables.exists(asset.name)) {
    throw Error(Code::not_found, "table \"" + asset.name + "\" is not in the lake yet",
                "build it first: windrow run --select +" + asset.name);
  }
  out.push_back(
      {written, tables.sampled(asset.name, lake::guided_scan(tables.snapshot(asset.name)))});
}

}  // namespace

std::vector<engine::Input> inputs_for(const project::Project& project, const graph::Graph& graph,
                                      const sql::Parsed& select, Tables& tables,
                                      const std::map<std::string, lake::Relation>& replaced,
                                      const std::vector<std::string>& more) {
  std::vector<engine::Input> out;
  std::set<std::string> seen;
  for (const auto& name : select.table_names())
    collect_inputs(project, graph, name, tables, replaced, seen, out);
  for (const auto& name : more) {
    if (graph.resolve(name)) collect_inputs(project, graph, name, tables, replaced, seen, out);
  }
  return out;
}

}  // namespace windrow::tasks
