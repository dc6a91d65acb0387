#include "lake/stager.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/local_time.h"
#include "duck/quoting.h"
#include "lake/change_data.h"
#include "lake/constraints.h"
#include "lake/deletion_vector.h"
#include "lake/partition_path.h"
#include "lake/physical.h"
#include "lake/protocol.h"
#include "lake/row_tracking.h"
#include "lake/statistics.h"
#include "lake/table.h"
#include "lake/touched.h"

namespace windrow::lake {

std::string column_list(const std::vector<std::string>& names, const std::string& prefix) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + prefix + duck::quote_name(name);
  return out;
}

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const auto& field : schema.fields) names.push_back(field.name);
  return names;
}

std::string same_key(const std::vector<std::string>& key, const std::string& left,
                     const std::string& right) {
  std::string out;
  for (const auto& name : key) {
    const std::string quoted = duck::quote_name(name);
    out += (out.empty() ? "" : " AND ") + left + "." + quoted + " = " + right + "." + quoted;
  }
  return out;
}

std::string time_literal(Time t, const Type& type, const std::string& zone) {
  if (type.kind == Type::Kind::date)
    return "DATE '" + iso(date_boundary(t, zone)).substr(0, 10) + "'";
  const bool moment = type.kind == Type::Kind::timestamp;
  std::string text = iso(moment ? t : local_boundary(t, zone));
  text.pop_back();
  text[10] = ' ';
  return moment ? "TIMESTAMPTZ '" + text + "+00'" : "TIMESTAMP '" + text + "'";
}

Stager::Stager(const StageContext& context, const Relation& select, const Parameters& parameters,
               const std::vector<Column>& extra)
    : context_(context), parameters_(parameters) {
  const auto columns = rows().describe(select, parameters);
  auto with_extra = columns;
  with_extra.insert(with_extra.end(), extra.begin(), extra.end());
  const Schema incoming = schema_from_duck(with_extra);
  if (!context.current || context.may_replace_schema) {
    staged_.schema = evolve(incoming, incoming, context.table_name)
                         .schema;  // refuses names that differ by case only
  } else {
    auto evolution = evolve(context.current->schema, incoming, context.table_name);
    if (!evolution.added.empty() && !context.evolve) {
      throw Error(Code::data,
                  "table \"" + context.table_name + "\" has no column \"" +
                      evolution.added.front() + "\", which its SELECT yields",
                  "declare the column, or allow new columns");
    }
    staged_.schema = std::move(evolution.schema);
    staged_.columns_added = std::move(evolution.added);
  }
  for (const auto& name : context.partition_by) {
    if (!staged_.schema.find(name)) {
      throw Error(Code::configuration, "table \"" + context.table_name + "\" is partitioned by \"" +
                                           name + "\", which its rows do not have");
    }
  }
  Schema own = staged_.schema;
  std::erase_if(own.fields, [&](const Field& field) {
    for (const auto& column : extra) {
      if (column.name == field.name) return true;
    }
    return false;
  });
  conforming_ = conforming_select(select, columns, own);
  if (context.current) {
    before_ = *context.current;
    map_new_columns(staged_.schema, before_.metadata);
    check_row_tracking(before_.protocol, before_.metadata, staged_.schema);
    std::vector<std::string> missing;
    for (const auto& field : own.fields) {
      if (std::none_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return column.name == field.name; }))
        missing.push_back(field.name);
    }
    conforming_ = enforced(rows(), conforming_, own, before_.metadata, missing);
  } else {
    before_.table_path = context.table_path;
    before_.metadata.partition_columns = context.partition_by;
  }
  if (context.current && context.may_replace_schema) {
    former_ = *context.current;
    remove(before_.files);  // nothing of the former table stays
    before_.files.clear();
    before_.metadata.partition_columns = context.partition_by;
  }
  before_.schema = staged_.schema;
}

Stager::~Stager() {
  for (const auto& name : kept_) {
    try {
      rows().drop(name);
    } catch (const Error&) {
      // It goes with the session.
    }
  }
  if (!finished_) discard(context_.files, staged_);
}

std::string Stager::materialize(const std::string& name, const Relation& select,
                                const Parameters& parameters) {
  kept_.push_back(name);
  return rows().keep(name, select, parameters);
}

int64_t Stager::write(const Relation& rows, const Parameters& parameters) {
  return add(write_rows(context_.rows, before_, rows, parameters, context_.write, context_.now,
                        context_.progress));
}

Relation Stager::kept_rows(const std::vector<Add>& files) const {
  return scan(before_, files, Scan::Extra::row_ids);
}

int64_t Stager::write_kept(const Relation& rows) {
  return add(write_rows_with_ids(context_.rows, before_, rows, context_.write, context_.now,
                                 context_.progress));
}

int64_t Stager::add(std::vector<Add> written) {
  int64_t rows = 0;
  for (auto& each : written) {
    staged_.written_paths.push_back(before_.file_path(each));
    rows += rows_of(each).value_or(0);
    staged_.adds.push_back(std::move(each));
  }
  return rows;
}

std::vector<Add> files_at(const Snapshot& snapshot, const Rows& paths) {
  std::set<std::string> wanted;
  for (const auto& row : paths.rows) wanted.insert(cell_text(row[0]));
  std::vector<Add> out;
  for (const auto& add : snapshot.files) {
    if (wanted.contains(snapshot.file_path(add))) out.push_back(add);
  }
  return out;
}

void Stager::remove(const std::vector<Add>& files) {
  for (const auto& add : files) staged_.removes.push_back(remove_of(add, context_.now));
}

Fates Stager::fates(const Relation& going) const {
  const std::string file = duck::quote_name(kFileColumn);
  return fates_of(before_,
                  rows().query("SELECT " + file + ", count(*) FROM (" + going + ") GROUP BY 1"),
                  context_.vectors);
}

void Stager::thin(const std::vector<Add>& files, const Relation& going) {
  if (files.empty()) return;
  // Texts of some thousand places each: small results, however many rows go.
  const std::string place = duck::quote_name(kPlaceColumn);
  std::string paths;
  for (size_t i = 0; i < files.size(); ++i) {
    paths += (i == 0 ? "(" : ", (") + duck::quote_text(before_.file_path(files[i])) + ", " +
             std::to_string(i) + "::BIGINT)";
  }
  const auto found = rows().query("SELECT f.i, string_agg(g." + place + "::VARCHAR, ',') FROM (" +
                                  going + ") g JOIN (VALUES " + paths + ") f(path, i) ON g." +
                                  duck::quote_name(kFileColumn) + " = f.path GROUP BY f.i, g." +
                                  place + " // 65536");
  std::vector<DeletedRows> deleted(files.size());
  for (const auto& row : found.rows) {
    auto& into = deleted[size_t(std::get<int64_t>(row[0]))];
    const std::string text = cell_text(row[1]);
    for (const char *at = text.data(), *end = at + text.size(); at < end; ++at) {
      uint64_t number = 0;
      at = std::from_chars(at, end, number).ptr;
      into.add(number);
    }
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].deletion_vector)
      deleted[i].add(context_.files, before_.table_path, *files[i].deletion_vector);
  }
  auto vectors = write_vectors(context_.files, before_.table_path, deleted, staged_.written_paths);
  for (size_t i = 0; i < files.size(); ++i) thinned_.push_back({files[i], std::move(vectors[i])});
}

void Stager::count_vectors(const std::string& name) {
  int64_t updated = 0;
  for (const auto& file : thinned_) updated += file.before.deletion_vector.has_value();
  staged_.metrics[name + "Added"] = std::to_string(int64_t(thinned_.size()) - updated);
  staged_.metrics[name + "Updated"] = std::to_string(updated);
}

void Stager::add_thinned() {
  for (const auto& [before, after] : thinned_) {
    staged_.removes.push_back(remove_of(before, context_.now));
    staged_.adds.push_back(with_vector(before, after));
  }
  if (thinned_.empty()) return;
  Protocol protocol = before_.protocol;
  Metadata metadata = staged_.metadata.value_or(before_.metadata);
  if (!switch_vectors_on(protocol, metadata)) return;
  staged_.protocol = std::move(protocol);
  staged_.metadata = std::move(metadata);
}

void Stager::remove_paths(const std::vector<std::string>& absolute_paths) {
  const std::set<std::string> wanted(absolute_paths.begin(), absolute_paths.end());
  for (const auto& add : before_.files) {
    if (wanted.count(before_.file_path(add)))
      staged_.removes.push_back(remove_of(add, context_.now));
  }
}

Relation Stager::former_rows() const {
  std::string list;
  for (const auto& field : staged_.schema.fields) {
    const std::string name = duck::quote_name(field.name);
    list += (list.empty() ? "" : ", ") +
            (former_->schema.find(field.name)
                 ? name
                 : "CAST(NULL AS " + duck_type(field.type) + ") AS " + name);
  }
  return "SELECT " + list + " FROM (" + scan(*former_) + ")";
}

void Stager::touch(const Relation& changed, bool costly) {
  if (!former_ || former_->files.empty()) {
    staged_.touched = touched_by(rows(), schema(), changed, costly);
    return;
  }
  // A column that became another one has no times in common with its former self: who reads the
  // table is told by the schema that everything changed.
  for (const auto& field : former_->schema.fields) {
    const Field* now = schema().find(field.name);
    if (now && !(now->type == field.type)) return;
  }
  const Relation former = former_rows();
  staged_.touched = touched_by(rows(), schema(),
                               "((" + changed + ") EXCEPT ALL (" + former + ")) UNION ALL ((" +
                                   former + ") EXCEPT ALL (" + changed + "))",
                               true);
}

void Stager::write_change_data(const Updates& updates) {
  if (!context_.current || !switched_on(before_.metadata, "delta.enableChangeDataFeed")) return;
  // Commits that only add or only remove whole files say by that what they changed.
  if (thinned_.empty() && (staged_.adds.empty() || staged_.removes.empty())) return;
  std::vector<Add> gone;
  for (const auto& remove : staged_.removes) gone.push_back(add_of(remove));
  const Relation hidden = thinned_.empty() ? Relation() : scan_taken(before_, thinned_);
  const Relation removed = thinned_.empty() ? scan(before_, gone)
                           : gone.empty()
                               ? hidden
                               : "(" + scan(before_, gone) + ") UNION ALL (" + hidden + ")";
  const Relation added = staged_.adds.empty() ? Relation() : scan(before_, staged_.adds);
  staged_.cdcs = write_changes(rows(), before_, removed, added, updates, context_.now);
  for (const auto& cdc : staged_.cdcs)
    staged_.written_paths.push_back(resolved_path(context_.table_path, cdc.path));
}

Staged Stager::finish(std::string operation, std::map<std::string, std::string> parameters,
                      Reads reads, const Updates& updates) {
  write_change_data(updates);
  staged_.staged_at = context_.now;
  staged_.partition_by = context_.partition_by;
  if (context_.current) {
    staged_.base = base_of(*context_.current);
    // `before_` is partitioned as the table will be.
    if (before_.metadata.partition_columns != context_.current->metadata.partition_columns ||
        !(staged_.schema == context_.current->schema)) {
      staged_.metadata = before_.metadata;
      staged_.metadata->schema_string = to_json(staged_.schema);
    }
  }
  int64_t bytes = 0;
  for (const auto& add : staged_.adds) bytes += add.size;
  staged_.metrics.try_emplace("numOutputRows", std::to_string(staged_.rows_written));
  staged_.metrics.try_emplace("numFiles", std::to_string(staged_.adds.size()));
  staged_.metrics.try_emplace("numOutputBytes", std::to_string(bytes));
  add_thinned();
  staged_.after = scan_after(before_, staged_.removes, staged_.adds);
  staged_.operation = std::move(operation);
  staged_.parameters = std::move(parameters);
  staged_.reads = context_.may_replace_schema ? Reads::whole_table : reads;
  finished_ = true;
  return std::move(staged_);
}

int64_t Stager::count(const Relation& select, const Parameters& parameters) const {
  return std::get<int64_t>(rows().value("SELECT count(*) FROM (" + select + ")", parameters));
}

std::string Stager::samples(const Relation& select) const { return samples_of(rows(), select); }

std::string samples_of(RowWork& rows, const Relation& select) {
  const auto found = rows.query("SELECT * FROM (" + select + ") LIMIT 5");
  std::string out;
  for (const auto& row : found.rows) {
    std::string line;
    for (const auto& cell : row) line += (line.empty() ? "" : ", ") + cell_text(cell);
    out += (out.empty() ? "(" : ", (") + line + ")";
  }
  return out;
}

}  // namespace windrow::lake
