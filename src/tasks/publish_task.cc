#include <fmt/format.h>

#include "base/clock.h"
#include "base/id.h"
#include "duck/duck.h"
#include "publish/store.h"
#include "tasks/context.h"
#include "tasks/model_facts.h"
#include "tasks/publication.h"

namespace windrow::tasks {

namespace {

using Manifests = std::map<std::string, publish::Manifest>;

const publish::Manifest* found_in(const Manifests& there, const Candidate& c) {
  const auto found = there.find(c.view->table);
  return found == there.end() ? nullptr : &found->second;
}

/// A session whose views are what the candidates read.
std::unique_ptr<lake::DuckRows> session_for(const Context& context,
                                            const project::Publication& publication,
                                            const std::vector<const Candidate*>& candidates,
                                            Cancel& cancel, const ProgressSink& progress,
                                            Meter* meter) {
  std::vector<engine::Input> inputs;
  for (const auto* c : candidates) {
    sql::Parsed reads;
    if (c->view->sql.empty()) {
      reads.tables.push_back({c->view->from.value, c->view->from.place});
    } else {
      reads = context.graph.selects.at("publish." + publication.name + "/" + c->view->table);
    }
    for (auto& input : inputs_for(context.project, context.graph, reads, context.tables, {}))
      inputs.push_back(std::move(input));
  }
  return context.inside.open_inside(inputs, cancel, progress, meter);
}

publish::ViewBatch batch_of(const Context& context, const Candidate& c,
                            const publish::Manifest* there, duck::Connection& connection) {
  publish::ViewBatch batch;
  batch.table = c.view->table;
  batch.mode = c.view->mode;
  batch.indexes = c.view->indexes;
  batch.select = c.select;
  batch.settings = *c.view;
  batch.change.zone = context.project.zone;
  batch.after = there ? there->batch_id : "";
  auto& manifest = batch.manifest;
  manifest.view = c.view->table;
  manifest.batch_id = new_ordered_uuid(context.clock.now());
  manifest.source_table = c.source;
  manifest.source_version = c.version;
  manifest.definition = c.definition;
  manifest.inputs = c.inputs;
  manifest.boundary = c.boundary;
  narrow(context, c, there, connection, batch);
  return batch;
}

/// Nobody who reads a store would know.
void refuse_sample(const Context& context, const project::Publication& publication,
                   const Candidate& c) {
  for (const auto& table : c.tables) {
    const auto sample = context.tables.sample(table);
    if (sample.empty()) continue;
    throw Error(Code::data,
                fmt::format("publication \"{}\": \"{}\" is built from a sample of {}: it is not "
                            "published",
                            publication.name, table, sample),
                "build it from all rows: windrow run --select +" + table, publication.place);
  }
}

}  // namespace

std::vector<std::string> pending_publication(const Context& context,
                                             const project::Publication& publication) {
  std::vector<std::string> out;
  if (!context.environment.publish) return out;
  const auto candidates = candidates_of(context, publication);
  const auto there = manifests_of(*store_of(context, publication), candidates);
  for (const auto& c : candidates) {
    if (due(c, found_in(there, c)) == Due::yes) out.push_back(reason_of(c, found_in(there, c)));
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
  for (const auto& c : candidates) refuse_sample(context, publication, c);
  const auto store = store_of(context, publication);
  const auto there = manifests_of(*store, candidates);
  std::map<std::string, Time> boundaries;
  std::vector<const Candidate*> sent;
  for (const auto& c : candidates) {
    switch (due(c, found_in(there, c))) {
      case Due::boundary: boundaries[c.view->table] = *c.boundary; break;
      case Due::rejected:
        report.warnings.push_back(fmt::format(
            "{}: version {} was taken back by a rollback; a newer one will be published",
            c.view->table, c.version));
        break;
      case Due::yes:
        sent.push_back(&c);
        report.reasons.push_back(reason_of(c, found_in(there, c)));
        break;
      default: break;
    }
  }
  if (!boundaries.empty()) store->move_boundaries(boundaries);
  if (sent.empty()) return;
  const auto session = session_for(context, publication, sent, cancel, progress, report.meter);
  std::vector<publish::ViewBatch> batches;
  for (const auto* c : sent)
    batches.push_back(batch_of(context, *c, found_in(there, *c), session->connection()));
  for (const auto& manifest : store->publish(batches, session->connection(), cancel, progress)) {
    report.rows += manifest.rows;
    Usage sent;
    sent.bytes_written = manifest.bytes;
    sent.files_written = manifest.files;
    if (report.meter) report.meter->add(sent);
  }
  report.changed = true;
}

std::vector<PublicationPreview> preview_publication(const Context& context,
                                                    const project::Publication& publication,
                                                    Cancel& cancel) {
  std::vector<PublicationPreview> out;
  const auto candidates = candidates_of(context, publication);
  const auto store = store_of(context, publication);
  const auto there = manifests_of(*store, candidates);
  std::vector<const Candidate*> sent;
  for (const auto& c : candidates)
    if (due(c, found_in(there, c)) == Due::yes) sent.push_back(&c);
  const auto session = session_for(context, publication, sent, cancel, {}, nullptr);
  auto& connection = session->connection();
  for (const auto& view : publication.views) {
    PublicationPreview preview;
    preview.publication = publication.name;
    preview.view = view.table;
    preview.mode = view.mode;
    preview.what = "waits for tables that are not built yet";
    for (const auto& c : candidates) {
      if (c.view != &view) continue;
      const auto* manifest = found_in(there, c);
      if (manifest) preview.rows_there = manifest->rows;
      switch (due(c, manifest)) {
        case Due::no: preview.what = "up to date"; break;
        case Due::boundary: preview.what = "boundary moves to " + iso(*c.boundary); break;
        case Due::newer: preview.what = "the store holds a newer version"; break;
        case Due::rejected: preview.what = "taken back by a rollback"; break;
        case Due::yes: {
          preview.what = reason_of(c, manifest);
          const auto batch = batch_of(context, c, manifest, connection);
          preview.rows = std::get<int64_t>(
              connection.value("SELECT count(*) FROM (\n" + batch.select + "\n)"));
          preview.whole = batch.change.whole;
          preview.statements = store->preview(batch, connection);
        }
      }
    }
    out.push_back(std::move(preview));
  }
  return out;
}

}  // namespace windrow::tasks
