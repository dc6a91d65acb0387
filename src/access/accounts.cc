#include "access/accounts.h"

#include <cstdlib>
#include <mutex>
#include <set>

#include "access/passwords.h"
#include "base/error.h"
#include "base/id.h"
#include "clients/sqlite.h"
#include "storage/private_file.h"

namespace windrow::access {

namespace {

using clients::integer_of;
using clients::Sqlite;
using clients::SqliteTransaction;
using clients::SqliteValue;
using clients::text_of;

constexpr auto kSessionLasts = std::chrono::hours(24 * 7);
constexpr auto kSetupLasts = std::chrono::hours(1);
constexpr auto kRemembered = std::chrono::hours(24);
/// So often it is written down that a session or token was used.
constexpr auto kUsedEvery = std::chrono::minutes(1);
constexpr int64_t kRememberedMost = 10'000;
constexpr const char* kTokenBegins = "wrt_";
constexpr int kFormat = 1;
constexpr const char* kTables = R"(
CREATE TABLE users (name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL,
                    last_login INTEGER) WITHOUT ROWID;
CREATE TABLE sessions (print TEXT PRIMARY KEY, user TEXT NOT NULL, created INTEGER NOT NULL,
                       expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tokens (id TEXT PRIMARY KEY, print TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
                     created_by TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER, last_used INTEGER) WITHOUT ROWID;
CREATE TABLE setup (print TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE requests (who TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, at INTEGER NOT NULL,
                       process TEXT NOT NULL, status INTEGER, body TEXT, type TEXT, PRIMARY KEY (who, key)) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (at);
PRAGMA user_version = 1;
)";

SqliteValue maybe(std::optional<Time> time) {
  return time ? SqliteValue(micros(*time)) : SqliteValue(std::monostate{});
}
std::optional<Time> time_in(const SqliteValue& value) {
  const auto number = integer_of(value);
  return number ? std::optional(time_from_micros(*number)) : std::nullopt;
}

void need_good_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 64 && name.front() != '-' &&
                    name.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-.@+") == std::string::npos;
  if (good) return;
  throw Error(Code::usage, "\"" + name.substr(0, 80) + "\" cannot be the name of a user or token",
              "take letters, digits, `-`, `_`, `.`, `@` and `+`, up to 64");
}

}  // namespace

struct Accounts::Impl {
  Impl(const std::string& folder, const Clock& the_clock)
      : clock(the_clock), database(made(folder), Sqlite::Mode::existing), process(new_uuid()) {
    database.make_durable_and_concurrent();
    SqliteTransaction transaction(database);
    const auto format = integer_of(database.query("PRAGMA user_version")[0][0]).value_or(0);
    if (format > kFormat) {
      throw Error(Code::unsupported,
                  "\"" + database.path() + "\" was made by a newer version of windrow",
                  "take that one");
    }
    if (format == 0) database.execute(kTables);
    transaction.commit();
  }
  static std::string made(const std::string& folder) {
    storage::make_private_folder(folder);
    const auto path = folder + "/server.db";
    storage::make_private_file(path);
    return path;
  }
  std::vector<std::vector<SqliteValue>> ask(const char* sql,
                                            const std::vector<SqliteValue>& values = {}) {
    std::lock_guard lock(mutex);
    return database.query(sql, values);
  }
  /// Nothing where another was used less than a minute ago: a look costs no write.
  void used(const char* sql, const std::optional<Time>& before, const std::string& print) {
    const Time now = clock.now();
    if (before && now - *before < kUsedEvery && now >= *before) return;
    ask(sql, {micros(now), print});
  }

  const Clock& clock;
  std::mutex mutex;
  Sqlite database;
  Passwords passwords;
  const std::string process;
};

Accounts::Accounts(const std::string& folder, const Clock& clock)
    : impl_(std::make_unique<Impl>(folder, clock)) {}
Accounts::~Accounts() = default;

bool Accounts::any_users() const { return !impl_->ask("SELECT 1 FROM users LIMIT 1").empty(); }

std::vector<User> Accounts::users() const {
  std::vector<User> out;
  for (const auto& row :
       impl_->ask("SELECT name, role, created, last_login FROM users ORDER BY name")) {
    out.push_back({text_of(row[0]), role_named(text_of(row[1])).value_or(Role::viewer),
                   time_in(row[2]).value_or(Time()), time_in(row[3])});
  }
  return out;
}

void Accounts::add_user(const std::string& name, const std::string& password, Role role) {
  need_good_name(name);
  need_good_password(password, name);
  const auto hash = impl_->passwords.hash(password);
  const auto made = impl_->ask(
      "INSERT INTO users VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING "
      "RETURNING 1",
      {name, hash, std::string(name_of(role)), micros(impl_->clock.now())});
  if (made.empty())
    throw Error(Code::usage, "there is a user \"" + name + "\" already", "take another name");
}

void Accounts::set_password(const std::string& name, const std::string& password) {
  need_good_password(password, name);
  const auto hash = impl_->passwords.hash(password);
  const auto set =
      impl_->ask("UPDATE users SET hash = ?2 WHERE name = ?1 RETURNING 1", {name, hash});
  if (set.empty()) throw Error(Code::not_found, "there is no user \"" + name + "\"");
  impl_->ask("DELETE FROM sessions WHERE user = ?", {name});
}

void Accounts::remove_user(const std::string& name) {
  std::lock_guard lock(impl_->mutex);
  auto& database = impl_->database;
  SqliteTransaction transaction(database);
  const auto role = database.query("SELECT role FROM users WHERE name = ?", {name});
  if (role.empty()) throw Error(Code::not_found, "there is no user \"" + name + "\"");
  const auto others =
      database.query("SELECT 1 FROM users WHERE name <> ? AND role = 'admin'", {name});
  const auto any = database.query("SELECT 1 FROM users WHERE name <> ?", {name});
  if (text_of(role[0][0]) == "admin" && others.empty() && !any.empty()) {
    throw Error(Code::usage, "\"" + name + "\" is the last administrator",
                "make another one first, or remove the other users");
  }
  database.query("DELETE FROM users WHERE name = ?", {name});
  database.query("DELETE FROM sessions WHERE user = ?", {name});
  database.query("DELETE FROM tokens WHERE created_by = ?", {name});
  transaction.commit();
}

std::optional<Identity> Accounts::with_password(const std::string& name,
                                                const std::string& password) {
  const auto found = impl_->ask("SELECT hash, role FROM users WHERE name = ?", {name});
  if (found.empty()) {
    impl_->passwords.pretend(password);
    return {};
  }
  if (!impl_->passwords.matches(text_of(found[0][0]), password)) return {};
  return Identity{name, role_named(text_of(found[0][1])).value_or(Role::nobody)};
}

Accounts::Session Accounts::begin_session(const std::string& user) {
  const Time now = impl_->clock.now();
  const Session out{random_text(32), now + kSessionLasts};
  std::lock_guard lock(impl_->mutex);
  auto& database = impl_->database;
  SqliteTransaction transaction(database);
  database.query("DELETE FROM sessions WHERE expires <= ?", {micros(now)});
  database.query("INSERT INTO sessions VALUES (?, ?, ?, ?)",
                 {fingerprint(out.secret), user, micros(now), micros(out.expires)});
  database.query("UPDATE users SET last_login = ? WHERE name = ?", {micros(now), user});
  transaction.commit();
  return out;
}

std::optional<Identity> Accounts::with_session(const std::string& secret) {
  const auto found = impl_->ask(
      "SELECT s.user, u.role FROM sessions s JOIN users u ON u.name = s.user WHERE s.print = ? AND "
      "s.expires > ?",
      {fingerprint(secret), micros(impl_->clock.now())});
  if (found.empty()) return {};
  return Identity{text_of(found[0][0]), role_named(text_of(found[0][1])).value_or(Role::nobody)};
}

void Accounts::end_session(const std::string& secret) {
  impl_->ask("DELETE FROM sessions WHERE print = ?", {fingerprint(secret)});
}

std::vector<Token> Accounts::tokens() const {
  std::vector<Token> out;
  for (const auto& row :
       impl_->ask("SELECT id, name, role, created_by, created, expires, last_used "
                  "FROM tokens ORDER BY created, id")) {
    out.push_back({text_of(row[0]), text_of(row[1]),
                   role_named(text_of(row[2])).value_or(Role::viewer), text_of(row[3]),
                   time_in(row[4]).value_or(Time()), time_in(row[5]), time_in(row[6])});
  }
  return out;
}

std::pair<std::string, std::string> Accounts::add_token(const std::string& name, Role role,
                                                        const std::string& by,
                                                        std::optional<Time> expires) {
  need_good_name(name);
  const auto id = new_uuid().substr(0, 8);
  const auto secret = kTokenBegins + random_text(32);
  impl_->ask("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
             {id, fingerprint(secret), name, std::string(name_of(role)), by,
              micros(impl_->clock.now()), maybe(expires)});
  return {id, secret};
}

void Accounts::remove_token(const std::string& id) {
  if (impl_->ask("DELETE FROM tokens WHERE id = ? RETURNING 1", {id}).empty())
    throw Error(Code::not_found, "there is no token \"" + id + "\"");
}

std::optional<Identity> Accounts::with_token(const std::string& secret) {
  const auto print = fingerprint(secret);
  const auto found = impl_->ask(
      "SELECT name, role, last_used FROM tokens WHERE print = ?1 AND (expires IS NULL OR expires > "
      "?2)",
      {print, micros(impl_->clock.now())});
  if (found.empty()) return {};
  impl_->used("UPDATE tokens SET last_used = ?1 WHERE print = ?2", time_in(found[0][2]), print);
  return Identity{"token " + text_of(found[0][0]),
                  role_named(text_of(found[0][1])).value_or(Role::nobody)};
}

std::string Accounts::new_setup() {
  const auto secret = random_text(32);
  std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->database);
  impl_->database.query("DELETE FROM setup");
  impl_->database.query("INSERT INTO setup VALUES (?, ?)",
                        {fingerprint(secret), micros(impl_->clock.now() + kSetupLasts)});
  transaction.commit();
  return secret;
}

void Accounts::set_up(const std::string& secret, const std::string& name,
                      const std::string& password) {
  const auto refused = [] {
    return Error(Code::permission, "the link holds no more, or there is a user already",
                 "restart the server for another link, or log in");
  };
  const auto print = fingerprint(secret);
  const auto valid = [&](auto&& ask) {
    return !ask("SELECT 1 FROM setup WHERE print = ? AND expires > ? AND NOT EXISTS (SELECT 1 FROM "
                "users)",
                {print, micros(impl_->clock.now())})
                .empty();
  };
  const auto apart = [&](const char* sql, const std::vector<SqliteValue>& values) {
    return impl_->ask(sql, values);
  };
  if (!valid(apart)) throw refused();
  need_good_name(name);
  need_good_password(password, name);
  const auto hash = impl_->passwords.hash(password);
  std::lock_guard lock(impl_->mutex);
  auto& database = impl_->database;
  SqliteTransaction transaction(database);
  const auto within = [&](const char* sql, const std::vector<SqliteValue>& values) {
    return database.query(sql, values);
  };
  if (!valid(within)) throw refused();  // another was faster
  database.query("INSERT INTO users VALUES (?, ?, 'admin', ?, NULL)",
                 {name, hash, micros(impl_->clock.now())});
  database.query("DELETE FROM setup");
  transaction.commit();
}

std::optional<Remembered> Accounts::remembered(const std::string& who, const std::string& key,
                                               const std::string& request) {
  const Time now = impl_->clock.now();
  std::lock_guard lock(impl_->mutex);
  auto& database = impl_->database;
  SqliteTransaction transaction(database);
  database.query("DELETE FROM requests WHERE at < ?", {micros(now - kRemembered)});
  const auto found = database.query(
      "SELECT request, status, body, type, process FROM requests WHERE who = ? AND key = ?",
      {who, key});
  if (!found.empty()) {
    const auto& row = found[0];
    Remembered out{
        text_of(row[0]), {}, text_of(row[2]), text_of(row[3]), text_of(row[4]) == impl_->process};
    if (const auto status = integer_of(row[1])) out.status = int(*status);
    return out;
  }
  const auto count = integer_of(database.query("SELECT count(*) FROM requests")[0][0]).value_or(0);
  if (count >= kRememberedMost) {
    throw Error(Code::unavailable, "too many requests of the last day are remembered by their keys",
                "leave Idempotency-Key out, or try again later");
  }
  database.query("INSERT INTO requests VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)",
                 {who, key, request, micros(now), impl_->process});
  transaction.commit();
  return {};
}

void Accounts::remember(const std::string& who, const std::string& key, int status,
                        const std::string& body, const std::string& type) {
  impl_->ask("UPDATE requests SET status = ?3, body = ?4, type = ?5 WHERE who = ?1 AND key = ?2",
             {who, key, int64_t(status), body, type});
}

void Accounts::forget(const std::string& who, const std::string& key) {
  impl_->ask("DELETE FROM requests WHERE who = ?1 AND key = ?2", {who, key});
}

std::string home_folder(const std::string& said) {
  if (!said.empty()) return said;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const auto home = variable("WINDROW_HOME"); !home.empty()) return home;
  // systemd's StateDirectory; of several the first.
  if (const auto state = variable("STATE_DIRECTORY"); !state.empty())
    return state.substr(0, state.find(':'));
  if (const auto state = variable("XDG_STATE_HOME"); !state.empty()) return state + "/windrow";
  if (const auto home = variable("HOME"); !home.empty()) return home + "/.local/state/windrow";
  throw Error(Code::usage, "nobody says where the server's users are kept",
              "say --home FOLDER, or set WINDROW_HOME");
}

}  // namespace windrow::access
