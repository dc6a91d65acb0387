#include "app/work.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/kinds.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "duck/duck.h"
#include "tasks/boundary.h"
#include "tasks/model_facts.h"
#include "tasks/seed_file.h"

namespace windrow::app {

namespace {

/// A source that was never read has the columns that its file declares, where it declares all their
/// types.
/// Before it was read, nobody knows all of its columns.
bool finds_columns(const project::Source& source) {
  const auto* kind = kinds().sources.find(source.kind);
  return kind && kind->finds_columns && source.raw.empty();
}

std::vector<Column> declared_columns(const project::Source& source) {
  std::vector<Column> out;
  if (!source.raw.empty()) out.push_back({source.raw, "VARCHAR"});
  if (const auto* kind = kinds().sources.find(source.kind))
    out.insert(out.end(), kind->columns.begin(), kind->columns.end());
  for (const auto& column : source.columns) {
    if (column.name == source.raw) continue;
    if (column.type.empty()) return {};
    out.push_back({column.name, column.type});
  }
  for (const auto& [name, expression] : source.partition_by) {
    if (!expression.empty()) out.push_back({name, "BIGINT"});
  }
  return out;
}

}  // namespace

Work::Work(std::shared_ptr<const Workspace> workspace, std::shared_ptr<Services> services,
           Cancel& cancel)
    : workspace_(std::move(workspace)),
      services_(std::move(services)),
      cancel_(cancel),
      secrets_(services_->secrets()),
      clock_(services_->clock()),
      files_(&services_->files()),
      project_(workspace_->project),
      environment_(workspace_->environment),
      graph_(workspace_->graph),
      database_held_(services_->database()),
      database_(*database_held_),
      sql_cache_(services_->sql_cache()),
      shared_(services_->shared()) {}

std::unique_ptr<tasks::Tables> Work::tables() {
  auto out = std::make_unique<tasks::Tables>(lake_if_there(), services_->deferred(), database_,
                                             &sql_cache_, files_);
  if (sample_) out->thin(*sample_);
  out->compare_texts = [this, tables = out.get()](const std::string& name,
                                                  const std::string& old_text) {
    const auto* model = project_.model(name);
    return model &&
           tasks::same_text_meaning(project_, graph_, *model, *tables, database_, old_text);
  };
  out->same_but_for_names = [this, tables = out.get()](const std::string& name,
                                                       const lake::Provenance& recorded) {
    const auto* model = project_.model(name);
    return model &&
           tasks::same_but_for_names(project_, graph_, *model, *tables, database_, recorded);
  };
  if (auto* lake = lake_if_there()) {
    auto former = tasks::former_names(project_);
    std::erase_if(
        former, [&](const auto& names) { return !lake->may_take_over(names.second, names.first); });
    out->formerly(std::move(former));
  }
  return out;
}

tasks::Context Work::context(tasks::Tables& tables, const plan::Choices& choices,
                             const std::string& run) {
  return context(tables, choices, run, inside());
}

tasks::Context Work::context(tasks::Tables& tables, const plan::Choices& choices,
                             const std::string& run, engine::DuckEngine& inside) {
  return {project_, environment_, graph_,   lake(),          *files_,
          inside,   inside,       tables,   database_,       clock_,
          choices,  run,          &shared_, &kinds().stores, &kinds().sources};
}

plan::Choices Work::choices(const PlanOptions& options) const {
  plan::Choices out;
  out.now = clock_.now();
  out.full_refresh = options.full_refresh;
  out.rebuild_sealed = options.rebuild_sealed;
  out.start = options.start;
  out.end = options.end;
  out.rebuild = options.rebuild;
  return out;
}

std::set<size_t> Work::chosen(const std::string& select, const std::string& exclude) {
  std::map<std::string, std::string> results;
  graph::StateLookup lookup;
  lookup.result = [&](const std::string& asset, const std::string& result) {
    if (results.empty()) {
      const auto& history = services_->history();
      if (const auto last = history.run("")) {
        for (const auto& task : history.tasks(last->id)) results[task.asset] = task.status;
      }
      results[""] = "";
    }
    return results.count(asset) && results[asset] == result;
  };
  std::map<std::string, PlannedStep> steps;
  std::unique_ptr<tasks::Tables> world;
  lookup.state = [&](const std::string& asset, const std::string& state) {
    if (!world) {
      world = tables();
      std::set<size_t> all;
      for (size_t i = 0; i < graph_.assets.size(); ++i) all.insert(all.end(), i);
      look_at(*world, all);
    }
    if (!steps.count(asset)) steps[asset] = planned(*graph_.find(asset), *world, choices({}));
    const auto& step = steps[asset];
    const bool stale = !step.reasons.empty() || step.problem;
    if (state == "stale") return stale;
    if (state == "new")
      return stale && !step.reasons.empty() && step.reasons.front().starts_with("new");
    if (state == "current") return !stale;
    throw Error(Code::usage, fmt::format("state \"{}\" is not known", state),
                did_you_mean(state, {"stale", "new", "current"}));
  };
  auto out = graph::select(graph_, select, lookup);
  if (!exclude.empty()) {
    for (const size_t i : graph::select(graph_, exclude, lookup)) out.erase(i);
  }
  return out;
}

namespace {

/// What is in the lake of an asset.
void add_table(AssetView& view, const lake::Table& table, duck::Database& database) {
  duck::Connection connection(database);
  const auto snapshot = table.snapshot({}, &connection);
  view.version = snapshot.version;
  if (snapshot.rows() >= 0) view.rows = snapshot.rows();
  view.bytes = snapshot.bytes();
  view.files = int64_t(snapshot.files.size());
  view.updated = snapshot.timestamp;
}

}  // namespace

std::vector<TableNow> Work::look_at(const std::vector<std::string>& names) {
  std::vector<TableNow> out;
  const auto world = tables();
  for (const auto& name : names) {
    TableNow now{name, -1, {}};
    if (lake_if_there() && world->exists(name)) {
      now.version = world->version(name).version;
      now.complete_to = tasks::boundary_of(context(*world, choices({}), ""), name);
    }
    out.push_back(std::move(now));
  }
  return out;
}

std::vector<AssetView> Work::list(const std::string& select) {
  std::vector<AssetView> out;
  auto* lake = lake_if_there();
  for (const size_t i : chosen(select, "")) {
    const auto& asset = graph_.assets[i];
    AssetView view{asset.name, std::string(graph::name_of(asset.kind)),
                   asset.file, asset.layer,
                   "",         asset.tags,
                   {},         {},
                   {},         {},
                   {}};
    if (const auto* model = project_.model(asset.name)) {
      view.kind = std::string(project::name_of(model->build.kind));
      view.description = model->common.description;
    } else if (const auto* source = project_.source(asset.name)) {
      view.description = source->common.description;
    } else if (const auto* seed = project_.seed(asset.name)) {
      view.description = seed->common.description;
    }
    if (lake && lake->table(asset.name).exists())
      add_table(view, lake->table(asset.name), database_);
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<AssetView> Work::orphans() {
  std::vector<AssetView> out;
  auto* lake = lake_if_there();
  if (!lake) return out;
  std::set<std::string> known;
  for (const auto& asset : graph_.assets) known.insert(asset.name);
  // What a source keeps beside its table goes with it.
  for (const auto& source : project_.sources)
    known.insert({source.name + "_rejected", source.name + "_log"});
  for (const auto& [now, then] : tasks::former_names(project_)) {
    if (lake->may_take_over(then, now)) known.insert(then);
  }
  for (const auto& name : lake->tables()) {
    if (known.contains(name)) continue;
    AssetView view;
    view.name = name;
    view.kind = "orphan";
    view.layer = name.substr(0, name.find('.'));
    add_table(view, lake->table(name), database_);
    out.push_back(std::move(view));
  }
  return out;
}

/// What a run would make of it, whatever its table has; that a declaration is wrong `check` tells.
std::optional<std::vector<Column>> Work::columns_declared(const project::Seed& seed) {
  if (seed.declared_in.empty() || project_.doubtful.count(seed.name)) return {};
  try {
    Problems problems;
    const auto session = inside().open_inside({}, cancel_, {}, nullptr);
    std::vector<Column> out;
    for (auto& [column, declared] : tasks::columns_of(seed, *session, problems)) {
      if (declared)
        column.type = session->describe("SELECT CAST(NULL AS " + declared->type + ")").at(0).type;
      column.type = lake::duck_type(lake::type_from_duck(column.name, column.type));
      out.push_back(std::move(column));
    }
    return out;
  } catch (const Error&) {
    return {};
  }
}

namespace {

/// The columns that an operator makes of these.
std::vector<Column> out_of(const columns::OperatorUse& use, const std::vector<Column>& columns) {
  std::vector<Column> out;
  for (const auto& field : use.kind->output(lake::schema_from_duck(columns), use.settings).fields)
    out.push_back({field.name, lake::duck_type(field.type)});
  return out;
}

}  // namespace

bool Work::may_come(const Error& error, const sql::Catalog& inputs) {
  const std::string& message = error.problem().message;
  if (message.find("not found") == std::string::npos) return false;
  const size_t from = message.find('"') + 1, to = message.find('"', from);
  if (from == 0 || to == std::string::npos) return false;
  std::vector<std::string> known;
  for (const auto& [table, columns] : inputs)
    for (const auto& column : columns) known.push_back(column.name);
  return !nearest(message.substr(from, to - from), known);
}

sql::Catalog Work::catalog(Problems* problems, std::set<std::string>* unsure) {
  sql::Catalog out;
  std::set<std::string> more;  // assets that may have further columns
  auto world = tables();
  duck::Connection connection(database_);
  auto parameters = tasks::variables_of(project_);
  tasks::add_run_time(parameters, clock_.now());
  for (const auto& asset : graph_.assets) {
    cancel_.check();
    const auto* model = project_.model(asset.name);
    if (!model) {
      const auto* seed = project_.seed(asset.name);
      if (auto declared = seed ? columns_declared(*seed) : std::nullopt) {
        out[asset.name] = std::move(*declared);
      } else if (auto columns = world->columns(asset.name)) {
        out[asset.name] = std::move(*columns);
      } else if (const auto* source = project_.source(asset.name)) {
        if (auto declared = declared_columns(*source);
            !declared.empty() && !project_.doubtful.count(asset.name)) {
          out[asset.name] = std::move(declared);
          if (finds_columns(*source)) more.insert(asset.name);
        }
      }
      continue;
    }
    const auto parsed = graph_.selects.find(asset.name);
    sql::Catalog inputs;
    bool known = parsed != graph_.selects.end(), over_more = false;
    for (const auto& name : known ? parsed->second.table_names() : std::set<std::string>{}) {
      const auto* input = graph_.resolve(name);
      auto found = input ? out.find(input->name) : out.end();
      if (found == out.end()) {
        known = false;
      } else {
        inputs[name] = found->second;
        over_more |= more.contains(input->name);
      }
    }
    if (!known) {
      if (auto columns = world->columns(asset.name)) out[asset.name] = std::move(*columns);
      continue;
    }
    const auto& select = parsed->second;
    auto values = parameters;
    if (model->build.kind == project::BuildKind::interval || project_.doubtful.count(asset.name)) {
      auto grain = Grain::parse(model->build.grain, project_.zone);
      if (!grain) grain = Grain::parse("day", project_.zone);
      tasks::add_interval(values, grain->around(clock_.now()), *grain);
    }
    try {
      auto columns = sql::bind(connection, select, inputs, values, &sql_cache_);
      for (size_t i = 0; i < columns.size(); ++i) {
        auto& column = columns[i];
        try {
          column.type = lake::duck_type(lake::type_from_duck(column.name, column.type));
        } catch (const Error& error) {  // who reads it is looked at all the same
          if (duck::breach_of_type(column.type)) column.type = "VARCHAR";
          if (!problems) continue;
          Problem problem = error.problem();
          problem.code = Code::configuration;
          problem.message = fmt::format("model \"{}\": {}", asset.name, problem.message);
          problem.place = sql::place_of_column(connection, select, column.name, i);
          problems->add(problem);
        }
      }
      if (model->through) columns = out_of(*model->through, columns);
      if (model->build.kind == project::BuildKind::scd2) {
        columns.insert(
            columns.end(),
            {{"valid_from", "TIMESTAMP"}, {"valid_to", "TIMESTAMP"}, {"is_current", "BOOLEAN"}});
      }
      out[asset.name] = std::move(columns);
      if (over_more && select.text.find('*') != std::string::npos) more.insert(asset.name);
    } catch (const Error& error) {
      if (problems && !(over_more && may_come(error, inputs))) problems->add(error);
    }
  }
  if (unsure) *unsure = std::move(more);
  sql_cache_.save();
  return out;
}

graph::Lineage Work::lineage(const std::string& subject) {
  if (subject.empty() || graph_.resolve(subject)) return graph::table_lineage(graph_, subject);
  const auto dot = subject.rfind('.');
  if (dot != std::string::npos && graph_.resolve(subject.substr(0, dot))) {
    duck::Connection connection(database_);
    return graph::column_lineage(graph_, subject.substr(0, dot), subject.substr(dot + 1),
                                 catalog(nullptr), connection);
  }
  return graph::table_lineage(graph_, subject);  // says what is near
}

namespace {

/// A row that is given has a column that is not among these.
bool gives_more(const project::Value& rows, const std::vector<Column>& columns) {
  const auto* list = std::get_if<project::Value::List>(&rows.data);
  for (const auto& row : list ? *list : project::Value::List()) {
    const auto* fields = std::get_if<project::Value::Map>(&row.data);
    for (const auto& [name, value] : fields ? *fields : project::Value::Map()) {
      const auto same = [&, &key = name.value](const Column& column) { return column.name == key; };
      if (std::none_of(columns.begin(), columns.end(), same)) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<quality::UnitTestResult> Work::unit_tests(const std::string& select) {
  std::vector<quality::UnitTestResult> out;
  const auto wanted = chosen(select, "");
  std::set<std::string> unsure;
  const auto columns = catalog(nullptr, &unsure);
  for (const auto& test : project_.tests) {
    const auto* asset = graph_.resolve(test.model.value);
    if (!asset || !project_.model(asset->name)) {
      std::vector<std::string> known;
      for (const auto& model : project_.models) known.push_back(model.name);
      throw Error(Code::configuration,
                  fmt::format("test \"{}\" is of the model \"{}\", which there is not", test.name,
                              test.model.value),
                  did_you_mean(test.model.value, known), test.model.place);
    }
    if (!wanted.count(graph_.by_name.at(asset->name))) continue;
    const auto& parsed = graph_.selects.at(asset->name);
    sql::Catalog inputs;
    for (const auto& name : parsed.table_names()) {
      const auto found = columns.find(graph_.resolve(name)->name);
      if (found == columns.end()) continue;
      const auto given = test.given.find(name);
      if (unsure.contains(found->first) && given != test.given.end() &&
          gives_more(given->second, found->second))
        continue;  // then its columns are those that the rows show
      inputs[name] = found->second;
    }
    auto parameters = tasks::variables_of(project_);
    for (const auto& [name, value] : test.vars) {
      if (parameters.count(name)) parameters[name].value = value.value;
    }
    const auto* model = project_.model(asset->name);
    const Time at = test.at.value_or(clock_.now());
    tasks::add_run_time(parameters, at);
    if (model->build.kind == project::BuildKind::interval) {
      const auto grain = Grain::parse(model->build.grain, project_.zone);
      auto interval = grain->around(at);
      if (test.start) interval.start = *test.start;
      if (test.end) interval.end = *test.end;
      tasks::add_interval(parameters, interval, *grain);
    }
    duck::Connection connection(database_);
    out.push_back(
        quality::run_unit_test(connection, test, parsed, inputs, parameters, model->through.get()));
  }
  return out;
}

}  // namespace windrow::app
