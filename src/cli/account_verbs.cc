#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "access/accounts.h"
#include "base/error.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/text_table.h"

// user, token.
namespace windrow::cli {

namespace {

/// A terminal that does not show what is typed, until the object goes.
class Unseen {
 public:
  Unseen() {
    ::tcgetattr(STDIN_FILENO, &before_);
    auto now = before_;
    now.c_lflag &= tcflag_t(~ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
  }
  ~Unseen() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  termios before_{};
};

std::string typed_line(const Session& session, const char* prompt) {
  session.out.raw_error(prompt);
  const Unseen unseen;
  std::string out;
  std::getline(std::cin, out);
  session.out.raw_error("\n");
  return out;
}

std::string asked_password(const Session& session) {
  std::string out;
  if (::isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, out);
    return out;
  }
  out = typed_line(session, "password: ");
  if (out != typed_line(session, "once more: "))
    throw Error(Code::usage, "the two passwords differ", "try again");
  return out;
}

access::Accounts accounts_of(const Session& session) {
  return access::Accounts(access::home_folder(session.arguments.home), session.clock);
}

int list_users(const Session& session) {
  const auto accounts = accounts_of(session);
  Json json = Json::array();
  TextTable table({"user", "role", "created", "last log-in"});
  for (const auto& user : accounts.users()) {
    json.push_back({{"user", user.name},
                    {"role", access::name_of(user.role)},
                    {"created", iso(user.created)}});
    if (user.last_login) json.back()["last_login"] = iso(*user.last_login);
    table.add({user.name, std::string(access::name_of(user.role)), short_time(user.created),
               user.last_login ? short_time(*user.last_login) : ""});
  }
  if (session.out.json())
    session.out.write(dumped(json));
  else if (table.empty())
    session.out.note("no users: a server that only this machine can reach lets everybody do all");
  else
    session.out.table(table);
  return kDone;
}

std::optional<Time> expiry(const Session& session) {
  const auto text = session.arguments.expires.empty() ? "90d" : session.arguments.expires;
  if (text == "never") return {};
  const auto now = session.clock.now();
  if (const auto after = parse_duration(text); after && after->count() > 0) return now + *after;
  if (const auto at = parse_time(text); at && *at > now) return at;
  throw Error(Code::usage,
              "--expires takes a time to come or a duration, but \"" + text + "\" is none",
              "write 90d, 2027-01-01 or never");
}

int create_token(const Session& session) {
  const auto& a = session.arguments;
  auto accounts = accounts_of(session);
  const auto [id, token] =
      accounts.add_token(a.name, *access::role_named(a.role), "the command line", expiry(session));
  if (session.out.json()) {
    session.out.write(dumped({{"id", id}, {"token", token}}));
  } else {
    session.out.print(token);
    session.out.note("it is shown this once; `windrow token revoke " + id + "` takes it back");
  }
  return kDone;
}

int list_tokens(const Session& session) {
  const auto accounts = accounts_of(session);
  Json json = Json::array();
  TextTable table({"id", "name", "role", "made by", "created", "expires", "last used"});
  for (const auto& token : accounts.tokens()) {
    json.push_back({{"id", token.id},
                    {"name", token.name},
                    {"role", access::name_of(token.role)},
                    {"created", iso(token.created)},
                    {"created_by", token.created_by}});
    if (token.expires) json.back()["expires"] = iso(*token.expires);
    if (token.last_used) json.back()["last_used"] = iso(*token.last_used);
    table.add({token.id, token.name, std::string(access::name_of(token.role)), token.created_by,
               short_time(token.created), token.expires ? short_time(*token.expires) : "never",
               token.last_used ? short_time(*token.last_used) : ""});
  }
  if (session.out.json())
    session.out.write(dumped(json));
  else if (table.empty())
    session.out.note("no tokens");
  else
    session.out.table(table);
  return kDone;
}

/// `key`: of what was named.
int done_with(const Session& session, const char* key, const std::string& name, const char* text) {
  if (session.out.json())
    session.out.write(dumped({{key, name}}));
  else
    session.out.print(name + ": " + text);
  return kDone;
}

}  // namespace

int user_verb(Session& session) {
  const auto& a = session.arguments;
  if (a.sub_verb == "list") return list_users(session);
  auto accounts = accounts_of(session);
  if (a.sub_verb == "remove") {
    accounts.remove_user(a.user);
    return done_with(session, "user", a.user, "removed");
  }
  if (a.sub_verb == "password") {
    accounts.set_password(a.user, asked_password(session));
    return done_with(session, "user", a.user, "has another password, and is logged out everywhere");
  }
  const auto role = *access::role_named(a.role);
  if (role != access::Role::admin && !accounts.any_users()) {
    throw Error(Code::usage, "the first user is an administrator",
                "say --role admin: from then on everybody has to log in");
  }
  accounts.add_user(a.user, asked_password(session), role);
  return done_with(session, "user", a.user, "added");
}

int token_verb(Session& session) {
  const auto& a = session.arguments;
  if (a.sub_verb == "list") return list_tokens(session);
  if (a.sub_verb == "create") return create_token(session);
  auto accounts = accounts_of(session);
  accounts.remove_token(a.token);
  return done_with(session, "token", a.token, "revoked");
}

}  // namespace windrow::cli
