#include "lake/change_data.h"

#include "lake/partition_path.h"
#include "lake/physical.h"
#include "lake/stager.h"
#include "lake/table.h"

namespace windrow::lake {
namespace {

// What a session keeps while change files are written.
constexpr const char* kGone = "windrow gone";
constexpr const char* kCome = "windrow come";

/// The table's columns and the kind of change.
Snapshot with_change_type(const Snapshot& table) {
  Snapshot out = table;
  out.schema.fields.push_back({kChangeType, Type{Type::Kind::string, 0, 0, {}}});
  out.files.clear();
  return out;
}

Add as_add(const auto& file) {
  Add add;
  add.path = file.path;
  add.partition_values = file.partition_values;
  if constexpr (requires { file.deletion_vector; }) add.deletion_vector = file.deletion_vector;
  return add;
}

/// What one commit did, as a SELECT of the table's columns and the kind of change.
Relation changes_of(const Snapshot& shape, const Commit& commit) {
  if (!commit.cdcs.empty()) {
    std::vector<Add> files;
    for (const auto& cdc : commit.cdcs) files.push_back(as_add(cdc));
    return scan(with_change_type(shape), std::move(files));
  }
  std::vector<Add> added, removed;
  for (const auto& add : commit.adds) {
    if (add.data_change) added.push_back(as_add(add));
  }
  for (const auto& remove : commit.removes) {
    if (remove.data_change) removed.push_back(as_add(remove));
  }
  const auto [gone, come] = sides_of(shape, std::move(removed), std::move(added));
  const auto kind = [](const Relation& rows, const char* type) {
    return "SELECT *, '" + std::string(type) + "' AS " + kChangeType + " FROM (" + rows + ")";
  };
  return kind(gone, "delete") + " UNION ALL " + kind(come, "insert");
}

}  // namespace

Relation change_feed(const Table& table, int64_t from_version, int64_t to_version,
                     duck::Connection& connection) {
  const Snapshot after = table.snapshot(to_version, &connection);
  Relation out;
  for (const auto& commit : table.commits(from_version, to_version)) {
    if (commit.cdcs.empty() && !commit.changes_data()) continue;
    out += (out.empty() ? "" : " UNION ALL ") + ("SELECT *, " + std::to_string(commit.version)) +
           "::BIGINT AS _commit_version, TIMESTAMPTZ '" + iso(table.time_of(commit)) +
           "' AS _commit_timestamp FROM (" + changes_of(after, commit) + ")";
  }
  if (!out.empty()) return out;
  return "SELECT *, NULL::VARCHAR AS " + std::string(kChangeType) +
         ", NULL::BIGINT AS _commit_version, NULL::TIMESTAMPTZ AS _commit_timestamp FROM (" +
         scan(after, {}) + ")";
}

std::vector<Cdc> write_changes(RowWork& engine, const Snapshot& table, const Relation& removed,
                               const Relation& added, const Updates& updates, Time now) {
  // Where nothing comes there is nothing to compare: rows are only hidden.
  const Relation none = scan(table, {});
  const std::string gone =
      engine.keep(kGone, added.empty() ? removed : "(" + removed + ") EXCEPT ALL (" + added + ")");
  const std::string come =
      engine.keep(kCome, added.empty() ? none : "(" + added + ") EXCEPT ALL (" + removed + ")");
  const auto of_kind = [](const std::string& type, const Relation& rows) {
    return "SELECT *, " + type + " AS " + kChangeType + " FROM " + rows + " t";
  };
  const auto kind = [&](const char* alone, const char* paired, const std::string& rows,
                        const std::string& others, const Relation& alone_rows) -> Relation {
    const std::string single = "'" + std::string(alone) + "'",
                      pair = "'" + std::string(paired) + "'";
    if (!updates.key.empty()) {
      return of_kind("CASE WHEN EXISTS (FROM " + others + " o WHERE " +
                         same_key(updates.key, "t", "o") + ") THEN " + pair + " ELSE " + single +
                         " END",
                     rows);
    }
    if (!updates.all_but) return of_kind(single, rows);
    if (alone_rows.empty()) return of_kind(pair, rows);
    return of_kind(single, "(FROM " + rows + " INTERSECT ALL (" + alone_rows + "))") +
           " UNION ALL " + of_kind(pair, "(FROM " + rows + " EXCEPT ALL (" + alone_rows + "))");
  };
  const auto others = updates.all_but.value_or(Updates::Others{});
  columns::WriteOptions options;
  options.folder = table.table_path + "/_change_data";
  options.file_prefix = "cdc-";
  const auto files =
      write_rows(engine, with_change_type(table),
                 kind("delete", "update_preimage", gone, come, others.deleted) + " UNION ALL " +
                     kind("insert", "update_postimage", come, gone, others.inserted),
                 {}, options, now);
  engine.drop(kGone);
  engine.drop(kCome);
  std::vector<Cdc> out;
  for (const auto& file : files) out.push_back({file.path, file.partition_values, file.size});
  return out;
}

}  // namespace windrow::lake
