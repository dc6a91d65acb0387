#include <fmt/format.h>

#include <algorithm>

#include "app/kinds.h"
#include "app/work.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "quality/check.h"
#include "tasks/model_facts.h"
#include "tasks/seed_file.h"

namespace windrow::app {

namespace {

using project::BuildKind;

bool has(const std::vector<Column>& columns, const std::string& name) {
  return std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
}

std::vector<std::string> names(const std::vector<Column>& columns) {
  std::vector<std::string> out;
  for (const auto& column : columns) out.push_back(column.name);
  return out;
}

/// A SELECT of these columns, for binding.
std::string no_rows(const std::vector<Column>& columns) {
  std::string list;
  for (const auto& column : columns) {
    list += (list.empty() ? "" : ", ") + ("CAST(NULL AS " + column.type + ") AS ") +
            duck::quote_name(column.name);
  }
  return "SELECT " + list + " WHERE false";
}

void need(const std::vector<Column>& columns, const std::string& name, const std::string& what,
          const Place& place, Problems& problems) {
  if (name.empty() || has(columns, name)) return;
  problems.add(Code::configuration, fmt::format("{} \"{}\" is not among the columns", what, name),
               did_you_mean(name, names(columns)), place);
}

void check_time(const std::vector<Column>& columns, const std::string& name,
                const std::string& what, const Place& place, Problems& problems) {
  for (const auto& column : columns) {
    if (column.name != name) continue;
    if (column.type == "DATE" || column.type.starts_with("TIMESTAMP")) continue;
    problems.add(Code::configuration, fmt::format("{} \"{}\" is {}", what, name, column.type),
                 "it must be a DATE, TIMESTAMP or TIMESTAMPTZ", place);
  }
}

void check_within(const project::Model& model, const std::vector<Column>& columns,
                  const Place& place, Problems& problems) {
  const std::string what = fmt::format("model \"{}\": within", model.name);
  need(columns, model.build.within->column, what, place, problems);
  check_time(columns, model.build.within->column, what, place, problems);
}

void check_model(const project::Model& model, const std::vector<Column>& columns,
                 Problems& problems) {
  const auto& build = model.build;
  const Place place = build.place.known() ? build.place : model.place;
  for (const auto& key : build.key)
    need(columns, key, fmt::format("model \"{}\": key", model.name), place, problems);
  need(columns, build.latest_by, fmt::format("model \"{}\": latest_by", model.name), place,
       problems);
  if (build.within) check_within(model, columns, place, problems);
  need(columns, build.column, fmt::format("model \"{}\": interval column", model.name), place,
       problems);
  check_time(columns, build.column, fmt::format("model \"{}\": interval column", model.name), place,
             problems);
  for (const auto& name : model.partition_by)
    need(columns, name, fmt::format("model \"{}\": partition column", model.name), model.place,
         problems);
  for (const auto& column : model.columns) {
    need(columns, column.name, fmt::format("model \"{}\": declared column", model.name),
         column.place, problems);
  }
  if (build.kind == BuildKind::append && model.new_rows.empty()) {
    problems.add(Code::configuration,
                 fmt::format("model \"{}\" appends, but does not say whose new rows", model.name),
                 "add new_rows: TABLE, one of the tables it reads", place);
  }
}

}  // namespace

std::vector<std::string> Work::check() {
  Problems problems;
  look_closer(problems);
  auto told = notices(problems);
  problems.raise();
  return told;
}

void Work::look_at_promises(const std::string& asset,
                            const std::vector<project::ColumnDeclaration>& declared,
                            const std::vector<project::Check>& checks, const sql::Catalog& columns,
                            Problems& problems) {
  duck::Connection connection(database_);
  for (const auto& column : declared) {
    if (column.type.empty()) continue;
    try {
      const auto type = connection.describe("SELECT CAST(NULL AS " + column.type + ")")[0].type;
      lake::type_from_duck(column.name, type);
    } catch (const Error& error) {
      Problem problem = error.problem();
      problem.code = Code::configuration;
      problem.place = column.place;
      problems.add(problem);
    }
  }
  // A source's table gets columns from what it reads next: its checks are looked at then.
  const auto known = columns.find(asset);
  if (known == columns.end() || project_.source(asset)) return;
  quality::Subject subject{
      asset, no_rows(known->second), known->second,           declared,           checks, false,
      {},    clock_.now(),           project_.external_files, &graph_.expressions};
  for (const auto& to : project::related_tables(declared, checks)) {
    const auto* other = graph_.resolve(to.value);
    const auto theirs = other ? columns.find(other->name) : columns.end();
    if (theirs != columns.end()) subject.relations[to.value] = no_rows(theirs->second);
  }
  // Of other tables nothing is known before they are loaded; that there is none the graph says.
  const auto unknown = [&](const project::Check& check) {
    const auto to = project::related_tables({}, {check});
    return !to.empty() && !subject.relations.count(to.front().value);
  };
  std::erase_if(subject.checks, unknown);
  std::erase_if(subject.declared, [&](const auto& column) {  // told beside
    return !has(known->second, column.name);
  });
  for (auto& column : subject.declared) std::erase_if(column.checks, unknown);
  quality::bind_checks(connection, subject, problems);
}

void Work::look_at_view(const project::Publication& publication, const project::PublishedView& view,
                        const sql::Catalog& columns, const std::set<std::string>& unsure,
                        Problems& problems) {
  const auto select = graph_.selects.find("publish." + publication.name + "/" + view.table);
  if (select == graph_.selects.end()) return;
  sql::Catalog inputs;
  bool over_more = false;
  for (const auto& name : select->second.table_names()) {
    const auto* asset = graph_.resolve(name);
    const auto found = asset ? columns.find(asset->name) : columns.end();
    if (found == columns.end()) return;
    inputs[name] = found->second;
    over_more |= unsure.contains(asset->name);
  }
  duck::Connection connection(database_);
  try {
    sql::bind(connection, select->second, inputs, tasks::variables_of(project_), &sql_cache_);
  } catch (const Error& error) {
    if (!(over_more && may_come(error, inputs))) problems.add(error);
  }
}

void Work::look_at_publication(const project::Publication& publication, const sql::Catalog& columns,
                               const std::set<std::string>& unsure, Problems& problems) {
  if (!project_.connections.count(publication.to.value) && project_.complete) {
    std::vector<std::string> known;
    for (const auto& [name, connection] : project_.connections) known.push_back(name);
    problems.add(
        Code::configuration,
        fmt::format("publication \"{}\" goes to \"{}\", which is not among the connections",
                    publication.name, publication.to.shown()),
        did_you_mean(publication.to.value, known), publication.to.place);
  }
  const auto to = project_.connections.find(publication.to.value);
  const auto* store =
      to == project_.connections.end() ? nullptr : kinds().stores.find(to->second.type);
  for (const auto& view : publication.views) {
    look_at_view(publication, view, columns, unsure, problems);
    const auto* asset = view.sql.empty() ? graph_.resolve(view.from.value) : nullptr;
    auto found = asset ? columns.find(asset->name) : columns.end();
    if (found == columns.end() || unsure.contains(asset->name)) continue;
    auto lists = view.indexes;
    lists.insert(lists.end(), view.unique.begin(), view.unique.end());
    lists.push_back(view.key);
    for (const auto& [column, type] : view.columns)
      need(found->second, column, fmt::format("publication \"{}\": \"columns\":", publication.name),
           view.place, problems);
    if (store && store->own_columns) lists.push_back(store->own_columns(view));
    for (const auto& index : lists) {
      for (std::string column : index) {
        if (column.starts_with('-')) column.erase(0, 1);  // downwards
        if (store && store->indexes_beside_columns && store->indexes_beside_columns(column))
          continue;
        need(found->second, column,
             fmt::format("publication \"{}\": index column", publication.name), view.place,
             problems);
      }
    }
  }
}

void Work::look_at_seed(const project::Seed& seed, const sql::Catalog& columns,
                        Problems& problems) {
  if (seed.declared_in.empty() || project_.doubtful.count(seed.name)) return;
  try {
    tasks::columns_of(seed, *inside().open_inside({}, cancel_, {}, nullptr), problems);
  } catch (const Error& error) {
    Problem problem = error.problem();
    if (!problem.place.known()) problem.place = {seed.file, 0, 0};
    problems.add(std::move(problem));
  }
  look_at_promises(seed.name, seed.columns, seed.checks, columns, problems);
}

void Work::look_closer(Problems& problems) {
  std::set<std::string> unsure;
  auto columns = catalog(&problems, &unsure);
  for (const auto& name : unsure)
    if (project_.model(name)) columns.erase(name);
  for (const auto& source : project_.sources) {
    try {
      const auto* kind = kinds().sources.find(source.kind);
      if (kind && kind->open && !project_.doubtful.count(source.name))
        kind->open(source, {project_, project_.root, clock_.now(), files_, nullptr, &shared_});
    } catch (const Error& error) {
      problems.add(error);
    }
    const auto* kind = kinds().sources.find(source.kind);
    if (source.ingest == "always" && kind && !kind->streams()) {
      problems.add(Code::configuration,
                   fmt::format("source \"{}\": \"ingest: always\" is for streams, and {} is none",
                               source.name, source.kind),
                   "take the key away: its runs read it", source.place);
    }
    look_at_promises(source.name, source.columns, {}, columns, problems);
  }
  for (const auto& seed : project_.seeds) look_at_seed(seed, columns, problems);
  for (const auto& model : project_.models) {
    cancel_.check();
    if (!graph_.find(model.name) || project_.doubtful.count(model.name)) continue;
    look_at_promises(model.name, model.columns, model.checks, columns, problems);
    if (auto found = columns.find(model.name); found != columns.end())
      check_model(model, found->second, problems);
    if (!model.new_rows.empty()) {
      const auto* input = graph_.resolve(model.new_rows);
      const auto& upstream = graph_.find(model.name)->upstream;
      if (!input || std::find(upstream.begin(), upstream.end(), graph_.by_name.at(input->name)) ==
                        upstream.end()) {
        problems.add(
            Code::configuration,
            fmt::format("model \"{}\": new_rows names \"{}\", which its SELECT does not read",
                        model.name, model.new_rows),
            "", model.place);
      }
    }
    for (const auto& [name, reads] : model.reads) {
      if (!graph_.resolve(name) && project_.complete) {
        problems.add(
            Code::configuration,
            fmt::format("model \"{}\": reads: names \"{}\", which nothing makes", model.name, name),
            "", model.place);
      }
    }
  }
  for (const auto& publication : project_.publications)
    look_at_publication(publication, columns, unsure, problems);
}

}  // namespace windrow::app
