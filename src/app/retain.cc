#include "app/work.h"
#include "base/clock.h"
#include "duck/duck.h"
#include "lake/row_removal.h"
#include "storage/homes.h"
#include "storage/s3_lifecycle.h"

namespace windrow::app {

namespace {

/// Whole days go, so that partitions and files are removed rather than rewritten; hours where the
/// retention is shorter than that. Never more than the plan counts as beyond its inputs' retention.
Time keep_from(Time now, project::Duration retention, const std::string& zone) {
  const bool days = retention >= std::chrono::hours(48);
  return Grain(days ? Grain::Unit::day : Grain::Unit::hour, 1, zone).floor(now - retention);
}

std::optional<int> in_days(const std::optional<project::Duration>& age) {
  if (!age) return {};
  return int(std::chrono::duration_cast<std::chrono::hours>(*age).count() / 24);
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

std::vector<RetainedTable> Work::retain(const std::string& select, bool dry_run) {
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

std::vector<LifecycleLine> Work::lifecycle(bool dry_run) {
  const std::string_view scheme = storage::scheme_of(environment_.lake);
  if (scheme != "s3" && scheme != "s3a") {
    throw Error(Code::usage, "the lake \"" + environment_.lake + "\" is not on S3",
                "elsewhere `windrow lake retain` and `windrow table vacuum` free space");
  }
  std::vector<LifecycleLine> out;
  auto* lake = lake_if_there();
  if (!lake) return out;
  std::vector<storage::LifecycleRule> rules;
  const auto at = storage::parse_s3_path(environment_.lake);
  const std::string own = "windrow-" + lake->identity().id + "-";
  for (const auto& name : lake->tables()) {
    const auto* layer = project_.layer(name.substr(0, name.find('.')));
    if (!layer || (!layer->infrequent && !layer->archive && !layer->remove)) continue;
    duck::Connection connection(database_);
    const auto snapshot = lake->table(name).snapshot({}, &connection);
    // Data files alone: a table without its log is none.
    const auto& partitions = snapshot.metadata.partition_columns;
    const std::string first =
        partitions.empty() ? "part-" : snapshot.schema.find(partitions[0])->in_files() + "=";
    const std::string folder = storage::parse_s3_path(lake->table_path(name)).key;
    LifecycleLine line{name, folder + "/" + first, in_days(layer->infrequent),
                       in_days(layer->archive), in_days(layer->remove)};
    // Where nothing says how old rows are, old files may hold what is still wanted.
    if (declared_column(project_, name).empty() && !lake::partition_time(snapshot))
      line.remove.reset();
    if (!line.infrequent && !line.archive && !line.remove) continue;
    rules.push_back({own + name, line.prefix, line.infrequent, line.archive, line.remove});
    out.push_back(std::move(line));
  }
  constexpr size_t kRulesMax = 1000;
  if (rules.size() >= kRulesMax) {
    throw Error(Code::unsupported, "a bucket takes " + std::to_string(kRulesMax) +
                                       " rules, and there would be " +
                                       std::to_string(rules.size()));
  }
  if (dry_run) return out;
  const auto environment = [this](const std::string& name) { return variable(name); };
  const auto http = clients::http_client();
  storage::write_lifecycle(storage::s3_options(environment), environment, *http, clock_, at.bucket,
                           rules, own);
  return out;
}

}  // namespace windrow::app
