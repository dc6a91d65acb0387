#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/clock.h"
#include "base/id.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "publish/duckdb/kind.h"
#include "publish/sql/manifest_table.h"

/// A DuckDB file as a serving database.
///
/// DuckDB lets one process write and no other read meanwhile. So the file is never written to: a
/// copy of it is made beside, changed, and takes its name in one step. Who has the former one open
/// goes on reading it; who opens it afterwards reads the new one. What other programs write into
/// the file between copy and renaming is lost: it is Windrow's.
namespace windrow::publish {

namespace {

using duck::quote_name;
using duck::quote_text;
namespace fs = std::filesystem;

constexpr const char* kBeside = ".windrow-new-";

/// Keeps two publications of one file apart; ends with the process too.
class FileLock {
 public:
  explicit FileLock(const std::string& path)
      : descriptor_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) throw system_error(errno, "make the lock", path);
    if (::flock(descriptor_, LOCK_EX) != 0) {
      const int why = errno;
      ::close(descriptor_);
      throw system_error(why, "take the lock", path);
    }
  }
  ~FileLock() { ::close(descriptor_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

void make_durable(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw system_error(errno, "open", path);
  const int failed = ::fsync(descriptor) != 0 ? errno : 0;
  ::close(descriptor);
  if (failed) throw system_error(failed, "make durable", path);
}

const SqlWords& words() {
  static const SqlWords all{
      .name = duck::quote_name,
      .literal = duck::quote_text,
      .time = [](Time t) { return fmt::format("make_timestamptz({}::BIGINT)", micros(t)); },
      .key = "VARCHAR",
      .text = "VARCHAR",
      .moment = "TIMESTAMPTZ"};
  return all;
}

int64_t number(const Cell& cell) {
  const auto* value = std::get_if<int64_t>(&cell);
  return value ? *value : -1;
}

/// A database file attached to a connection under a name of its own.
class Attached {
 public:
  Attached(duck::Connection& connection, const std::string& path, bool read_only)
      : connection_(connection), name_("windrow_" + new_id()) {
    connection_.execute("ATTACH " + quote_text(path) + " AS " + name_ +
                        (read_only ? " (READ_ONLY)" : ""));
    open_ = true;
  }
  ~Attached() {
    try {
      close();
    } catch (const Error&) {}
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  void close() {
    if (!open_) return;
    open_ = false;
    connection_.execute("DETACH " + name_);
  }
  std::string table(const std::string& name) const { return name_ + ".main." + quote_name(name); }
  const std::string& name() const { return name_; }

 private:
  static std::string new_id() {
    std::string id = new_ordered_uuid(system_clock()->now());
    std::erase(id, '-');
    return id;
  }
  duck::Connection& connection_;
  std::string name_;
  bool open_ = false;
};

class DuckdbStore final : public Store {
 public:
  DuckdbStore(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  std::map<std::string, Manifest> manifests() override {
    if (!fs::exists(path_)) return {};
    duck::Database database(duck::Options{.threads = 1});
    duck::Connection connection(database);
    const Attached attached(connection, path_, true);
    return read(connection, attached);
  }

  std::vector<Manifest> publish(const std::vector<ViewBatch>& views, duck::Connection& connection,
                                Cancel& cancel, const ProgressSink& progress) override {
    for (const auto& view : views) refuse_kept_name(view, view.table);
    const auto stop = connection.stop_on(cancel);
    std::vector<Manifest> out;
    change(
        connection,
        [&](const Attached& file) {
          const auto there = read(connection, file);
          for (const auto& view : views) {
            cancel.check();
            refuse_what_is_not_ours(connection, file, view, there);
            Manifest manifest = view.manifest;
            manifest.view = view.table;
            manifest.started = clock_.now();
            if (progress) progress({view.table, "writing", -1, -1});
            const std::string table = file.table(view.table);
            connection.execute("CREATE OR REPLACE TABLE " + table + " AS " +
                               with_declared_types(view, connection));
            const auto counted = connection.query(
                "SELECT count(*), CAST(bit_xor(hash(rows)) AS VARCHAR) FROM " + table + " AS rows");
            manifest.rows = number(counted.rows[0][0]);
            manifest.checksum = "xor of hashes " + cell_text(counted.rows[0][1]);
            for (const auto& columns : view.indexes)
              make_index(connection, table, view, columns, false);
            for (const auto& columns : view.settings.unique)
              make_index(connection, table, view, columns, true);
            out.push_back(std::move(manifest));
          }
          const Time now = clock_.now();
          for (auto& manifest : out) {
            manifest.published = now;
            record(connection, file, manifest);
          }
          cancel.check();
        },
        std::any_of(views.begin(), views.end(), [](auto& view) { return view.change.erased; }));
    return out;
  }

  void move_boundaries(const std::map<std::string, Time>& boundaries) override {
    if (boundaries.empty()) return;
    duck::Database database(duck::Options{.threads = 1});
    duck::Connection connection(database);
    change(connection, [&](const Attached& file) {
      for (const auto& [view, boundary] : boundaries) {
        connection.execute(manifests_in(file).move_boundary(view, boundary));
      }
    });
  }

  std::vector<ErasedRows> erase(const std::vector<project::PublishedView>& views,
                                const KeyValues& key, bool dry_run) override {
    std::vector<ErasedRows> out;
    if (!fs::exists(path_)) return out;
    duck::Database database(duck::Options{.threads = 1});
    duck::Connection connection(database);
    const auto work = [&](const Attached& file) {
      const auto there = read(connection, file);
      for (const auto& view : views) {
        if (!there.contains(view.table)) continue;
        const std::string from = " FROM " + file.table(view.table);
        const auto where = key_condition(connection.describe("SELECT *" + from), key);
        ErasedRows one{view.table, 0, where.has_value()};
        if (where) {
          one.rows = number(connection.value("SELECT count(*)" + from + " WHERE " + *where));
          if (!dry_run && one.rows > 0) connection.execute("DELETE" + from + " WHERE " + *where);
        }
        out.push_back(std::move(one));
      }
    };
    if (dry_run) {
      work(Attached(connection, path_, true));
    } else {
      change(connection, work, true);
    }
    return out;
  }

  std::string health() override {
    if (!fs::exists(path_)) return "not published to yet";
    return fmt::format("opens, {} views published", manifests().size());
  }

 private:
  /// Nothing where one of the columns is not there.
  static std::optional<std::string> key_condition(const std::vector<Column>& columns,
                                                  const KeyValues& key) {
    const auto lower = [](std::string text) {
      for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
      return text;
    };
    std::string out;
    for (const auto& [name, value] : key) {
      const auto found = std::find_if(columns.begin(), columns.end(), [&, &name = name](auto& c) {
        return lower(c.name) == lower(name);
      });
      if (found == columns.end()) return {};
      out += fmt::format("{}{} = TRY_CAST({} AS {})", out.empty() ? "" : " AND ",
                         quote_name(found->name), quote_text(value), found->type);
    }
    return out;
  }

  /// `work` on a copy, which then takes the file's place. With `forget` the copy is written anew,
  /// so that blocks that were deleted are not in it.
  void change(duck::Connection& connection, const std::function<void(const Attached&)>& work,
              bool forget = false) {
    const fs::path folder = fs::path(path_).parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw system_error(error.value(), "make the folder", folder.string());
    const FileLock lock(path_ + ".windrow-lock");
    const std::string name = fs::path(path_).filename().string() + kBeside;
    for (const auto& entry : fs::directory_iterator(folder)) {  // what a killed one left
      if (entry.path().filename().string().starts_with(name)) fs::remove(entry.path(), error);
    }
    const std::string beside = path_ + kBeside + std::to_string(::getpid());
    try {
      if (fs::exists(path_)) {
        fs::copy_file(path_, beside, error);
        if (error) throw system_error(error.value(), "copy", path_);
      }
      Attached file(connection, beside, false);
      connection.execute(manifests_in(file).create());
      work(file);
      connection.execute("CHECKPOINT " + file.name());
      if (forget) {
        const std::string anew = beside + "-anew";
        Attached fresh(connection, anew, false);
        connection.execute("COPY FROM DATABASE " + file.name() + " TO " + fresh.name());
        connection.execute("CHECKPOINT " + fresh.name());
        fresh.close();
        file.close();
        fs::rename(anew, beside, error);
        if (error) throw system_error(error.value(), "rename", anew);
      }
      file.close();
      make_durable(beside);
      fs::rename(beside, path_, error);
      if (error) throw system_error(error.value(), "rename", beside);
      make_durable(folder.string());
    } catch (...) {
      fs::remove(beside, error);
      fs::remove(beside + ".wal", error);
      throw;
    }
  }

  static std::map<std::string, Manifest> read(duck::Connection& connection, const Attached& file) {
    const auto there = connection.query(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = 'windrow_publications' AND "
        "database_name = " +
        quote_text(file.name()));
    if (there.rows.empty()) return {};
    // As times without a zone: a text of one with a zone is in the session's.
    std::vector<SqlRow> rows;
    connection.stream(
        "SELECT COLUMNS(*)::VARCHAR FROM (SELECT * REPLACE ("
        "make_timestamp(epoch_us(boundary)) AS boundary, "
        "make_timestamp(epoch_us(started)) AS started, "
        "make_timestamp(epoch_us(published)) AS published) FROM (" +
            manifests_in(file).select() + "))",
        {}, {}, [&](const std::vector<Cell>& row) {
          auto& texts = rows.emplace_back();
          for (const auto& cell : row) {
            texts.emplace_back();
            if (const auto* value = std::get_if<std::string>(&cell)) texts.back() = *value;
          }
          return true;
        });
    return manifests_in(file).read(rows);
  }

  static ManifestTable manifests_in(const Attached& file) {
    return {words(), file.table("windrow_publications")};
  }

  void refuse_what_is_not_ours(duck::Connection& connection, const Attached& file,
                               const ViewBatch& view,
                               const std::map<std::string, Manifest>& there) const {
    const auto found = there.find(view.table);
    refuse_outrun(view, found == there.end() ? "" : found->second.batch_id);
    if (found != there.end()) return;
    const auto other = connection.query(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = $name AND database_name = " +
            quote_text(file.name()),
        {{"name", view.table}});
    if (!other.rows.empty())
      throw Error(
          Code::data,
          fmt::format("\"{}\" has a table \"{}\" that windrow did not publish", path_, view.table),
          "publish under another name, or drop it first");
  }

  /// That a text is what a CAST takes and does not end it.
  static bool is_one_type(const std::string& text) {
    int depth = 0;
    for (const unsigned char c : text) {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth < 0) return false;
      if (!std::isalnum(c) && std::string_view(" _(),[]").find(char(c)) == std::string_view::npos)
        return false;
    }
    return depth == 0 && !text.empty();
  }

  /// The view's SELECT, its columns in the types that `columns` declares.
  static std::string with_declared_types(const ViewBatch& view, duck::Connection& connection) {
    if (view.settings.columns.empty()) return view.select;
    refuse_unknown_columns(view, connection.describe(view.select));
    std::string casts;
    for (const auto& [name, type] : view.settings.columns) {
      const std::string cast = fmt::format("CAST({} AS {})", quote_name(name), type);
      try {
        if (!is_one_type(type)) throw Error(Code::configuration, "odd");
        connection.describe("SELECT CAST(NULL AS " + type + ")");
      } catch (const Error&) {
        throw Error(Code::configuration,
                    fmt::format("column \"{}\" of view \"{}\": DuckDB has no type \"{}\"", name,
                                view.table, type),
                    "for example bigint, double, varchar or decimal(18,2)", view.settings.place);
      }
      casts += (casts.empty() ? "" : ", ") + cast + " AS " + quote_name(name);
    }
    return "SELECT * REPLACE (" + casts + ") FROM (\n" + view.select + "\n)";
  }

  static void make_index(duck::Connection& connection, const std::string& table,
                         const ViewBatch& view, const std::vector<std::string>& columns,
                         bool unique) {
    std::string list, name = "windrow_" + view.table;
    for (std::string column : columns) {
      // DuckDB's indexes have no direction; the declaration may be shared with other stores.
      if (column.starts_with('-')) column.erase(0, 1);
      list += (list.empty() ? "" : ", ") + quote_name(column);
      name += "_" + column;
    }
    connection.execute(std::string("CREATE ") + (unique ? "UNIQUE " : "") + "INDEX " +
                       quote_name(name) + " ON " + table + " (" + list + ")");
  }

  static void record(duck::Connection& connection, const Attached& file, const Manifest& one) {
    for (const auto& statement : manifests_in(file).record(one)) connection.execute(statement);
  }

  std::string path_;
  const Clock& clock_;
};

}  // namespace

StoreKind duckdb_kind() {
  StoreKind out;
  out.connection.name = "duckdb";
  out.connection.keys = {{"path", "The file, relative to the project.", true}};
  out.connection.store = project::StoreKeys{.keys = {"indexes", "unique", "columns"}};
  out.open = [](const project::Connection& connection, const Surroundings& surroundings) {
    return std::make_unique<DuckdbStore>(connection.file("path", surroundings.root),
                                         surroundings.clock);
  };
  return out;
}

}  // namespace windrow::publish
