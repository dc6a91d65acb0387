#include "app/app_impl.h"
#include "lake/row_removal.h"

namespace windrow::app {

namespace {

/// Whole days go, so that partitions and files are removed rather than rewritten; hours where the
/// retention is shorter than that. Never more than the plan counts as beyond its inputs' retention.
Time keep_from(Time now, project::Duration retention, const std::string& zone) {
  const bool days = retention >= std::chrono::hours(48);
  return Grain(days ? Grain::Unit::day : Grain::Unit::hour, 1, zone).floor(now - retention);
}

/// The column that a table's rows are dated by: declared, else that of its intervals.
std::string declared_column(const project::Project& project, const std::string& table) {
  if (const auto* source = project.source(table)) return source->retention_column;
  const auto* model = project.model(table);
  if (!model) return "";
  if (!model->retention_column.empty()) return model->retention_column;
  return model->build.kind == project::BuildKind::interval ? model->build.column : "";
}

}  // namespace

std::vector<RetainedTable> AppImpl::retain(const std::string& select, bool dry_run) {
  std::vector<RetainedTable> out;
  auto* lake = lake_if_there();
  if (!lake) return out;
  std::set<std::string> names;
  if (select.empty()) {
    for (const auto& name : lake->tables()) names.insert(name);
  } else {
    for (const size_t i : chosen(select, "")) names.insert(graph_.assets[i].name);
  }
  for (const auto& name : names) {
    const auto* layer = project_.layer(name.substr(0, name.find('.')));
    if (!layer || !layer->retention || !lake->table(name).exists()) continue;
    RetainedTable one;
    one.table = name;
    one.retention = *layer->retention;
    try {
      duck::Connection connection(database_);
      const auto stop = connection.stop_on(cancel_);
      lake::RetentionRule rule{declared_column(project_, name),
                               keep_from(clock_.now(), *layer->retention, project_.zone),
                               project_.zone};
      if (rule.column.empty()) {
        const auto found = lake::partition_time(lake->table(name).snapshot({}, &connection));
        if (!found) {
          one.undated = true;
          out.push_back(std::move(one));
          continue;
        }
        rule.column = *found;
      }
      one.by = rule.column.empty() ? "partitions" : rule.column;
      one.keep_from = rule.keep_from;
      const auto done =
          lake::apply_retention(*files_, lake->table_path(name), connection, rule, dry_run, clock_);
      one.rows = done.rows_removed;
      one.files_removed = done.files_removed;
      one.files_rewritten = done.files_rewritten;
      one.bytes = done.bytes_removed;
      one.version = done.version;
    } catch (const Error& error) {
      if (error.code() == Code::canceled) throw;
      one.problem = error.problem();
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace windrow::app
