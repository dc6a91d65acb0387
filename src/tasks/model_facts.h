#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"
#include "engine/engine.h"
#include "graph/graph.h"
#include "plan/plan.h"
#include "project/project.h"
#include "tasks/tables.h"

namespace windrow::tasks {

/// What planning has to know of a model: its inputs with views replaced by what they read, and its
/// fingerprint over the inputs' columns as pinned now.
plan::Model facts_of(const project::Project& project, const graph::Graph& graph,
                     const project::Model& model, Tables& tables, duck::Database& database);

/// True where `old_text` of the model means the same as the present one.
bool same_text_meaning(const project::Project& project, const graph::Graph& graph,
                       const project::Model& model, Tables& tables, duck::Database& database,
                       const std::string& old_text);

/// True where the recorded definition is the model's fingerprint but for the names that its inputs
/// had when it was built (`renamed_from`).
bool same_but_for_names(const project::Project& project, const graph::Graph& graph,
                        const project::Model& model, Tables& tables, duck::Database& database,
                        const lake::Provenance& recorded);

/// Tables by their names of now, with the names before.
using FormerNames = std::map<std::string, std::string>;
FormerNames former_names(const project::Project& project);
/// The SELECT's text with tables called as they were before.
std::string under_former_names(const graph::Graph& graph, const sql::Parsed& select,
                               const FormerNames& former);
/// The same for one name, with or without its layer.
std::string under_former_name(const graph::Graph& graph, const std::string& written,
                              const FormerNames& former);

/// The project's variables as typed parameters.
Parameters variables_of(const project::Project& project);
/// The SELECT of a view, which takes no parameters: values stand in its text.
std::string with_variables(const project::Project& project, const sql::Parsed& select);
/// A value as SQL, with its type.
std::string literal_of(const Parameter& parameter);
/// True where $start and $end are nothing but the bounds of one DATE column. As DATEs they spare
/// that column a cast, and there are dates that no TIMESTAMP can be.
bool compares_dates(const sql::Parsed& select, const graph::Graph& graph, Tables& tables);
/// `$start`, `$end` of an interval: local times of the project's zone, or moments where the clocks'
/// changes matter; with `dates` the first dates that belong to what is from then on.
void add_interval(Parameters& parameters, const Interval& interval, const Grain& grain,
                  bool dates = false);
void add_run_time(Parameters& parameters, Time run_time);

/// Views for a session, inner ones first: every table a SELECT names, at its pinned version.
/// `replaced` binds tables to other SELECTs (new rows).
std::vector<engine::Input> inputs_for(const project::Project& project, const graph::Graph& graph,
                                      const sql::Parsed& select, Tables& tables,
                                      const std::map<std::string, lake::Relation>& replaced,
                                      const std::vector<std::string>& more = {});

}  // namespace windrow::tasks
