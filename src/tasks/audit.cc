#include "tasks/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "duck/duck.h"

namespace windrow::tasks {

Audit::Audit(const Context& context, Promises promises, lake::RowWork& session, Report& report)
    : context_(context), promises_(promises), session_(session), report_(report) {}

void Audit::first(const lake::Staged& staged) {
  schema_ = staged.schema;
  try {
    look(staged.after);
  } catch (const Error&) {
    lake::discard(context_.files, staged);
    throw;
  }
}

void Audit::again(const std::vector<lake::Commit>& since, const lake::CommitRequest& request) {
  if (std::none_of(since.begin(), since.end(), [](const auto& c) { return c.changes_data(); }))
    return;
  duck::Connection connection(context_.database);
  auto over = context_.lake.table(promises_.asset).snapshot(since.back().version, &connection);
  over.schema = schema_;
  look(lake::scan_after(std::move(over), request.removes, request.adds));
}

/// Other tables are read at the version that this run pinned or made: the graph has them come
/// before this one.
std::map<std::string, lake::Relation> Audit::relations(const lake::Relation& rows) const {
  std::map<std::string, lake::Relation> out;
  Problems problems;
  for (const auto& to : project::related_tables(promises_.columns, promises_.checks)) {
    const auto* related = context_.graph.resolve(to.value);
    if (!related) continue;  // the check says so
    if (related->name == promises_.asset) {
      out[to.value] = rows;
    } else if (context_.tables.exists(related->name)) {
      out[to.value] = lake::scan(context_.tables.snapshot(related->name));
    } else {
      problems.add(
          Code::not_found,
          fmt::format("a check of \"{}\" looks at \"{}\", which is not in the lake yet",
                      promises_.asset, to.value),
          fmt::format("run it too: windrow run -s \"{} {}\"", related->name, promises_.asset),
          to.place);
    }
  }
  problems.raise();
  return out;
}

void Audit::look(const lake::Relation& rows) {
  quality::Subject subject;
  subject.asset = promises_.asset;
  subject.rows = rows;
  for (const auto& field : schema_.fields)
    subject.columns.push_back({field.name, lake::duck_type(field.type)});
  subject.declared = promises_.columns;
  subject.checks = promises_.checks;
  subject.contract = promises_.contract;
  const auto& columns = promises_.columns;
  const bool any =
      promises_.contract || !promises_.checks.empty() ||
      std::any_of(columns.begin(), columns.end(), [](const auto& c) { return !c.checks.empty(); });
  if (!any) return;
  subject.relations = relations(rows);
  subject.now = context_.choices.now;
  subject.external_files = context_.project.external_files;
  subject.expressions = &context_.graph.expressions;
  const auto found = quality::run_checks(session_, subject);
  report_.quality_score = found.score();
  report_.table_rows = found.rows;
  report_.checks = found.results;
  report_.check_warnings.clear();
  std::string failed;
  Place place;
  for (const auto& result : found.results) {
    if (result.passed) continue;
    const std::string text = result.description + ": " + result.message;
    if (!result.check.blocks) {
      report_.check_warnings.push_back(text);
      continue;
    }
    if (failed.empty()) place = result.check.place;
    failed += (failed.empty() ? "" : "; ") + text;
  }
  if (failed.empty()) return;
  throw Error(Code::data,
              fmt::format("\"{}\" does not pass its checks: {}", promises_.asset, failed),
              "nothing was committed: the table stays at its last good version; `windrow runs " +
                  context_.run.substr(0, 13) + "` shows failing rows",
              place);
}

std::optional<int64_t> commit(const Context& context, const std::string& asset,
                              lake::CommitRequest request,
                              const std::vector<std::string>& written_paths) {
  lake::Staged files;
  files.written_paths = written_paths;
  const std::string sample = request.provenance ? request.provenance->sample : "";
  lake::CommitOutcome outcome;
  try {
    outcome = context.lake.table(asset).commit(std::move(request), context.clock);
  } catch (const Error&) {
    lake::discard(context.files, files);
    throw;
  }
  if (const auto* done = std::get_if<lake::Committed>(&outcome)) {
    context.tables.moved(asset, done->version, sample);
    return done->version;
  }
  if (std::holds_alternative<lake::Conflicted>(outcome)) {
    lake::discard(context.files, files);
    return {};
  }
  // The files stay: the commit may have come about. Planning again finds out.
  throw Error(Code::unavailable,
              fmt::format("\"{}\": the answer to the commit never arrived", asset),
              "run again: whether it is there is looked up first");
}

namespace {

/// What the model says, or else its layer.
bool may_get_vectors(const Context& context, const std::string& asset) {
  if (const auto* model = context.project.model(asset); model && model->deletion_vectors)
    return *model->deletion_vectors;
  const auto* layer = context.project.layer(asset.substr(0, asset.find('.')));
  return !layer || layer->deletion_vectors;
}

}  // namespace

lake::NewTable new_table(const Context& context, const std::string& asset,
                         const std::string& description) {
  lake::NewTable table;
  table.name = asset;
  table.description = description;
  const auto* layer = context.project.layer(asset.substr(0, asset.find('.')));
  table.append_only = layer && layer->append_only;
  // Only retention and erasure take rows out of an append-only table, and they write none.
  table.deletion_vectors = !table.append_only && may_get_vectors(context, asset);
  return table;
}

lake::StageContext stage_at(const Context& context, lake::RowWork& session,
                            const std::string& asset, std::vector<std::string> partition_by,
                            const ProgressSink& progress) {
  lake::StageContext out{session, context.files, context.lake.table_path(asset), asset};
  const auto table = context.lake.table(asset);
  if (table.exists()) {
    duck::Connection connection(context.database);
    out.current = table.snapshot({}, &connection);
  }
  out.partition_by = std::move(partition_by);
  out.now = context.clock.now();
  out.progress = progress;
  out.vectors.allowed = may_get_vectors(context, asset);
  return out;
}

lake::Provenance record_of(const Context& context, const std::string& asset,
                           const std::string& kind) {
  lake::Provenance record;
  record.asset = asset;
  record.kind = kind;
  record.run = context.run;
  record.dialect = context.engine.dialect();
  return record;
}

}  // namespace windrow::tasks
