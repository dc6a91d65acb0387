#include "clients/mysql.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <mutex>

#include "base/url.h"

namespace windrow::clients {

namespace {

constexpr unsigned kConnectSeconds = 10;
/// Ways to log in that never send a password as it is; the last ones only within TLS.
constexpr const char* kLogins =
    "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password";

Code code_of(unsigned number, bool asked_to_stop) {
  switch (number) {
    case ER_QUERY_INTERRUPTED: return asked_to_stop ? Code::canceled : Code::timeout;
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL: return Code::full;
    case ER_LOCK_DEADLOCK: return Code::conflict;
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_HOST_NOT_PRIVILEGED:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
    case CR_AUTH_PLUGIN_CANNOT_LOAD:  // a way to log in that we do not take
    case CR_AUTH_PLUGIN_ERR:
    case ER_OPTION_PREVENTS_STATEMENT: return Code::permission;  // a server that is read only
    case ER_NO_SUCH_TABLE: return Code::not_found;
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_SERVER_SHUTDOWN:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CONNECTION_KILLED: return Code::unavailable;
    case ER_DUP_ENTRY:
    case ER_DATA_TOO_LONG:
    case ER_WARN_DATA_OUT_OF_RANGE:
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_BAD_NULL_ERROR:
    case ER_CONSTRAINT_FAILED:  // a text that is no JSON
    case WARN_DATA_TRUNCATED:
    case ER_NO_REFERENCED_ROW_2:
    case ER_ROW_IS_REFERENCED_2: return Code::data;
    case ER_BAD_DB_ERROR:
    case ER_TOO_LONG_KEY:
    case ER_BLOB_KEY_WITHOUT_LENGTH:
    case ER_DUP_FIELDNAME:
    case ER_TOO_LONG_IDENT:
    case ER_TOO_BIG_ROWSIZE:
    case ER_TOO_BIG_SCALE:
    case ER_TOO_BIG_PRECISION:
    case ER_TOO_MANY_KEY_PARTS:
    case ER_TOO_MANY_FIELDS:
    case ER_WRONG_COLUMN_NAME:
    case ER_BAD_FIELD_ERROR:
    case ER_KEY_COLUMN_DOES_NOT_EXIST: return Code::configuration;
    default:
      return number >= CR_MIN_ERROR && number <= CR_MAX_ERROR ? Code::unavailable : Code::internal;
  }
}

std::string hint_of(unsigned number, Code code) {
  switch (number) {
    case ER_ACCESS_DENIED_ERROR: return "check the user, the password and from where it may log in";
    case ER_BAD_DB_ERROR: return "create the database, or correct its name in the connection's url";
    case ER_LOCK_WAIT_TIMEOUT: return "somebody holds a lock; look at SHOW PROCESSLIST";
    case ER_TOO_LONG_KEY: return "give its columns shorter types: columns: {name: varchar(100)}";
    case ER_DATA_TOO_LONG: return "give the column a longer type: columns: {name: longtext}";
    default: break;
  }
  switch (code) {
    case Code::permission: return "grant what is missing to the user of the connection";
    case Code::full: return "free some space on the server and run again: nothing has changed";
    case Code::conflict: return "another program locked the same rows in another order; try again";
    case Code::unavailable:
      return "look whether the server runs and can be reached, then run again";
    default: return {};
  }
}

bool is_lost(unsigned number) {
  return number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST ||
         number == ER_SERVER_SHUTDOWN || number == ER_CONNECTION_KILLED;
}

/// So that a host that vanished is not waited for as long as a statement may take.
void give_up_on_silence(my_socket socket) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
}

void protect(MYSQL* connection, const MysqlOptions& options) {
  my_bool on = 1, off = 0;
  if (!options.transport.encrypted()) {
    mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
    return;
  }
  const bool verified = options.transport.protection == Protection::verified;
  mysql_optionsv(connection, MYSQL_OPT_SSL_ENFORCE, &on);
  mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, verified ? &on : &off);
  if (!options.certificate.empty())
    mysql_optionsv(connection, MYSQL_OPT_SSL_CERT, options.certificate.c_str());
  if (!options.certificate_key.empty())
    mysql_optionsv(connection, MYSQL_OPT_SSL_KEY, options.certificate_key.c_str());
  if (!verified) return;
  const std::string authority = options.ca.empty() ? system_authorities() : options.ca;
  if (authority.empty()) {
    throw Error(
        Code::configuration,
        "this machine knows no authorities that a server's certificate could be verified by",
        "name the file with the certificate of the server's authority: `ca: FILE`");
  }
  mysql_optionsv(connection, MYSQL_OPT_SSL_CA, authority.c_str());
}

[[noreturn]] void unreadable_url() {
  throw Error(Code::configuration, "the url of the MySQL connection does not read as one",
              "write mysql://user:password@host:port/database; special characters of the password "
              "are percent-encoded");
}

/// `host:port`, `[::1]:port`, and each without a port.
void read_host(std::string_view text, MysqlOptions& out) {
  const auto hosts = hosts_of(text);
  if (hosts.size() != 1 || hosts[0].empty()) unreadable_url();
  out.host = hosts[0];
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return;
  const auto port = text.substr(colon + 1);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || out.port < 1 ||
      out.port > 65535)
    unreadable_url();
}

}  // namespace

std::string MysqlOptions::address() const { return fmt::format("{}:{}/{}", host, port, database); }

MysqlOptions mysql_options(const std::function<std::string(const char*)>& setting,
                           const std::function<std::string(const char*)>& file) {
  MysqlOptions out;
  const std::string text = setting("url");
  const auto url = split_url(text);
  if (!url || (url->scheme != "mysql" && url->scheme != "mariadb") || !url->query.empty())
    unreadable_url();
  read_host(url->hosts, out);
  if (url->user_info) {
    const auto& info = *url->user_info;
    out.user = percent_decoded(info.substr(0, info.find(':')));
    if (const auto password = url->password()) out.password = percent_decoded(*password);
  }
  if (url->path.size() > 1) out.database = percent_decoded(url->path.substr(1));
  if (out.database.empty()) {
    throw Error(Code::configuration, "the url of the MySQL connection names no database",
                "write mysql://user:password@host:port/database");
  }
  if (const auto said = setting("user"); !said.empty()) out.user = said;
  if (const auto said = setting("password"); !said.empty()) out.password = said;
  out.ca = file("ca");
  out.certificate = file("certificate");
  out.certificate_key = file("certificate_key");
  out.transport = transport_of(setting("tls"), {out.host}, !out.ca.empty());
  return out;
}

Mysql::Mysql(const MysqlOptions& options) : options_(options) {
  static std::once_flag
      made_ready;  // the library does it by itself too, and not for several threads
  std::call_once(made_ready, [] { mysql_server_init(0, nullptr, nullptr); });
  connection_ = mysql_init(nullptr);
  if (!connection_) throw Error(Code::internal, "the MySQL client cannot be made");
  try {
    unsigned no_files = 0, tcp = MYSQL_PROTOCOL_TCP, wait = kConnectSeconds;
    mysql_optionsv(connection_, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_optionsv(connection_, MYSQL_OPT_PROTOCOL, &tcp);
    mysql_optionsv(connection_, MYSQL_OPT_CONNECT_TIMEOUT, &wait);
    mysql_optionsv(connection_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(connection_, MARIADB_OPT_RESTRICTED_AUTH, kLogins);
    mysql_optionsv(connection_, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "windrow");
    protect(connection_, options_);
    if (!mysql_real_connect(connection_, options_.host.c_str(), options_.user.c_str(),
                            options_.password.c_str(), options_.database.c_str(),
                            unsigned(options_.port), nullptr, 0)) {
      const unsigned number = mysql_errno(connection_);
      const Code code =
          number == CR_SSL_CONNECTION_ERROR ? Code::unavailable : code_of(number, false);
      throw MysqlError(
          {code,
           fmt::format("cannot connect to MySQL at {}: {}", options_.address(),
                       mysql_error(connection_)),
           number == CR_SSL_CONNECTION_ERROR
               ? "the server's certificate has to be for that host, and signed by an authority "
                 "that is known here or named by `ca:`; `tls: unverified` and `tls: off` ask for "
                 "less"
               : hint_of(number, code)},
          number, true);
    }
    give_up_on_silence(mysql_get_socket(connection_));
    execute(
        "SET SESSION sql_mode = "
        "'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
        "NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', time_zone = '+00:00', "
        "innodb_lock_wait_timeout = 60, lock_wait_timeout = 60, wait_timeout = 28800, "
        "net_write_timeout = 600");
  } catch (...) {
    mysql_close(connection_);
    throw;
  }
}

Mysql::~Mysql() { mysql_close(connection_); }

void Mysql::fail(const std::string& doing) {
  const unsigned number = mysql_errno(connection_);
  const bool lost = is_lost(number);
  const Code code = lost ? Code::unavailable : code_of(number, stopped_->exchange(false));
  throw MysqlError({code,
                    fmt::format("{} at {}: {} ({})", doing, options_.address(),
                                mysql_error(connection_), number),
                    hint_of(number, code)},
                   number, lost);
}

MysqlRows Mysql::query(std::string_view sql) {
  constexpr const char* kDoing = "MySQL refused a statement";
  if (mysql_real_query(connection_, sql.data(), sql.size()) != 0) fail(kDoing);
  MysqlRows out;
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
      mysql_store_result(connection_), &mysql_free_result);
  if (!result) {
    if (mysql_field_count(connection_) != 0) fail(kDoing);
    out.affected = int64_t(mysql_affected_rows(connection_));
    return out;
  }
  const unsigned columns = mysql_num_fields(result.get());
  while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(result.get());
    auto& values = out.rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      values.emplace_back();
      if (row[i]) values.back().emplace(row[i], lengths[i]);
    }
  }
  return out;
}

MysqlValue Mysql::value(std::string_view sql) {
  auto found = query(sql);
  return found.rows.empty() ? MysqlValue() : std::move(found.rows[0][0]);
}

Cancel::Registration Mysql::stop_on(Cancel& cancel) {
  return cancel.on_request([options = options_, id = id(), stopped = stopped_] {
    stopped->store(true);
    try {
      Mysql(options).execute(fmt::format("KILL QUERY {}", id));
    } catch (const Error&) {
      // The statement has ended, or its server has.
    }
  });
}

uint64_t Mysql::id() const { return mysql_thread_id(connection_); }

std::string Mysql::server() const {
  const std::string version = mysql_get_server_info(connection_);
  const bool maria = version.find("MariaDB") != std::string::npos;
  return (maria ? "MariaDB " : "MySQL ") + version.substr(0, version.find('-'));
}

bool Mysql::encrypted() const { return mysql_get_ssl_cipher(connection_) != nullptr; }

MysqlTransaction::~MysqlTransaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const std::exception&) {
    // The server rolls back by itself when the connection is gone.
  }
}

void MysqlTransaction::commit() {
  open_ = false;
  database_.execute("COMMIT");
}

std::string mysql_name(std::string_view name) {
  if (name.find('\0') != std::string_view::npos)
    throw Error(Code::configuration, "a name in MySQL cannot hold the character NUL");
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  return out + "`";
}

std::string mysql_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

}  // namespace windrow::clients
