#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/hash.h"
#include "clients/sqlite.h"
#include "publish/store.h"

// Everything happens in one transaction of a file in WAL mode: each view is loaded into a table beside, the former
// one is dropped, the new one takes its name, the manifest rows are written. Readers go on with what they began with
// and see the new views after the commit. A kill before the commit leaves the file as it was.
//
// Types: whole numbers and booleans are INTEGER; DOUBLE and FLOAT REAL (SQLite has no NaN: it becomes NULL, infinity
// stays); everything else, decimals among them so that no digit is lost, is TEXT as DuckDB writes it: dates and times
// in ISO form, lists and structures in DuckDB's notation.
namespace windrow::publish {

namespace {

using clients::Sqlite;
using clients::SqliteStatement;
using clients::SqliteTransaction;
using clients::SqliteValue;

constexpr const char* kManifest = R"(CREATE TABLE IF NOT EXISTS windrow_publications (
  view TEXT PRIMARY KEY, batch_id TEXT NOT NULL, source_table TEXT NOT NULL, source_version INTEGER NOT NULL,
  definition TEXT NOT NULL, boundary TEXT, rows INTEGER NOT NULL, checksum TEXT NOT NULL,
  started_at TEXT NOT NULL, published_at TEXT NOT NULL))";

std::string type_of(const std::string& duck_type) {
  static const std::set<std::string> integers{"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"};
  if (integers.count(duck_type)) return "INTEGER";
  return duck_type == "DOUBLE" || duck_type == "FLOAT" ? "REAL" : "TEXT";
}

SqliteValue value_of(const duck::Cell& cell) {
  if (const auto* flag = std::get_if<bool>(&cell)) return int64_t(*flag);
  if (const auto* integer = std::get_if<int64_t>(&cell)) return *integer;
  if (const auto* real = std::get_if<double>(&cell)) return std::isnan(*real) ? SqliteValue(std::monostate{}) : SqliteValue(*real);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return std::monostate{};
}

/// A running hash of rows in the order they are sent; cells and rows are told apart.
class Checksum {
 public:
  void add(const std::vector<duck::Cell>& row) {
    for (const auto& cell : row) {
      text_ += duck::text_of(cell);
      text_ += std::holds_alternative<std::monostate>(cell) ? '\x01' : '\x1f';
    }
    text_ += '\x1e';
    if (text_.size() > (1u << 20)) fold();
  }
  std::string text() {
    fold();
    return text_;
  }

 private:
  void fold() { text_ = sha256(text_); }
  std::string text_;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  std::map<std::string, Manifest> manifests() override {
    std::map<std::string, Manifest> out;
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) return out;
    Sqlite database(path_, Sqlite::Mode::existing);
    if (database.query("SELECT 1 FROM sqlite_master WHERE name = 'windrow_publications'").empty()) return out;
    for (const auto& row : database.query("SELECT view, batch_id, source_table, source_version, definition, boundary, rows, "
                                          "checksum, started_at, published_at FROM windrow_publications")) {
      Manifest m;
      m.view = clients::text_of(row[0]);
      m.batch_id = clients::text_of(row[1]);
      m.source_table = clients::text_of(row[2]);
      m.source_version = clients::integer_of(row[3]).value_or(-1);
      m.definition = clients::text_of(row[4]);
      m.boundary = parse_time(clients::text_of(row[5]));
      m.rows = clients::integer_of(row[6]).value_or(0);
      m.checksum = clients::text_of(row[7]);
      m.started = parse_time(clients::text_of(row[8])).value_or(Time{});
      m.published = parse_time(clients::text_of(row[9])).value_or(Time{});
      out[m.view] = std::move(m);
    }
    return out;
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection, Cancel& cancel,
                                const ProgressSink& progress) override {
    auto database = open();
    SqliteTransaction transaction(*database);
    database->execute(kManifest);
    std::vector<Manifest> out;
    for (const auto& view : views) {
      Manifest manifest = view.manifest;
      manifest.started = clock_.now();
      load(*database, view, connection, cancel, progress, manifest);
      manifest.published = clock_.now();
      database->query("INSERT OR REPLACE INTO windrow_publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      {manifest.view, manifest.batch_id, manifest.source_table, manifest.source_version, manifest.definition,
                       manifest.boundary ? SqliteValue(iso(*manifest.boundary)) : SqliteValue(std::monostate{}), manifest.rows,
                       manifest.checksum, iso(manifest.started), iso(manifest.published)});
      out.push_back(std::move(manifest));
    }
    cancel.check();
    transaction.commit();
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    auto database = open();
    SqliteTransaction transaction(*database);
    for (const auto& [view, boundary] : boundaries) {
      database->query("UPDATE windrow_publications SET boundary = ? WHERE view = ?", {iso(boundary), view});
    }
    transaction.commit();
  }

 private:
  std::unique_ptr<Sqlite> open() {
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
    auto database = std::make_unique<Sqlite>(path_, Sqlite::Mode::create);
    database->make_durable_and_concurrent();
    return database;
  }

  void load(Sqlite& database, const ViewBatch& view, duck::Connection& connection, Cancel& cancel, const ProgressSink& progress,
            Manifest& manifest) {
    const std::string beside = duck::quote_name("windrow_new_" + view.table), table = duck::quote_name(view.table);
    const auto columns = connection.describe(view.select);
    std::string definitions, marks;
    for (const auto& column : columns) {
      definitions += (definitions.empty() ? "" : ", ") + duck::quote_name(column.name) + " " + type_of(column.type);
      marks += marks.empty() ? "?" : ", ?";
    }
    database.execute("DROP TABLE IF EXISTS " + beside + "; CREATE TABLE " + beside + " (" + definitions + ")");
    Checksum checksum;
    {
      SqliteStatement insert(database, "INSERT INTO " + beside + " VALUES (" + marks + ")");
      connection.stream(view.select, {}, {}, [&](const std::vector<duck::Cell>& row) {
        for (size_t i = 0; i < row.size(); ++i) insert.bind(int(i) + 1, value_of(row[i]));
        insert.step();
        checksum.add(row);
        if (++manifest.rows % 10'000 == 0) {
          cancel.check();
          if (progress) progress({view.table, "publishing", -1, manifest.rows});
        }
        return true;
      });
    }
    manifest.checksum = checksum.text();
    // Views and triggers of others that name the table stay as they are.
    database.execute("PRAGMA legacy_alter_table = ON; DROP TABLE IF EXISTS " + table + "; ALTER TABLE " + beside + " RENAME TO " + table);
    for (const auto& index : view.indexes) {
      std::string list, name = "windrow_" + view.table;
      for (const auto& column : index) {
        list += (list.empty() ? "" : ", ") + duck::quote_name(column);
        name += "_" + column;
      }
      database.execute("CREATE INDEX " + duck::quote_name(name) + " ON " + table + " (" + list + ")");
    }
  }

  std::string path_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Store> sqlite_store(const std::string& path, const Clock& clock) {
  return std::make_unique<SqliteStore>(path, clock);
}

}  // namespace windrow::publish
