#include "api/routes.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"
#include "base/url.h"

namespace windrow::api {

namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

/// The values of `{…}` where the path is of the pattern.
std::optional<std::map<std::string, std::string>> matched(std::string_view pattern,
                                                          std::string_view path) {
  const auto wanted = segments(pattern), given = segments(path);
  if (wanted.size() != given.size()) return {};
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].starts_with('{')) {
      if (wanted[i] != given[i]) return {};
      continue;
    }
    auto value = decoded(given[i], false);
    if (!value || value->empty()) return {};
    out[std::string(wanted[i].substr(1, wanted[i].size() - 2))] = std::move(*value);
  }
  return out;
}

/// `a, b`: whether one of them is it.
bool names_type(std::string_view header, std::string_view type) {
  header = header.substr(0, header.find(';'));
  while (header.ends_with(' ')) header.remove_suffix(1);
  return same_letters(header, type);
}

}  // namespace

std::string host_of(std::string_view header) {
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    return std::string(header.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  return std::string(header.substr(0, header.find(':')));
}

bool is_address(const std::string& host) {
  unsigned char room[16];
  return ::inet_pton(AF_INET, host.c_str(), room) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), room) == 1;
}

bool is_name(const std::string& host) {
  return !host.empty() && host.size() < 254 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

bool is_text(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const auto length = utf8_character(bytes, at);
    if (length == 0 || bytes[at] == '\0') return false;
    at += length;
  }
  return true;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string plain(text);
  if (plus_is_blank) std::replace(plain.begin(), plain.end(), '+', ' ');
  auto out = percent_decoded(plain);
  if (!is_text(out)) return {};
  return out;
}

Api::Way Api::way_of(const http::Request& request) const {
  Way out;
  if (!request.path.starts_with(kBase)) return out;
  const auto path = request.path.substr(std::string_view(kBase).size());
  const auto& method = request.method == "HEAD" ? std::string("GET") : request.method;
  for (const auto& endpoint : endpoints_) {
    auto values = matched(endpoint.path, path.empty() ? "/" : path);
    if (!values) continue;
    out.allowed.push_back(endpoint.method);
    if (endpoint.method != method) continue;
    out.endpoint = &endpoint;
    out.path = std::move(*values);
  }
  return out;
}

void look_at_origin(const http::Request& request) {
  const auto refused = [](const std::string& why, const std::string& hint) {
    return Error(Code::permission, why, hint);
  };
  const auto site = request.header("sec-fetch-site");
  const bool other_site = !site.empty() && site != "same-origin" && site != "none";
  const auto origin = request.header("origin");
  bool other_origin = false;
  if (!origin.empty()) {
    const auto begin = origin.find("://");
    other_origin = begin == std::string_view::npos ||
                   !same_letters(origin.substr(begin + 3), request.header("host"));
  }
  if (other_site || other_origin)
    throw refused("another site asks for that",
                  "what changes something is asked from its own page");
  if (request.header("x-windrow") != "1")
    throw refused("what changes something carries the header X-Windrow: 1", "add it");
}

void read_parameters(Call& call, const Endpoint& endpoint) {
  Problems problems;
  std::string_view rest = call.request.query;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto name = decoded(part.substr(0, equals), true);
    const auto value = decoded(
        equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1), true);
    if (!name || !value) {
      problems.add(Code::usage, "the address is not UTF-8, percent-encoded");
      continue;
    }
    const auto known = std::find_if(endpoint.query.begin(), endpoint.query.end(),
                                    [&](const auto& each) { return each.name == *name; });
    if (known == endpoint.query.end()) {
      problems.add(Code::usage, "there is no parameter \"" + *name + "\" here");
    } else if (call.query.contains(*name)) {
      problems.add(Code::usage, "parameter \"" + *name + "\" is there twice");
    } else if (auto read = value_of(*value, parse_shape(known->shape),
                                    "parameter \"" + *name + "\"", problems)) {
      call.query[*name] = std::move(*read);
    }
  }
  problems.raise();
}

void read_body(Call& call, const Endpoint& endpoint) {
  const auto& bytes = call.request.body;
  if (endpoint.body.empty()) {
    if (bytes.empty()) return;
    throw Error(Code::usage, "there is no body here", "leave it out");
  }
  if (bytes.empty() && endpoint.body_optional) return;
  if (!names_type(call.request.header("content-type"), "application/json")) {
    throw Error(Code::unsupported, "the body is not said to be JSON",
                "add the header Content-Type: application/json");
  }
  // Nothing that is asked for lies deep: what does is meant to hurt.
  Json body = Json::parse(
      bytes,
      [](int depth, Json::parse_event_t, const Json&) {
        if (depth > 16) throw Error(Code::usage, "the body is too deep");
        return true;
      },
      false);
  if (body.is_discarded() || !is_text(bytes))
    throw Error(Code::usage, "the body is no JSON", "an object, in UTF-8");
  Problems problems;
  check(body, parse_shape(endpoint.body), "the body", problems);
  problems.raise();
  call.body = std::move(body);
}

}  // namespace windrow::api
