#include "base/hash.h"
#include "duck/quoting.h"
#include "tasks/audit.h"
#include "tasks/context.h"
#include "tasks/seed_file.h"

namespace windrow::tasks {

namespace {

/// Between what tells of the file and what tells of its declaration.
constexpr char kBoth = ':';

/// Of a seed without a declaration the file's hash alone, as ever.
std::string definition_of(const Context& context, const project::Seed& seed) {
  const std::string file = sha256(context.files.read(seed.path));
  if (seed.declared_in.empty()) return file;
  std::string types;
  for (const auto& column : seed.columns) {
    if (!column.type.empty()) types += column.name + '\0' + column.type + '\0';
  }
  return file + kBoth + sha256(types);
}

/// Each column as the type that is declared. A file without rows does not say of which types its
/// other ones would be: then the table's stay.
std::string select_of(const project::Seed& seed, const std::vector<SeedColumn>& columns,
                      const lake::StageContext& at, lake::RowWork& rows) {
  const std::string from = " FROM " + seed_relation(seed, columns);
  const bool types_stay = at.current && rows.query("SELECT 1" + from + " LIMIT 1").rows.empty();
  std::string list;
  for (const auto& [column, declared] : columns) {
    std::string type = declared ? declared->type : "";
    const auto* field =
        types_stay && !declared ? at.current->schema.find_any_case(column.name) : nullptr;
    if (field) type = lake::duck_type(field->type);
    const std::string name = duck::quote_name(column.name);
    list += (list.empty() ? "" : ", ") +
            (type.empty() ? name : "CAST(" + name + " AS " + type + ") AS " + name);
  }
  return "SELECT " + list + from;
}

}  // namespace

std::optional<std::string> pending_seed(const Context& context, const project::Seed& seed) {
  const auto state = context.tables.provenance(seed.name);
  if (!state.last) return "new";
  const std::string& then = state.last->definition;
  const std::string now = definition_of(context, seed);
  if (then == now) return {};
  const bool same_file = then.substr(0, then.find(kBoth)) == now.substr(0, now.find(kBoth));
  return same_file ? "declaration changed" : "file changed";
}

void load_seed(const Context& context, const project::Seed& seed, Cancel& cancel,
               const ProgressSink& progress, Report& report) {
  const auto pending = pending_seed(context, seed);
  if (!pending && !context.choices.full_refresh) return;
  if (report.meter) {
    report.meter->reads_outside();
    Usage taken;
    taken.files_read = 1;
    if (const auto file = context.files.stat(seed.path)) taken.bytes_read = int64_t(file->size);
    report.meter->add(taken);
  }
  const auto session = context.inside.open_inside({}, cancel, progress, report.meter);
  Problems problems;
  const auto columns = columns_of(seed, *session, problems);
  problems.raise();
  check_values(context, seed, columns, *session, cancel);
  auto at = stage_at(context, *session, seed.name);
  at.may_replace_schema = at.current.has_value();
  auto staged = lake::stage_replace(at, select_of(seed, columns, at, *session), {});
  Audit audit(context, {seed.name, seed.columns, seed.checks}, *session, report);
  report.rows = report.table_rows = staged.rows_written;
  audit.first(staged);
  auto record = record_of(context, seed.name, "seed");
  record.definition = definition_of(context, seed);
  record.quality_score = report.quality_score;
  const auto paths = staged.written_paths;
  const auto& about = seed.common.description;
  auto request = lake::request_of(
      std::move(staged),
      new_table(context, seed.name, about.empty() ? "rows of " + seed.file : about));
  request.provenance = record;
  const auto version = commit(context, seed.name, std::move(request), paths);
  if (!version)
    throw Error(Code::conflict, "\"" + seed.name + "\" was written by another run at the same time",
                "run again");
  report.version = *version;
  report.changed = true;
  report.reasons.push_back(pending.value_or("full refresh"));
}

}  // namespace windrow::tasks
