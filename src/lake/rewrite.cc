#include "lake/rewrite.h"

#include <nlohmann/json.hpp>
#include <set>

#include "columns/operator.h"
#include "duck/quoting.h"
#include "lake/json_text.h"
#include "lake/physical.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/touched.h"

namespace windrow::lake {

namespace {

/// SELECT over the files that were just staged.
Relation staged_rows(Stager& stager) {
  Snapshot only = stager.before();
  only.schema = stager.schema();
  only.files = stager.staged().adds;
  return scan(std::move(only));
}

const Field& interval_field(const Schema& schema, const std::string& table,
                            const std::string& column) {
  const Field* field = schema.find(column);
  if (field && is_time(field->type)) return *field;
  throw Error(Code::configuration,
              "table \"" + table + "\" is built by intervals of \"" + column +
                  "\", which its rows " +
                  (field ? "have as " + field->type.text() : std::string("do not have")),
              "the column must be a DATE, TIMESTAMP or TIMESTAMPTZ");
}

/// An interval of a column, as SQL.
struct Inside {
  std::string from, to, condition;

  Inside(const Field& field, const Interval& interval, const std::string& zone)
      : from(time_literal(interval.start, field.type, zone)),
        to(time_literal(interval.end, field.type, zone)) {
    const std::string name = duck::quote_name(field.name);
    condition = name + " >= " + from + " AND " + name + " < " + to;
  }
};

void refuse_outside(RowWork& rows, const Relation& relation, const std::string& table,
                    const Field& field, const Interval& interval, const Inside& inside) {
  const Relation outside = "SELECT " + duck::quote_name(field.name) + " FROM (" + relation +
                           ") WHERE (" + inside.condition + ") IS NOT TRUE";
  const auto wrong = std::get<int64_t>(rows.value("SELECT count(*) FROM (" + outside + ")"));
  if (wrong == 0) return;
  throw Error(Code::data,
              "table \"" + table + "\": " + std::to_string(wrong) +
                  " rows of the SELECT lie outside of " + interval.text() + " by \"" + field.name +
                  "\": " + samples_of(rows, outside),
              "the SELECT has to compare its input with $start and $end so that only rows of the "
              "interval "
              "come out");
}

}  // namespace

Staged stage_append(const StageContext& context, const Relation& select,
                    const Parameters& parameters) {
  Stager stager(context, select, parameters);
  auto& staged = stager.staged();
  staged.rows_written = staged.rows_changed = stager.write(stager.conforming(), parameters);
  stager.touch(staged_rows(stager));
  return stager.finish("WRITE", {{"mode", json_quoted("Append")}}, Reads::nothing);
}

Staged stage_replace(const StageContext& context, const Relation& select,
                     const Parameters& parameters) {
  Stager stager(context, select, parameters);
  auto& staged = stager.staged();
  staged.rows_written = staged.rows_changed = stager.write(stager.conforming(), parameters);
  stager.remove(stager.before().files);
  return stager.finish("WRITE", {{"mode", json_quoted("Overwrite")}}, Reads::whole_table);
}

Staged stage_replace_partitions(const StageContext& context, const Relation& select,
                                const Parameters& parameters) {
  Stager stager(context, select, parameters);
  if (stager.before().metadata.partition_columns.empty()) {
    throw Error(Code::usage,
                "table \"" + context.table_name + "\" has no partitions that could be replaced");
  }
  auto& staged = stager.staged();
  staged.rows_written = staged.rows_changed = stager.write(stager.conforming(), parameters);
  std::set<PartitionValues> written;
  for (const auto& add : staged.adds) written.insert(add.partition_values);
  std::vector<Add> replaced;
  for (const auto& add : stager.before().files) {
    if (written.count(add.partition_values)) replaced.push_back(add);
  }
  stager.remove(replaced);
  for (const auto& values : written)
    staged.scope.boxes.push_back(partition_box(stager.schema(), values));
  return stager.finish(
      "WRITE",
      {{"mode", json_quoted("Overwrite")}, {"partitionOverwriteMode", json_quoted("dynamic")}},
      Reads::scope);
}

Staged stage_replace_interval(const StageContext& context, const Relation& select,
                              const Parameters& parameters, const std::string& column,
                              const Interval& interval, const std::string& zone) {
  Stager stager(context, select, parameters);
  auto& staged = stager.staged();
  const Field& field = interval_field(stager.schema(), context.table_name, column);
  const Inside within(field, interval, zone);
  const auto& inside = within.condition;

  staged.rows_written = stager.write(stager.conforming(), parameters);
  const Relation fresh = staged_rows(stager);
  refuse_outside(context.rows, fresh, context.table_name, field, interval, within);

  const auto text = [&](const std::string& literal) {
    return cell_text(context.rows.value("SELECT CAST(" + literal + " AS VARCHAR)"));
  };
  const auto candidates =
      files_overlapping(stager.before(), column, text(within.from), text(within.to));
  if (!candidates.empty()) {
    const Relation old = scan(stager.before(), candidates);
    const Relation replaced = "SELECT * FROM (" + old + ") WHERE " + inside;
    const Relation changed = "((" + fresh + ") EXCEPT ALL (" + replaced + ")) UNION ALL ((" +
                             replaced + ") EXCEPT ALL (" + fresh + "))";
    stager.touch(changed, true);
    // Only files that reach beyond the interval hold rows that stay.
    std::vector<Add> straddling, whole;
    for (const auto& add : candidates) {
      const bool all = lies_inside(add, field, text(within.from), text(within.to));
      (all ? whole : straddling).push_back(add);
    }
    stager.remove(whole);
    if (!straddling.empty()) {
      const Relation going =
          "SELECT " + duck::quote_name(kFileColumn) + ", " + duck::quote_name(kPlaceColumn) +
          " FROM (" + scan(stager.before(), straddling, Scan::Extra::places) + ") WHERE " + inside;
      const Fates fates = stager.fates(going);
      if (!fates.rewritten.empty()) {
        stager.write_kept("SELECT * FROM (" + stager.kept_rows(fates.rewritten) + ") WHERE (" +
                          inside + ") IS NOT TRUE");
      }
      stager.thin(fates.thinned, going);
      stager.remove(fates.gone());
      stager.count_vectors("numDeletionVectors");
    }
  } else {
    stager.touch(fresh);
  }
  staged.rows_changed = staged.rows_written;
  // Rows of the interval all go: whoever changes a file that has some meets our removes.
  staged.scope.boxes = {{{field, text(within.from), text(within.to), true, false}}};
  return stager.finish("WRITE",
                       {{"mode", json_quoted("Overwrite")},
                        {"predicate", json_quoted(column + " in " + interval.text())}},
                       Reads::scope);
}

Staged stage(const StageContext& context, const Relation& select, const Parameters& parameters,
             const Method& method) {
  switch (method.kind) {
    case Method::Kind::append: return stage_append(context, select, parameters);
    case Method::Kind::replace: return stage_replace(context, select, parameters);
    case Method::Kind::replace_interval:
      return stage_replace_interval(context, select, parameters, method.column, method.interval,
                                    method.zone);
    case Method::Kind::merge: return stage_merge(context, select, parameters, method.merge);
    case Method::Kind::scd2: return stage_scd2(context, select, parameters, method.scd2);
  }
  broken_invariant("method kind", __FILE__, __LINE__);
}

Relation set_down(RowWork& rows, const std::string& folder, const Relation& select,
                  const Parameters& parameters, Time now) {
  Snapshot out;
  out.table_path = folder;
  const auto columns = rows.describe(select, parameters);
  out.schema = schema_from_duck(columns);
  out.files =
      write_rows(rows, out, conforming_select(select, columns, out.schema), parameters, {}, now);
  return scan(std::move(out));
}

void check_inside(RowWork& rows, const std::string& table, const Relation& select,
                  const std::string& column, const Interval& interval, const std::string& zone) {
  const Schema schema = schema_from_duck(rows.describe(select));
  const Field& field = interval_field(schema, table, column);
  refuse_outside(rows, select, table, field, interval, Inside(field, interval, zone));
}

std::string keep_through(RowWork& rows, const std::string& name, const columns::OperatorUse& use,
                         const Relation& select, const Parameters& parameters) {
  const auto columns = rows.describe(select, parameters);
  const Schema schema = schema_from_duck(columns);
  use.kind->output(schema,
                   use.settings);  // before anything is sorted by a column that is not there
  Relation input = conforming_select(select, columns, schema);
  std::string order;
  for (const auto& column : use.kind->order(use.settings))
    order += (order.empty() ? " ORDER BY " : ", ") + duck::quote_name(column) + " ASC NULLS FIRST";
  const auto out = use.kind->run(rows.read(input + order, parameters), use.settings);
  return rows.keep(name, *out);
}

CommitRequest request_of(Staged staged, const NewTable& if_new) {
  CommitRequest request;
  request.operation = std::move(staged.operation);
  request.operation_parameters = std::move(staged.parameters);
  request.operation_metrics = std::move(staged.metrics);
  request.reads = staged.reads;
  request.scope = std::move(staged.scope);
  request.adds = std::move(staged.adds);
  request.removes = std::move(staged.removes);
  if (staged.base) {
    request.read_version = staged.base->version;
    request.base = std::move(staged.base);
    request.cdcs = std::move(staged.cdcs);
    request.metadata = std::move(staged.metadata);
    request.protocol = std::move(staged.protocol);
  } else {
    NewTable made = if_new;
    made.schema = staged.schema;
    made.partition_by = std::move(staged.partition_by);
    auto [protocol, metadata] = create_actions(made, staged.staged_at);
    request.protocol = std::move(protocol);
    request.metadata = std::move(metadata);
  }
  return request;
}

void discard(storage::FileSystem& files, const Staged& staged) noexcept {
  for (const auto& path : staged.written_paths) {
    try {
      files.remove(path);
    } catch (const Error&) {
      // It is in no commit, so no reader sees it; vacuum will find it.
    }
  }
}

}  // namespace windrow::lake
