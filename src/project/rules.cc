#include "project/rules.h"

#include <unordered_map>

#include "base/nearest.h"
#include "base/text.h"
#include "project/names.h"
#include "project/task_rules.h"
#include "project/types.h"

namespace windrow::project {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// `did you mean "x"?`, else what there is.
std::string choice_hint(std::string_view name, const std::vector<std::string>& known,
                        const std::string& what) {
  std::string hint = did_you_mean(name, known);
  if (hint.empty())
    hint = known.empty() ? "the project has no " + what : what + ": " + listed(known);
  return hint;
}

struct Table {
  std::string_view name;
  std::string what;  // `model`, `source`, `seed`
  Place place;
};

std::vector<Table> tables_of(const Project& project) {
  std::vector<Table> out;
  for (const auto& source : project.sources) out.push_back({source.name, "source", source.place});
  for (const auto& model : project.models) out.push_back({model.name, "model", {model.file, 0, 0}});
  for (const auto& seed : project.seeds) out.push_back({seed.name, "seed", {seed.file, 0, 0}});
  return out;
}

void check_tables(const std::vector<Table>& tables, const Project& project, Problems& problems) {
  std::unordered_map<std::string, const Table*> seen;
  std::vector<std::string> layers;
  for (const auto& layer : project.layers) layers.push_back(layer.name);
  for (const auto& table : tables) {
    if (table.name.empty()) continue;
    const auto [other, is_new] = seen.emplace(lower(table.name), &table);
    if (!is_new) {
      const Table& first = *other->second;
      const std::string as = first.name == table.name
                                 ? ""
                                 : " as " + in_quotes(first.name) + ", which differs only by case";
      problems.add(Code::configuration,
                   "table " + in_quotes(table.name) + " is made twice: also by the " + first.what +
                       " in " + first.place.text() + as,
                   "", table.place);
    }
    const std::string layer(table.name.substr(0, table.name.find('.')));
    if (table.what == "seed") continue;
    if (layer == "seeds") {
      problems.add(Code::configuration, "layer \"seeds\" is kept for the files in seeds/",
                   "choose another layer", table.place);
    } else if (!layers.empty() && !project.layer(layer)) {
      problems.add(Code::configuration,
                   "layer " + in_quotes(layer) + " of " + table.what + " " + in_quotes(table.name) +
                       " is not declared in windrow.yaml",
                   choice_hint(layer, layers, "layers"), table.place);
    }
  }
}

void check_models(const Project& project, Problems& problems) {
  for (const auto& model : project.models) {
    if (model.build.kind != BuildKind::interval) continue;
    const auto begin = project.begin_of(model), end = project.end_of(model);
    if (!begin) {
      problems.add(Code::configuration,
                   "interval model " + in_quotes(model.name) +
                       " needs \"begin\" in windrow.yaml: intervals exist from there on",
                   "add a line such as begin: 2025-01-01", model.build.place);
    } else if (end && *end <= *begin) {
      problems.add(Code::configuration,
                   "intervals of " + in_quotes(model.name) + " would end at " + iso(*end) +
                       ", before they begin at " + iso(*begin),
                   "put \"end\" after \"begin\", here or in windrow.yaml", model.build.place);
    }
  }
}

/// Where sizes of pools are given, a name that is not among them is a slip, and so is asking for
/// more than there is.
void check_pools(const Project& project, Problems& problems) {
  std::vector<std::string> known;
  for (const auto& [name, size] : project.pools) known.push_back(name);
  const auto look = [&](const std::string& asset, const Common& common, const std::string& file) {
    const auto& share = common.pool;
    if (share.pool.empty()) return;
    const auto found = project.pools.find(share.pool);
    const std::string said = in_quotes(asset) + " is in pool " + in_quotes(share.pool);
    if (found == project.pools.end() && !known.empty()) {
      problems.add(Code::configuration, said + ", which is not among the pools of windrow.yaml",
                   choice_hint(share.pool, known, "pools"), {file, 0, 0});
      return;
    }
    const PoolSize size = found == project.pools.end() ? PoolSize{} : found->second;
    if (share.slots > size.slots || (size.memory > 0 && share.memory > size.memory)) {
      problems.add(Code::configuration, said + " and takes more of it than there is",
                   "give the pool more in windrow.yaml, or the asset less", {file, 0, 0});
    } else if (share.memory > 0 && size.memory == 0) {
      problems.add(Code::configuration, said + " and takes memory of it, which nobody counts",
                   "give the pool a size: pools: {" + share.pool + ": {memory: 8GB}}",
                   {file, 0, 0});
    }
  };
  for (const auto& source : project.sources) look(source.name, source.common, source.file);
  for (const auto& seed : project.seeds) look(seed.name, seed.common, seed.declared_in);
  for (const auto& model : project.models) look(model.name, model.common, model.file);
  for (const auto& publication : project.publications)
    look("publish." + publication.name, publication.common, publication.file);
  for (const auto& task : project.tasks) look(task.name, task.common, task.file);
}

/// A name that a table had before is nobody's any more, and only one table can have had it.
void check_renames(const std::vector<Table>& tables, const Project& project, Problems& problems) {
  std::unordered_map<std::string, const Model*> heirs;
  for (const auto& model : project.models) {
    const std::string& former = model.renamed_from;
    if (former.empty()) continue;
    const std::string said =
        "model " + in_quotes(model.name) + " is renamed from " + in_quotes(former);
    for (const auto& table : tables) {
      if (lower(table.name) != lower(former)) continue;
      problems.add(Code::configuration,
                   said + ", which the " + table.what + " in " + table.place.text() + " makes",
                   "take renamed_from out, or that file", {model.file, 0, 0});
    }
    if (const auto [other, is_new] = heirs.emplace(lower(former), &model); !is_new) {
      problems.add(
          Code::configuration,
          said + ", and so is " + in_quotes(other->second->name) + " in " + other->second->file,
          "a table goes on under one name", {model.file, 0, 0});
    }
    if (model.build.kind == BuildKind::view) {
      problems.add(Code::configuration, said + ", but a view keeps no table",
                   "take renamed_from out", {model.file, 0, 0});
    }
  }
}

void check_publications(const Project& project, Problems& problems) {
  std::vector<std::string> connections;
  for (const auto& [name, connection] : project.connections) connections.push_back(name);
  std::unordered_map<std::string, const Publication*> seen;
  for (const auto& publication : project.publications) {
    const auto [other, is_new] = seen.emplace(lower(publication.name), &publication);
    if (!is_new && !publication.name.empty()) {
      problems.add(Code::configuration,
                   "publication " + in_quotes(publication.name) + " is declared twice: also in " +
                       other->second->place.text(),
                   "", publication.place);
    }
    const Text& to = publication.to;
    if (!to.empty() && !project.connections.contains(to.value)) {
      problems.add(Code::configuration, "unknown connection " + in_quotes(to.shown()),
                   to.written.empty() ? choice_hint(to.value, connections, "connections") : "",
                   to.place);
    }
  }
}

void check_task_names(const Project& project, Problems& problems) {
  std::unordered_map<std::string, const Task*> seen;
  for (const auto& task : project.tasks) {
    const auto [other, is_new] = seen.emplace(lower(task.name), &task);
    if (!is_new && !task.name.empty()) {
      problems.add(Code::configuration,
                   "task " + in_quotes(task.name) + " is declared twice: also in " +
                       other->second->place.text(),
                   "", task.place);
    }
  }
}

void check_tests(const Project& project, const std::vector<Table>& tables, Problems& problems) {
  if (project.tests.empty()) return;
  std::vector<std::string> names, models;
  std::set<std::string_view> known;
  for (const auto& table : tables) {
    known.insert(table.name);
    names.emplace_back(table.name);
  }
  std::set<std::string_view> known_models;
  for (const auto& model : project.models) {
    models.push_back(model.name);
    known_models.insert(model.name);
  }
  for (const auto& test : project.tests) {
    if (!test.model.empty() && !known_models.contains(test.model.value)) {
      problems.add(Code::configuration, "unknown model " + in_quotes(test.model.shown()),
                   test.model.written.empty() ? did_you_mean(test.model.value, models) : "",
                   test.model.place);
    }
    for (const auto& [table, rows] : test.given) {
      if (known.contains(table)) continue;
      problems.add(Code::configuration, "test gives rows of an unknown table " + in_quotes(table),
                   did_you_mean(table, names), rows.place);
    }
    for (const auto& [name, value] : test.vars) {
      auto found = project.vars.find(name);
      if (found == project.vars.end()) {
        problems.add(Code::configuration, "unknown variable " + in_quotes(name), "", value.place);
      } else if (!fits_variable(found->second.type, value.value, project.zone)) {
        problems.add(Code::configuration,
                     in_quotes(name) + ": expected a value of type " + found->second.type +
                         ", found " + in_quotes(value.shown()),
                     "", value.place);
      }
    }
  }
}

}  // namespace

void check_rules(const Project& project, const LoadOptions& options, Problems& problems) {
  const auto tables = tables_of(project);
  check_tables(tables, project, problems);
  check_models(project, problems);
  check_pools(project, problems);
  check_renames(tables, project, problems);
  check_publications(project, problems);
  check_task_names(project, problems);
  check_tasks(project, problems);
  check_tests(project, tables, problems);
  std::vector<std::string> environments;
  for (const auto& [name, environment] : project.environments) environments.push_back(name);
  for (const auto& name : {options.environment, options.defer}) {
    if (name.empty() || project.environments.contains(name)) continue;
    problems.add(Code::usage, "unknown environment " + in_quotes(name),
                 choice_hint(name, environments, "environments"));
  }
}

void settle_variables(Project& project, const LoadOptions& options, Problems& problems) {
  std::vector<std::string> known;
  for (const auto& [name, variable] : project.vars) known.push_back(name);
  for (const auto& [name, environment] : project.environments) {
    for (const auto& [key, value] : environment.vars) {
      auto found = project.vars.find(key);
      if (found == project.vars.end()) {
        problems.add(Code::configuration, "unknown variable " + in_quotes(key),
                     choice_hint(key, known, "vars"), value.place);
      } else if (name == options.environment) {
        if (!fits_variable(found->second.type, value.value, project.zone)) {
          problems.add(Code::configuration,
                       in_quotes(key) + ": expected a value of type " + found->second.type +
                           ", found " + in_quotes(value.shown()),
                       "", value.place);
        }
        found->second.value = value.value;
      }
    }
  }
  for (const auto& [name, value] : options.variables) {
    auto found = project.vars.find(name);
    if (found == project.vars.end()) {
      problems.add(Code::usage, "unknown variable " + in_quotes(name) + " (--var)",
                   choice_hint(name, known, "vars"));
    } else if (!fits_variable(found->second.type, value, project.zone)) {
      problems.add(Code::usage, "--var " + name + ": expected a value of type " +
                                    found->second.type + ", found " + in_quotes(value));
    } else {
      found->second.value = value;
    }
  }
}

}  // namespace windrow::project
