#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "base/hash.h"
#include "clients/sqlite.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/sql/statements.h"
#include "publish/sqlite/kind.h"
#include "publish/sqlite/sqlite_columns.h"

/// A SQLite file as a serving database.
///
/// All views of a call are written inside one transaction: into a new table beside
/// (`windrow_new_<table>`), which then takes the old one's place, with the manifest row. The file
/// is in WAL mode, so readers go on reading the former views until the commit and no reader sees a
/// mixture. Indexes and triggers that others made on a table are made again; views upon it stay.
namespace windrow::publish {

namespace {

using clients::Sqlite;
using clients::SqliteStatement;
using clients::SqliteTransaction;
using clients::SqliteValue;
using clients::text_of;
using duck::quote_name;

constexpr int64_t kRowsBetweenLooks = 4096;
constexpr size_t kChecksumBytes = 1 << 16;
constexpr size_t kLongestName = 1000;  // SQLite itself knows no bound
constexpr const char* kManifests = "windrow_publications";

const ManifestTable& manifest_table() {
  static const SqlWords words{.name = duck::quote_name,
                              .literal = duck::quote_text,
                              .time = [](Time time) { return duck::quote_text(iso(time)); },
                              .key = "TEXT",
                              .text = "TEXT",
                              .whole = "INTEGER",
                              .moment = "TEXT",
                              .started = "started_at",
                              .published = "published_at"};
  static const ManifestTable table(words, quote_name(kManifests));
  return table;
}

/// SHA-256 over the rows in order, folded every 64 KiB: memory stays small.
class Checksum {
 public:
  void add(const std::vector<SqliteValue>& row) {
    for (const auto& value : row) {
      pending_ += char('0' + value.index());
      if (const auto* text = std::get_if<std::string>(&value)) {
        fixed(text->size());
        pending_ += *text;
      } else if (const auto* whole = std::get_if<int64_t>(&value)) {
        fixed(*whole);
      } else if (const auto* number = std::get_if<double>(&value)) {
        fixed(*number == 0 ? 0.0 : *number);  // -0 and 0 are the same value
      }
    }
    pending_ += '\n';
    if (pending_.size() >= kChecksumBytes) fold();
  }
  std::string text() {
    fold();
    return state_;
  }

 private:
  template <typename T>
  void fixed(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    pending_.append(bytes, sizeof value);
  }
  void fold() {
    state_ = sha256(state_ + pending_);
    pending_.clear();
  }
  std::string state_, pending_;
};

std::vector<SqlRow> as_texts(const std::vector<std::vector<SqliteValue>>& rows) {
  std::vector<SqlRow> out;
  for (const auto& row : rows) {
    auto& texts = out.emplace_back();
    for (const auto& value : row) {
      texts.emplace_back();
      if (const auto* text = std::get_if<std::string>(&value)) texts.back() = *text;
      if (const auto* whole = std::get_if<int64_t>(&value)) texts.back() = std::to_string(*whole);
    }
  }
  return out;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  std::map<std::string, Manifest> manifests() override {
    if (!std::filesystem::exists(path_)) return {};
    Sqlite database(path_, Sqlite::Mode::existing);
    if (database.query("SELECT 1 FROM sqlite_master WHERE name = 'windrow_publications'").empty())
      return {};
    // One of an earlier version lacks the last columns: its views are published anew.
    if (database
            .query("SELECT 1 FROM pragma_table_info('windrow_publications') WHERE name = 'inputs'")
            .empty())
      return {};
    return manifest_table().read(as_texts(database.query(manifest_table().select())));
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    refuse_odd(views);
    const auto stop = connection.stop_on(cancel);
    make_folder();
    Sqlite database(path_, Sqlite::Mode::create);
    database.make_durable_and_concurrent();
    // A view upon a table that is away for a moment must not stop the renaming, nor follow it.
    database.execute("PRAGMA legacy_alter_table = ON; PRAGMA foreign_keys = OFF");
    const bool erased = std::any_of(views.begin(), views.end(),
                                    [](const auto& view) { return view.change.erased; });
    SqliteTransaction transaction(database);
    database.execute(manifest_table().create());
    for (const char* column : {"inputs", "rejected"}) {
      if (database
              .query("SELECT 1 FROM pragma_table_info('windrow_publications') WHERE name = ?",
                     {column})
              .empty())
        database.execute(std::string("ALTER TABLE windrow_publications ADD COLUMN ") + column +
                         " TEXT");
    }
    for (const auto& view : views) {
      const auto there =
          database.query("SELECT batch_id FROM windrow_publications WHERE view = ?", {view.table});
      refuse_outrun(view, there.empty() ? "" : text_of(there[0][0]));
    }
    std::vector<Manifest> out;
    for (const auto& view : views) {
      cancel.check();
      Manifest manifest = view.manifest;
      manifest.view = view.table;
      manifest.started = clock_.now();
      write(view, manifest, database, connection, cancel, progress);
      swap(view, database);
      out.push_back(std::move(manifest));
    }
    const Time now = clock_.now();
    for (auto& manifest : out) {
      manifest.published = now;
      record(manifest, database);
    }
    cancel.check();
    transaction.commit();
    if (erased) {
      try {
        forget(database);
      } catch (const Error&) {
        // The batch stands; a reader held it up. The next one that is due writes over it.
      }
    }
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    Sqlite database(path_, Sqlite::Mode::existing);
    SqliteTransaction transaction(database);
    for (const auto& [view, boundary] : boundaries) {
      database.execute(manifest_table().move_boundary(view, boundary));
    }
    transaction.commit();
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    if (!std::filesystem::exists(path_)) return {};
    Sqlite database(path_, Sqlite::Mode::existing);
    const auto published = manifests();
    SqliteTransaction transaction(database);
    const auto erase = [&](const std::string& table) -> std::optional<int64_t> {
      std::string where;
      std::vector<SqliteValue> values;
      for (const auto& [column, value] : key) {
        const auto found = database.query(
            "SELECT name FROM pragma_table_info(?) WHERE lower(name) = lower(?)", {table, column});
        if (found.empty()) return {};
        // The column's affinity makes a number of the text where the column holds numbers.
        where += (where.empty() ? "" : " AND ") + quote_name(text_of(found[0][0])) + " = ?";
        values.emplace_back(value);
      }
      const std::string from = " FROM " + quote_name(table) + " WHERE " + where;
      const auto rows =
          clients::integer_of(database.query("SELECT count(*)" + from, values)[0][0]).value_or(0);
      if (!dry_run && rows > 0) database.query("DELETE" + from, values);
      return rows;
    };
    const auto itself = [](const std::string& view) { return std::vector{view}; };
    auto out = erased_rows(views, published, itself, erase);
    transaction.commit();
    if (!dry_run) forget(database);
    return out;
  }

  std::string health() override {
    if (!std::filesystem::exists(path_)) return "not published to yet";
    Sqlite database(path_, Sqlite::Mode::existing);
    const auto answer = text_of(database.query("PRAGMA quick_check")[0][0]);
    if (answer != "ok")
      throw Error(Code::corrupt, "SQLite says: " + answer, "move the file away and publish again");
    return fmt::format("opens, {} views published", manifests().size());
  }

 private:
  /// Writes the file anew: what earlier batches held lies in its free pages, and in the write-ahead
  /// log.
  static void forget(Sqlite& database) {
    database.execute("VACUUM");
    database.query("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  static void refuse_odd(const std::vector<ViewBatch>& views) {
    refuse_published_twice(views);
    for (const auto& view : views) {
      if (view.mode != "replace")
        throw Error(Code::unsupported,
                    "mode \"" + view.mode + "\" of view \"" + view.table + "\" is not known",
                    "SQLite takes `mode: replace`");
      for (const char* kept : {"windrow_", "sqlite_"}) refuse_kept_name(view, view.table, kept);
    }
  }

  void make_folder() const {
    const auto folder = std::filesystem::path(path_).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) throw system_error(error.value(), "make the folder", folder.string());
  }

  /// The view's rows in a table beside.
  void write(const ViewBatch& view, Manifest& manifest, Sqlite& database,
             duck::Connection& connection, Cancel& cancel, const ProgressSink& progress) const {
    const auto columns = sqlite_columns(connection.describe(view.select), view);
    std::string declared, select, marks;
    for (const auto& column : columns) {
      const char* comma = declared.empty() ? "" : ", ";
      declared += comma + quote_name(column.name) + " " + column.type;
      select += comma + column.sql + " AS " + quote_name(column.name);
      marks += std::string(comma) + "?";
    }
    const std::string table = beside(view);
    database.execute("DROP TABLE IF EXISTS " + table + "; CREATE TABLE " + table + " (" + declared +
                     ")");
    SqliteStatement insert(database, "INSERT INTO " + table + " VALUES (" + marks + ")");
    Checksum checksum;
    std::vector<SqliteValue> values(columns.size());
    connection.stream("SELECT " + select + " FROM (\n" + view.select + "\n)", {}, {},
                      [&](const std::vector<Cell>& row) {
                        for (size_t i = 0; i < row.size(); ++i) {
                          values[i] = sqlite_value(columns[i], row[i], view);
                          insert.bind(int(i) + 1, values[i]);
                        }
                        insert.step();
                        checksum.add(values);
                        if (++manifest.rows % kRowsBetweenLooks == 0) {
                          cancel.check();
                          if (progress) progress({view.table, "writing", -1, manifest.rows});
                        }
                        return true;
                      });
    manifest.checksum = checksum.text();
    if (progress) progress({view.table, "writing", 1, manifest.rows});
  }

  /// The table beside takes the place of the one there is.
  void swap(const ViewBatch& view, Sqlite& database) const {
    std::vector<std::string> others;
    const auto there =
        database.query("SELECT type FROM sqlite_master WHERE name = ?", {view.table});
    if (!there.empty()) {
      const bool ours =
          !database.query("SELECT 1 FROM windrow_publications WHERE view = ?", {view.table})
               .empty();
      if (!ours || text_of(there[0][0]) != "table") {
        throw Error(Code::data,
                    fmt::format("\"{}\" has a {} \"{}\" that windrow did not publish", path_,
                                text_of(there[0][0]), view.table),
                    "publish under another name, or drop it first");
      }
      for (const auto& row : database.query(
               "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') "
               "AND sql IS NOT NULL AND name NOT LIKE 'windrow\\_%' ESCAPE '\\'",
               {view.table})) {
        others.push_back(text_of(row[0]));
      }
      database.execute("DROP TABLE " + quote_name(view.table));
    }
    database.execute("ALTER TABLE " + beside(view) + " RENAME TO " + quote_name(view.table));
    for (const auto& index : declared_indexes(view, kLongestName))
      make_index(view, index, database);
    for (const auto& sql : others) again(sql, view.table, database);
  }

  static void make_index(const ViewBatch& view, const DeclaredIndex& index, Sqlite& database) {
    const std::string& table = view.table;
    std::string names;
    for (const auto& column : index.columns) {
      // Quoted, an unknown name would pass for a text.
      if (database
              .query("SELECT 1 FROM pragma_table_info(?) WHERE lower(name) = lower(?)",
                     {table, column.name})
              .empty()) {
        throw Error(Code::configuration,
                    "index of view \"" + table + "\": there is no column \"" + column.name + "\"");
      }
      names += (names.empty() ? "" : ", ") + quote_name(column.name) + (column.down ? " DESC" : "");
    }
    database.execute(std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX " +
                     quote_name(index.name) + " ON " + quote_name(table) + " (" + names + ")");
  }

  static void again(const std::string& sql, const std::string& table, Sqlite& database) {
    try {
      database.execute(sql);
    } catch (const Error& error) {
      throw Error(Code::data,
                  "an index or trigger on \"" + table +
                      "\" does not fit the view any more: " + error.problem().message,
                  "drop it in the store: " + sql);
    }
  }

  static void record(const Manifest& one, Sqlite& database) {
    for (const auto& statement : manifest_table().record(one)) database.execute(statement);
  }

  static std::string beside(const ViewBatch& view) {
    return quote_name("windrow_new_" + view.table);
  }

  std::string path_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Store> sqlite_store(const std::string& path, const Clock& clock) {
  return std::make_unique<SqliteStore>(path, clock);
}

StoreKind sqlite_kind() {
  StoreKind out;
  out.connection.name = "sqlite";
  out.connection.keys = {{"path", "The file, relative to the project.", true}};
  out.connection.store = project::StoreKeys{.keys = {"indexes", "unique", "columns"}};
  out.layout = "numbers compare as numbers";
  out.open = [](const project::Connection& connection, const Surroundings& surroundings) {
    return sqlite_store(connection.file("path", surroundings.root), surroundings.clock);
  };
  return out;
}

}  // namespace windrow::publish
