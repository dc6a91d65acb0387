#include "tasks/control/sql_session.h"

#include "clients/mysql.h"
#include "clients/postgres.h"
#include "clients/postgres_options.h"
#include "clients/sqlite.h"
#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::tasks {

namespace {

[[noreturn]] void unknown(const Error& error) {
  throw Error(Code::data,
              "the connection was lost while the statements were committed: whether they were done "
              "is not known (" +
                  error.problem().message + ")",
              "look, then run the task again");
}

Cell postgres_cell(uint32_t type, const std::optional<std::string>& text) {
  if (!text) return {};
  switch (type) {
    case 16: return *text == "t";
    case 20:
    case 21:
    case 23: return int64_t(std::stoll(*text));
    case 700:
    case 701: return std::stod(*text);
    default: return *text;
  }
}

Rows on_postgres(const project::Connection& connection, const std::string& root,
                 const SqlWork& work, Cancel& cancel) {
  clients::Postgres database(
      clients::postgres_options([&](const char* key) { return connection.text(key); }, root));
  const auto stop = database.stop_on(cancel);
  if (work.read_only) database.execute("SET default_transaction_read_only = on");
  std::optional<clients::PostgresTransaction> transaction;
  if (work.transaction) transaction.emplace(database);
  Rows out;
  for (size_t i = 0; i < work.statements.size(); ++i) {
    if (work.rows == 0 || i + 1 < work.statements.size()) {
      database.execute(work.statements[i]);
      continue;
    }
    std::vector<uint32_t> types;
    database.stream(
        work.statements[i], {},
        [&](const auto& columns) {
          for (const auto& column : columns) {
            out.columns.push_back({column.name, ""});
            types.push_back(column.type);
          }
        },
        [&](const auto& texts) {
          auto& row = out.rows.emplace_back();
          for (size_t k = 0; k < texts.size(); ++k)
            row.push_back(postgres_cell(
                types[k], texts[k] ? std::optional<std::string>(*texts[k]) : std::nullopt));
          return out.rows.size() < work.rows;
        });
  }
  try {
    if (transaction) transaction->commit();
  } catch (const clients::PostgresError& error) {
    if (error.lost()) unknown(error);
    throw;
  }
  return out;
}

Rows on_mysql(const project::Connection& connection, const std::string& root, const SqlWork& work,
              Cancel& cancel) {
  clients::Mysql database(
      clients::mysql_options([&](const char* key) { return connection.text(key); },
                             [&](const char* key) { return connection.file(key, root); }));
  const auto stop = database.stop_on(cancel);
  if (work.read_only) database.execute("SET SESSION TRANSACTION READ ONLY");
  std::optional<clients::MysqlTransaction> transaction;
  if (work.transaction) transaction.emplace(database);
  Rows out;
  for (size_t i = 0; i < work.statements.size(); ++i) {
    const bool wanted = work.rows > 0 && i + 1 == work.statements.size();
    if (wanted) database.execute("SET sql_select_limit = " + std::to_string(work.rows));
    auto got = database.query(work.statements[i]);
    if (!wanted) continue;
    for (auto& texts : got.rows) {
      auto& row = out.rows.emplace_back();
      for (auto& text : texts) row.push_back(text ? Cell(std::move(*text)) : Cell());
    }
    if (!out.rows.empty()) out.columns.resize(out.rows[0].size());
  }
  try {
    if (transaction) transaction->commit();
  } catch (const clients::MysqlError& error) {
    if (error.lost()) unknown(error);
    throw;
  }
  return out;
}

Rows on_sqlite(const std::string& path, const SqlWork& work, Cancel& cancel) {
  using Mode = clients::Sqlite::Mode;
  clients::Sqlite database(path, work.read_only ? Mode::read_only : Mode::existing);
  const auto stop = cancel.on_request([&] { database.interrupt(); });
  std::optional<clients::SqliteTransaction> transaction;
  Rows out;
  try {
    if (work.transaction) transaction.emplace(database);
    for (size_t i = 0; i < work.statements.size(); ++i) {
      if (work.rows == 0 || i + 1 < work.statements.size()) {
        database.execute(work.statements[i]);
        continue;
      }
      clients::SqliteStatement statement(database, work.statements[i]);
      for (int k = 0; k < statement.columns(); ++k)
        out.columns.push_back({statement.column_name(k), ""});
      while (out.rows.size() < work.rows && statement.step()) {
        auto& row = out.rows.emplace_back();
        for (int k = 0; k < statement.columns(); ++k)
          row.push_back(
              std::visit([](const auto& value) { return Cell(value); }, statement.column(k)));
      }
      statement.reset();
    }
    cancel.check();
    if (transaction) transaction->commit();
  } catch (const Error&) {
    cancel.check();
    throw;
  }
  return out;
}

Rows on_duckdb(const std::string& path, const SqlWork& work, Cancel& cancel) {
  duck::Options options;
  options.threads = 1;
  duck::Database database(options, work.read_only ? "" : path);
  duck::Connection connection(database);
  const auto stop = connection.stop_on(cancel);
  if (work.read_only) {
    connection.execute("ATTACH " + duck::quote_text(path) + " AS file (READ_ONLY)");
    connection.execute("USE file");
  }
  if (work.transaction) connection.execute("BEGIN TRANSACTION");
  Rows out;
  for (size_t i = 0; i < work.statements.size(); ++i) {
    if (work.rows == 0 || i + 1 < work.statements.size()) {
      connection.execute(work.statements[i]);
      continue;
    }
    connection.stream(
        work.statements[i], {}, [&](const auto& columns) { out.columns = columns; },
        [&](const auto& row) {
          out.rows.push_back(row);
          return out.rows.size() < work.rows;
        });
  }
  if (work.transaction) connection.execute("COMMIT");
  return out;
}

}  // namespace

Rows run_sql(const project::Connection& connection, const std::string& root, const SqlWork& work,
             Cancel& cancel) {
  cancel.check();
  if (connection.type == "postgres") return on_postgres(connection, root, work, cancel);
  if (connection.type == "mysql") return on_mysql(connection, root, work, cancel);
  if (connection.type == "sqlite") return on_sqlite(connection.file("path", root), work, cancel);
  if (connection.type == "duckdb") return on_duckdb(connection.file("path", root), work, cancel);
  throw Error(
      Code::unsupported,
      "connection \"" + connection.name + "\" takes no SQL: it is of type " + connection.type,
      "postgres, mysql, sqlite and duckdb do");
}

}  // namespace windrow::tasks
