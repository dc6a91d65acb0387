#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "base/local_time.h"
#include "clients/postgres.h"
#include "clients/postgres_options.h"
#include "publish/checksum.h"
#include "publish/postgres/binary_rows.h"
#include "publish/postgres/postgres_schema.h"
#include "publish/store.h"

/// PostgreSQL as a serving database (docs/adr/007-swap-in-postgresql.md).
///
/// All views of a call and their manifest rows are one transaction. A replaced table's rows are
/// deleted and the new ones are copied beside them: every reader, of whatever isolation, goes on
/// seeing the former batch until the commit and the new one after it, no reader waits, and grants,
/// indexes, comments and views upon the table are not touched. Tables are given the columns that
/// they lack before that, in a transaction of its own, so that nobody waits for the rows. An
/// advisory lock for each view keeps two publications of it apart.
namespace windrow::publish {

namespace {

using clients::Postgres;
using clients::postgres_literal;
using clients::postgres_name;
using clients::PostgresCopyIn;
using clients::PostgresError;
using clients::PostgresOptions;
using clients::PostgresTransaction;
using clients::PostgresValue;

constexpr size_t kFlushBytes = 1 << 18;
constexpr int kLooksAfterLoss = 30;
constexpr const char* kManifests = "windrow_publications";
constexpr const char* kFormerManifests = "windrow_former_publications";
constexpr const char* kManifestColumns =
    "view, batch_id, source_table, source_version, definition, boundary, rows, checksum, started, "
    "published, inputs, rejected";
constexpr const char* kManifestTable =
    "CREATE TABLE IF NOT EXISTS {} (view text PRIMARY KEY, batch_id text NOT NULL, source_table "
    "text, source_version bigint, definition text, boundary timestamptz, rows bigint, checksum "
    "text, started timestamptz, published timestamptz, inputs text, rejected text)";

std::optional<Time> time_of(const PostgresValue& value) {
  return value ? parse_time(*value) : std::nullopt;
}

Manifest manifest_of(const std::vector<PostgresValue>& row) {
  const auto text = [&](size_t i) { return row[i].value_or(""); };
  const auto number = [&](size_t i) { return row[i] ? std::stoll(*row[i]) : -1; };
  return {text(0),
          text(1),
          text(2),
          number(3),
          text(4),
          time_of(row[5]),
          number(6),
          text(7),
          time_of(row[8]).value_or(Time{}),
          time_of(row[9]).value_or(Time{}),
          text(10),
          text(11)};
}

std::string setting(const project::Connection& connection, const char* key) {
  const auto* found = connection.settings.find(key);
  return found ? found->text() : std::string();
}

PostgresOptions options_of(const project::Connection& connection, const std::string& root) {
  const auto out =
      clients::postgres_options([&](const char* key) { return setting(connection, key); }, root);
  if (out.url.empty()) {
    throw Error(Code::configuration, fmt::format("connection \"{}\" has no url", connection.name),
                "url: postgresql://user:password@host:port/database", connection.place);
  }
  return out;
}

class PostgresStore final : public Store {
 public:
  PostgresStore(const project::Connection& connection, const std::string& root, const Clock& clock)
      : options_(options_of(connection, root)),
        place_{setting(connection, "schema")},
        clock_(clock) {}

  bool takes(const std::string& mode) const override {
    return mode == "replace" || mode == "append" || mode == "upsert" || mode == "replace_interval";
  }

  std::map<std::string, Manifest> manifests() override {
    Postgres database(options_);
    find_schema(database);
    return read_manifests(database, kManifests);
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    refuse_odd(views);
    std::vector<Manifest> out;
    std::vector<bool> deleted(views.size());
    auto database = std::make_unique<Postgres>(options_);
    begin_work(*database, views);
    {
      const auto stop = connection.stop_on(cancel);
      const auto stop_server = database->stop_on(cancel);
      const auto tables = prepare(*database, views, connection);
      PostgresTransaction transaction(*database);
      for (size_t i = 0; i < views.size(); ++i) {
        cancel.check();
        Manifest manifest = views[i].manifest;
        manifest.view = views[i].table;
        manifest.started = clock_.now();
        deleted[i] = write(*database, views[i], tables[i], manifest, connection, cancel, progress);
        out.push_back(std::move(manifest));
      }
      const Time now = clock_.now();
      for (auto& manifest : out) {
        manifest.published = now;
        record(*database, kManifests, manifest);
      }
      for (size_t i = 0; i < views.size(); ++i) {
        if (views[i].settings.merge)
          database->execute(postgres_merge_view(*database, place_, views[i], tables[i]));
      }
      cancel.check();
      commit(transaction, out);
    }
    tidy(*database, views, deleted);
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    Postgres database(options_);
    find_schema(database);
    PostgresTransaction transaction(database);
    for (const auto& [view, boundary] : boundaries) {
      database.query("UPDATE " + place_.qualified(kManifests) +
                         " SET boundary = $1::timestamptz WHERE view = $2",
                     {iso(boundary), view});
    }
    transaction.commit();
  }

  std::vector<std::string> preview(const ViewBatch& view, duck::Connection& connection) override {
    Postgres database(options_);
    find_schema(database);
    const bool ours = read_manifests(database, kManifests).contains(view.table);
    auto table = postgres_table(database, place_, view, ours, connection);
    auto out = table.create;
    out.insert(out.end(), table.evolve.begin(), table.evolve.end());
    for (auto& statement : postgres_indexes(database, place_, view))
      out.push_back(std::move(statement));
    return out;
  }

  std::vector<Manifest> roll_back(const std::vector<std::string>& views, Cancel& cancel) override {
    Postgres database(options_);
    find_schema(database);
    const auto stop = database.stop_on(cancel);
    remember_session(database);
    lock(database, views);
    const auto present = read_manifests(database, kManifests);
    const auto former = read_manifests(database, kFormerManifests);
    std::vector<Manifest> out;
    PostgresTransaction transaction(database);
    for (const auto& view : views) {
      if (!former.contains(view) || !present.contains(view)) {
        throw Error(Code::not_found,
                    fmt::format("{} keeps no former batch of \"{}\"", database.address(), view),
                    "keep: 1 at the view makes the next publications keep one");
      }
      Manifest manifest = former.at(view);
      manifest.rejected = present.at(view).definition + " " + present.at(view).inputs;
      manifest.published = clock_.now();
      const std::string beside = place_.qualified(former_table(view));
      std::string columns;
      for (const auto& row :
           database
               .query("SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > "
                      "0 AND NOT attisdropped",
                      {beside})
               .rows) {
        columns += (columns.empty() ? "" : ", ") + postgres_name(*row[0]);
      }
      database.execute("DELETE FROM " + place_.qualified(view));
      database.execute(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2}",
                                   place_.qualified(view), columns, beside));
      database.execute("DROP TABLE " + beside);
      database.query("DELETE FROM " + place_.qualified(kFormerManifests) + " WHERE view = $1",
                     {view});
      record(database, kManifests, manifest);
      out.push_back(std::move(manifest));
    }
    commit(transaction, out);
    return out;
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    Postgres database(options_);
    find_schema(database);
    std::vector<ErasedRows> out;
    std::vector<std::string> changed, names;
    for (const auto& view : views) names.push_back(view.table);
    if (!dry_run) lock(database, names);  // a publication may be about to send what it has read
    {
      PostgresTransaction transaction(database);
      const auto published = read_manifests(database, kManifests);
      for (const auto& view : views) {
        if (!published.contains(view.table)) continue;
        ErasedRows one{view.table, 0, false};
        for (const auto& table : {view.table, former_table(view.table)}) {
          if (!there(database, table)) continue;
          const auto rows = erase_key(database, place_.qualified(table), key, dry_run);
          if (!rows) continue;
          one.keyed = true;
          one.rows += *rows;
          if (*rows > 0) changed.push_back(place_.qualified(table));
        }
        out.push_back(std::move(one));
      }
      if (!dry_run) transaction.commit();
    }
    if (dry_run) return out;
    // Until then the rows lie in the table's file, where no statement finds them.
    for (const auto& table : changed) database.execute("VACUUM " + table);
    return out;
  }

  std::string health() override {
    Postgres database(options_);
    find_schema(database);
    // The schema may not be there yet; who may make it may write to it.
    const auto may = database.value(
        "SELECT coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE "
        "nspname = $1), has_database_privilege(current_database(), 'CREATE'))",
        {place_.schema});
    if (may != "t") {
      throw Error(Code::permission,
                  fmt::format("{}: the user may not make tables in the schema \"{}\"",
                              database.address(), place_.schema),
                  "GRANT USAGE, CREATE ON SCHEMA " + postgres_name(place_.schema) +
                      " TO the connection's user");
    }
    const int version = database.server_version();
    return fmt::format("PostgreSQL {}.{} at {}{}, {} views published", version / 10000,
                       version % 10000, database.address(), database.encrypted() ? " with TLS" : "",
                       read_manifests(database, kManifests).size());
  }

 private:
  /// Rows with the key; nothing where the table has no such columns.
  static std::optional<int64_t> erase_key(Postgres& database, const std::string& table,
                                          const KeyValues& key, bool dry_run) {
    std::string where;
    std::vector<PostgresValue> values;
    for (const auto& [name, value] : key) {
      const auto found = database.query(
          "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
          "$1::regclass AND lower(attname) = lower($2) AND attnum > 0 AND NOT attisdropped",
          {table, name});
      if (found.rows.empty()) return {};
      values.emplace_back(value);
      where += fmt::format("{}{} = ${}::{}", where.empty() ? "" : " AND ",
                           postgres_name(*found.rows[0][0]), values.size(), *found.rows[0][1]);
    }
    database.execute("SAVEPOINT windrow_key");
    try {
      const std::string from = " FROM " + table + " WHERE " + where;
      if (dry_run)
        return std::stoll(database.value("SELECT count(*)" + from, values).value_or("0"));
      return database.query("DELETE" + from, values).affected;
    } catch (const Error& error) {
      if (error.code() != Code::data) throw;
      database.execute("ROLLBACK TO SAVEPOINT windrow_key");
      return {};  // a value that the column cannot have
    }
  }

  static void refuse_odd(const std::vector<ViewBatch>& views) {
    std::set<std::string> names;
    for (const auto& view : views) {
      if (!names.insert(view.table).second)
        throw Error(Code::configuration, "view \"" + view.table + "\" is published twice at once");
      refuse_kept_name(view, view.table);
    }
  }

  static std::string former_table(const std::string& view) {
    return "windrow_former_" + (view.size() > 40 ? sha256(view).substr(0, 40) : view);
  }

  void find_schema(Postgres& database) {
    if (place_.schema.empty())
      place_.schema = database.value("SELECT current_schema()").value_or("public");
    // A statement that waits for somebody's lock ends as `unavailable`, and is tried again.
    database.execute("SET lock_timeout = '60s'");
    // A client that vanished without a word must not keep its locks for hours.
    database.execute(
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count "
        "= "
        "4");
  }

  bool there(Postgres& database, const std::string& table) const {
    return database.value("SELECT to_regclass($1)", {place_.qualified(table)}).has_value();
  }

  std::map<std::string, Manifest> read_manifests(Postgres& database, const char* table) const {
    std::map<std::string, Manifest> out;
    if (!there(database, table)) return out;
    for (const auto& row :
         database.query(fmt::format("SELECT {} FROM {}", kManifestColumns, place_.qualified(table)))
             .rows) {
      auto one = manifest_of(row);
      out[one.view] = std::move(one);
    }
    return out;
  }

  /// One lock for each view, until the connection ends, always in the same order.
  void lock(Postgres& database, std::vector<std::string> views) const {
    std::sort(views.begin(), views.end());
    for (const auto& view : views) {
      database.query("SELECT pg_advisory_lock(hashtextextended($1, 0))",
                     {"windrow " + place_.qualified(view)});
    }
  }

  void remember_session(Postgres& database) {
    session_ = database
                   .query(
                       "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = "
                       "pg_backend_pid()")
                   .rows.at(0);
  }

  /// Locks, the store's own tables, and that nobody was faster.
  void begin_work(Postgres& database, const std::vector<ViewBatch>& views) {
    find_schema(database);
    remember_session(database);
    std::vector<std::string> names;
    for (const auto& view : views) names.push_back(view.table);
    lock(database, names);
    const bool all = there(database, kManifests) && there(database, kFormerManifests);
    if (!all) {
      lock(database, {""});  // two that make them at once would meet in the catalogue
      if (!database.value("SELECT 1 FROM pg_namespace WHERE nspname = $1", {place_.schema}))
        database.execute("CREATE SCHEMA IF NOT EXISTS " + postgres_name(place_.schema));
      for (const char* table : {kManifests, kFormerManifests})
        database.execute(fmt::format(kManifestTable, place_.qualified(table)));
    }
    const auto present = read_manifests(database, kManifests);
    for (const auto& view : views) {
      const auto found = present.find(view.table);
      const auto batch = found == present.end() ? "" : found->second.batch_id;
      if (view.after && *view.after != batch) {
        throw Error(Code::conflict,
                    fmt::format("view \"{}\" was published by another run meanwhile", view.table));
      }
    }
  }

  /// Tables that exist get the columns that they lack.
  std::vector<PostgresTable> prepare(Postgres& database, const std::vector<ViewBatch>& views,
                                     duck::Connection& connection) {
    std::vector<PostgresTable> out;
    const auto present = read_manifests(database, kManifests);
    for (const auto& view : views) {
      out.push_back(
          postgres_table(database, place_, view, present.contains(view.table), connection));
      if (out.back().evolve.empty()) continue;
      PostgresTransaction transaction(database);
      for (const auto& statement : out.back().evolve) database.execute(statement);
      transaction.commit();
    }
    return out;
  }

  /// The view's rows; true where others gave way.
  bool write(Postgres& database, const ViewBatch& view, const PostgresTable& table,
             Manifest& manifest, duck::Connection& connection, Cancel& cancel,
             const ProgressSink& progress) {
    const std::string qualified = place_.qualified(view.table);
    for (const auto& statement : table.create) database.execute(statement);
    if (view.change.erased) {
      forget_former(database, view.table);
    } else if (table.exists && view.settings.keep.value_or(0) > 0) {
      keep_former(database, view);
    }
    int64_t deleted = 0;
    const bool upsert = view.mode == "upsert";
    // An index that is there before the rows costs more than one that is made after them; of upsert
    // the key's must be there first.
    if (table.exists || upsert) make_indexes(database, view);
    if (view.mode == "replace" || (view.mode == "replace_interval" && view.change.whole)) {
      if (table.exists) deleted = database.query("DELETE FROM " + qualified).affected;
    } else if (view.mode == "replace_interval") {
      deleted = delete_intervals(database, view);
    }
    const std::string columns = table.column_list();
    Checksum checksum;
    if (upsert) {
      database.execute(fmt::format(
          "CREATE TEMPORARY TABLE windrow_rows ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
          columns, qualified));
      manifest.rows = copy(database, "windrow_rows", columns, view, table, table.select, checksum,
                           connection, cancel, progress);
      deleted = merge_rows(database, view, table, connection, cancel) + manifest.rows;
      database.execute("DROP TABLE windrow_rows");
    } else {
      manifest.rows = copy(database, qualified, columns, view, table, table.select, checksum,
                           connection, cancel, progress);
    }
    manifest.checksum = checksum.text();
    if (!table.exists && !upsert) make_indexes(database, view);
    if (progress) progress({view.table, "writing", 1, manifest.rows});
    return deleted > 0;
  }

  void make_indexes(Postgres& database, const ViewBatch& view) {
    for (const auto& statement : postgres_indexes(database, place_, view))
      database.execute(statement);
  }

  /// The batch that is there, with its manifest, in tables beside.
  void keep_former(Postgres& database, const ViewBatch& view) {
    const std::string beside = place_.qualified(former_table(view.table));
    database.execute("DROP TABLE IF EXISTS " + beside);
    database.execute("CREATE TABLE " + beside + " AS TABLE " + place_.qualified(view.table));
    database.query(
        fmt::format("DELETE FROM {} WHERE view = $1", place_.qualified(kFormerManifests)),
        {view.table});
    database.query(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} WHERE view = $1",
                               place_.qualified(kFormerManifests), kManifestColumns,
                               place_.qualified(kManifests)),
                   {view.table});
  }

  void forget_former(Postgres& database, const std::string& view) {
    database.execute("DROP TABLE IF EXISTS " + place_.qualified(former_table(view)));
    database.query(
        fmt::format("DELETE FROM {} WHERE view = $1", place_.qualified(kFormerManifests)), {view});
  }

  int64_t delete_intervals(Postgres& database, const ViewBatch& view) {
    int64_t deleted = 0;
    const std::string column = postgres_name(view.change.interval_column);
    for (const auto& interval : view.change.intervals) {
      const auto bound = [&](const char* than, Time t, Time none) {
        if (t == none) return std::string("TRUE");
        std::string text = iso(t);
        if (view.change.local_times) text.pop_back();
        return column + than + postgres_literal(text) +
               (view.change.local_times ? "::timestamp" : "::timestamptz");
      };
      deleted += database
                     .query(fmt::format(
                         "DELETE FROM {} WHERE {} AND {}", place_.qualified(view.table),
                         bound(" >= ", interval.start, kEver), bound(" < ", interval.end, kNever)))
                     .affected;
    }
    return deleted;
  }

  int64_t copy(Postgres& database, const std::string& into, const std::string& columns,
               const ViewBatch& view, const PostgresTable& table, const std::string& select,
               Checksum& checksum, duck::Connection& connection, Cancel& cancel,
               const ProgressSink& progress) {
    const bool fresh = !table.exists && into != "windrow_rows";
    PostgresCopyIn in(database, fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary{})", into,
                                            columns, fresh ? ", FREEZE" : ""));
    BinaryRows rows(view.table, table.columns);
    Bytes bytes;
    bytes.append(BinaryRows::header());
    const auto flush = [&] {
      checksum.add(bytes.view());
      in.write(bytes.view());
      bytes.clear();
    };
    duck::stream_vectors(connection, select,
                         [&](size_t count, const std::vector<duck::Vector>& vectors) {
                           rows.write(count, vectors, bytes);
                           if (bytes.size() < kFlushBytes) return true;
                           flush();
                           cancel.check();
                           if (progress) progress({view.table, "writing", -1, rows.rows()});
                           return true;
                         });
    bytes.append(BinaryRows::trailer());
    flush();
    return in.finish();
  }

  /// Rows of `windrow_rows` by key into the table, and away with those whose keys are gone.
  int64_t merge_rows(Postgres& database, const ViewBatch& view, const PostgresTable& table,
                     duck::Connection& connection, Cancel& cancel) {
    const std::string qualified = place_.qualified(view.table);
    std::string keys, same, set;
    for (const auto& key : view.settings.key) {
      if (std::none_of(table.columns.begin(), table.columns.end(),
                       [&](const auto& c) { return c.name == key; })) {
        throw Error(Code::configuration,
                    fmt::format("view \"{}\" has no column \"{}\" for its key", view.table, key),
                    "", view.settings.place);
      }
      keys += (keys.empty() ? "" : ", ") + postgres_name(key);
      same += (same.empty() ? "" : " AND ") + ("there." + postgres_name(key)) + " = gone." +
              postgres_name(key);
    }
    for (const auto& column : table.columns) {
      if (std::find(view.settings.key.begin(), view.settings.key.end(), column.name) ==
          view.settings.key.end()) {
        set += (set.empty() ? "" : ", ") + postgres_name(column.name) + " = excluded." +
               postgres_name(column.name);
      }
    }
    refuse_odd_keys(database, view, keys);
    int64_t deleted = 0;
    if (!view.change.removed.empty()) {
      PostgresTable key_table = table;
      std::string select;
      key_table.columns.clear();
      for (const auto& key : view.settings.key) {
        const auto& column = *std::find_if(table.columns.begin(), table.columns.end(),
                                           [&](const auto& c) { return c.name == key; });
        key_table.columns.push_back(column);
        select += (select.empty() ? "" : ", ") + duck::quote_name(key);
      }
      database.execute(
          fmt::format("CREATE TEMPORARY TABLE windrow_gone ON COMMIT DROP AS SELECT {} "
                      "FROM {} WITH NO DATA",
                      keys, qualified));
      // Through the same casts as the rows themselves.
      ViewBatch gone = view;
      gone.select = view.change.removed;
      Checksum unused;
      std::string casts;
      for (const auto& column : connection.describe(view.change.removed)) {
        const auto& type = *std::find_if(key_table.columns.begin(), key_table.columns.end(),
                                         [&](const auto& c) { return c.name == column.name; });
        casts += (casts.empty() ? "" : ", ") + select_as(column, type.type) + " AS " +
                 duck::quote_name(column.name);
      }
      key_table.exists = true;
      copy(database, "windrow_gone", keys, gone, key_table,
           "SELECT " + select + " FROM (SELECT " + casts + " FROM (\n" + view.change.removed +
               "\n))",
           unused, connection, cancel, {});
      deleted =
          database
              .query(fmt::format("DELETE FROM {} AS there USING windrow_gone AS gone WHERE {}",
                                 qualified, same))
              .affected;
      database.execute("DROP TABLE windrow_gone");
    }
    if (view.change.erased) {
      deleted += database
                     .query(fmt::format("DELETE FROM {} AS there WHERE NOT EXISTS (SELECT 1 FROM "
                                        "windrow_rows AS gone WHERE {})",
                                        qualified, same))
                     .affected;
    }
    const std::string columns = table.column_list();
    database.execute(
        fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM windrow_rows ON CONFLICT "
                    "({2}) DO {3}",
                    qualified, columns, keys, set.empty() ? "NOTHING" : "UPDATE SET " + set));
    return deleted;
  }

  static void refuse_odd_keys(Postgres& database, const ViewBatch& view, const std::string& keys) {
    std::string nulls;
    for (const auto& key : view.settings.key)
      nulls += (nulls.empty() ? "" : " OR ") + postgres_name(key) + " IS NULL";
    if (database.value("SELECT 1 FROM windrow_rows WHERE " + nulls + " LIMIT 1")) {
      throw Error(Code::data, fmt::format("view \"{}\": a row has NULL in its key", view.table),
                  "filter such rows out, or choose another key", view.settings.place);
    }
    const auto twice =
        database.query(fmt::format("SELECT {0} FROM windrow_rows GROUP BY {0} HAVING count(*) > 1 "
                                   "LIMIT 1",
                                   keys));
    if (twice.rows.empty()) return;
    std::string shown;
    for (const auto& value : twice.rows[0])
      shown += (shown.empty() ? "" : ", ") + value.value_or("NULL");
    throw Error(
        Code::data, fmt::format("view \"{}\": several rows have the key ({})", view.table, shown),
        "make the key unique in the table or SELECT that is published", view.settings.place);
  }

  void record(Postgres& database, const char* table, const Manifest& one) const {
    const auto optional = [](const std::string& text) {
      return text.empty() ? PostgresValue() : PostgresValue(text);
    };
    database.query(
        fmt::format("INSERT INTO {} ({}) VALUES ($1, $2, $3, $4::bigint, $5, $6::timestamptz, "
                    "$7::bigint, $8, $9::timestamptz, $10::timestamptz, $11, $12) ON CONFLICT "
                    "(view) DO UPDATE SET batch_id = excluded.batch_id, source_table = "
                    "excluded.source_table, source_version = excluded.source_version, definition = "
                    "excluded.definition, boundary = excluded.boundary, rows = excluded.rows, "
                    "checksum = excluded.checksum, started = excluded.started, published = "
                    "excluded.published, inputs = excluded.inputs, rejected = excluded.rejected",
                    place_.qualified(table), kManifestColumns),
        {one.view, one.batch_id, one.source_table, std::to_string(one.source_version),
         one.definition, one.boundary ? PostgresValue(iso(*one.boundary)) : PostgresValue(),
         std::to_string(one.rows), one.checksum, iso(one.started), iso(one.published), one.inputs,
         optional(one.rejected)});
  }

  /// Where the connection is lost meanwhile, the manifest rows say what became of it.
  void commit(PostgresTransaction& transaction, const std::vector<Manifest>& written) {
    try {
      transaction.commit();
    } catch (const PostgresError& error) {
      if (!error.lost() || !is_there(written)) throw;
    }
  }

  bool is_there(const std::vector<Manifest>& written) {
    // The server may not know yet that its client is gone.
    const auto end_the_lost = [&](Postgres& database) {
      if (session_.empty()) return;
      database.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::int AND "
          "backend_start = $2::timestamptz",
          session_);
    };
    for (int look = 0; look < kLooksAfterLoss; ++look) {
      try {
        Postgres database(options_);
        find_schema(database);
        std::vector<std::string> names;
        for (const auto& one : written) names.push_back(one.view);
        end_the_lost(database);
        lock(database, names);  // waits until the lost transaction has ended, in whichever way
        const auto present = read_manifests(database, kManifests);
        return std::all_of(written.begin(), written.end(), [&](const Manifest& one) {
          const auto found = present.find(one.view);
          return found != present.end() && found->second.batch_id == one.batch_id &&
                 found->second.published == one.published;
        });
      } catch (const Error& error) {
        if (error.code() != Code::unavailable) return false;
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
    }
    return false;
  }

  /// The rows that gave way are taken off the disk, and the planner is told of the new ones. What
  /// goes wrong here is left to the server's own autovacuum.
  void tidy(Postgres& database, const std::vector<ViewBatch>& views,
            const std::vector<bool>& deleted) const {
    try {
      for (size_t i = 0; i < views.size(); ++i) {
        const std::string what = deleted[i] ? "VACUUM (ANALYZE, SKIP_LOCKED, TRUNCATE false) "
                                            : "ANALYZE (SKIP_LOCKED) ";
        database.execute(what + place_.qualified(views[i].table));
      }
    } catch (const Error&) {}
  }

  PostgresOptions options_;
  PostgresPlace place_;
  const Clock& clock_;
  std::vector<PostgresValue> session_;  ///< process and start of the one that commits
};

}  // namespace

std::unique_ptr<Store> postgres_store(const project::Connection& connection,
                                      const std::string& root, const Clock& clock) {
  return std::make_unique<PostgresStore>(connection, root, clock);
}

}  // namespace windrow::publish
