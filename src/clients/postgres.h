#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"

struct pg_conn;

/// The one wrapper of libpq.
namespace windrow::clients {

/// A value in PostgreSQL's text form; nothing is NULL.
using PostgresValue = std::optional<std::string>;

struct PostgresColumn {
  std::string name;
  uint32_t type = 0;  ///< oid of the type
  int modifier = -1;  ///< of numeric and varchar: what PostgreSQL calls atttypmod
};

struct PostgresRows {
  std::vector<PostgresColumn> columns;
  std::vector<std::vector<PostgresValue>> rows;
  int64_t affected = 0;  ///< by INSERT, UPDATE, DELETE
};

/// A failure that the server named, or the loss of the connection.
class PostgresError : public Error {
 public:
  PostgresError(Problem problem, std::string state, bool lost)
      : Error(std::move(problem)), state_(std::move(state)), lost_(lost) {}
  const std::string& state() const { return state_; }  ///< SQLSTATE; empty where there is none
  /// The connection is gone: whether the last statement was done is not known.
  bool lost() const { return lost_; }

 private:
  std::string state_;
  bool lost_;
};

struct PostgresOptions {
  std::string url;  ///< `postgresql://user:password@host:port/database?sslmode=…`, or `key=value …`
  /// Over those of the URL: libpq's names (`sslrootcert`, `password`, …).
  std::map<std::string, std::string> settings;
  std::string tls;  ///< transport.h; empty: verified to any other machine
  std::chrono::seconds connect_timeout{10};
  std::string application_name = "windrow";
};

/// One connection; one thread at a time, except that a Cancel may come from any. Texts are UTF-8,
/// times come in ISO form in UTC. A host that stops answering is given up after about a minute.
class Postgres {
 public:
  /// Error(configuration) where the URL does not read (its text is never shown), Error(permission)
  /// where the server refuses who we are, Error(unavailable) where it does not answer.
  explicit Postgres(const PostgresOptions& options);
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  /// One statement with `$1`, `$2`, …; its whole result.
  PostgresRows query(const std::string& sql, const std::vector<PostgresValue>& values = {});
  /// One or more statements without values; results are dropped.
  void execute(const std::string& sql);
  /// The first value of the first row; nothing where there is no row or it is NULL.
  PostgresValue value(const std::string& sql, const std::vector<PostgresValue>& values = {});

  /// Rows of a result of any size, one by one, as texts that live for the call (nothing: NULL).
  /// `row` returns false to stop early.
  using Texts = std::vector<std::optional<std::string_view>>;
  void stream(const std::string& sql, const std::vector<PostgresValue>& values,
              const std::function<void(const std::vector<PostgresColumn>&)>& head,
              const std::function<bool(const Texts&)>& row);
  /// `COPY … TO STDOUT …`: pieces as they come, each at least one whole row in the text and the
  /// CSV form, and in the binary form the header or one row. `piece` returns false to stop early.
  void copy_out(const std::string& sql, const std::function<bool(std::string_view)>& piece);

  /// While the handle lives, a request on `cancel` stops the statement that runs: it ends with
  /// Error(canceled).
  [[nodiscard]] Cancel::Registration stop_on(Cancel& cancel);
  /// Warnings that the server sends; `severity` in English. Nothing listens by default.
  void on_notice(std::function<void(std::string_view severity, std::string_view message)> listener);

  bool in_transaction() const;
  int server_version() const;  ///< 150018 is 15.18
  bool encrypted() const;      ///< by TLS
  /// `host:port/database`: for messages.
  const std::string& address() const { return address_; }

  pg_conn* handle() { return connection_; }  ///< for this file's own types
  [[noreturn]] void fail(const std::string& doing);

 private:
  struct Result;
  void open(const PostgresOptions& options);
  void check(const Result& result, const std::string& doing);
  void drain();
  friend class PostgresCopyIn;

  pg_conn* connection_ = nullptr;
  std::string address_;
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
  std::function<void(std::string_view, std::string_view)> listener_;
};

/// Rolled back unless committed.
class PostgresTransaction {
 public:
  explicit PostgresTransaction(Postgres& database, const std::string& begin = "BEGIN");
  ~PostgresTransaction();
  PostgresTransaction(const PostgresTransaction&) = delete;
  PostgresTransaction& operator=(const PostgresTransaction&) = delete;
  /// A PostgresError that is `lost()` means that nobody knows.
  void commit();

 private:
  Postgres& database_;
  bool open_ = true;
};

/// `COPY … FROM STDIN …`: bytes in the form that the statement names. Given up unless finished.
class PostgresCopyIn {
 public:
  PostgresCopyIn(Postgres& database, const std::string& sql);
  ~PostgresCopyIn();
  PostgresCopyIn(const PostgresCopyIn&) = delete;
  PostgresCopyIn& operator=(const PostgresCopyIn&) = delete;
  /// Pieces of any size. What is wrong with a row is told here or by `finish`.
  void write(std::string_view bytes);
  int64_t finish();  ///< rows that the server took

 private:
  Postgres& database_;
  bool open_ = true;
};

/// `"name"`, quotes doubled. NUL, which no name can have, is refused.
std::string postgres_name(std::string_view name);
/// `'text'` as a literal that no setting changes the meaning of.
std::string postgres_literal(std::string_view text);

}  // namespace windrow::clients
