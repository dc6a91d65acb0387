#include "publish/cassandra/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/nearest.h"
#include "duck/duck.h"
#include "publish/cassandra/kind.h"

namespace windrow::publish {

namespace {

using clients::cassandra::Cluster;
using clients::cassandra::parse_type;
using clients::cassandra::Values;

constexpr const char* kIndexPrefix = "windrow_";

/// A key column as declared: `-name` is downwards.
struct KeyColumn {
  std::string name;
  bool down = false;
};
KeyColumn key_column(const std::string& text) {
  return text.starts_with('-') ? KeyColumn{text.substr(1), true} : KeyColumn{text, false};
}

struct Key {
  std::vector<KeyColumn> columns;
  size_t partition = 0;
};

Key key_of(const ViewBatch& view, const std::vector<Column>& columns) {
  const auto& declared = cassandra_declared(view.settings);
  const auto& partition = declared.partition.empty() ? view.settings.key : declared.partition;
  Key out;
  for (const auto& column : partition) out.columns.push_back({column, false});
  out.partition = partition.size();
  for (const auto& column : declared.clustering) out.columns.push_back(key_column(column));
  if (partition.empty()) {
    throw Error(Code::configuration,
                fmt::format("view \"{}\" has no primary key, which cassandra needs", view.table),
                "cassandra: {partition: [day], clustering: [id]}, or key: [id]",
                view.settings.place);
  }
  for (const auto& key : out.columns) {
    if (std::any_of(columns.begin(), columns.end(), [&](auto& c) { return c.name == key.name; }))
      continue;
    std::vector<std::string> names;
    for (const auto& column : columns) names.push_back(column.name);
    throw Error(
        Code::configuration,
        fmt::format("view \"{}\" has no column \"{}\" for its primary key", view.table, key.name),
        did_you_mean(key.name, names), view.settings.place);
  }
  return out;
}

/// A column of the table that is there.
struct Present {
  std::string type, kind, order;
  int position = 0;
};

std::map<std::string, Present> present_columns(Cluster& cluster, const CassandraPlace& place,
                                               const std::string& table) {
  std::map<std::string, Present> out;
  const auto rows = cluster.query(fmt::format(
      "SELECT column_name, type, kind, position, clustering_order FROM system_schema.columns WHERE "
      "keyspace_name = {} AND table_name = {}",
      cassandra_text(place.keyspace), cassandra_text(table)));
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const auto at = [&](const char* column) { return rows.text(i, column).value_or(""); };
    out[at("column_name")] = {at("type"), at("kind"), at("clustering_order"),
                              std::stoi(at("position"))};
  }
  return out;
}

std::string described(const Key& key) {
  std::string out = "((";
  for (size_t i = 0; i < key.columns.size(); ++i) {
    if (i > 0) out += i == key.partition ? "), " : ", ";
    out += key.columns[i].name + (key.columns[i].down ? " desc" : "");
  }
  return out + (key.partition == key.columns.size() ? "))" : ")");
}

void refuse_other_key(const ViewBatch& view, const Key& key,
                      const std::map<std::string, Present>& there) {
  Key now;
  for (const char* kind : {"partition_key", "clustering"}) {
    std::map<int, KeyColumn> ordered;
    for (const auto& [name, column] : there)
      if (column.kind == kind) ordered[column.position] = {name, column.order == "desc"};
    for (const auto& [position, column] : ordered) now.columns.push_back(column);
    if (kind == std::string_view("partition_key")) now.partition = now.columns.size();
  }
  if (described(now) == described(key)) return;
  throw Error(Code::configuration,
              fmt::format("table \"{}\" has the primary key {}, the view {}", view.table,
                          described(now), described(key)),
              "a primary key cannot be changed: publish it as another table, or drop the table",
              view.settings.place);
}

/// Cassandra changes no column's type, so a declared one that differs would do nothing.
void refuse_other_types(const ViewBatch& view, const std::map<std::string, Present>& there) {
  for (const auto& [name, type] : view.settings.columns) {
    const auto found = there.find(name);
    if (found == there.end() || parse_type(found->second.type).text() == parse_type(type).text())
      continue;
    throw Error(Code::configuration,
                fmt::format("column \"{}\" of table \"{}\" is {} in the store, and {} under "
                            "\"columns\"",
                            name, view.table, found->second.type, type),
                "Cassandra changes no type: publish it as another table, or drop the table",
                view.settings.place);
  }
}

std::string type_for(const ViewBatch& view, const Column& column) {
  const auto declared = view.settings.columns.find(column.name);
  if (declared == view.settings.columns.end()) return cassandra_type_of(column.type);
  parse_type(declared->second);
  return declared->second;
}

int64_t ttl_seconds(const ViewBatch& view) {
  const auto& text = cassandra_declared(view.settings).ttl;
  const auto ttl = text.empty() ? std::nullopt : parse_duration(text);
  return ttl ? std::chrono::duration_cast<std::chrono::seconds>(*ttl).count() : 0;
}

std::string create_table(const CassandraPlace& place, const ViewBatch& view, const Key& key,
                         const std::vector<Column>& columns) {
  std::string text = "CREATE TABLE IF NOT EXISTS " + place.qualified(view.table) + " (";
  for (const auto& column : columns)
    text += cassandra_name(column.name) + " " + type_for(view, column) + ", ";
  text += "PRIMARY KEY ((";
  std::string order;
  for (size_t i = 0; i < key.columns.size(); ++i) {
    if (i > 0) text += i == key.partition ? "), " : ", ";
    text += cassandra_name(key.columns[i].name);
    if (i >= key.partition) {
      order += (order.empty() ? "" : ", ") + cassandra_name(key.columns[i].name) +
               (key.columns[i].down ? " DESC" : " ASC");
    }
  }
  text += (key.partition == key.columns.size() ? ")))" : "))");
  std::string with = fmt::format("default_time_to_live = {}", ttl_seconds(view));
  if (!order.empty()) with += " AND CLUSTERING ORDER BY (" + order + ")";
  for (const auto& [option, value] : cassandra_declared(view.settings).options)
    with += " AND " + option + " = " + value;
  return text + " WITH " + with;
}

/// Columns that are new, a time to live that was changed.
void evolve(Cluster& cluster, const CassandraPlace& place, const ViewBatch& view,
            const std::vector<Column>& columns, const std::map<std::string, Present>& there,
            std::vector<std::string>& changes) {
  for (const auto& column : columns) {
    if (there.contains(column.name)) continue;
    changes.push_back("ALTER TABLE " + place.qualified(view.table) + " ADD " +
                      cassandra_name(column.name) + " " + type_for(view, column));
  }
  const auto options = cluster.query(
      fmt::format("SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = {} "
                  "AND table_name = {}",
                  cassandra_text(place.keyspace), cassandra_text(view.table)));
  const auto ttl = std::to_string(ttl_seconds(view));
  if (!options.rows.empty() && options.text(0, "default_time_to_live") != ttl) {
    changes.push_back("ALTER TABLE " + place.qualified(view.table) +
                      " WITH default_time_to_live = " + ttl);
  }
}

void add_indexes(Cluster& cluster, const CassandraPlace& place, const ViewBatch& view,
                 std::vector<std::string>& changes) {
  std::set<std::string> there;
  const auto rows = cluster.query(fmt::format(
      "SELECT index_name FROM system_schema.indexes WHERE keyspace_name = {} AND table_name = {}",
      cassandra_text(place.keyspace), cassandra_text(view.table)));
  for (size_t i = 0; i < rows.rows.size(); ++i)
    there.insert(rows.text(i, "index_name").value_or(""));
  std::string kind = cassandra_declared(view.settings).index;
  if (kind.empty() && std::atoi(cluster.version().c_str()) >= 5) kind = "sai";
  for (const auto& columns : view.indexes) {
    if (columns.size() != 1 || columns[0].starts_with('-')) {
      throw Error(Code::configuration,
                  fmt::format("view \"{}\": an index of cassandra is of one column, and has no "
                              "direction",
                              view.table),
                  "indexes: [[a], [b]]", view.settings.place);
    }
    const std::string name = kIndexPrefix + view.table + "_" + columns[0];
    if (there.erase(name) > 0) continue;
    changes.push_back("CREATE INDEX IF NOT EXISTS " + cassandra_name(name) + " ON " +
                      place.qualified(view.table) + " (" + cassandra_name(columns[0]) + ")" +
                      (kind.empty() ? "" : " USING " + cassandra_text(kind)));
  }
  for (const auto& name : there)  // of an earlier declaration
    if (name.starts_with(kIndexPrefix))
      changes.push_back("DROP INDEX IF EXISTS " + place.qualified(name));
}

}  // namespace

std::string cassandra_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string cassandra_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

bool keyspace_exists(Cluster& cluster, const CassandraPlace& place) {
  return !cluster
              .query("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = " +
                     cassandra_text(place.keyspace))
              .rows.empty();
}

std::string create_keyspace(const CassandraPlace& place) {
  return "CREATE KEYSPACE IF NOT EXISTS " + cassandra_name(place.keyspace) +
         " WITH replication = " + place.replication;
}

CassandraTableState cassandra_table(Cluster& cluster, const CassandraPlace& place,
                                    const ViewBatch& view, bool ours,
                                    duck::Connection& connection) {
  const auto columns = connection.describe(view.select);
  refuse_unknown_columns(view, columns);
  const Key key = key_of(view, columns);
  const auto there = present_columns(cluster, place, view.table);
  CassandraTableState out;
  out.exists = !there.empty();
  out.partition = key.partition;
  for (const auto& column : key.columns) out.key.push_back(column.name);
  if (!out.exists) {
    out.changes.push_back(create_table(place, view, key, columns));
  } else {
    refuse_other_key(view, key, there);
    refuse_other_types(view, there);
    if (!ours &&
        !cluster.query("SELECT * FROM " + place.qualified(view.table) + " LIMIT 1").rows.empty()) {
      throw Error(Code::configuration,
                  fmt::format("table \"{}\" has rows that windrow did not publish", view.table),
                  "publish under another name, or empty the table", view.settings.place);
    }
    evolve(cluster, place, view, columns, there, out.changes);
  }
  add_indexes(cluster, place, view, out.changes);
  for (const auto& column : columns) {
    const auto found = there.find(column.name);
    out.fields.push_back(cassandra_field(
        column.name, column.type,
        parse_type(found == there.end() ? type_for(view, column) : found->second.type)));
  }
  for (const auto& [name, column] : there) {  // what the view lost becomes NULL
    const bool lost =
        std::none_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
    if (lost && column.kind == "regular" && view.mode == "replace")
      out.fields.push_back({name, {}, true, "NULL"});
  }
  return out;
}

}  // namespace windrow::publish
