#include <algorithm>

#include "api/routes.h"
#include "base/hash.h"
#include "base/secret_text.h"

namespace windrow::api {

namespace {

bool is_write(const http::Request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

bool is_json(const http::Response& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Content-Type") return value.ends_with("json");
  return false;
}

/// `If-None-Match: "a", W/"b"`.
bool names_tag(std::string_view header, const std::string& tag) {
  return header == "*" || header.find(tag) != std::string_view::npos;
}

}  // namespace

http::Response Api::refuse(int status) const {
  Problem problem{Code::usage, "the request is no HTTP/1.1 that this server reads", "", {}};
  if (status == 413) problem.message = "the body is longer than a mebibyte";
  if (status == 431) problem.message = "the headers are longer than 16 KiB";
  if (status == 429) problem = {Code::unavailable, "too many requests", "wait a moment", {}};
  if (status == 503)
    problem = {Code::unavailable, "the server is busy", "try again in a moment", {}};
  if (status == 500) problem = {Code::internal, "the server has a fault", "", {}};
  auto out = problem_answer(status, problem);
  finish({}, out);
  return out;
}

http::Response Api::handle(const http::Request& request) {
  const auto begun = std::chrono::steady_clock::now();
  http::Response out;
  try {
    look_at_host(request);
    out = route(request);
  } catch (const Error& error) {
    const bool misdirected = error.code() == Code::usage;  // by its host
    out = misdirected ? problem_answer(421, error.problem()) : problem_answer(error);
    out.body = redact_json(secrets_, out.body);
  }
  finish(request, out);
  live_.metrics.answered(
      request.method, out.status,
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  return out;
}

http::Response Api::route(const http::Request& request) {
  const bool is_ours = request.path == kBase || request.path.starts_with(std::string(kBase) + "/");
  if (!is_ours && !request.path.starts_with("/api")) return page(request);
  const auto way = way_of(request);
  if (way.endpoint) return answer(request, way);
  if (way.allowed.empty()) {
    return problem_answer(404, {Code::not_found,
                                "there is no such endpoint",
                                std::string(kBase) + "/openapi.json has all of them",
                                {}});
  }
  std::string allowed;
  for (const auto& each : way.allowed) allowed += (allowed.empty() ? "" : ", ") + each;
  auto out = problem_answer(
      405, {Code::usage, "the path does not take " + request.method, "it takes " + allowed, {}});
  out.headers.emplace_back("Allow", allowed);
  return out;
}

http::Response Api::answer(const http::Request& request, const Way& way) {
  const auto& endpoint = *way.endpoint;
  http::Response out;
  try {
    Call call(*this, request);
    call.path = way.path;
    try {
      call.who = identity_of(request);
    } catch (const Error& error) {
      if (error.code() != Code::permission) throw;
      return problem_answer(401, error.problem());
    }
    if (is_write(request)) look_at_origin(request);
    if (call.who.role < endpoint.role) {
      if (call.who.role == access::Role::nobody) {
        auto refused =
            problem_answer(401, {Code::permission,
                                 "one has to log in for that",
                                 "POST /api/v1/session, or send `Authorization: Bearer TOKEN`",
                                 {}});
        refused.headers.emplace_back("WWW-Authenticate", "Bearer");
        return refused;
      }
      return problem_answer(
          403, {Code::permission,
                "that takes the role " + std::string(access::name_of(endpoint.role)) + ", and " +
                    (call.who.name.empty() ? "you have" : "\"" + call.who.name + "\" has") + " " +
                    std::string(access::name_of(call.who.role)),
                "an administrator can give another one",
                {}});
    }
    read_parameters(call, endpoint);
    read_body(call, endpoint);
    out = is_write(request) ? once(call, endpoint) : endpoint.handle(call);
  } catch (const Error& error) {
    out = problem_answer(error);
    if (error.code() == Code::unsupported &&
        error.problem().message == "the body is not said to be JSON")
      out = problem_answer(415, error.problem());
    if (out.status == 500) return fault(request, error.what());
    out.body = redact_json(secrets_, out.body);
    return out;
  } catch (const std::exception& error) {
    return fault(request, error.what());
  }
  // Rows that were asked for are data, and are never masked.
  if (!endpoint.rows && is_json(out)) out.body = redact_json(secrets_, out.body);
  return out;
}

http::Response Api::fault(const http::Request& request, const std::string& what) const {
  server::Told line;
  line.event = "trouble";
  line.at = clock_.now();
  line.text = request.method + " " + request.path + " failed: " + what;
  say_(line);
  return refuse(500);
}

http::Response Api::once(Call& call, const Endpoint& endpoint) {
  const std::string key(call.request.header("idempotency-key"));
  if (key.empty() || call.request.method != "POST" || endpoint.secret) return endpoint.handle(call);
  if (key.size() > 200 || !is_text(key))
    throw Error(Code::usage, "an Idempotency-Key is a text of up to 200 bytes");
  const auto what = sha256(call.request.path + "?" + call.request.query + "\n" + call.request.body);
  if (const auto before = accounts_->remembered(call.who.name, key, what)) {
    if (before->request != what)
      return problem_answer(422, {Code::usage,
                                  "this Idempotency-Key was sent with another request",
                                  "take a new key for each",
                                  {}});
    if (!before->status) {
      return problem_answer(
          409,
          before->ours
              ? Problem{Code::conflict,
                        "the same request is being answered just now, or nobody knows how it ended",
                        "ask again in a moment, and look at the list",
                        {}}
              : Problem{Code::conflict,
                        "the server ended while it did this before: nobody knows whether it was "
                        "done",
                        "look at the list, and take a new key where it was not",
                        {}});
    }
    http::Response again;
    again.status = *before->status;
    again.body = before->body;
    again.headers = {{"Content-Type", before->type}, {"Idempotency-Replayed", "true"}};
    return again;
  }
  try {
    auto out = endpoint.handle(call);
    accounts_->remember(call.who.name, key, out.status, out.body, "application/json");
    return out;
  } catch (const Error& error) {
    // What is surely not done may be asked again. Where the answer did not come, nobody knows.
    const bool unknown = error.code() == Code::unavailable || error.code() == Code::canceled ||
                         error.code() == Code::timeout || error.code() == Code::internal;
    if (!unknown) accounts_->forget(call.who.name, key);
    throw;
  }
}

void Api::finish(const http::Request& request, http::Response& out) const {
  const auto add = [&](const char* name, const std::string& value) {
    const bool there = std::any_of(out.headers.begin(), out.headers.end(),
                                   [&](const auto& each) { return each.first == name; });
    if (!there) out.headers.emplace_back(name, value);
  };
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  if (request.secure) add("Strict-Transport-Security", "max-age=31536000");
  if (out.events.source) return add("Cache-Control", "no-store");
  add("Cache-Control", "private, no-cache");
  if (out.status != 200 || is_write(request) || !is_json(out)) return;
  const auto tag = "\"" + sha256(out.body).substr(0, 32) + "\"";
  add("ETag", tag);
  if (!names_tag(request.header("if-none-match"), tag)) return;
  out.status = 304;
  out.body.clear();
}

}  // namespace windrow::api
