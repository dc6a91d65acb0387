#include "clients/sqlite.h"

#include <sqlite3.h>

namespace windrow::clients {

namespace {

Code code_of(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL: return Code::full;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return Code::permission;
    case SQLITE_CANTOPEN: return Code::permission;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR: return Code::unavailable;
    case SQLITE_CONSTRAINT: return Code::conflict;
    case SQLITE_INTERRUPT: return Code::canceled;
    default: return Code::internal;
  }
}

std::string hint_of(Code code) {
  switch (code) {
    case Code::full: return "free some space and run again: the file is as it was";
    case Code::permission: return "give this user the right to write the file and its folder";
    case Code::corrupt:
      return "restore the file from a copy, or move it away so that it is made anew";
    case Code::unavailable: return "another program may hold the file; try again";
    default: return {};
  }
}

}  // namespace

SqliteStatement::SqliteStatement(Sqlite& database, std::string_view sql) : database_(&database) {
  if (sqlite3_prepare_v3(database.handle(), sql.data(), int(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement_, nullptr) != SQLITE_OK) {
    database.fail("prepare a statement for");
  }
}

SqliteStatement::SqliteStatement(SqliteStatement&& o) noexcept
    : database_(o.database_), statement_(o.statement_) {
  o.statement_ = nullptr;
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

void SqliteStatement::bind(int position, const SqliteValue& value) {
  int result = SQLITE_OK;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    result = sqlite3_bind_int64(statement_, position, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    result = sqlite3_bind_double(statement_, position, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    result = sqlite3_bind_text64(statement_, position, text->data(), text->size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
  } else {
    result = sqlite3_bind_null(statement_, position);
  }
  if (result != SQLITE_OK) database_->fail("bind a value for");
}

bool SqliteStatement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    reset();
    return false;
  }
  try {
    database_->fail("write or read");
  } catch (...) {
    reset();
    throw;
  }
}

void SqliteStatement::reset() { sqlite3_reset(statement_); }

std::vector<std::vector<SqliteValue>> SqliteStatement::run(const std::vector<SqliteValue>& values) {
  for (size_t i = 0; i < values.size(); ++i) bind(int(i) + 1, values[i]);
  std::vector<std::vector<SqliteValue>> rows;
  while (step()) {
    auto& row = rows.emplace_back();
    for (int i = 0; i < columns(); ++i) row.push_back(column(i));
  }
  return rows;
}

int SqliteStatement::columns() const { return sqlite3_column_count(statement_); }
std::string SqliteStatement::column_name(int index) const {
  const char* name = sqlite3_column_name(statement_, index);
  return name ? name : "";
}

SqliteValue SqliteStatement::column(int index) const {
  switch (sqlite3_column_type(statement_, index)) {
    case SQLITE_INTEGER: return int64_t(sqlite3_column_int64(statement_, index));
    case SQLITE_FLOAT: return sqlite3_column_double(statement_, index);
    case SQLITE_NULL: return std::monostate{};
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, index));
      return std::string(bytes ? bytes : "", size_t(sqlite3_column_bytes(statement_, index)));
    }
  }
}

Sqlite::Sqlite(const std::string& path, Mode mode, std::chrono::milliseconds busy) : path_(path) {
  int flags = SQLITE_OPEN_NOMUTEX;
  flags |= mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    try {
      fail("open");
    } catch (...) {
      sqlite3_close(handle_);
      throw;
    }
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, int(busy.count()));
}

Sqlite::~Sqlite() { sqlite3_close_v2(handle_); }

void Sqlite::interrupt() { sqlite3_interrupt(handle_); }

void Sqlite::execute(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail("write");
}

std::vector<std::vector<SqliteValue>> Sqlite::query(std::string_view sql,
                                                    const std::vector<SqliteValue>& values) {
  return SqliteStatement(*this, sql).run(values);
}

void Sqlite::make_durable_and_concurrent() {
  execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
}

void Sqlite::fail(std::string_view doing) {
  const int result = handle_ ? sqlite3_extended_errcode(handle_) : SQLITE_NOMEM;
  const std::string message = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
  const Code code = code_of(result);
  throw Error(code,
              "cannot " + std::string(doing) + " the SQLite file \"" + path_ + "\": " + message,
              hint_of(code));
}

SqliteTransaction::~SqliteTransaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself, or will when the file is opened next.
  }
}

void SqliteTransaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

std::string text_of(const SqliteValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::optional<int64_t> integer_of(const SqliteValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  return {};
}

}  // namespace windrow::clients
