#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/rows.h"

/// The one wrapper of DuckDB. Nothing of DuckDB's own types leaves this room.
namespace windrow::duck {

struct Options {
  uint64_t memory_bytes = 0;     ///< for the whole process, nearly; 0: DuckDB's default
  std::string spill_folder;      ///< empty: no spilling
  int threads = 0;               ///< 0: all cores
  std::string extension_folder;  ///< where signed extensions lie; empty: none are loaded
  std::string zone = "UTC";      ///< the session time zone
};

/// One instance, in memory unless `path` is given. Shared by connections of several threads.
class Database {
 public:
  explicit Database(const Options& options, const std::string& path = {});
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// One session. One thread at a time, except `interrupt` and `progress`, which any thread may call.
class Connection {
 public:
  explicit Connection(Database& database);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  /// Runs one or more statements; gives the rows of the last. Throws SqlError, or Error(canceled)
  /// after interrupt.
  Rows query(std::string_view sql, const Parameters& parameters = {});
  void execute(std::string_view sql) { query(sql); }
  /// One cell of a one-row, one-column result.
  Cell value(std::string_view sql, const Parameters& parameters = {});
  /// Streams a result of any size; `row` is called once per row in order; return false to stop
  /// early. `head` is called once before, with the columns.
  void stream(std::string_view sql, const Parameters& parameters,
              const std::function<void(const std::vector<Column>&)>& head,
              const std::function<bool(const std::vector<Cell>&)>& row);
  /// Names and types of a SELECT's columns without running it. Throws SqlError where it does not
  /// bind.
  std::vector<Column> describe(std::string_view select, const Parameters& parameters = {});

  void interrupt();
  /// Fraction 0..1 of the running query, negative where unknown.
  double progress();
  /// While the handle lives, a request on `cancel` stops what this connection runs; where it runs
  /// nothing just then, the next query. Once: afterwards the connection is usable again.
  [[nodiscard]] Cancel::Registration stop_on(Cancel& cancel);
  /// Another connection of the same database, in the same catalog: while this one does something
  /// else. What is temporary is its own.
  std::unique_ptr<Connection> beside();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  Connection() = default;
  void set_up(const std::string& zone);

  std::unique_ptr<Impl> impl_;
};

/// DuckDB's version, e.g. `1.5.5`.
std::string version();

}  // namespace windrow::duck
