#include <fmt/format.h>

#include <algorithm>

#include "app/app_impl.h"
#include "base/nearest.h"
#include "sources/source.h"

namespace windrow::app {

namespace {

using project::BuildKind;

bool has(const std::vector<duck::Column>& columns, const std::string& name) {
  return std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
}

std::vector<std::string> names(const std::vector<duck::Column>& columns) {
  std::vector<std::string> out;
  for (const auto& column : columns) out.push_back(column.name);
  return out;
}

void need(const std::vector<duck::Column>& columns, const std::string& name,
          const std::string& what, const Place& place, Problems& problems) {
  if (name.empty() || has(columns, name)) return;
  problems.add(Code::configuration, fmt::format("{} \"{}\" is not among the columns", what, name),
               did_you_mean(name, names(columns)), place);
}

void check_model(const project::Model& model, const std::vector<duck::Column>& columns,
                 Problems& problems) {
  const auto& build = model.build;
  const Place place = build.place.known() ? build.place : model.place;
  for (const auto& key : build.key)
    need(columns, key, fmt::format("model \"{}\": key", model.name), place, problems);
  need(columns, build.latest_by, fmt::format("model \"{}\": latest_by", model.name), place,
       problems);
  need(columns, build.column, fmt::format("model \"{}\": interval column", model.name), place,
       problems);
  for (const auto& column : columns) {
    if (column.name != build.column) continue;
    if (column.type != "DATE" && !column.type.starts_with("TIMESTAMP")) {
      problems.add(Code::configuration,
                   fmt::format("model \"{}\": interval column \"{}\" is {}", model.name,
                               column.name, column.type),
                   "it must be a DATE, TIMESTAMP or TIMESTAMPTZ", place);
    }
  }
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

std::vector<std::string> AppImpl::check() {
  Problems problems;
  const auto columns = catalog(&problems);
  for (const auto& source : project_.sources) {
    try {
      sources::reader(source, {project_, project_.root, clock_.now(), files_.get()});
    } catch (const Error& error) {
      problems.add(error);
    }
  }
  for (const auto& model : project_.models) {
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
      if (!graph_.resolve(name)) {
        problems.add(
            Code::configuration,
            fmt::format("model \"{}\": reads: names \"{}\", which nothing makes", model.name, name),
            "", model.place);
      }
    }
  }
  for (const auto& publication : project_.publications) {
    if (!project_.connections.count(publication.to.value)) {
      std::vector<std::string> known;
      for (const auto& [name, connection] : project_.connections) known.push_back(name);
      problems.add(
          Code::configuration,
          fmt::format("publication \"{}\" goes to \"{}\", which is not among the connections",
                      publication.name, publication.to.shown()),
          did_you_mean(publication.to.value, known), publication.to.place);
    }
    const auto to = project_.connections.find(publication.to.value);
    const bool documents = to != project_.connections.end() && to->second.type == "mongodb";
    for (const auto& view : publication.views) {
      const auto* asset = view.sql.empty() ? graph_.resolve(view.from.value) : nullptr;
      auto found = asset ? columns.find(asset->name) : columns.end();
      if (found == columns.end()) continue;
      auto lists = view.indexes;
      lists.insert(lists.end(), view.unique.begin(), view.unique.end());
      lists.push_back(view.key);
      for (const auto& [column, type] : view.columns)
        need(found->second, column,
             fmt::format("publication \"{}\": \"columns\":", publication.name), view.place,
             problems);
      lists.push_back(view.cassandra.partition);
      lists.push_back(view.cassandra.clustering);
      for (const auto& index : lists) {
        for (std::string column : index) {
          if (column.starts_with('-')) column.erase(0, 1);  // downwards
          const bool of_document = column.find('.') != std::string::npos || column == "view_type" ||
                                   column == "computed_at" || column == "batch_run_id";
          if (of_document && documents) continue;
          need(found->second, column,
               fmt::format("publication \"{}\": index column", publication.name), view.place,
               problems);
        }
      }
    }
  }
  problems.raise();
  std::vector<std::string> notices;
  for (const auto& notice : project_.notices) notices.push_back(notice.text());
  return notices;
}

}  // namespace windrow::app
