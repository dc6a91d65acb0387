#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/hash.h"
#include "clients/mysql.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/mysql/insert.h"
#include "publish/mysql/kind.h"
#include "publish/mysql/renaming.h"

/// MySQL and MariaDB as serving databases (docs/adr/015-swap-in-mysql.md).
///
/// A statement that makes or changes a table commits there, by itself. So a view that is replaced
/// is written into a table beside (`windrow_new_<view>`), with its indexes, and so are the
/// manifests
/// (`windrow_new_publications`); one RENAME TABLE, which is atomic, puts all of them into the
/// places of the former ones. Views of the other modes are changed in one transaction with their
/// manifest rows, before that. A lock for each view (GET_LOCK) keeps two publications of it apart,
/// and one for the manifests is held while these are changed.
namespace windrow::publish {

namespace {

using clients::Mysql;
using clients::mysql_literal;
using clients::mysql_name;
using clients::MysqlError;
using clients::MysqlOptions;
using clients::MysqlTransaction;
using clients::MysqlValue;

constexpr int kLockSeconds = 60;
/// While a RENAME TABLE waits for readers, further readers wait behind it. So it waits briefly, and
/// lets them pass before the next try.
constexpr int kRenameSeconds = 3, kRenameTries = 20;
constexpr const char* kManifests = "windrow_publications";
constexpr const char* kFormerManifests = "windrow_former_publications";
constexpr const char* kRows = "windrow_rows";
constexpr const char* kGone = "windrow_gone";

/// Manifests are tables of ours already.
std::string without_prefix(const char* manifests) { return manifests + sizeof("windrow_") - 1; }

/// A view on its way.
struct Sending {
  const ViewBatch& view;
  bool swapped;
  MysqlTable table;
  Manifest manifest;
};

class MysqlStore final : public Store {
 public:
  MysqlStore(MysqlOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  std::map<std::string, Manifest> manifests() override {
    Mysql database(options_);
    return read_manifests(database, kManifests);
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    refuse_published_twice(views);
    for (const auto& view : views) refuse_kept_name(view, view.table);
    Mysql database(options_);
    const auto stop = connection.stop_on(cancel);
    const auto stop_server = database.stop_on(cancel);
    begin_work(database, views);
    std::vector<Sending> sending = prepare(database, views, connection);
    try {
      for (auto& each : sending) {
        if (each.swapped) write_beside(database, each, connection, cancel, progress);
      }
      change_in_place(database, sending, connection, cancel, progress);
      swap(database, sending, cancel);
    } catch (...) {
      forget_beside(database, sending);
      throw;
    }
    std::vector<Manifest> out;
    for (auto& each : sending) out.push_back(std::move(each.manifest));
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    Mysql database(options_);
    lock(database, {""});
    MysqlTransaction transaction(database);
    for (const auto& [view, boundary] : boundaries)
      database.execute(manifests_in(kManifests).move_boundary(view, boundary));
    transaction.commit();
  }

  std::vector<std::string> preview(const ViewBatch& view, duck::Connection& connection) override {
    Mysql database(options_);
    const bool ours = read_manifests(database, kManifests).contains(view.table);
    const bool swapped = is_swapped(database, view);
    const auto table = mysql_table(database, view, ours, swapped, connection);
    std::vector<std::string> out = table.evolve;
    const std::string beside = new_table(view.table);
    if (swapped) out.push_back(mysql_create(beside, view, table));
    for (const auto& index : indexes_of(database, view, table, swapped))
      out.push_back("ALTER TABLE " + mysql_name(swapped ? beside : view.table) + " " + index);
    if (swapped) {
      MysqlRenaming renaming;
      renaming.exchange(database, view);
      out.push_back(renaming.sql());
    }
    return out;
  }

  std::vector<Manifest> roll_back(const std::vector<std::string>& views, Cancel& cancel) override {
    Mysql database(options_);
    const auto stop = database.stop_on(cancel);
    remember_session(database);
    lock(database, views);
    lock(database, {""});
    const auto present = read_manifests(database, kManifests);
    const auto former = read_manifests(database, kFormerManifests);
    std::vector<Manifest> out;
    MysqlRenaming renaming;
    for (const auto& view : views) {
      if (!former.contains(view) || !present.contains(view) ||
          !mysql_there(database, former_table(view))) {
        throw Error(Code::not_found,
                    fmt::format("{} keeps no former batch of \"{}\"", options_.address(), view),
                    "keep: 1 at the view makes the next publications keep one");
      }
      Manifest manifest = former.at(view);
      manifest.rejected = present.at(view).definition + " " + present.at(view).inputs;
      manifest.published = clock_.now();
      drop(database, {old_table(view)});
      renaming.away(view, old_table(view));
      renaming.add(former_table(view), view);
      out.push_back(std::move(manifest));
    }
    std::vector<std::string> statements;
    for (const auto& one : out) {
      for (auto& statement : manifests_beside(kManifests).record(one))
        statements.push_back(std::move(statement));
      statements.push_back(manifests_beside(kFormerManifests).forget(one.view));
    }
    exchange_manifests(database, statements, renaming);
    rename(database, renaming, out, cancel);
    return out;
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    Mysql database(options_);
    std::vector<ErasedRows> out;
    std::vector<std::string> changed, names;
    for (const auto& view : views) names.push_back(view.table);
    if (!dry_run) lock(database, names);  // a publication may be about to send what it has read
    {
      MysqlTransaction transaction(database);
      out = erased_rows(
          views, read_manifests(database, kManifests), with_former_table,
          [&](const std::string& table) -> std::optional<int64_t> {
            const auto where = mysql_key_condition(mysql_columns(database, table), key);
            if (!where) return {};
            const std::string from = " FROM " + mysql_name(table) + " WHERE " + *where;
            const int64_t rows =
                dry_run ? std::stoll(database.value("SELECT count(*)" + from).value_or("0"))
                        : database.query("DELETE" + from).affected;
            if (rows > 0) changed.push_back(table);
            return rows;
          });
      if (!dry_run) transaction.commit();
    }
    if (dry_run) return out;
    // Until then the rows lie in the table's file, where no statement finds them.
    for (const auto& table : changed) database.execute("OPTIMIZE TABLE " + mysql_name(table));
    return out;
  }

  std::string health() override {
    Mysql database(options_);
    const std::string probe = mysql_name(fmt::format("windrow_probe_{}", database.id()));
    const std::string other = mysql_name(fmt::format("windrow_probe_{}_b", database.id()));
    try {
      database.execute("CREATE TABLE " + probe + " (n int)");
      database.execute("ALTER TABLE " + probe + " ADD INDEX n (n)");
      database.execute("INSERT INTO " + probe + " VALUES (1)");
      database.execute("RENAME TABLE " + probe + " TO " + other);
      database.execute("DELETE FROM " + other);
      database.execute("DROP TABLE " + other);
      database.execute("CREATE TEMPORARY TABLE " + probe + " (n int)");
    } catch (const Error& error) {
      for (const auto& table : {probe, other}) {
        try {
          database.execute("DROP TABLE IF EXISTS " + table);
        } catch (const Error&) {
          // Who may not drop it could not make it, or the connection is gone.
        }
      }
      if (error.code() != Code::permission) throw;
      throw Error(Code::permission, error.problem().message,
                  "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, CREATE "
                  "TEMPORARY TABLES ON the database TO the connection's user");
    }
    return fmt::format("{} at {}{}, {} views published", database.server(), options_.address(),
                       database.encrypted() ? " with TLS" : "",
                       read_manifests(database, kManifests).size());
  }

 private:
  static ManifestTable manifests_in(const std::string& table) {
    return {mysql_words(), mysql_name(table)};
  }
  static ManifestTable manifests_beside(const char* table) {
    return manifests_in(new_table(without_prefix(table)));
  }

  static std::map<std::string, Manifest> read_manifests(Mysql& database, const char* table) {
    if (!mysql_there(database, table)) return {};
    const auto manifests = manifests_in(table);
    return manifests.read(database.query(manifests.select()).rows);
  }

  /// One lock for each name, until the connection ends, always in the same order; the empty name is
  /// that of the manifests.
  void lock(Mysql& database, std::vector<std::string> names) const {
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      const std::string key = "windrow " + sha256(options_.database + "." + name).substr(0, 40);
      const auto taken =
          database.value(fmt::format("SELECT GET_LOCK({}, {})", mysql_literal(key), kLockSeconds));
      if (taken == "1") continue;
      throw Error(Code::unavailable,
                  name.empty() ? "the manifests are being changed by another run"
                               : "view \"" + name + "\" is being published by another run");
    }
  }

  /// Ids of connections are given again; with a port of ours they are one's own.
  void remember_session(Mysql& database) {
    session_ = fmt::format(
        "ID = {} AND HOST = {}", database.id(),
        mysql_literal(database
                          .value(fmt::format("SELECT HOST FROM information_schema.PROCESSLIST "
                                             "WHERE ID = {}",
                                             database.id()))
                          .value_or("")));
    session_id_ = database.id();
  }

  static void drop(Mysql& database, const std::vector<std::string>& tables) {
    for (const auto& table : tables) database.execute("DROP TABLE IF EXISTS " + mysql_name(table));
  }

  /// Locks, the store's own tables, that nobody was faster, and what killed publications left.
  void begin_work(Mysql& database, const std::vector<ViewBatch>& views) {
    remember_session(database);
    std::vector<std::string> names;
    for (const auto& view : views) names.push_back(view.table);
    lock(database, names);
    for (const char* table : {kManifests, kFormerManifests}) {
      if (!mysql_there(database, table)) database.execute(manifests_in(table).create());
    }
    refuse_outrun(views, read_manifests(database, kManifests));
    for (const auto& name : names) drop(database, {new_table(name), old_table(name)});
  }

  /// What nobody will rename any more. Where it cannot be dropped now, the next publication does
  /// it.
  static void forget_beside(Mysql& database, const std::vector<Sending>& sending) {
    try {
      for (const auto& each : sending) drop(database, {new_table(each.view.table)});
    } catch (const Error&) {}
  }

  static bool is_swapped(Mysql& database, const ViewBatch& view) {
    return view.mode == "replace" || (view.mode == "replace_interval" && view.change.whole) ||
           !mysql_there(database, view.table);
  }

  /// Tables as they have to be. Those that stay get the columns and indexes that they lack.
  static std::vector<Sending> prepare(Mysql& database, const std::vector<ViewBatch>& views,
                                      duck::Connection& connection) {
    std::vector<Sending> out;
    const auto present = read_manifests(database, kManifests);
    for (const auto& view : views) {
      const bool swapped = is_swapped(database, view);
      out.push_back({view, swapped,
                     mysql_table(database, view, present.contains(view.table), swapped, connection),
                     view.manifest});
      out.back().manifest.view = view.table;
    }
    for (const auto& each : out) {
      if (each.swapped) continue;
      for (const auto& statement : each.table.evolve) database.execute(statement);
      make_indexes(database, each.view.table, indexes_of(database, each.view, each.table, false));
    }
    return out;
  }

  static std::vector<std::string> indexes_of(Mysql& database, const ViewBatch& view,
                                             const MysqlTable& table, bool swapped) {
    return mysql_indexes(
        view, table,
        swapped ? std::vector<std::string>() : mysql_indexes_there(database, view.table));
  }

  /// All in one pass over the table.
  static void make_indexes(Mysql& database, const std::string& table,
                           const std::vector<std::string>& clauses) {
    if (clauses.empty()) return;
    database.execute(fmt::format("ALTER TABLE {} {}", mysql_name(table), fmt::join(clauses, ", ")));
  }

  /// The view's rows and indexes in a table beside; each statement is committed by itself.
  void write_beside(Mysql& database, Sending& sending, duck::Connection& connection, Cancel& cancel,
                    const ProgressSink& progress) const {
    const auto& view = sending.view;
    const std::string beside = new_table(view.table);
    sending.manifest.started = clock_.now();
    database.execute(mysql_create(beside, view, sending.table));
    if (view.mode == "upsert") {
      const std::string& rows = kRows;
      database.execute("CREATE TEMPORARY TABLE " + mysql_name(rows) + " (" +
                       nullable(sending.table).definitions() + ") ENGINE = InnoDB");
      insert(database, sending, rows, connection, cancel, progress);
      refuse_odd_keys(view, sending.table.names(), mysql_name(rows), mysql_words(),
                      [&](const std::string& sql) { return database.query(sql).rows; });
      const std::string columns = name_list(sending.table.names(), mysql_words());
      database.execute(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2}", mysql_name(beside),
                                   columns, mysql_name(rows)));
      database.execute("DROP TEMPORARY TABLE " + mysql_name(rows));
    } else {
      insert(database, sending, beside, connection, cancel, progress);
    }
    make_indexes(database, beside, indexes_of(database, view, sending.table, true));
    for (const auto& line : sending.table.others) {
      try {
        database.execute("ALTER TABLE " + mysql_name(beside) + " ADD " + line);
      } catch (const MysqlError& error) {
        if (error.lost()) throw;
        throw Error(Code::data,
                    "an index on \"" + view.table +
                        "\" does not fit the view any more: " + error.problem().message,
                    "drop it in the store: " + line);
      }
    }
    if (progress) progress({view.table, "writing", 1, sending.manifest.rows});
  }

  static void insert(Mysql& database, Sending& sending, const std::string& into,
                     duck::Connection& connection, Cancel& cancel, const ProgressSink& progress) {
    MysqlInsert rows(database, sending.view, into, sending.table);
    sending.manifest.rows = rows.run(sending.table.select, connection, cancel, progress);
    sending.manifest.checksum = rows.checksum();
  }

  static MysqlTable nullable(MysqlTable table) {
    for (auto& column : table.columns) column.required = false;
    return table;
  }

  /// Views that are not swapped: their rows and manifests in one transaction.
  void change_in_place(Mysql& database, std::vector<Sending>& sending, duck::Connection& connection,
                       Cancel& cancel, const ProgressSink& progress) {
    std::vector<Sending*> staying;
    for (auto& each : sending)
      if (!each.swapped) staying.push_back(&each);
    if (staying.empty()) return;
    std::vector<Manifest> written;
    for (auto* each : staying) {
      each->manifest.started = clock_.now();
      // A temporary table can be made here, and not in the transaction everywhere.
      if (each->view.mode == "upsert") stage_upsert(database, *each, connection, cancel, progress);
    }
    {
      MysqlTransaction transaction(database);
      for (auto* each : staying) {
        const auto& view = each->view;
        if (view.mode == "upsert") {
          merge(database, *each);
        } else {
          if (view.mode == "replace_interval") delete_intervals(database, view);
          insert(database, *each, view.table, connection, cancel, progress);
        }
        if (progress) progress({view.table, "writing", 1, each->manifest.rows});
      }
      lock(database, {""});
      const Time now = clock_.now();
      for (auto* each : staying) {
        each->manifest.published = now;
        for (const auto& statement : manifests_in(kManifests).record(each->manifest))
          database.execute(statement);
        if (each->view.change.erased)
          database.execute(manifests_in(kFormerManifests).forget(each->view.table));
        written.push_back(each->manifest);
      }
      cancel.check();
      try {
        transaction.commit();
      } catch (const MysqlError& error) {
        if (!error.lost() || !is_there(written)) throw;
        return;  // nothing is left of the connection, nor of its temporary tables
      }
    }
    for (auto* each : staying) {
      if (each->view.change.erased) drop(database, {former_table(each->view.table)});
    }
  }

  static std::string rows_table(const char* what, const ViewBatch& view) {
    return std::string(what) + "_" + sha256(view.table).substr(0, 12);
  }

  /// Rows and keys that are gone, each in a temporary table with an index on the key.
  static void stage_upsert(Mysql& database, Sending& sending, duck::Connection& connection,
                           Cancel& cancel, const ProgressSink& progress) {
    const auto& view = sending.view;
    const std::string rows = rows_table(kRows, view);
    const auto make = [&](const std::string& name, const MysqlTable& table) {
      database.execute(fmt::format("CREATE TEMPORARY TABLE {} ({}, INDEX ({})) ENGINE = InnoDB",
                                   mysql_name(name), nullable(table).definitions(),
                                   name_list(view.settings.key, mysql_words())));
    };
    refuse_odd_keys(view, sending.table.names(), "", mysql_words(),
                    [](const std::string&) { return std::vector<SqlRow>(); });
    make(rows, sending.table);
    insert(database, sending, rows, connection, cancel, progress);
    refuse_odd_keys(view, sending.table.names(), mysql_name(rows), mysql_words(),
                    [&](const std::string& sql) { return database.query(sql).rows; });
    if (view.change.removed.empty()) return;
    MysqlTable keys;
    std::string select;
    for (const auto& column : connection.describe(view.change.removed)) {
      const auto found = std::find_if(sending.table.columns.begin(), sending.table.columns.end(),
                                      [&](const auto& each) { return each.name == column.name; });
      keys.columns.push_back(*found);
      select += (select.empty() ? "" : ", ") + mysql_select(column, found->type) + " AS " +
                duck::quote_name(column.name);
    }
    make(rows_table(kGone, view), keys);
    MysqlInsert(database, view, rows_table(kGone, view), keys)
        .run("SELECT " + select + " FROM (\n" + view.change.removed + "\n)", connection, cancel,
             {});
  }

  /// Rows of the temporary table by key into the view's, and away with those whose keys are gone.
  static void merge(Mysql& database, const Sending& sending) {
    const auto& view = sending.view;
    const std::string table = mysql_name(view.table), rows = mysql_name(rows_table(kRows, view));
    const std::string first = mysql_name(view.settings.key.front());
    std::string same;
    for (const auto& key : view.settings.key)
      same += fmt::format("{0}there.{1} = other.{1}", same.empty() ? "" : " AND ", mysql_name(key));
    const auto delete_keys_of = [&](const std::string& other) {
      database.execute(
          fmt::format("DELETE there FROM {} AS there JOIN {} AS other ON {}", table, other, same));
    };
    if (!view.change.removed.empty()) delete_keys_of(mysql_name(rows_table(kGone, view)));
    if (view.change.erased) {
      database.execute(
          fmt::format("DELETE there FROM {} AS there LEFT JOIN {} AS other ON {} WHERE other.{} IS "
                      "NULL",
                      table, rows, same, first));
    }
    // Not ON DUPLICATE KEY UPDATE: that would also change a row that has a value of another unique
    // index, which is to be an error.
    delete_keys_of(rows);
    database.execute(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2}", table,
                                 name_list(sending.table.names(), mysql_words()), rows));
  }

  static void delete_intervals(Mysql& database, const ViewBatch& view) {
    for (const auto& interval : view.change.intervals) {
      database.execute(
          "DELETE FROM " + mysql_name(view.table) + " WHERE " +
          in_interval(interval, mysql_name(view.change.interval_column), mysql_words().time));
    }
  }

  /// Copies of both tables of manifests, changed by `statements`, take their places.
  static void exchange_manifests(Mysql& database, const std::vector<std::string>& statements,
                                 MysqlRenaming& renaming) {
    for (const char* table : {kManifests, kFormerManifests}) {
      const std::string name = without_prefix(table);
      drop(database, {new_table(name), old_table(name)});
      database.execute(manifests_beside(table).create());
      database.execute("INSERT INTO " + mysql_name(new_table(name)) + " SELECT * FROM " +
                       mysql_name(table));
    }
    for (const auto& statement : statements) database.execute(statement);
    for (const char* table : {kManifests, kFormerManifests}) {
      renaming.away(table, old_table(without_prefix(table)));
      renaming.add(new_table(without_prefix(table)), table);
    }
  }

  void swap(Mysql& database, std::vector<Sending>& sending, Cancel& cancel) {
    std::vector<std::string> statements;
    std::vector<Manifest> written;
    MysqlRenaming renaming;
    const Time now = clock_.now();
    const auto record = [&](std::vector<std::string> all) {
      for (auto& statement : all) statements.push_back(std::move(statement));
    };
    if (std::none_of(sending.begin(), sending.end(), [](auto& each) { return each.swapped; }))
      return;
    lock(database, {""});
    for (auto& each : sending) {
      if (!each.swapped) continue;
      const auto& view = each.view;
      drop(database, {old_table(view.table), old_table(former_table(view.table))});
      renaming.exchange(database, view);
      each.manifest.published = now;
      const auto beside = manifests_beside(kManifests), former = manifests_beside(kFormerManifests);
      if (view.settings.keep.value_or(0) > 0 && !view.change.erased) {
        statements.push_back(former.forget(view.table));
        statements.push_back(beside.copy_to(former, view.table));
      } else if (view.change.erased) {
        statements.push_back(former.forget(view.table));
      }
      record(beside.record(each.manifest));
      written.push_back(each.manifest);
    }
    exchange_manifests(database, statements, renaming);
    rename(database, renaming, written, cancel);
  }

  /// All at once or not at all. Where the connection is lost meanwhile, the manifests say what
  /// became of it.
  void rename(Mysql& database, const MysqlRenaming& renaming, const std::vector<Manifest>& written,
              Cancel& cancel) {
    database.execute(fmt::format("SET SESSION lock_wait_timeout = {}", kRenameSeconds));
    for (int tries = 1;; ++tries) {
      cancel.check();
      try {
        database.execute(renaming.sql());
        break;
      } catch (const MysqlError& error) {
        if (error.lost() && is_there(written)) return;
        if (error.lost() || error.code() != Code::unavailable) throw;
        if (tries < kRenameTries) {
          cancel.wait_for(std::chrono::seconds(1));
          continue;
        }
        throw Error(Code::unavailable,
                    fmt::format("tables at {} cannot be swapped: a transaction that has read them "
                                "does not end",
                                options_.address()),
                    "look for it in SHOW PROCESSLIST; nothing has changed");
      }
    }
    try {
      drop(database, renaming.old());
    } catch (const Error&) {
      // The batch stands; the next publication drops them.
    }
  }

  bool is_there(const std::vector<Manifest>& written) {
    return found_after_loss(written, [&] {
      Mysql database(options_);
      std::vector<std::string> names = {""};
      for (const auto& one : written) names.push_back(one.view);
      // The server may not know yet that its client is gone.
      if (database.value("SELECT 1 FROM information_schema.PROCESSLIST WHERE " + session_))
        database.execute(fmt::format("KILL CONNECTION {}", session_id_));
      lock(database, names);  // waits until the lost session has ended, in whichever way
      return read_manifests(database, kManifests);
    });
  }

  MysqlOptions options_;
  const Clock& clock_;
  std::string session_;  ///< condition that finds the one that commits among the server's processes
  uint64_t session_id_ = 0;
};

}  // namespace

std::unique_ptr<Store> mysql_store(const project::Connection& connection,
                                   const Surroundings& surroundings) {
  return std::make_unique<MysqlStore>(
      clients::mysql_options(
          [&](const char* key) { return connection.text(key); },
          [&](const char* key) { return connection.file(key, surroundings.root); }),
      surroundings.clock);
}

}  // namespace windrow::publish
