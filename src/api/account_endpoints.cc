#include "api/api.h"
#include "api/endpoint.h"

namespace windrow::api {

namespace {

void add_time(Json& out, const char* name, const std::optional<Time>& time) {
  if (time) out[name] = iso(*time);
}

http::Response list_users(Call& call) {
  Json out = Json::array();
  for (const auto& user : call.api.accounts().users()) {
    Json one{{"user", user.name}, {"role", name_of(user.role)}, {"created", iso(user.created)}};
    add_time(one, "last_login", user.last_login);
    out.push_back(std::move(one));
  }
  return json_answer(out);
}

http::Response add_user(Call& call) {
  const auto name = call.body.at("user").get<std::string>();
  const auto role = *access::role_named(call.body.at("role").get<std::string>());
  // The first one closes the door behind whoever came in without a name.
  if (role != access::Role::admin && !call.api.accounts().any_users()) {
    throw Error(Code::usage, "the first user is an administrator",
                "from then on everybody has to log in, and nobody else could make users");
  }
  call.api.accounts().add_user(name, call.body.at("password").get<std::string>(), role);
  for (const auto& user : call.api.accounts().users()) {
    if (user.name != name) continue;
    return json_answer(
        {{"user", user.name}, {"role", name_of(user.role)}, {"created", iso(user.created)}}, 201);
  }
  throw Error(Code::conflict, "user \"" + name + "\" was removed by another just now");
}

http::Response remove_user(Call& call) {
  call.api.accounts().remove_user(call.path.at("user"));
  return empty_answer();
}

http::Response list_tokens(Call& call) {
  Json out = Json::array();
  for (const auto& token : call.api.accounts().tokens()) {
    Json one{{"id", token.id},
             {"name", token.name},
             {"role", name_of(token.role)},
             {"created", iso(token.created)},
             {"created_by", token.created_by}};
    add_time(one, "expires", token.expires);
    add_time(one, "last_used", token.last_used);
    out.push_back(std::move(one));
  }
  return json_answer(out);
}

http::Response add_token(Call& call) {
  std::optional<Time> expires;
  if (const auto text = call.body.value("expires", "90d"); text != "never") {
    const auto now = call.api.clock().now();
    if (const auto after = parse_duration(text); after && after->count() > 0) {
      if (*after > std::chrono::hours(24 * 3650))
        throw Error(Code::usage, "\"expires\" lies more than ten years away", "or write never");
      expires = now + *after;
    } else {
      expires = parse_time(text);
    }
    if (!expires || *expires <= now)
      throw Error(Code::usage, "\"expires\" is not a time to come, nor a duration",
                  "write 90d, 2027-01-01 or never");
  }
  const auto [id, secret] = call.api.accounts().add_token(
      call.body.at("name").get<std::string>(),
      *access::role_named(call.body.at("role").get<std::string>()), call.who.name, expires);
  return json_answer({{"id", id}, {"token", secret}}, 201);
}

http::Response remove_token(Call& call) {
  call.api.accounts().remove_token(call.path.at("id"));
  return empty_answer();
}

}  // namespace

void add_account_endpoints(std::vector<Endpoint>& all) {
  const auto add = [&](const char* method, const char* path, const char* summary, const char* body,
                       Answer answer, auto handle) {
    Endpoint out{method, path, summary, "users"};
    out.role = access::Role::admin;
    out.body = body;
    out.answers = {std::move(answer)};
    out.slow = std::string(method) == "POST";
    out.secret = true;
    out.handle = handle;
    all.push_back(std::move(out));
  };
  add("GET", "/users", "Users", "", {200, "[User]", "all of them"}, list_users);
  add("POST", "/users", "Add a user",
      "{user: text(1..64), password: text(10..512), role: 'viewer'|'operator'|'editor'|'admin'}",
      {201, "User", "added"}, add_user);
  add("DELETE", "/users/{user}", "Remove a user, with sessions and tokens", "",
      {204, "", "removed"}, remove_user);
  add("GET", "/tokens", "Tokens of programs, without what they are", "",
      {200, "[Token]", "all of them"}, list_tokens);
  add("POST", "/tokens", "Make a token for a program",
      "{name: text(1..64), role: 'viewer'|'operator'|'editor'|'admin', expires?: text(1..40)}",
      {201, "{id: text, token: text}", "made; it is shown this once"}, add_token);
  add("DELETE", "/tokens/{id}", "Revoke a token", "", {204, "", "revoked"}, remove_token);
}

}  // namespace windrow::api
