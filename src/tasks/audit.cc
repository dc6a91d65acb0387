#include "tasks/audit.h"

#include <fmt/format.h>

#include <algorithm>

namespace windrow::tasks {

void audit(const Context& context, const std::string& asset,
           const std::vector<project::ColumnDeclaration>& columns,
           const std::vector<project::Check>& checks, bool contract, engine::Session& session,
           const lake::Staged& staged, Report& report) {
  quality::Subject subject;
  subject.asset = asset;
  subject.rows_sql = staged.after_sql;
  for (const auto& field : staged.schema.fields)
    subject.columns.push_back({field.name, lake::duck_type(field.type)});
  subject.declared = columns;
  subject.checks = checks;
  subject.contract = contract;
  for (const auto& name : quality::related_assets(columns, checks)) {
    const auto* related = context.graph.resolve(name);
    if (related && context.tables.exists(related->name)) {
      subject.relations[name] = lake::scan_sql(*context.tables.snapshot(related->name));
    }
  }
  subject.now = context.choices.now;
  const bool any =
      contract || !checks.empty() ||
      std::any_of(columns.begin(), columns.end(), [](const auto& c) { return !c.checks.empty(); });
  if (!any) return;
  const auto found = quality::run_checks(session, subject);
  report.quality_score = found.score();
  report.table_rows = found.rows;
  report.checks.insert(report.checks.end(), found.results.begin(), found.results.end());
  std::string failed;
  Place place;
  for (const auto& result : found.results) {
    if (result.passed) continue;
    const std::string text = result.description + ": " + result.message;
    if (!result.check.blocks) {
      report.warnings.push_back(text);
      continue;
    }
    if (failed.empty()) place = result.check.place;
    failed += (failed.empty() ? "" : "; ") + text;
  }
  if (failed.empty()) return;
  lake::discard(context.files, staged);
  throw Error(Code::data, fmt::format("\"{}\" does not pass its checks: {}", asset, failed),
              "nothing was committed: the table stays at its last good version; `windrow runs " +
                  context.run.substr(0, 13) + "` shows failing rows",
              place);
}

std::optional<int64_t> commit(const Context& context, const std::string& asset,
                              lake::CommitRequest request,
                              const std::vector<std::string>& written_paths) {
  lake::Staged files;
  files.written_paths = written_paths;
  lake::CommitOutcome outcome;
  try {
    outcome = context.lake.table(asset).commit(std::move(request), context.clock);
  } catch (const Error&) {
    lake::discard(context.files, files);
    throw;
  }
  if (const auto* done = std::get_if<lake::Committed>(&outcome)) {
    context.tables.moved(asset, done->version);
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

lake::NewTable new_table(const Context& context, const std::string& asset,
                         const std::string& description) {
  lake::NewTable table;
  table.name = asset;
  table.description = description;
  const auto* layer = context.project.layer(asset.substr(0, asset.find('.')));
  table.append_only = layer && layer->append_only;
  return table;
}

engine::Target target_of(const Context& context, const std::string& asset,
                         const std::vector<std::string>& partition_by) {
  engine::Target target;
  target.name = asset;
  target.path = context.lake.table_path(asset);
  const auto table = context.lake.table(asset);
  if (table.exists()) {
    duck::Connection connection(context.database);
    target.current = table.snapshot({}, &connection);
  }
  target.partition_by = partition_by;
  target.now = context.clock.now();
  return target;
}

lake::Provenance record_of(const Context& context, const std::string& asset,
                           const std::string& kind) {
  lake::Provenance record;
  record.asset = asset;
  record.kind = kind;
  record.run = context.run;
  record.dialect = "duckdb " + duck::version();
  return record;
}

}  // namespace windrow::tasks
