#include "clients/postgres.h"

#include <libpq-fe.h>

#include <charconv>
#include <utility>

#include "clients/postgres_options.h"

namespace windrow::clients {

namespace {

/// What is sent to the server before it is asked whether it has something to say.
constexpr size_t kCopyBytes = 1 << 16;

using ConnectionInfo = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// By the class of an SQLSTATE (its first two characters), and by some of them alone.
Code code_of(std::string_view state, bool asked_to_stop) {
  const auto kind = state.substr(0, 2);
  if (state == "57014") return asked_to_stop ? Code::canceled : Code::timeout;
  if (state == "53100") return Code::full;
  if (state == "40001" || state == "40P01") return Code::conflict;
  if (state == "42501" || state == "25006" || kind == "28") return Code::permission;
  if (state == "42P01") return Code::not_found;
  if (state == "55P03" || state == "25P03" || state == "58030") return Code::unavailable;
  if (kind == "08" || kind == "53" || kind == "57") return Code::unavailable;
  if (kind == "22" || kind == "23" || kind == "21" || kind == "44") return Code::data;
  if (kind == "0A") return Code::unsupported;
  if (kind == "42" || kind == "3D" || kind == "3F" || kind == "2B" || kind == "55")
    return Code::configuration;
  return Code::internal;
}

std::string hint_of(std::string_view state, Code code) {
  if (state == "28P01" || state == "28000")
    return "check the user, the password and the server's pg_hba.conf";
  if (state == "3D000") return "create the database, or correct its name in the connection's url";
  if (state == "53100") return "free some space on the server and run again: nothing has changed";
  if (state == "53300") return "the server has no connection left; try again, or raise its limit";
  if (state == "40P01") return "another program locked the same rows in another order; try again";
  switch (code) {
    case Code::permission: return "grant what is missing to the user of the connection";
    case Code::unavailable:
      return "look whether the server runs and can be reached, then run again";
    default: return {};
  }
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return text;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? trimmed(text) : std::string();
}

/// `host:port/database` of what libpq would connect to. Error(configuration) without the text: a
/// URL that does not read may still hold a password.
std::string address_of(const PostgresOptions& options) {
  char* problem = nullptr;
  const ConnectionInfo info(PQconninfoParse(options.url.c_str(), &problem), &PQconninfoFree);
  if (problem) PQfreemem(problem);
  if (!info) {
    throw Error(Code::configuration, "the url of the PostgreSQL connection does not read as one",
                "write postgresql://user:password@host:port/database; special characters of the "
                "password are percent-encoded");
  }
  std::map<std::string, std::string> found = options.settings;
  for (const auto* each = info.get(); each->keyword; ++each)
    if (each->val) found.emplace(each->keyword, each->val);
  const std::string host = found.contains("host") ? found["host"] : found["hostaddr"];
  return (host.empty() ? "localhost" : host) + ":" +
         (found["port"].empty() ? "5432" : found["port"]) + "/" +
         (found["dbname"].empty() ? found["user"] : found["dbname"]);
}

}  // namespace

struct Postgres::Result {
  explicit Result(PGresult* r) : raw(r) {}
  Result(Result&& o) noexcept : raw(std::exchange(o.raw, nullptr)) {}
  Result& operator=(Result&& o) noexcept {
    std::swap(raw, o.raw);
    return *this;
  }
  ~Result() { PQclear(raw); }
  ExecStatusType status() const { return PQresultStatus(raw); }
  std::vector<PostgresColumn> columns() const {
    std::vector<PostgresColumn> out;
    for (int i = 0; i < PQnfields(raw); ++i)
      out.push_back({PQfname(raw, i), PQftype(raw, i), PQfmod(raw, i)});
    return out;
  }
  PGresult* raw;
};

Postgres::Postgres(const PostgresOptions& options) : address_(address_of(options)) {
  try {
    open(options);
  } catch (...) {
    PQfinish(connection_);
    throw;
  }
}

Postgres::~Postgres() { PQfinish(connection_); }

void Postgres::open(const PostgresOptions& options) {
  std::map<std::string, std::string> settings = {
      {"connect_timeout", std::to_string(options.connect_timeout.count())},
      {"fallback_application_name", options.application_name},
      {"keepalives_idle", "20"},
      {"keepalives_interval", "10"},
      {"keepalives_count", "4"},
      {"tcp_user_timeout", "60000"},
  };
  // What the URL says comes later and wins over these; what `settings` say wins over the URL.
  std::vector<const char*> names, values;
  const auto add = [&](const std::string& name, const std::string& value) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  };
  for (const auto& [name, value] : settings) add(name, value);
  const std::string url_name = "dbname";
  add(url_name, options.url);
  const auto over_the_url = protected_settings(options);
  for (const auto& [name, value] : over_the_url) add(name, value);
  const std::string encoding = "client_encoding", utf8 = "UTF8";
  add(encoding, utf8);
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectdbParams(names.data(), values.data(), /*expand_dbname=*/1);
  if (PQstatus(connection_) != CONNECTION_OK) {
    const std::string words = trimmed(PQerrorMessage(connection_));
    const bool who = words.find("authentication failed") != std::string::npos ||
                     words.find("no password supplied") != std::string::npos ||
                     words.find("pg_hba.conf") != std::string::npos ||
                     words.find("does not exist") != std::string::npos ||
                     words.find("is not permitted") != std::string::npos;
    const bool tls =
        words.find("certificate") != std::string::npos || words.find("SSL") != std::string::npos;
    throw PostgresError(
        {who   ? Code::permission
         : tls ? Code::configuration
               : Code::unavailable,
         "cannot connect to PostgreSQL at " + address_ + ": " + words,
         who ? "check the user, the password, the database and the server's pg_hba.conf"
         : tls
             ? "the server must speak TLS, with a certificate for its name by an authority that is "
               "known here or named by `ca:`; `tls: unverified` and `tls: off` ask for less"
             : "look whether the server runs and can be reached, then run again"},
        "", true);
  }
  PQsetNoticeReceiver(
      connection_,
      [](void* self, const PGresult* result) {
        const auto& listener = static_cast<Postgres*>(self)->listener_;
        if (listener)
          listener(field(result, PG_DIAG_SEVERITY_NONLOCALIZED),
                   field(result, PG_DIAG_MESSAGE_PRIMARY));
      },
      this);
  execute(
      "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET timezone = 'UTC'; "
      "SET extra_float_digits = 1; SET bytea_output = 'hex'; "
      "SET standard_conforming_strings = on");
}

void Postgres::fail(const std::string& doing) {
  const std::string words = trimmed(PQerrorMessage(connection_));
  const bool lost = PQstatus(connection_) != CONNECTION_OK;
  throw PostgresError(
      {lost ? Code::unavailable : Code::internal, doing + " at " + address_ + ": " + words,
       lost ? "look whether the server runs and can be reached, then run again" : ""},
      "", lost);
}

void Postgres::check(const Result& result, const std::string& doing) {
  switch (result.status()) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_EMPTY_QUERY: return;
    default: break;
  }
  const std::string state = field(result.raw, PG_DIAG_SQLSTATE);
  if (state.empty()) fail(doing);
  const bool lost =
      PQstatus(connection_) != CONNECTION_OK || state.starts_with("57P") || state.starts_with("08");
  const Code code = code_of(state, stopped_->exchange(false));
  std::string message =
      doing + " at " + address_ + ": " + field(result.raw, PG_DIAG_MESSAGE_PRIMARY);
  for (const int more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_CONTEXT}) {
    const std::string text = field(result.raw, more);
    if (!text.empty())
      message +=
          (more == PG_DIAG_CONTEXT ? "; " : " (") + text + (more == PG_DIAG_CONTEXT ? "" : ")");
  }
  std::string hint = hint_of(state, code);
  if (hint.empty()) hint = field(result.raw, PG_DIAG_MESSAGE_HINT);
  throw PostgresError({code, message, hint}, state, lost);
}

/// After an early end: reads what the server still sends, so that the connection is usable.
void Postgres::drain() {
  while (auto* raw = PQgetResult(connection_)) {
    const Result result(raw);
    if (result.status() == PGRES_COPY_IN) PQputCopyEnd(connection_, "given up");
    if (result.status() == PGRES_COPY_OUT) {
      char* bytes = nullptr;
      while (PQgetCopyData(connection_, &bytes, 0) > 0) PQfreemem(bytes);
    }
    if (PQstatus(connection_) != CONNECTION_OK) break;
  }
}

namespace {
std::vector<const char*> pointers_of(const std::vector<PostgresValue>& values) {
  std::vector<const char*> out;
  for (const auto& value : values) out.push_back(value ? value->c_str() : nullptr);
  return out;
}
}  // namespace

PostgresRows Postgres::query(const std::string& sql, const std::vector<PostgresValue>& values) {
  const auto pointers = pointers_of(values);
  const Result result(PQexecParams(connection_, sql.c_str(), int(values.size()), nullptr,
                                   pointers.data(), nullptr, nullptr, 0));
  check(result, "PostgreSQL refused a statement");
  PostgresRows out;
  out.columns = result.columns();
  for (int i = 0; i < PQntuples(result.raw); ++i) {
    auto& row = out.rows.emplace_back();
    for (int j = 0; j < int(out.columns.size()); ++j) {
      if (PQgetisnull(result.raw, i, j)) {
        row.emplace_back();
      } else {
        row.emplace_back(
            std::string(PQgetvalue(result.raw, i, j), size_t(PQgetlength(result.raw, i, j))));
      }
    }
  }
  const std::string_view affected = PQcmdTuples(result.raw);
  std::from_chars(affected.data(), affected.data() + affected.size(), out.affected);
  return out;
}

void Postgres::execute(const std::string& sql) {
  const Result result(PQexec(connection_, sql.c_str()));
  check(result, "PostgreSQL refused a statement");
}

PostgresValue Postgres::value(const std::string& sql, const std::vector<PostgresValue>& values) {
  const auto rows = query(sql, values);
  return rows.rows.empty() ? PostgresValue() : rows.rows[0][0];
}

void Postgres::stream(const std::string& sql, const std::vector<PostgresValue>& values,
                      const std::function<void(const std::vector<PostgresColumn>&)>& head,
                      const std::function<bool(const Texts&)>& row) {
  const auto pointers = pointers_of(values);
  if (!PQsendQueryParams(connection_, sql.c_str(), int(values.size()), nullptr, pointers.data(),
                         nullptr, nullptr, 0) ||
      !PQsetSingleRowMode(connection_)) {
    fail("cannot send a statement to PostgreSQL");
  }
  bool told = false;
  Texts texts;
  try {
    while (auto* raw = PQgetResult(connection_)) {
      const Result result(raw);
      check(result, "PostgreSQL refused a statement");
      if (!told && head) head(result.columns());
      told = true;
      const int rows = PQntuples(raw), columns = PQnfields(raw);
      for (int i = 0; i < rows; ++i) {
        texts.resize(size_t(columns));
        for (int j = 0; j < columns; ++j) {
          texts[size_t(j)].reset();
          if (!PQgetisnull(raw, i, j))
            texts[size_t(j)].emplace(PQgetvalue(raw, i, j), size_t(PQgetlength(raw, i, j)));
        }
        if (!row(texts)) {
          if (PGcancel* stop = PQgetCancel(connection_)) {
            char words[256];
            PQcancel(stop, words, sizeof words);
            PQfreeCancel(stop);
          }
          drain();
          return;
        }
      }
    }
  } catch (...) {
    drain();
    throw;
  }
}

void Postgres::copy_out(const std::string& sql,
                        const std::function<bool(std::string_view)>& piece) {
  {
    const Result result(PQexec(connection_, sql.c_str()));
    check(result, "PostgreSQL refused a copy");
    if (result.status() != PGRES_COPY_OUT)
      throw Error(Code::internal, "the statement is no COPY … TO STDOUT");
  }
  char* bytes = nullptr;
  for (int size = 0; (size = PQgetCopyData(connection_, &bytes, 0)) != -1;) {
    if (size < 0) {
      drain();
      fail("cannot read from PostgreSQL");
    }
    const std::unique_ptr<char, decltype(&PQfreemem)> held(bytes, &PQfreemem);
    bool more = false;
    try {
      more = piece({bytes, size_t(size)});
    } catch (...) {
      if (PGcancel* stop = PQgetCancel(connection_)) {
        char words[256];
        PQcancel(stop, words, sizeof words);
        PQfreeCancel(stop);
      }
      drain();
      throw;
    }
    if (more) continue;
    if (PGcancel* stop = PQgetCancel(connection_)) {
      char words[256];
      PQcancel(stop, words, sizeof words);
      PQfreeCancel(stop);
    }
    while (PQgetCopyData(connection_, &bytes, 0) > 0) PQfreemem(bytes);
    drain();
    return;
  }
  while (auto* raw = PQgetResult(connection_)) {
    const Result result(raw);
    try {
      check(result, "PostgreSQL ended a copy");
    } catch (...) {
      drain();
      throw;
    }
  }
}

Cancel::Registration Postgres::stop_on(Cancel& cancel) {
  const std::shared_ptr<PGcancel> stop(PQgetCancel(connection_), [](PGcancel* c) {
    if (c) PQfreeCancel(c);
  });
  return cancel.on_request([stop, stopped = stopped_] {
    stopped->store(true);
    char words[256];
    if (stop) PQcancel(stop.get(), words, sizeof words);
  });
}

void Postgres::on_notice(std::function<void(std::string_view, std::string_view)> listener) {
  listener_ = std::move(listener);
}

bool Postgres::in_transaction() const {
  const auto status = PQtransactionStatus(connection_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

int Postgres::server_version() const { return PQserverVersion(connection_); }
bool Postgres::encrypted() const { return PQsslInUse(connection_) != 0; }

PostgresTransaction::PostgresTransaction(Postgres& database, const std::string& begin)
    : database_(database) {
  database_.execute(begin);
}

PostgresTransaction::~PostgresTransaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const std::exception&) {
    // The server rolls back by itself when the connection is gone.
  }
}

void PostgresTransaction::commit() {
  // A transaction in which a statement failed is rolled back by COMMIT, which is no error to the
  // server.
  if (PQtransactionStatus(database_.handle()) == PQTRANS_INERROR)
    throw Error(Code::internal, "a transaction with a failed statement cannot be committed");
  open_ = false;
  database_.execute("COMMIT");
}

PostgresCopyIn::PostgresCopyIn(Postgres& database, const std::string& sql) : database_(database) {
  const Postgres::Result result(PQexec(database_.handle(), sql.c_str()));
  database_.check(result, "PostgreSQL refused a copy");
  if (result.status() != PGRES_COPY_IN)
    throw Error(Code::internal, "the statement is no COPY … FROM STDIN");
}

PostgresCopyIn::~PostgresCopyIn() {
  if (!open_) return;
  PQputCopyEnd(database_.handle(), "given up");
  database_.drain();
}

void PostgresCopyIn::write(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); at += kCopyBytes) {
    const auto piece = bytes.substr(at, kCopyBytes);
    if (PQputCopyData(database_.handle(), piece.data(), int(piece.size())) == 1) continue;
    finish();  // tells what the server said
    database_.fail("cannot write to PostgreSQL");
  }
}

int64_t PostgresCopyIn::finish() {
  open_ = false;
  if (PQputCopyEnd(database_.handle(), nullptr) != 1) {
    database_.drain();
    database_.fail("cannot write to PostgreSQL");
  }
  int64_t rows = 0;
  std::exception_ptr problem;
  while (auto* raw = PQgetResult(database_.handle())) {
    const Postgres::Result result(raw);
    try {
      database_.check(result, "PostgreSQL refused the rows");
    } catch (...) {
      if (!problem) problem = std::current_exception();
    }
    const std::string_view affected = PQcmdTuples(raw);
    std::from_chars(affected.data(), affected.data() + affected.size(), rows);
    if (PQstatus(database_.handle()) != CONNECTION_OK) break;
  }
  if (problem) std::rethrow_exception(problem);
  return rows;
}

std::string postgres_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos)
    throw Error(Code::configuration, "a name in PostgreSQL cannot hold the character NUL");
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string postgres_literal(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(Code::data, "a text in PostgreSQL cannot hold the character NUL");
  const bool slashes = text.find('\\') != std::string_view::npos;
  std::string out = slashes ? " E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

}  // namespace windrow::clients
