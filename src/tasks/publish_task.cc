#include <fmt/format.h>

#include "base/hash.h"
#include "base/id.h"
#include "publish/store.h"
#include "tasks/context.h"
#include "tasks/model_facts.h"

namespace windrow::tasks {

namespace {

/// The end of the last interval with all earlier ones complete; nothing for tables that are built
/// whole.
std::optional<Time> boundary_of(const Context& context, const std::string& asset) {
  const auto* model = context.project.model(asset);
  if (!model || model->build.kind != project::BuildKind::interval) return {};
  const auto state = context.tables.provenance(asset);
  if (!state.last || state.last->complete.empty() || !context.project.begin) return {};
  const auto& first = state.last->complete.parts().front();
  const auto grain = Grain::parse(model->build.grain, context.project.zone);
  return first.start <= grain->floor(*context.project.begin) ? std::optional<Time>(first.end)
                                                             : std::nullopt;
}

std::unique_ptr<publish::Store> store_of(const Context& context,
                                         const project::Publication& publication) {
  auto found = context.project.connections.find(publication.to.value);
  WINDROW_INVARIANT(found != context.project.connections.end());
  const auto& connection = found->second;
  if (connection.type != "sqlite") {
    throw Error(Code::unsupported,
                fmt::format("publication \"{}\" goes to a connection of the type \"{}\", which "
                            "this version does not write",
                            publication.name, connection.type),
                "use a connection of the type sqlite", publication.to.place);
  }
  const auto* path = connection.settings.find("path");
  std::string file = path ? path->text() : "serving.db";
  if (!file.starts_with('/')) file = context.project.root + "/" + file;
  return publish::sqlite_store(file, context.clock);
}

/// A view as it would be sent: its source tables at their pinned versions.
struct Candidate {
  const project::PublishedView* view;
  std::string source, select, definition;
  int64_t version = -1;
  std::optional<Time> boundary;
};

std::vector<Candidate> candidates_of(const Context& context,
                                     const project::Publication& publication) {
  std::vector<Candidate> out;
  for (const auto& view : publication.views) {
    Candidate c;
    c.view = &view;
    std::vector<std::string> tables;
    if (view.sql.empty()) {
      tables = {context.graph.resolve(view.from.value)->name};
    } else {
      const auto& select =
          context.graph.selects.at("publish." + publication.name + "/" + view.table);
      for (const auto& name : select.table_names())
        tables.push_back(context.graph.resolve(name)->name);
    }
    std::string versions;
    bool there = true;
    for (const auto& name : tables) {
      const auto* model = context.project.model(name);
      if (model && model->build.kind == project::BuildKind::view) continue;
      if (!context.tables.exists(name)) {
        there = false;
        continue;
      }
      const auto version = context.tables.version(name);
      c.source += (c.source.empty() ? "" : ", ") + name;
      c.version = std::max(c.version, version.version);
      versions += name + "@" + version.table_id + "@" + std::to_string(version.version) + ";";
      const auto boundary = boundary_of(context, name);
      if (boundary && (!c.boundary || *boundary < *c.boundary)) c.boundary = boundary;
    }
    if (!there) continue;  // not built yet
    c.select = view.sql.empty() ? "SELECT * FROM " + view.from.value : view.sql;
    std::string settings = view.mode + ";" + c.select + ";";
    for (const auto& index : view.indexes) {
      for (const auto& column : index) settings += column + ",";
      settings += ";";
    }
    c.definition = sha256(settings + versions).substr(0, 32);
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace

std::vector<std::string> pending_publication(const Context& context,
                                             const project::Publication& publication) {
  std::vector<std::string> out;
  if (!context.environment.publish) return out;
  const auto candidates = candidates_of(context, publication);
  const auto there = store_of(context, publication)->manifests();
  for (const auto& c : candidates) {
    auto found = there.find(c.view->table);
    if (found == there.end()) {
      out.push_back("new: " + c.view->table);
    } else if (found->second.definition != c.definition) {
      out.push_back(
          fmt::format("input {} {} → {}", c.source, found->second.source_version, c.version));
    }
  }
  if (candidates.size() < publication.views.size())
    out.push_back("waits for tables that are not built yet");
  return out;
}

void publish_views(const Context& context, const project::Publication& publication, Cancel& cancel,
                   const ProgressSink& progress, Report& report) {
  if (!context.environment.publish) return;
  const auto candidates = candidates_of(context, publication);
  if (candidates.size() < publication.views.size()) {
    throw Error(
        Code::not_found,
        fmt::format("publication \"{}\": some of its tables are not built yet", publication.name),
        "build them first: windrow run --select +publish." + publication.name, publication.place);
  }
  const auto store = store_of(context, publication);
  const auto there = store->manifests();
  std::vector<publish::ViewBatch> batches;
  std::map<std::string, Time> boundaries;
  std::vector<engine::Input> inputs;
  for (const auto& c : candidates) {
    auto found = there.find(c.view->table);
    if (found != there.end() && found->second.definition == c.definition) {
      if (c.boundary && found->second.boundary != c.boundary)
        boundaries[c.view->table] = *c.boundary;
      continue;
    }
    if (found != there.end() && found->second.source_table == c.source &&
        found->second.source_version > c.version) {
      continue;  // a newer one is there: another run was faster
    }
    const auto select =
        c.view->sql.empty()
            ? std::optional<sql::Parsed>()
            : context.graph.selects.at("publish." + publication.name + "/" + c.view->table);
    sql::Parsed reads = select.value_or(sql::Parsed{});
    if (!select) reads.tables.push_back({c.view->from.value, c.view->from.place});
    for (auto& input : inputs_for(context.project, context.graph, reads, context.tables, {}))
      inputs.push_back(std::move(input));
    publish::Manifest manifest;
    manifest.view = c.view->table;
    manifest.batch_id = new_ordered_uuid(context.clock.now());
    manifest.source_table = c.source;
    manifest.source_version = c.version;
    manifest.definition = c.definition;
    manifest.boundary = c.boundary;
    batches.push_back(
        {c.view->table, c.view->mode, c.view->indexes, c.select, std::move(manifest)});
    report.reasons.push_back(
        found == there.end()
            ? "new: " + c.view->table
            : fmt::format("input {} {} → {}", c.source, found->second.source_version, c.version));
  }
  if (!boundaries.empty()) store->move_boundaries(boundaries);
  if (batches.empty()) return;
  const auto session = context.engine.open(inputs, cancel, progress);
  for (const auto& manifest : store->publish(batches, *session->connection(), cancel, progress))
    report.rows += manifest.rows;
  report.changed = true;
}

}  // namespace windrow::tasks
