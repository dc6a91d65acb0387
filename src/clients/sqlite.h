#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

/// The one wrapper of SQLite. Failures are Errors: full, permission, corrupt, unavailable (another
/// process holds the file for longer than the busy time), conflict (a constraint).
namespace windrow::clients {

using SqliteValue = std::variant<std::monostate, int64_t, double, std::string>;

class Sqlite;

/// A prepared statement; used again and again. Must not outlive its Sqlite.
class SqliteStatement {
 public:
  SqliteStatement(Sqlite& database, std::string_view sql);
  ~SqliteStatement();
  SqliteStatement(SqliteStatement&& o) noexcept;
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  /// Positions count from 1, as in SQLite.
  void bind(int position, const SqliteValue& value);
  /// True where there is a row. After the last one the statement is ready to be bound and run
  /// again.
  bool step();
  /// Binds the values in order, runs to the end, gives the rows.
  std::vector<std::vector<SqliteValue>> run(const std::vector<SqliteValue>& values = {});

  SqliteValue column(int index) const;  ///< of the present row, from 0
  int columns() const;
  std::string column_name(int index) const;
  void reset();

 private:
  Sqlite* database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// One connection; one thread at a time.
class Sqlite {
 public:
  enum class Mode { create, existing, read_only };
  Sqlite(const std::string& path, Mode mode,
         std::chrono::milliseconds busy = std::chrono::seconds(10));
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  void execute(std::string_view sql);  ///< one or more statements
  std::vector<std::vector<SqliteValue>> query(std::string_view sql,
                                              const std::vector<SqliteValue>& values = {});
  /// Readers go on reading while somebody writes; every commit survives a power cut.
  void make_durable_and_concurrent();
  [[noreturn]] void fail(std::string_view doing);

  void interrupt();  ///< what runs ends with an error; from any thread

  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

/// Rolled back unless committed.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(Sqlite& database) : database_(database) {
    database_.execute("BEGIN IMMEDIATE");
  }
  ~SqliteTransaction();
  void commit();

 private:
  Sqlite& database_;
  bool open_ = true;
};

std::string text_of(const SqliteValue& value);  ///< empty for NULL
std::optional<int64_t> integer_of(const SqliteValue& value);

}  // namespace windrow::clients
