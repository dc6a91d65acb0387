#include "base/hash.h"
#include "duck/quoting.h"
#include "tasks/audit.h"
#include "tasks/context.h"

namespace windrow::tasks {

namespace {

std::string asset_of(const project::Seed& seed) {
  return "seeds." + seed.name.substr(seed.name.rfind('.') + 1);
}

/// A file without rows does not say of which types they would be: then the table's stay.
std::string select_of(const project::Seed& seed, const lake::StageContext& at,
                      lake::RowWork& rows) {
  const std::string file =
      "FROM read_csv(" + duck::quote_text(seed.path) +
      ", sample_size = -1)";  // all of it: a column of moments would have NULL for what is none
  if (!at.current || !rows.query("SELECT 1 " + file + " LIMIT 1").rows.empty())
    return "SELECT * " + file;
  std::string list;
  for (const auto& column : rows.describe("SELECT * " + file)) {
    const auto* field = at.current->schema.find_any_case(column.name);
    const std::string name = duck::quote_name(column.name);
    list += (list.empty() ? "" : ", ") + ("CAST(" + name + " AS ") +
            (field ? lake::duck_type(field->type) : column.type) + ") AS " + name;
  }
  return "SELECT " + list + " " + file;
}

}  // namespace

std::optional<std::string> pending_seed(const Context& context, const project::Seed& seed) {
  const auto state = context.tables.provenance(asset_of(seed));
  if (!state.last) return "new";
  if (state.last->definition == sha256(context.files.read(seed.path))) return {};
  return "file changed";
}

void load_seed(const Context& context, const project::Seed& seed, Cancel& cancel,
               const ProgressSink& progress, Report& report) {
  const auto pending = pending_seed(context, seed);
  if (!pending && !context.choices.full_refresh) return;
  const std::string asset = asset_of(seed);
  if (report.meter) {
    report.meter->reads_outside();
    Usage taken;
    taken.files_read = 1;
    if (const auto file = context.files.stat(seed.path)) taken.bytes_read = int64_t(file->size);
    report.meter->add(taken);
  }
  const auto session = context.inside.open_inside({}, cancel, progress, report.meter);
  auto at = stage_at(context, *session, asset);
  at.may_replace_schema = at.current.has_value();
  auto staged = lake::stage_replace(at, select_of(seed, at, *session), {});
  auto record = record_of(context, asset, "seed");
  record.definition = sha256(context.files.read(seed.path));
  report.rows = report.table_rows = staged.rows_written;
  const auto paths = staged.written_paths;
  auto request =
      lake::request_of(std::move(staged), new_table(context, asset, "rows of " + seed.file));
  request.provenance = record;
  const auto version = commit(context, asset, std::move(request), paths);
  if (!version)
    throw Error(Code::conflict, "\"" + asset + "\" was written by another run at the same time",
                "run again");
  report.version = *version;
  report.changed = true;
  report.reasons.push_back(pending.value_or("full refresh"));
}

}  // namespace windrow::tasks
