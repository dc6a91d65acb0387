#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/clock.h"
#include "clients/transport.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/cassandra/erasure.h"
#include "publish/cassandra/former.h"
#include "publish/cassandra/kind.h"
#include "publish/cassandra/manifests.h"
#include "publish/cassandra/schema.h"
#include "publish/checksum.h"

/// Cassandra as a serving database.
///
/// There is nothing there that switches a table at once, so a publication *converges*: the rows of
/// the new batch are written over the former ones, key by key, all with one timestamp that is later
/// than that of every batch before; then the keys that are in the table and not in the batch are
/// deleted; when each of these writes has been answered, the manifest row says so, in one
/// conditional step. Every write is an INSERT or DELETE by primary key with an explicit timestamp:
/// to repeat it, after a lost connection or a kill, changes nothing, and what a dead publication
/// still had under way loses against the one that follows.
namespace windrow::publish {

namespace {

using clients::cassandra::Cluster;
using clients::cassandra::ClusterOptions;
using clients::cassandra::Compression;
using clients::cassandra::Rows;
using clients::cassandra::Values;

constexpr const char* kRows = "windrow_cassandra_rows";
constexpr size_t kBatchRows = 100, kBatchBytes = 1 << 16;

[[noreturn]] void wrong(const project::Connection& connection, const std::string& what,
                        const std::string& hint) {
  throw Error(Code::configuration, fmt::format("connection \"{}\": {}", connection.name, what),
              hint, connection.place);
}

int64_t number(const project::Connection& connection, const char* key, int64_t otherwise) {
  const std::string text = connection.text(key);
  if (text.empty()) return otherwise;
  if (text.find_first_not_of("0123456789") != std::string::npos || text.size() > 9)
    wrong(connection, fmt::format("\"{}\" of {} is no number", text, key), "");
  return std::stoll(text);
}

std::vector<clients::cassandra::Address> contacts_of(const project::Connection& connection) {
  std::vector<clients::cassandra::Address> out;
  std::string text = connection.text("hosts") + ",";
  for (size_t at = 0, end; (end = text.find(',', at)) != std::string::npos; at = end + 1) {
    std::string one = text.substr(at, end - at);
    one.erase(0, one.find_first_not_of(" "));
    one.erase(one.find_last_not_of(" ") + 1);
    if (one.empty()) continue;
    clients::cassandra::Address address{one, 9042};
    const size_t colon = one.rfind(':');
    const bool six = one.starts_with('[');
    if (colon != std::string::npos && (six ? one[colon - 1] == ']' : one.find(':') == colon)) {
      const std::string port = one.substr(colon + 1);
      if (port.empty() || port.size() > 5 ||
          port.find_first_not_of("0123456789") != std::string::npos)
        wrong(connection, fmt::format("\"{}\" has no port that reads", one), "hosts: HOST:9042");
      address = {one.substr(0, colon), std::stoi(port)};
    }
    if (address.host.starts_with('[') && address.host.ends_with(']'))
      address.host = address.host.substr(1, address.host.size() - 2);
    out.push_back(std::move(address));
  }
  if (out.empty()) wrong(connection, "hosts is empty", "hosts: HOST:9042, several with commas");
  return out;
}

ClusterOptions options_of(const project::Connection& connection, const std::string& root) {
  ClusterOptions out;
  out.contacts = contacts_of(connection);
  const auto file = [&](const char* key) { return connection.file(key, root); };
  auto& security = out.connection.security;
  security.user = connection.text("user");
  security.password = connection.text("password");
  std::vector<std::string> hosts;
  for (const auto& contact : out.contacts) hosts.push_back(contact.host);
  const auto transport =
      clients::transport_of(connection.text("tls"), hosts, !connection.text("ca").empty());
  security.tls = transport.encrypted();
  security.verify = transport.protection == clients::Protection::verified;
  security.ca = file("ca");
  security.certificate = file("certificate");
  security.key = file("certificate_key");
  const std::string compression = connection.text("compression");
  if (!compression.empty() && compression != "lz4" && compression != "none")
    wrong(connection, fmt::format("unknown compression \"{}\"", compression), "it is lz4 or none");
  if (compression == "lz4") out.connection.compression = Compression::lz4;
  out.connection.version = int(number(connection, "protocol", 5));
  if (out.connection.version != 4 && out.connection.version != 5)
    wrong(connection, "this program speaks versions 4 and 5 of the protocol", "protocol: 5");
  const std::string consistency = connection.text("consistency");
  if (!consistency.empty()) out.consistency = clients::cassandra::parse_consistency(consistency);
  out.data_center = connection.text("data_center");
  out.in_flight = size_t(std::max<int64_t>(1, number(connection, "in_flight", 512)));
  if (const std::string timeout = connection.text("timeout"); !timeout.empty()) {
    const auto duration = parse_duration(timeout);
    if (!duration)
      wrong(connection, fmt::format("\"{}\" is not a duration", timeout), "timeout: 12s");
    out.request_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  }
  return out;
}

/// `3`, or `{dc1: 3, dc2: 2}`; `data_center` is what a bare number is for.
std::string replication_of(const project::Connection& connection, const std::string& data_center) {
  std::string out = "{'class': 'NetworkTopologyStrategy'";
  const auto* found = connection.settings.find("replication");
  const auto* map = found ? std::get_if<project::Value::Map>(&found->data) : nullptr;
  const auto add = [&](const std::string& center, const std::string& count) {
    if (count.empty() || count.find_first_not_of("0123456789") != std::string::npos)
      wrong(connection, fmt::format("\"{}\" of replication is no number", count),
            "replication: 3, or {dc1: 3}");
    out += ", " + cassandra_text(center) + ": " + count;
  };
  if (map != nullptr) {
    for (const auto& [center, count] : *map) add(center.value, count.text());
  } else {
    add(data_center, found ? found->text() : "1");
  }
  return out + "}";
}

std::string list_of(const std::vector<std::string>& columns, const std::string& between,
                    std::string (*quote)(std::string_view)) {
  std::string out;
  for (const auto& column : columns) out += (out.empty() ? "" : between) + quote(column);
  return out;
}

class CassandraStore final : public Store {
 public:
  CassandraStore(const project::Connection& connection, const Surroundings& surroundings)
      : connection_(connection),
        options_(options_of(connection, surroundings.root)),
        clock_(surroundings.clock) {
    place_.keyspace = connection.text("keyspace");
  }

  std::map<std::string, Manifest> manifests() override {
    Cluster cluster(options_);
    if (!has_manifests(cluster)) return {};
    return CassandraManifests(cluster, place_).all();
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    for (const auto& view : views) refuse_kept_name(view, view.table);
    Cluster cluster(options_);
    place_.replication = replication_of(connection_, cluster.data_center());
    const auto stop = connection.stop_on(cancel);
    cluster.stop_on(&cancel);
    if (!keyspace_exists(cluster, place_)) cluster.change(create_keyspace(place_));
    if (!has_manifests(cluster)) cluster.change(CassandraManifests::create(place_));
    CassandraManifests::evolve(cluster, place_);
    CassandraManifests manifests(cluster, place_);
    const auto present = manifests.all();
    std::vector<CassandraManifests::Turn> turns;
    std::vector<Manifest> out;
    try {
      for (const auto& view : views) turns.push_back(manifests.take(view, clock_.now(), cancel));
      for (size_t i = 0; i < views.size(); ++i) {
        Manifest manifest = views[i].manifest;
        manifest.view = views[i].table;
        manifest.started = clock_.now();
        Sending sending{views[i], turns,      manifests, turns[i],
                        manifest, connection, cancel,    progress};
        keep_former(cluster, sending, present);
        write(cluster, sending);
        out.push_back(std::move(manifest));
      }
      const Time now = clock_.now();
      for (size_t i = 0; i < views.size(); ++i) {
        cancel.check();
        out[i].published = now;
        manifests.finish(turns[i], out[i]);
      }
    } catch (...) {
      for (const auto& turn : turns) manifests.release(turn);
      throw;
    }
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    Cluster cluster(options_);
    CassandraManifests manifests(cluster, place_);
    for (const auto& [view, boundary] : boundaries) manifests.move_boundary(view, boundary);
  }

  std::vector<std::string> preview(const ViewBatch& view, duck::Connection& connection) override {
    Cluster cluster(options_);
    place_.replication = replication_of(connection_, cluster.data_center());
    std::vector<std::string> out;
    if (!keyspace_exists(cluster, place_)) out.push_back(create_keyspace(place_));
    const bool ours =
        has_manifests(cluster) && CassandraManifests(cluster, place_).begun(view.table);
    const auto table = cassandra_table(cluster, place_, view, ours, connection);
    out.insert(out.end(), table.changes.begin(), table.changes.end());
    return out;
  }

  std::vector<Manifest> roll_back(const std::vector<std::string>& views, Cancel& cancel) override {
    Cluster cluster(options_);
    cluster.stop_on(&cancel);
    if (has_manifests(cluster)) CassandraManifests::evolve(cluster, place_);
    CassandraManifests manifests(cluster, place_);
    const auto present =
        has_manifests(cluster) ? manifests.all() : std::map<std::string, Manifest>();
    const auto kept = CassandraFormer(cluster, place_, [] {}).all();
    for (const auto& view : views) {
      if (kept.contains(view) && present.contains(view)) continue;
      throw Error(Code::not_found,
                  fmt::format("{} keeps no former batch of \"{}\"", cluster.address(), view),
                  "keep: 1 at the view makes the next publications keep one");
    }
    std::vector<Manifest> out;
    for (const auto& view : views) {
      ViewBatch batch;
      batch.table = view;
      batch.mode = "replace";
      batch.manifest = kept.at(view);
      batch.after = present.at(view).batch_id;
      auto turn = manifests.take(batch, clock_.now(), cancel);
      try {
        CassandraFormer former(cluster, place_, [&] {
          cancel.check();
          manifests.renew(turn);
        });
        former.bring_back(view, turn.timestamp);
        Manifest manifest = kept.at(view);
        // One that was never whole is not there to be rejected.
        const auto& gone = present.at(view);
        manifest.rejected = gone.definition.empty() ? "" : gone.definition + " " + gone.inputs;
        manifest.published = clock_.now();
        manifests.finish(turn, manifest);
        former.forget(view);
        out.push_back(std::move(manifest));
      } catch (...) {
        manifests.release(turn);
        throw;
      }
    }
    return out;
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    Cluster cluster(options_);
    std::vector<ErasedRows> out;
    if (!keyspace_exists(cluster, place_) || !has_manifests(cluster)) return out;
    CassandraManifests manifests(cluster, place_);
    for (const auto& view : views) {
      if (!manifests.begun(view.table)) continue;
      ErasedRows one{view.table, 0, false};
      // Of one and the same time, the deletion wins.
      const auto timestamp = std::max<int64_t>(micros(clock_.now()), manifests.stamp(view.table));
      if (const auto rows = cassandra_erase(cluster, place_, view.table, key, dry_run, timestamp)) {
        one.keyed = true;
        one.rows = *rows;
      }
      if (const auto rows = cassandra_erase(cluster, place_, CassandraFormer::table_of(view.table),
                                            key, dry_run, timestamp)) {
        one.keyed = true;
        one.rows += *rows;
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  std::string health() override {
    Cluster cluster(options_);
    const size_t nodes = cluster.nodes().size();
    std::string out =
        fmt::format("Cassandra {} at {} ({} node{}, protocol {})", cluster.version(),
                    cluster.address(), nodes, nodes == 1 ? "" : "s", cluster.protocol());
    if (!keyspace_exists(cluster, place_))
      return out + ", keyspace " + place_.keyspace + " will be made";
    return out + fmt::format(
                     ", {} views published",
                     has_manifests(cluster) ? CassandraManifests(cluster, place_).all().size() : 0);
  }

 private:
  /// One view on its way, with those that are published with it: all are kept ours meanwhile.
  struct Sending {
    const ViewBatch& view;
    std::vector<CassandraManifests::Turn>& turns;
    CassandraManifests& manifests;
    CassandraManifests::Turn& turn;
    Manifest& manifest;
    duck::Connection& connection;
    Cancel& cancel;
    const ProgressSink& progress;

    void keep() const {
      cancel.check();
      for (auto& each : turns) manifests.renew(each);
    }
  };

  bool has_manifests(Cluster& cluster) const {
    return !cluster
                .query("SELECT table_name FROM system_schema.tables WHERE keyspace_name = " +
                       cassandra_text(place_.keyspace) + " AND table_name = 'windrow_publications'")
                .rows.empty();
  }

  /// What a rollback will need, before the first row changes. Where the table holds rows of two
  /// batches, the copy is of the last one that was whole, and stays.
  void keep_former(Cluster& cluster, const Sending& sending,
                   const std::map<std::string, Manifest>& present) const {
    const auto& view = sending.view;
    CassandraFormer former(cluster, place_, [&] { sending.keep(); });
    if (view.change.erased) return former.forget(view.table);
    const auto found = present.find(view.table);
    if (view.settings.keep.value_or(0) == 0 || found == present.end() || !sending.turn.whole)
      return;
    former.keep(found->second, sending.turn.timestamp);
  }

  void write(Cluster& cluster, const Sending& sending) const {
    const auto& view = sending.view;
    const auto table =
        cassandra_table(cluster, place_, view, !sending.turn.first, sending.connection);
    for (const auto& change : table.changes) {
      cluster.change(change);
      sending.keep();
    }
    // Where nobody can have written a value, NULL need not remove one.
    const bool fresh =
        sending.turn.first &&
        (!table.exists ||
         cluster.query("SELECT * FROM " + place_.qualified(view.table) + " LIMIT 1").rows.empty());
    collect(sending, table);
    send_rows(cluster, sending, table, fresh);
    if ((view.mode == "replace" || view.change.erased) && !fresh)
      remove_others(cluster, sending, table);
    if (view.mode == "upsert" && !view.change.whole && !view.change.removed.empty())
      remove_named(cluster, sending, table);
    cluster.finish();
    sending.connection.execute(std::string("DROP TABLE IF EXISTS ") + kRows);
    if (sending.progress) sending.progress({view.table, "writing", 1, sending.manifest.rows});
  }

  /// The batch as it will be sent, evaluated once, and looked at before anything is sent.
  static void collect(const Sending& sending, const CassandraTableState& table) {
    std::string select;
    for (const auto& field : table.fields)
      select += (select.empty() ? "" : ", ") + field.sql + " AS " + duck::quote_name(field.name);
    auto& connection = sending.connection;
    connection.execute(std::string("CREATE OR REPLACE TEMP TABLE ") + kRows + " AS SELECT " +
                       select + " FROM (\n" + sending.view.select + "\n)");
    const auto place = sending.view.settings.place;
    for (size_t i = 0; i < table.key.size(); ++i) {
      const std::string column = duck::quote_name(table.key[i]);
      const auto rows = std::get<int64_t>(
          connection.value(fmt::format("SELECT count(*) FROM {} WHERE {} IS NULL", kRows, column)));
      if (rows > 0) {
        throw Error(Code::data,
                    fmt::format("view \"{}\": {} rows have no \"{}\", which is of the primary key",
                                sending.view.table, rows, table.key[i]),
                    "leave them out in the SELECT, or give them a value", place);
      }
    }
    const auto keys = list_of(table.key, ", ", duck::quote_name);
    const auto twice = connection.query(
        fmt::format("SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1 LIMIT 1", keys, kRows));
    if (twice.rows.empty()) return;
    std::string shown;
    for (const auto& cell : twice.rows[0]) shown += (shown.empty() ? "" : ", ") + cell_text(cell);
    throw Error(Code::data,
                fmt::format("view \"{}\": several rows have the primary key ({})",
                            sending.view.table, shown),
                "make it unique in the table or SELECT that is published", place);
  }

  void send_rows(Cluster& cluster, const Sending& sending, const CassandraTableState& table,
                 bool fresh) const {
    std::vector<std::string> names;
    std::string marks;
    for (const auto& field : table.fields) {
      names.push_back(field.name);
      marks += marks.empty() ? "?" : ", ?";
    }
    const auto insert =
        cluster.prepare("INSERT INTO " + place_.qualified(sending.view.table) + " (" +
                        list_of(names, ", ", cassandra_name) + ") VALUES (" + marks + ")");
    const bool batches = table.partition < table.key.size();
    std::string select = std::string("SELECT * FROM ") + kRows;
    if (batches) select += " ORDER BY " + list_of(table.key, ", ", duck::quote_name);
    std::vector<Values> batch(kBatchRows);  // rows of one partition, which go as one mutation
    size_t count = 0, bytes = 0;
    Checksum checksum;
    const auto flush = [&] {
      if (count > 0) cluster.write_batch(*insert, batch, count, sending.turn.timestamp);
      count = bytes = 0;
    };
    duck::stream_vectors(
        sending.connection, select, [&](size_t rows, const std::vector<duck::Vector>& vectors) {
          for (size_t row = 0; row < rows; ++row) {
            auto& values = batch[count];
            values.clear();
            for (size_t i = 0; i < table.fields.size(); ++i)
              put_cassandra_value(table.fields[i], vectors[i], row, fresh, values);
            checksum.add(values.wire());
            if (count > 0 && !same_partition(batch[0], values, insert->partition)) {
              const size_t next = count;
              flush();
              std::swap(batch[0], batch[next]);
            }
            bytes += batch[count].wire().size();
            ++count;
            ++sending.manifest.rows;
            if (!batches || count == kBatchRows || bytes > kBatchBytes) flush();
          }
          sending.keep();
          if (sending.progress)
            sending.progress({sending.view.table, "writing", -1, sending.manifest.rows});
          return true;
        });
    flush();
    cluster.finish();
    sending.manifest.checksum = checksum.text();
  }

  static bool same_partition(const Values& a, const Values& b,
                             const std::vector<uint16_t>& partition) {
    return std::all_of(partition.begin(), partition.end(),
                       [&](uint16_t index) { return a.at(index) == b.at(index); });
  }

  std::string delete_statement(const ViewBatch& view, const CassandraTableState& table) const {
    return "DELETE FROM " + place_.qualified(view.table) + " WHERE " +
           list_of(table.key, " = ? AND ", cassandra_name) + " = ?";
  }

  static std::vector<const CassandraField*> key_fields(const CassandraTableState& table) {
    std::vector<const CassandraField*> out;
    for (const auto& key : table.key) {
      out.push_back(&*std::find_if(table.fields.begin(), table.fields.end(),
                                   [&](const auto& field) { return field.name == key; }));
    }
    return out;
  }

  /// Each row's key in Cassandra's form.
  static void each_key(const std::vector<const CassandraField*>& fields, size_t rows,
                       const std::vector<duck::Vector>& vectors, const auto& take) {
    Values key;
    for (size_t row = 0; row < rows; ++row) {
      key.clear();
      for (size_t i = 0; i < fields.size(); ++i)
        put_cassandra_value(*fields[i], vectors[i], row, false, key);
      take(key);
    }
  }

  /// Keys that are in the table and not in the batch: read from the store, a bounded number at a
  /// time, and held against the batch.
  void remove_others(Cluster& cluster, const Sending& sending,
                     const CassandraTableState& table) const {
    const auto remove = cluster.prepare(delete_statement(sending.view, table));
    const auto fields = key_fields(table);
    std::unordered_set<std::string> there;
    size_t bytes = 0;
    const auto compare = [&] {
      duck::stream_vectors(
          sending.connection,
          "SELECT " + list_of(table.key, ", ", duck::quote_name) + " FROM " + kRows,
          [&](size_t rows, const std::vector<duck::Vector>& vectors) {
            each_key(fields, rows, vectors,
                     [&](const Values& key) { there.erase(std::string(key.wire())); });
            sending.keep();
            return !there.empty();
          });
      for (const auto& wire : there)
        cluster.write(*remove, key_of(wire, fields.size()), sending.turn.timestamp);
      there.clear();
      bytes = 0;
    };
    cluster.stream("SELECT " + list_of(table.key, ", ", cassandra_name) + " FROM " +
                       place_.qualified(sending.view.table),
                   [&](const Rows& page) {
                     for (const auto& row : page.rows) {
                       Values key;
                       for (const auto& value : row) key.bytes(value.value_or(""));
                       bytes += key.wire().size() + sizeof(std::string) * 2;
                       there.insert(std::string(key.wire()));
                     }
                     sending.keep();
                     if (bytes > kKeysBytes) compare();
                   });
    if (!there.empty()) compare();
  }

  static Values key_of(const std::string& wire, size_t columns) {
    clients::cassandra::WireReader in(wire);
    Values out;
    bool null = false;
    for (size_t i = 0; i < columns; ++i) out.bytes(in.bytes(null));
    return out;
  }

  /// Of upsert: keys that the lake says are gone.
  void remove_named(Cluster& cluster, const Sending& sending,
                    const CassandraTableState& table) const {
    const auto remove = cluster.prepare(delete_statement(sending.view, table));
    const auto fields = key_fields(table);
    std::string select;
    for (const auto* field : fields) select += (select.empty() ? "" : ", ") + field->sql;
    duck::stream_vectors(
        sending.connection, "SELECT " + select + " FROM (\n" + sending.view.change.removed + "\n)",
        [&](size_t rows, const std::vector<duck::Vector>& vectors) {
          each_key(fields, rows, vectors,
                   [&](const Values& key) { cluster.write(*remove, key, sending.turn.timestamp); });
          sending.keep();
          return true;
        });
  }

  const project::Connection connection_;
  ClusterOptions options_;
  CassandraPlace place_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Store> cassandra_store(const project::Connection& connection,
                                       const Surroundings& surroundings) {
  return std::make_unique<CassandraStore>(connection, surroundings);
}

}  // namespace windrow::publish
