#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "clients/postgres.h"
#include "clients/postgres_options.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/checksum.h"
#include "publish/postgres/binary_rows.h"
#include "publish/postgres/kind.h"
#include "publish/postgres/postgres_schema.h"
#include "publish/sql/statements.h"

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
constexpr const char* kManifests = "windrow_publications";
constexpr const char* kFormerManifests = "windrow_former_publications";
const SqlWords& words() {
  static const SqlWords all{
      .name = clients::postgres_name,
      .literal = clients::postgres_literal,
      .time = [](Time time) { return postgres_literal(iso(time)) + "::timestamptz"; },
      .key = "text",
      .text = "text",
      .moment = "timestamptz"};
  return all;
}

PostgresOptions options_of(const project::Connection& connection, const std::string& root) {
  const auto out =
      clients::postgres_options([&](const char* key) { return connection.text(key); }, root);
  if (out.url.empty()) {
    throw Error(Code::configuration, fmt::format("connection \"{}\" has no url", connection.name),
                "url: postgresql://user:password@host:port/database", connection.place);
  }
  return out;
}

class PostgresStore final : public Store {
 public:
  PostgresStore(const project::Connection& connection, const Surroundings& surroundings)
      : options_(options_of(connection, surroundings.root)),
        place_{connection.text("schema")},
        clock_(surroundings.clock) {}

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
        if (project::own<MergeView>(views[i].settings))
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
      database.execute(manifests_in(kManifests).move_boundary(view, boundary));
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
      database.execute(manifests_in(kFormerManifests).forget(view));
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
      out = erased_rows(views, read_manifests(database, kManifests), with_former_table,
                        [&](const std::string& table) -> std::optional<int64_t> {
                          if (!there(database, table)) return {};
                          const auto rows =
                              erase_key(database, place_.qualified(table), key, dry_run);
                          if (rows.value_or(0) > 0) changed.push_back(place_.qualified(table));
                          return rows;
                        });
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
    refuse_published_twice(views);
    for (const auto& view : views) refuse_kept_name(view, view.table);
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
    if (!there(database, table)) return {};
    const auto manifests = manifests_in(table);
    return manifests.read(database.query(manifests.select()).rows);
  }

  ManifestTable manifests_in(const char* table) const { return {words(), place_.qualified(table)}; }

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
        database.execute(manifests_in(table).create());
    }
    refuse_outrun(views, read_manifests(database, kManifests));
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
    manifest.bytes = checksum.bytes();
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
    const auto former = manifests_in(kFormerManifests);
    database.execute(former.forget(view.table));
    database.execute(manifests_in(kManifests).copy_to(former, view.table));
  }

  void forget_former(Postgres& database, const std::string& view) {
    database.execute("DROP TABLE IF EXISTS " + place_.qualified(former_table(view)));
    database.execute(manifests_in(kFormerManifests).forget(view));
  }

  int64_t delete_intervals(Postgres& database, const ViewBatch& view) {
    int64_t deleted = 0;
    const auto literal = [&](Time t) {
      std::string text = iso(t);
      if (view.change.local_times) text.pop_back();
      return postgres_literal(text) + (view.change.local_times ? "::timestamp" : "::timestamptz");
    };
    for (const auto& interval : view.change.intervals) {
      deleted +=
          database
              .query("DELETE FROM " + place_.qualified(view.table) + " WHERE " +
                     in_interval(interval, postgres_name(view.change.interval_column), literal))
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
    std::vector<std::string> names;
    for (const auto& column : table.columns) names.push_back(column.name);
    refuse_odd_keys(view, names, "windrow_rows", words(),
                    [&](const std::string& sql) { return database.query(sql).rows; });
    for (const auto& key : view.settings.key) {
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

  void record(Postgres& database, const char* table, const Manifest& one) const {
    for (const auto& statement : manifests_in(table).record(one)) database.execute(statement);
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
    return found_after_loss(written, [&] {
      Postgres database(options_);
      find_schema(database);
      std::vector<std::string> names;
      for (const auto& one : written) names.push_back(one.view);
      end_the_lost(database);
      lock(database, names);  // waits until the lost transaction has ended, in whichever way
      return read_manifests(database, kManifests);
    });
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
                                      const Surroundings& surroundings) {
  return std::make_unique<PostgresStore>(connection, surroundings);
}

}  // namespace windrow::publish
