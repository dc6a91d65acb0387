#include "publish/postgres/postgres_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/postgres/kind.h"
#include "publish/sql/statements.h"

namespace windrow::publish {

namespace {

using clients::Postgres;
using clients::postgres_literal;
using clients::postgres_name;

constexpr size_t kNameBytes = 63;  // PostgreSQL cuts off what is longer
constexpr const char* kOurs = "made by windrow";

struct ThereColumn {
  std::string type;  ///< format_type's text
  bool required = false;
  std::string collation;  ///< quoted; empty where the type has none
};

std::map<std::string, ThereColumn> columns_there(Postgres& database, const std::string& qualified) {
  std::map<std::string, ThereColumn> out;
  for (const auto& row :
       database
           .query("SELECT attname, format_type(atttypid, atttypmod), attnotnull "
                  "AND NOT atthasdef AND attidentity = '', (SELECT quote_ident(nspname) || '.' || "
                  "quote_ident(collname) FROM pg_collation c JOIN pg_namespace n ON n.oid = "
                  "collnamespace WHERE c.oid = attcollation) FROM pg_attribute WHERE "
                  "attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
                  {qualified})
           .rows) {
    out[*row[0]] = {*row[1], *row[2] == "t", row[3].value_or("")};
  }
  return out;
}

void refuse_what_is_not_a_table(Postgres& database, const PostgresPlace& place,
                                const ViewBatch& view, bool ours) {
  const std::string qualified = place.qualified(view.table);
  const auto kind =
      database.value("SELECT relkind FROM pg_class WHERE oid = $1::regclass", {qualified});
  if (kind != "r" && kind != "p") {
    throw Error(Code::data, fmt::format("{} is no table in {}", qualified, database.address()),
                "publish under another name");
  }
  const bool swaps = view.mode == "replace" || view.mode == "replace_interval";
  if (!ours && swaps && database.value("SELECT 1 FROM " + qualified + " LIMIT 1")) {
    throw Error(Code::data,
                fmt::format("{} has a table {} with rows that windrow did not publish",
                            database.address(), qualified),
                "publish under another name, or empty the table first");
  }
}

/// The type that the store's table is to have for a column.
PostgresType wanted_type(const ViewBatch& view, const Column& column) {
  const auto declared = view.settings.columns.find(column.name);
  if (declared == view.settings.columns.end()) return postgres_type_of(column.type);
  const auto type = read_postgres_type(declared->second);
  if (!type) {
    throw Error(
        Code::configuration,
        fmt::format("column \"{}\" of view \"{}\": PostgreSQL's type \"{}\" is not one that "
                    "windrow writes",
                    column.name, view.table, declared->second),
        "boolean, smallint, integer, bigint, real, double precision, numeric(p,s), text, "
        "varchar(n), json, jsonb, bytea, date, time, timestamp, timestamptz, interval, "
        "uuid, and arrays of them",
        view.settings.place);
  }
  return *type;
}

std::string create_statement(const PostgresPlace& place, const ViewBatch& view,
                             const PostgresTable& table) {
  std::string columns;
  for (const auto& column : table.columns) {
    const bool key = std::find(view.settings.key.begin(), view.settings.key.end(), column.name) !=
                     view.settings.key.end();
    columns += (columns.empty() ? "" : ", ") + postgres_name(column.name) + " " +
               column.type.declared() + (key ? " NOT NULL" : "");
  }
  return "CREATE TABLE " + place.qualified(view.table) + " (" + columns + ")";
}

}  // namespace

std::string PostgresTable::column_list() const {
  std::string out;
  for (const auto& column : columns) out += (out.empty() ? "" : ", ") + postgres_name(column.name);
  return out;
}

std::string PostgresTable::collated(const std::string& column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column && !collations[i].empty())
      return postgres_name(column) + " COLLATE " + collations[i] + " AS " + postgres_name(column);
  }
  return postgres_name(column);
}

PostgresTable postgres_table(Postgres& database, const PostgresPlace& place, const ViewBatch& view,
                             bool ours, duck::Connection& connection) {
  PostgresTable table;
  const std::string qualified = place.qualified(view.table);
  table.exists = database.value("SELECT to_regclass($1)", {qualified}).has_value();
  if (table.exists) refuse_what_is_not_a_table(database, place, view, ours);
  auto there =
      table.exists ? columns_there(database, qualified) : std::map<std::string, ThereColumn>();
  std::string select;
  const auto sent = connection.describe(view.select);
  refuse_unknown_columns(view, sent);
  refuse_long_names(
      view, sent, kNameBytes, [](std::string_view name) { return name.size(); }, "bytes",
      "PostgreSQL");
  for (const auto& column : sent) {
    PostgresType type = wanted_type(view, column);
    std::string collation = type.kind == PostgresType::Kind::text ? "\"C\"" : "";
    if (const auto found = there.find(column.name); found != there.end()) {
      const auto present = read_postgres_type(found->second.type);
      const bool declared = view.settings.columns.contains(column.name);
      if (!present) {
        throw Error(Code::unsupported,
                    fmt::format("column \"{}\" of {} has the type {}, which windrow does not write",
                                column.name, qualified, found->second.type),
                    "give the table a column of another type, or publish under another name");
      }
      if (present->sql() != type.sql() && (declared || widens(*present, type))) {
        table.evolve.push_back(fmt::format("ALTER TABLE {} ALTER COLUMN {} TYPE {}", qualified,
                                           postgres_name(column.name), type.declared()));
      } else {
        type = *present;
        collation = found->second.collation;
      }
      there.erase(found);
    } else if (table.exists) {
      table.evolve.push_back(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", qualified,
                                         postgres_name(column.name), type.declared()));
    }
    select += (select.empty() ? "" : ", ") + select_as(column, type) + " AS " +
              duck::quote_name(column.name);
    table.columns.push_back({column.name, type, 0});
    table.collations.push_back(collation);
  }
  for (const auto& [name, column] : there) {  // that the view does not have any more
    if (column.required)
      table.evolve.push_back(fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", qualified,
                                         postgres_name(name)));
  }
  table.select = "SELECT " + select + " FROM (\n" + view.select + "\n)";
  const auto yielded = connection.describe(table.select);
  for (size_t i = 0; i < yielded.size(); ++i) {
    const std::string& type = yielded[i].type;
    if (!type.starts_with("DECIMAL(")) continue;
    table.columns[i].scale = std::atoi(type.c_str() + type.find(',') + 1);
  }
  if (!table.exists) {
    table.create.push_back(create_statement(place, view, table));
    table.create.push_back(
        "COMMENT ON TABLE " + qualified + " IS " +
        postgres_literal("published by windrow from " + view.manifest.source_table));
  }
  return table;
}

std::vector<std::string> postgres_indexes(Postgres& database, const PostgresPlace& place,
                                          const ViewBatch& view) {
  const std::string qualified = place.qualified(view.table);
  std::vector<std::string> out;
  std::set<std::string> wanted, there;
  for (const auto& row :
       database
           .query("SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE "
                  "i.indrelid = to_regclass($1) AND obj_description(c.oid, 'pg_class') = $2",
                  {qualified, kOurs})
           .rows) {
    there.insert(*row[0]);
  }
  for (const auto& index : declared_indexes(view, kNameBytes)) {
    wanted.insert(index.name);
    if (there.contains(index.name)) continue;
    std::string list;
    for (const auto& column : index.columns)
      list +=
          (list.empty() ? "" : ", ") + postgres_name(column.name) + (column.down ? " DESC" : "");
    out.push_back(fmt::format("CREATE {}INDEX {} ON {} ({})", index.unique ? "UNIQUE " : "",
                              postgres_name(index.name), qualified, list));
    out.push_back(fmt::format("COMMENT ON INDEX {} IS '{}'", place.qualified(index.name), kOurs));
  }
  for (const auto& name : there)
    if (!wanted.contains(name)) out.push_back("DROP INDEX " + place.qualified(name));
  return out;
}

std::string postgres_merge_view(Postgres& database, const PostgresPlace& place,
                                const ViewBatch& view, const PostgresTable& table) {
  const auto& merge = *project::own<MergeView>(view.settings);
  const std::string speed =
      merge.speed.find('.') == std::string::npos ? place.qualified(merge.speed) : merge.speed;
  if (!database.value("SELECT to_regclass($1)", {speed})) {
    throw Error(
        Code::not_found,
        fmt::format("merge view \"{}\": {} has no table {}", merge.view, database.address(), speed),
        "let the speed layer make its table first", merge.place);
  }
  const std::string boundary =
      fmt::format("(SELECT boundary FROM {} WHERE view = {})",
                  place.qualified("windrow_publications"), postgres_literal(view.table));
  // A timestamp without a zone is compared in UTC, whatever the reader's session says.
  const auto time_type = std::find_if(table.columns.begin(), table.columns.end(),
                                      [&](const auto& c) { return c.name == merge.time; });
  if (time_type == table.columns.end()) {
    throw Error(
        Code::configuration,
        fmt::format("merge view \"{}\": the view has no column \"{}\"", merge.view, merge.time), "",
        merge.place);
  }
  const bool local = time_type->type.kind != PostgresType::Kind::timestamptz;
  const std::string limit = local ? "(" + boundary + " AT TIME ZONE 'UTC')" : boundary;
  const std::string time = postgres_name(merge.time);
  std::string head = fmt::format("CREATE OR REPLACE VIEW {} AS ", place.qualified(merge.view));
  if (merge.sum.empty()) {
    std::string fresh;
    for (const auto& column : table.columns)
      fresh += (fresh.empty() ? "" : ", ") + table.collated(column.name);
    return head + fmt::format(
                      "SELECT {0} FROM {1} WHERE {2} < {3} OR {3} IS NULL UNION ALL "
                      "SELECT {5} FROM {4} WHERE {2} >= {3}",
                      table.column_list(), place.qualified(view.table), time, limit, speed, fresh);
  }
  std::string keys, sums, both, fresh;
  for (const auto& key : merge.key) {
    keys += (keys.empty() ? "" : ", ") + postgres_name(key);
    fresh += (fresh.empty() ? "" : ", ") + table.collated(key);
  }
  both = keys;
  for (const auto& sum : merge.sum) {
    sums += ", sum(" + postgres_name(sum) + ") AS " + postgres_name(sum);
    both += ", " + postgres_name(sum);
    fresh += ", " + postgres_name(sum);
  }
  return head + fmt::format(
                    "SELECT {0}{1} FROM (SELECT {2} FROM {3} UNION ALL SELECT {7} FROM {4} WHERE "
                    "{5} >= {6}) AS parts GROUP BY {0}",
                    keys, sums, both, place.qualified(view.table), speed, time, limit, fresh);
}

}  // namespace windrow::publish
