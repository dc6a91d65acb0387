#include "sources/rest/rest_config.h"

#include <algorithm>

#include "base/hash.h"
#include "base/secret_text.h"
#include "base/url.h"
#include "clients/transport.h"
#include "project/project.h"
#include "sources/rest/kind.h"
#include "sources/settings.h"

namespace windrow::sources {

namespace {

using project::Value;

RestAuth auth_of(const Value& value) {
  RestAuth out;
  Settings all(value);
  all.only({"header", "query", "bearer", "basic", "oauth2"});
  for (auto& [name, key] : all.pairs("header")) out.headers.emplace_back(name, key);
  out.query = all.pairs("query");
  if (all.find("bearer")) out.headers.emplace_back("Authorization", "Bearer " + all.text("bearer"));
  if (const auto* basic = all.find("basic")) {
    Settings of(*basic);
    of.only({"user", "password"});
    out.headers.emplace_back("Authorization",
                             "Basic " + base64(of.text("user") + ":" + of.text("password")));
  }
  if (const auto* oauth = all.find("oauth2")) {
    Settings of(*oauth);
    of.only({"token_url", "client_id", "client_secret", "scope", "audience", "in_body"});
    for (const char* key : {"token_url", "client_id", "client_secret"}) {
      if (!of.find(key)) of.wrong(key, "a text: oauth2 needs it");
    }
    out.oauth2 =
        RestAuth::OAuth2{of.text("token_url"), of.text("client_id"), of.text("client_secret"),
                         of.text("scope"),     of.text("audience"),  of.flag("in_body")};
  }
  return out;
}

void read_limits(const Settings& all, RestServer& out) {
  if (const auto* limit = all.find("rate_limit")) {
    if (std::holds_alternative<Value::Map>(limit->data)) {
      Settings of(*limit);
      of.only({"per_second", "burst"});
      out.per_second = of.real("per_second", 0);
      out.burst = int(of.number("burst", 1, 1));
    } else {
      out.per_second = all.real("rate_limit", 0);
    }
  }
  if (const auto* retries = all.find("retries")) {
    Settings of(*retries);
    of.only({"times", "delay", "max", "patience"});
    out.times = int(of.number("times", out.times));
    out.delay = of.duration("delay", out.delay);
    out.delay_max = of.duration("max", out.delay_max);
    out.patience = of.duration("patience", out.patience);
  }
  if (const auto* breaker = all.find("circuit_breaker")) {
    Settings of(*breaker);
    of.only({"failures", "pause"});
    out.breaker_failures = int(of.number("failures", out.breaker_failures, 1));
    out.breaker_pause = of.duration("pause", out.breaker_pause);
  }
}

Paging paging_of(const Value& value) {
  Paging out;
  const bool word = !std::holds_alternative<Value::Map>(value.data);
  Settings all(value);
  const std::string by = word ? value.text() : all.text("by", "auto");
  const std::pair<const char*, Paging::By> kinds[] = {
      {"auto", Paging::By::automatic}, {"none", Paging::By::none},     {"page", Paging::By::page},
      {"offset", Paging::By::offset},  {"cursor", Paging::By::cursor}, {"link", Paging::By::link},
      {"header", Paging::By::header}};
  const auto found = std::find_if(std::begin(kinds), std::end(kinds),
                                  [&](const auto& each) { return by == each.first; });
  if (found == std::end(kinds)) {
    throw Error(Code::configuration, "unknown way of paging \"" + by + "\"",
                "auto, none, page, offset, cursor, link or header", value.place);
  }
  out.by = found->second;
  if (out.by == Paging::By::page) out.param = "page";
  if (out.by == Paging::By::offset) out = {out.by, "offset", "limit", 0, 0, {}, {}, out.pages_max};
  if (out.by == Paging::By::cursor) out.param = "cursor";
  if (word) return out;
  all.only({"by", "param", "size_param", "first", "size", "from", "total_pages", "max_pages"});
  out.param = all.text("param", out.param);
  out.size_param = all.text("size_param", out.size_param);
  out.first = all.number("first", out.first);
  out.size = all.number("size", out.size, 1);
  out.from = all.text("from");
  out.total_pages = all.text("total_pages");
  out.pages_max = all.number("max_pages", out.pages_max, 1);
  out.pages_max_given = all.find("max_pages") != nullptr;
  return out;
}

/// Names in braces: `/movie/{movies.id}/reviews` → movies.id. Of a value as it is written: braces
/// in what `${…}` is filled in with name nothing.
std::vector<std::string> references(const Value& value) {
  const std::string& text = value.written.empty() ? value.text() : value.written;
  std::vector<std::string> out;
  for (size_t begin = text.find('{'); begin != std::string::npos;
       begin = text.find('{', begin + 1)) {
    const size_t end = text.find('}', begin);
    if (end == std::string::npos) break;
    if (begin > 0 && text[begin - 1] == '$') continue;
    out.push_back(text.substr(begin + 1, end - begin - 1));
  }
  return out;
}

/// `path` and `params` as they are written, where they are there.
void find_parent(RestResource& resource, const Value* path, const Value* params) {
  std::vector<std::string> all;
  const auto add = [&](const Value& value) {
    for (auto& reference : references(value)) all.push_back(std::move(reference));
  };
  if (path) add(*path);
  if (const auto* map = params ? std::get_if<Value::Map>(&params->data) : nullptr)
    for (const auto& [name, value] : *map) add(value);
  for (const auto& reference : all) {
    const size_t dot = reference.find('.');
    const std::string parent = reference.substr(0, dot);
    if (dot == std::string::npos || (!resource.parent.empty() && parent != resource.parent)) {
      throw Error(Code::configuration,
                  "resource \"" + resource.name + "\": \"{" + reference +
                      "}\" is not a field of one other resource",
                  "write {resource.field}, and name one resource only", resource.place);
    }
    resource.parent = parent;
    const std::string field = reference.substr(dot + 1);
    auto& fields = resource.parent_fields;
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
  }
}

RestResource resource_of(const std::string& name, const Value& value, const Secrets* secrets) {
  RestResource out;
  out.name = name;
  out.place = value.place;
  if (!std::holds_alternative<Value::Map>(value.data)) {
    out.path = value.text();
    find_parent(out, &value, nullptr);
    return out;
  }
  Settings all(value);
  all.only({"path", "params", "records", "primary_key", "total", "paginate", "missing",
            "conditional", "incremental"});
  out.path = all.text("path");
  if (out.path.empty()) all.wrong("path", "the path of resource \"" + name + "\"");
  for (auto& pair : all.pairs("params")) {
    // `{movies.id}` under the name of a secret is a field of another resource all the same.
    const bool refers = !references(*all.find("params")->find(pair.first)).empty();
    const bool holds_secret = secrets && secrets->redact(pair.second) != pair.second;
    if (refers && holds_secret)
      all.wrong("params", "secrets apart from fields of other resources (\"" + pair.first + "\")");
    const bool secret = holds_secret || (names_secret(pair.first) && !refers);
    (secret ? out.secret_params : out.params).push_back(std::move(pair));
  }
  if (all.find("records")) out.records = all.text("records");
  out.key = all.texts("primary_key");
  out.total = all.text("total");
  if (const auto* paginate = all.find("paginate")) out.paging = paging_of(*paginate);
  find_parent(out, all.find("path"), all.find("params"));
  const std::string missing = all.text("missing", out.parent.empty() ? "fail" : "skip");
  if (missing != "fail" && missing != "skip") all.wrong("missing", "fail or skip");
  out.skip_missing = missing == "skip";
  out.conditional = all.flag("conditional");
  if (out.conditional && out.paging.by == Paging::By::automatic) out.paging.by = Paging::By::none;
  if (out.conditional && out.paging.by != Paging::By::none)
    all.wrong("conditional", "true only where `paginate: none`: a request has one answer");
  if (const auto* incremental = all.find("incremental")) {
    Settings of(*incremental);
    of.only({"cursor", "param", "start", "overlap"});
    for (const char* key : {"cursor", "param"}) {
      if (!of.find(key)) of.wrong(key, "a text: incremental needs it");
    }
    if (out.paging.pages_max_given)
      all.wrong("incremental",
                "without `max_pages`: the cursor would pass over what it leaves out");
    out.cursor = of.text("cursor");
    out.cursor_param = of.text("param");
    out.start = of.text("start");
    out.overlap = of.text("overlap");
  }
  return out;
}

/// Levels by parents; Error where one is missing or they go round.
void order(std::vector<RestResource>& all) {
  const auto find = [&](const std::string& name) {
    return std::find_if(all.begin(), all.end(),
                        [&](const auto& each) { return each.name == name; });
  };
  for (auto& resource : all) {
    std::string at = resource.parent;
    while (!at.empty()) {
      const auto parent = find(at);
      if (parent == all.end() || ++resource.level > int(all.size())) {
        throw Error(Code::configuration,
                    "resource \"" + resource.name + "\" names \"" + resource.parent + "\", which " +
                        (parent == all.end() ? "is not there" : "leads back to it"),
                    "{resource.field} names another resource of this source", resource.place);
      }
      at = parent->parent;
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.level < b.level; });
}

}  // namespace

namespace {

[[noreturn]] void refuse_plain(const std::string& what, const Place& place) {
  throw Error(Code::configuration, what + " would go over http://, where it can be read",
              "write https://, or `tls: off` in the connection where the way there is safe", place);
}

/// Nothing secret goes over http:// to another machine unless that is spelled out.
void check_way(const Settings& all, RestServer& out) {
  const auto* word = all.find("tls");
  const auto transport = clients::transport_of(word ? word->text() : "", {}, false);
  if (transport.protection == clients::Protection::unverified)
    all.wrong("tls", "verified or off: `ca_file` names an authority of your own");
  out.plain = transport.protection == clients::Protection::off;
  if (out.plain) return;
  const auto url = split_url(out.url);
  const auto* headers = all.find("headers");
  const auto* map = headers ? std::get_if<Value::Map>(&headers->data) : nullptr;
  const bool secret = all.find("auth") || (url && url->user_info) ||
                      (map && std::any_of(map->begin(), map->end(), [](const auto& each) {
                         return names_secret(each.first.value) || is_login_header(each.first.value);
                       }));
  if (secret && !clients::http_exposure(out.url).empty())
    refuse_plain("the key of connection \"" + out.connection + "\"", all.find("url")->place);
  if (out.auth.oauth2 && !clients::http_exposure(out.auth.oauth2->token_url).empty())
    refuse_plain("the secret of connection \"" + out.connection + "\"", all.find("auth")->place);
}

}  // namespace

RestServer rest_server(const project::Project& project, const std::string& connection,
                       const Place& place) {
  RestServer out;
  out.connection = connection;
  if (connection.starts_with("http://") || connection.starts_with("https://")) {
    out.url = connection;
  } else {
    const auto found = project.connections.find(connection);
    if (found == project.connections.end()) {
      throw Error(Code::configuration, "there is no connection \"" + connection + "\"",
                  "name one of windrow.yaml's connections, or give a URL", place);
    }
    if (found->second.type != "rest" && found->second.type != "http") {
      throw Error(Code::configuration,
                  "connection \"" + connection + "\" is of type \"" + found->second.type + "\"",
                  "this needs one of type rest", place);
    }
    Settings all(found->second.settings);
    all.only({"url", "headers", "auth", "rate_limit", "parallel", "retries", "circuit_breaker",
              "timeout", "health", "ca_file", "tls"});
    out.url = all.text("url");
    for (auto& [name, value] : all.pairs("headers")) out.headers.emplace_back(name, value);
    if (const auto* auth = all.find("auth")) out.auth = auth_of(*auth);
    out.parallel = int(all.number("parallel", out.parallel, 1));
    out.timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(all.duration("timeout", out.timeout));
    out.health = all.text("health");
    out.ca_file = all.text("ca_file");
    read_limits(all, out);
    if (!out.url.starts_with("http://") && !out.url.starts_with("https://"))
      all.wrong("url", "a URL that begins with http:// or https://");
    check_way(all, out);
  }
  while (out.url.ends_with('/')) out.url.pop_back();
  return out;
}

RestConfig rest_config(const project::Project& project, const project::Source& source,
                       const Secrets* secrets) {
  RestConfig out;
  const auto& from = project::own_or_default<RestFrom>(source);
  out.server = rest_server(project, from.connection, source.from.place);
  const auto* map = std::get_if<Value::Map>(&from.resources.data);
  if (!map || map->empty())
    Settings(source.from).wrong("resources", "a mapping of names to resources");
  for (const auto& [name, value] : *map)
    out.resources.push_back(resource_of(name.value, value, secrets));
  for (const auto& resource : out.resources) {
    if (!resource.secret_params.empty() && !out.server.plain &&
        !clients::http_exposure(out.server.url).empty())
      refuse_plain("the parameter \"" + resource.secret_params.front().first + "\" of resource \"" +
                       resource.name + "\"",
                   resource.place);
  }
  order(out.resources);
  out.passes = from.passes;
  out.incomplete_fails = from.incomplete == "fail";
  out.every = from.every;
  out.keep_responses = from.keep == "responses";
  out.record_bytes_max = from.record_bytes_max;
  if (std::holds_alternative<Value::Map>(source.flush.data)) {
    Settings flush(source.flush);
    out.flush_rows = uint64_t(flush.number("rows", int64_t(out.flush_rows), 1));
    out.flush_every = flush.duration("every", out.flush_every);
  }
  return out;
}

std::string filled(const std::string& text, const std::map<std::string, std::string>& values,
                   bool encode) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t end = text[i] == '{' ? text.find('}', i) : std::string::npos;
    if (end == std::string::npos) {
      out += text[i++];
      continue;
    }
    const std::string reference = text.substr(i + 1, end - i - 1);
    const auto found = values.find(reference.substr(reference.find('.') + 1));
    out += found == values.end() ? text.substr(i, end + 1 - i)
           : encode              ? percent_encoded(found->second)
                                 : found->second;
    i = end + 1;
  }
  return out;
}

}  // namespace windrow::sources
