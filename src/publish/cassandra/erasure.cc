#include "publish/cassandra/erasure.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace windrow::publish {

namespace {

using clients::cassandra::Cluster;
using clients::cassandra::Rows;
using clients::cassandra::Values;

/// `WHERE` of the key as literals of their columns' types, and the primary key's columns.
struct Target {
  std::string where, primary, marks;
};

std::string literal(const std::string& type, const std::string& value) {
  for (const char* quoted : {"text", "ascii", "varchar", "date", "timestamp", "time", "inet"})
    if (type == quoted) return cassandra_text(value);
  const bool plain =
      !value.empty() &&
      value.find_first_not_of("0123456789abcdefABCDEFxX.+-truefalsEN") == std::string::npos;
  return plain ? value : "";
}

std::optional<Target> target_of(Cluster& cluster, const CassandraPlace& place,
                                const std::string& table, const KeyValues& key) {
  const auto columns =
      cluster.query(fmt::format("SELECT column_name, type, kind, position FROM "
                                "system_schema.columns WHERE keyspace_name = {} "
                                "AND table_name = {}",
                                cassandra_text(place.keyspace), cassandra_text(table)));
  Target out;
  for (size_t i = 0; i < columns.rows.size(); ++i) {
    if (columns.text(i, "kind") == "regular" || columns.text(i, "kind") == "static") continue;
    const auto name = cassandra_name(columns.text(i, "column_name").value_or(""));
    out.primary += (out.primary.empty() ? "" : ", ") + name;
    out.marks += (out.marks.empty() ? "" : " AND ") + name + " = ?";
  }
  for (const auto& [name, value] : key) {
    bool found = false;
    for (size_t i = 0; i < columns.rows.size() && !found; ++i) {
      const auto column = columns.text(i, "column_name").value_or("");
      if (lower(column) != lower(name)) continue;
      found = true;
      const auto written = literal(columns.text(i, "type").value_or(""), value);
      if (written.empty()) return {};  // a value that the column cannot have
      out.where += (out.where.empty() ? "" : " AND ") + cassandra_name(column) + " = " + written;
    }
    if (!found) return {};
  }
  return out;
}

}  // namespace

std::optional<int64_t> cassandra_erase(Cluster& cluster, const CassandraPlace& place,
                                       const std::string& table, const KeyValues& key, bool dry_run,
                                       int64_t timestamp) {
  const auto target = target_of(cluster, place, table, key);
  if (!target) return {};
  std::vector<Values> found;
  cluster.stream(fmt::format("SELECT {} FROM {} WHERE {} ALLOW FILTERING", target->primary,
                             place.qualified(table), target->where),
                 [&](const Rows& page) {
                   for (const auto& row : page.rows) {
                     Values values;
                     for (const auto& value : row) values.bytes(value.value_or(""));
                     found.push_back(std::move(values));
                   }
                 });
  if (dry_run || found.empty()) return int64_t(found.size());
  const auto remove = cluster.prepare(
      fmt::format("DELETE FROM {} WHERE {}", place.qualified(table), target->marks));
  for (const auto& values : found) cluster.write(*remove, values, timestamp);
  cluster.finish();
  return int64_t(found.size());
}

}  // namespace windrow::publish
