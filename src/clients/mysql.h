#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "clients/transport.h"

struct st_mysql;

/// The one wrapper of MariaDB Connector/C, which speaks the protocol of MariaDB and MySQL.
namespace windrow::clients {

/// A value in the server's text form; nothing is NULL.
using MysqlValue = std::optional<std::string>;

struct MysqlRows {
  std::vector<std::vector<MysqlValue>> rows;
  int64_t affected = 0;  ///< by INSERT, UPDATE, DELETE
};

/// A failure that the server named, or the loss of the connection.
class MysqlError : public Error {
 public:
  MysqlError(Problem problem, unsigned number, bool lost)
      : Error(std::move(problem)), number_(number), lost_(lost) {}
  unsigned number() const { return number_; }  ///< the server's, 1062 for a key that is there
  /// The connection is gone: whether the last statement was done is not known.
  bool lost() const { return lost_; }

 private:
  unsigned number_;
  bool lost_;
};

struct MysqlOptions {
  std::string host = "localhost", user, password, database;
  int port = 3306;
  std::string ca, certificate, certificate_key;  ///< files
  Transport transport;
  std::string address() const;  ///< `host:port/database`: for messages
};

/// From a connection's words: `url` (`mysql://user:password@host:port/database`), `user`,
/// `password`, `tls` (transport.h), and with `file` the paths `ca`, `certificate`,
/// `certificate_key`. Each gives a word's value, empty where it is not said. Error(configuration)
/// where the URL does not read; its text is never shown.
MysqlOptions mysql_options(const std::function<std::string(const char*)>& setting,
                           const std::function<std::string(const char*)>& file);

/// One connection; one thread at a time, except that a Cancel may come from any. Texts are UTF-8,
/// times are in UTC, values that do not fit are errors, and a backslash in a literal is a
/// backslash. The server cannot ask for files. A host that stops answering is given up after about
/// a minute.
class Mysql {
 public:
  /// Error(permission) where the server refuses who we are, Error(unavailable) where it does not
  /// answer, or not as `transport` asks for.
  explicit Mysql(const MysqlOptions& options);
  ~Mysql();
  Mysql(const Mysql&) = delete;
  Mysql& operator=(const Mysql&) = delete;

  /// One statement; its whole result.
  MysqlRows query(std::string_view sql);
  void execute(std::string_view sql) { query(sql); }
  /// The first value of the first row; nothing where there is no row or it is NULL.
  MysqlValue value(std::string_view sql);

  /// While the handle lives, a request on `cancel` stops the statement that runs: it ends with
  /// Error(canceled).
  [[nodiscard]] Cancel::Registration stop_on(Cancel& cancel);

  uint64_t id() const;         ///< of the connection, as the server counts them
  std::string server() const;  ///< `MariaDB 10.11.6`
  bool encrypted() const;      ///< by TLS
  const MysqlOptions& options() const { return options_; }

 private:
  [[noreturn]] void fail(const std::string& doing);

  MysqlOptions options_;
  st_mysql* connection_ = nullptr;
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
};

/// Rolled back unless committed.
class MysqlTransaction {
 public:
  explicit MysqlTransaction(Mysql& database) : database_(database) {
    database_.execute("START TRANSACTION");
  }
  ~MysqlTransaction();
  MysqlTransaction(const MysqlTransaction&) = delete;
  MysqlTransaction& operator=(const MysqlTransaction&) = delete;
  /// A MysqlError that is `lost()` means that nobody knows.
  void commit();

 private:
  Mysql& database_;
  bool open_ = true;
};

/// `` `name` ``, with its own quotes doubled.
std::string mysql_name(std::string_view name);
/// `'text'`, for a connection of ours.
std::string mysql_literal(std::string_view text);

}  // namespace windrow::clients
