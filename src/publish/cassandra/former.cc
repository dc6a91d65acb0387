#include "publish/cassandra/former.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/hash.h"
#include "publish/cassandra/manifests.h"

namespace windrow::publish {

namespace {

using clients::cassandra::Rows;
using clients::cassandra::Values;

constexpr const char* kManifests = "windrow_former_publications";
constexpr size_t kNameBytes = 48;  // Cassandra takes no longer names

std::string list_of(const std::vector<std::string>& columns, const std::string& between) {
  std::string out;
  for (const auto& column : columns) out += (out.empty() ? "" : between) + cassandra_name(column);
  return out;
}

std::string key_wire(const std::vector<std::optional<std::string>>& row) {
  Values key;
  for (const auto& value : row) key.bytes(value.value_or(""));
  return std::string(key.wire());
}

}  // namespace

/// What copying has to know of a table.
struct CassandraFormer::Shape {
  struct Column {
    std::string name, type, kind, order;
    int position = 0;
  };
  std::vector<Column> columns;

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& column : columns) out.push_back(column.name);
    return out;
  }
  std::vector<std::string> key(const std::string& kind) const {
    std::map<int, std::string> ordered;
    for (const auto& column : columns)
      if (column.kind == kind) ordered[column.position] = column.name;
    std::vector<std::string> out;
    for (const auto& [position, name] : ordered) out.push_back(name);
    return out;
  }
  std::vector<std::string> key() const {
    auto out = key("partition_key");
    for (auto& name : key("clustering")) out.push_back(std::move(name));
    return out;
  }
};

std::string CassandraFormer::table_of(const std::string& view) {
  const std::string name = "windrow_former_" + view;
  return name.size() <= kNameBytes ? name : "windrow_former_" + sha256(view).substr(0, 32);
}

bool CassandraFormer::there(const std::string& table) {
  return !cluster_
              .query(fmt::format("SELECT table_name FROM system_schema.tables WHERE keyspace_name "
                                 "= {} AND table_name = {}",
                                 cassandra_text(place_.keyspace), cassandra_text(table)))
              .rows.empty();
}

CassandraFormer::Shape CassandraFormer::shape_of(const std::string& table) {
  Shape out;
  const auto rows = cluster_.query(fmt::format(
      "SELECT column_name, type, kind, position, clustering_order FROM system_schema.columns WHERE "
      "keyspace_name = {} AND table_name = {}",
      cassandra_text(place_.keyspace), cassandra_text(table)));
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const auto at = [&](const char* column) { return rows.text(i, column).value_or(""); };
    out.columns.push_back({at("column_name"), at("type"), at("kind"), at("clustering_order"),
                           std::stoi(at("position"))});
  }
  return out;
}

std::map<std::string, Manifest> CassandraFormer::all() {
  if (!there(kManifests)) return {};
  return CassandraManifests(cluster_, place_, kManifests).all();
}

void CassandraFormer::forget_manifest(const std::string& view) {
  if (!there(kManifests)) return;
  Values values;
  values.text(view);
  cluster_.query("DELETE FROM " + place_.qualified(kManifests) + " WHERE \"view\" = ?", values);
}

void CassandraFormer::forget(const std::string& view) {
  forget_manifest(view);
  cluster_.change("DROP TABLE IF EXISTS " + place_.qualified(table_of(view)));
}

void CassandraFormer::keep(const Manifest& present, int64_t timestamp) {
  forget(present.view);
  const auto shape = shape_of(present.view);
  std::string columns, order;
  for (const auto& column : shape.columns)
    columns += cassandra_name(column.name) + " " + column.type + ", ";
  const auto partition = shape.key("partition_key"), clustering = shape.key("clustering");
  for (const auto& name : clustering) {
    const auto column = std::find_if(shape.columns.begin(), shape.columns.end(),
                                     [&](const auto& c) { return c.name == name; });
    order += (order.empty() ? " WITH CLUSTERING ORDER BY (" : ", ") + cassandra_name(name) +
             (column->order == "desc" ? " DESC" : " ASC");
  }
  const std::string beside = table_of(present.view);
  cluster_.change(fmt::format("CREATE TABLE {} ({}PRIMARY KEY (({}){}{})){}",
                              place_.qualified(beside), columns, list_of(partition, ", "),
                              clustering.empty() ? "" : ", ", list_of(clustering, ", "),
                              order.empty() ? "" : order + ")"));
  keep_alive_();
  copy(present.view, beside, shape, timestamp);
  if (!there(kManifests)) cluster_.change(CassandraManifests::create(place_, kManifests));
  CassandraManifests(cluster_, place_, kManifests).put(present);
}

void CassandraFormer::bring_back(const std::string& view, int64_t timestamp) {
  const std::string beside = table_of(view);
  auto shape = shape_of(beside);
  const auto present = shape_of(view);
  // Columns that the view's table has beyond those of the copy: they are NULL in the former batch.
  Shape both = shape;
  for (const auto& column : present.columns) {
    const bool known = std::any_of(shape.columns.begin(), shape.columns.end(),
                                   [&](const auto& c) { return c.name == column.name; });
    if (!known)
      cluster_.change("ALTER TABLE " + place_.qualified(beside) + " ADD " +
                      cassandra_name(column.name) + " " + column.type);
    if (!known) both.columns.push_back(column);
  }
  copy(beside, view, both, timestamp);
  remove_others(view, beside, shape, timestamp);
}

void CassandraFormer::copy(const std::string& from, const std::string& to, const Shape& shape,
                           int64_t timestamp) {
  const auto names = shape.names();
  std::string marks;
  for (size_t i = 0; i < names.size(); ++i) marks += i == 0 ? "?" : ", ?";
  const auto insert = cluster_.prepare(fmt::format(
      "INSERT INTO {} ({}) VALUES ({})", place_.qualified(to), list_of(names, ", "), marks));
  cluster_.stream(fmt::format("SELECT {} FROM {}", list_of(names, ", "), place_.qualified(from)),
                  [&](const Rows& page) {
                    Values values;
                    for (const auto& row : page.rows) {
                      values.clear();
                      for (const auto& value : row) {
                        if (value) {
                          values.bytes(*value);
                        } else {
                          values.null();
                        }
                      }
                      cluster_.write(*insert, values, timestamp);
                    }
                    keep_alive_();
                  });
  cluster_.finish();
}

void CassandraFormer::remove_others(const std::string& in, const std::string& but,
                                    const Shape& shape, int64_t timestamp) {
  const auto key = shape.key();
  const auto remove = cluster_.prepare(
      fmt::format("DELETE FROM {} WHERE {} = ?", place_.qualified(in), list_of(key, " = ? AND ")));
  const auto keys_of = [&](const std::string& table) {
    return fmt::format("SELECT {} FROM {}", list_of(key, ", "), place_.qualified(table));
  };
  std::unordered_set<std::string> there;
  size_t bytes = 0;
  const auto compare = [&] {
    cluster_.stream(keys_of(but), [&](const Rows& page) {
      for (const auto& row : page.rows) there.erase(key_wire(row));
      keep_alive_();
    });
    for (const auto& wire : there) {
      clients::cassandra::WireReader reader(wire);
      Values values;
      bool null = false;
      for (size_t i = 0; i < key.size(); ++i) values.bytes(reader.bytes(null));
      cluster_.write(*remove, values, timestamp);
    }
    there.clear();
    bytes = 0;
  };
  cluster_.stream(keys_of(in), [&](const Rows& page) {
    for (const auto& row : page.rows) {
      auto wire = key_wire(row);
      bytes += wire.size() + sizeof(std::string) * 2;
      there.insert(std::move(wire));
    }
    keep_alive_();
    if (bytes > kKeysBytes) compare();
  });
  if (!there.empty()) compare();
  cluster_.finish();
}

}  // namespace windrow::publish
