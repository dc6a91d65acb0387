#include "access/passwords.h"
#include "api/api.h"
#include "api/endpoint.h"

namespace windrow::api {

namespace {

http::Response with_session(Call& call, const std::string& user) {
  const auto session = call.api.accounts().begin_session(user);
  const auto who = call.api.accounts().with_session(session.secret);
  auto out = json_answer({{"user", user},
                          {"role", access::name_of(who ? who->role : access::Role::nobody)},
                          {"expires", iso(session.expires)}});
  out.headers.emplace_back("Set-Cookie", call.api.cookie(call.request, session.secret));
  return out;
}

http::Response log_in(Call& call) {
  const auto user = call.body.at("user").get<std::string>();
  const auto& peer = call.request.peer;
  if (!call.api.may_try(peer, user)) {
    auto out = problem_answer(
        429, {Code::unavailable, "too many failed log-ins", "wait five minutes", {}});
    for (auto& [name, value] : out.headers)
      if (name == "Retry-After") value = "300";
    return out;
  }
  // Counted before, so that many at once are counted too.
  call.api.tried(peer, user);
  const auto who =
      call.api.accounts().with_password(user, call.body.at("password").get<std::string>());
  if (!who)
    return problem_answer(401, {Code::permission, "the name or the password is wrong", "", {}});
  call.api.succeeded(peer, user);
  return with_session(call, user);
}

http::Response set_up(Call& call) {
  if (!call.api.may_try(call.request.peer, "set up"))
    return problem_answer(429, {Code::unavailable, "too many tries", "wait five minutes", {}});
  call.api.tried(call.request.peer, "set up");
  const auto user = call.body.at("user").get<std::string>();
  call.api.accounts().set_up(call.body.at("token").get<std::string>(), user,
                             call.body.at("password").get<std::string>());
  call.api.succeeded(call.request.peer, "set up");
  return with_session(call, user);
}

http::Response log_out(Call& call) {
  if (const auto session = call.api.session_of(call.request); !session.empty())
    call.api.accounts().end_session(session);
  auto out = empty_answer();
  out.headers.emplace_back("Set-Cookie", call.api.cookie(call.request, ""));
  return out;
}

}  // namespace

void add_session_endpoints(std::vector<Endpoint>& all) {
  Endpoint in{"POST", "/session", "Log in with a password", "log-in"};
  in.role = access::Role::nobody;
  in.body = "{user: text(1..64), password: text(1..512)}";
  in.answers = {{200,
                 "Session",
                 "logged in: the cookie says so from now on",
                 "application/json",
                 {"Set-Cookie"}}};
  in.slow = in.secret = true;
  in.handle = log_in;
  all.push_back(in);

  Endpoint up{"POST", "/setup", "Make the first administrator", "log-in"};
  up.role = access::Role::nobody;
  up.body = "{token: text(1..100), user: text(1..64), password: text(1..512)}";
  up.answers = in.answers;
  up.slow = up.secret = true;
  up.handle = set_up;
  all.push_back(up);

  Endpoint off{"DELETE", "/session", "Log out", "log-in"};
  off.answers = {{204, "", "logged out"}};
  off.handle = log_out;
  all.push_back(off);
}

}  // namespace windrow::api
