#include "sources/rest/requester.h"

#include <fmt/format.h>
#include <strings.h>
#include <time.h>

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/url.h"
#include "sources/rest/json_slices.h"

namespace windrow::sources {

namespace {

constexpr int kRedirectsMax = 5;
constexpr uint64_t kBodyMax = 256ull << 20;

bool same_header(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// `https://host:port` in lower case, with the port that is meant where none is written.
std::string origin(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const size_t end = url.find_first_of("/?#", scheme + 3);
  std::string out(url.substr(0, end));
  for (char& c : out) c = char(std::tolower(static_cast<unsigned char>(c)));
  if (out.find(':', scheme + 3) == std::string::npos)
    out += out.starts_with("https") ? ":443" : ":80";
  return out;
}

Time now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Error refusal(int status, const std::string& url) {
  const std::string what =
      fmt::format("GET {}: the server answers {}", clients::shown_url(url), status);
  if (status == 401 || status == 403) {
    return Error(
        Code::permission, what,
        "check `auth` of the connection: the key may be missing, wrong or without the right");
  }
  if (status >= 500 || status == 429) return Error(Code::unavailable, what, "run again later");
  return Error(Code::configuration, what, "check the resource's path and parameters");
}

}  // namespace

std::optional<std::chrono::microseconds> retry_after(std::string_view value, Time now) {
  if (value.empty()) return {};
  double seconds = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (problem == std::errc{} && end == value.data() + value.size() && seconds >= 0)
    return std::chrono::microseconds(int64_t(std::min(seconds, 1e9) * 1e6));
  tm fields{};
  if (::strptime(std::string(value).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields) == nullptr)
    return {};
  const auto wait = Time(std::chrono::seconds(::timegm(&fields))) - now;
  return std::max(wait, std::chrono::microseconds(0));
}

std::string_view Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_header(key, name)) return value;
  }
  return {};
}

Requester::Requester(RestServer server, std::shared_ptr<Throttle> throttle)
    : server_(std::move(server)), throttle_(std::move(throttle)), http_(clients::http_client()) {}

std::string Requester::with_keys(const std::string& url, const QueryPairs& secrets) const {
  std::string out = url;
  for (const auto* pairs : {&server_.auth.query, &secrets}) {
    for (const auto& [name, value] : *pairs) {
      out += out.find('?') == std::string::npos ? '?' : '&';
      out += percent_encoded(name) + "=" + percent_encoded(value);
    }
  }
  return out;
}

clients::HttpHeaders Requester::headers(Cancel& cancel) {
  clients::HttpHeaders out = server_.headers;
  out.insert(out.end(), server_.auth.headers.begin(), server_.auth.headers.end());
  if (server_.auth.oauth2) out.emplace_back("Authorization", "Bearer " + token(cancel));
  const auto has = [&](std::string_view name) {
    return std::any_of(out.begin(), out.end(),
                       [&](const auto& each) { return same_header(each.first, name); });
  };
  if (!has("accept")) out.emplace_back("Accept", "application/json");
  if (!has("user-agent")) out.emplace_back("User-Agent", "windrow");
  return out;
}

std::string Requester::token(Cancel& cancel) {
  const std::scoped_lock lock(mutex_);
  if (std::chrono::steady_clock::now() < token_until_) return token_;
  const auto& oauth = *server_.auth.oauth2;
  std::string body = "grant_type=client_credentials";
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) body += std::string("&") + name + "=" + percent_encoded(value);
  };
  add("scope", oauth.scope);
  add("audience", oauth.audience);
  clients::HttpRequest request;
  request.method = "POST";
  request.url = oauth.token_url.starts_with('/') ? server_.url + oauth.token_url : oauth.token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  if (oauth.in_body) {
    add("client_id", oauth.client_id);
    add("client_secret", oauth.client_secret);
  } else {
    request.headers.emplace_back("Authorization",
                                 "Basic " + base64(percent_encoded(oauth.client_id) + ":" +
                                                   percent_encoded(oauth.client_secret)));
  }
  request.body = body;
  request.timeout = server_.timeout;
  request.ca_file = server_.ca_file;
  request.cancel = &cancel;
  const auto response = http_->send(request);
  const std::string about = "POST " + clients::shown_url(request.url);
  if (!response.ok()) {
    throw Error(
        response.status >= 500 || response.status == 429 ? Code::unavailable : Code::permission,
        fmt::format("{}: no token, the server answers {}", about, response.status),
        "check client_id and client_secret");
  }
  const auto at = valid_json(response.body) ? json_at(response.body, "access_token")
                                            : std::optional<std::string_view>();
  const auto text = at ? json_text(*at) : std::optional<std::string>();
  if (!text) throw Error(Code::unavailable, about + ": the answer holds no access_token");
  const auto lasts = json_at(response.body, "expires_in");
  const int64_t seconds = lasts ? json_integer(*lasts).value_or(300) : 300;
  token_ = *text;
  // Renewed before its end, so that none is refused under way.
  token_until_ =
      std::chrono::steady_clock::now() +
      std::chrono::seconds(std::max<int64_t>(seconds - std::min<int64_t>(30, seconds / 5), 1));
  return token_;
}

struct Requester::Try {
  std::string url;
  int failures = 0, attempts = 0, throttled = 0;
  bool token_renewed = false;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::string last;  ///< what went wrong last, in words
};

clients::HttpResponse Requester::send(const std::string& url, const clients::HttpHeaders& more,
                                      Cancel& cancel, const QueryPairs& secrets) {
  clients::HttpRequest request;
  request.url = with_keys(url, secrets);
  request.headers = headers(cancel);
  request.headers.insert(request.headers.end(), more.begin(), more.end());
  request.timeout = server_.timeout;
  request.ca_file = server_.ca_file;
  request.body_max = kBodyMax;
  request.decoded = true;
  request.cancel = &cancel;
  return http_->send(request);
}

void Requester::wait_to_retry(Try& state, const clients::HttpResponse* response, Cancel& cancel) {
  const auto asked = response ? retry_after(response->header("Retry-After"), now())
                              : std::optional<std::chrono::microseconds>();
  auto wait = asked.value_or(std::chrono::microseconds(0));
  if (!asked) {
    const double most = double(
        std::min(server_.delay_max,
                 server_.delay * (int64_t(1) << std::min(state.failures + state.throttled - 1, 20)))
            .count());
    const std::scoped_lock lock(mutex_);
    wait = std::chrono::microseconds(
        int64_t(std::uniform_real_distribution<double>(most / 2, most)(random_)));
  }
  const auto spent = std::chrono::steady_clock::now() - state.began;
  if (state.failures > server_.times || spent + wait > server_.patience) {
    throw Error(Code::unavailable,
                fmt::format("GET {}: given up after {} attempts, last: {}",
                            clients::shown_url(state.url), state.attempts, state.last),
                throttle_->open()
                    ? "the circuit breaker is open: the server has failed many times in a row"
                    : "run again: what was read is kept, and it goes on from there");
  }
  if (asked)
    throttle_->pause(wait);
  else
    cancel.wait_for(wait);
}

Answer Requester::get(const std::string& url, const clients::HttpHeaders& headers, Cancel& cancel,
                      const QueryPairs& secrets) {
  Try state{url};
  for (int redirects = 0;;) {
    throttle_->wait(cancel);
    ++state.attempts;
    clients::HttpResponse response;
    try {
      response = send(state.url, headers, cancel, secrets);
    } catch (const clients::HttpError& error) {
      cancel.check();
      if (!retryable(error.code())) throw;
      throttle_->failed();
      ++state.failures;
      state.last = error.problem().message;
      wait_to_retry(state, nullptr, cancel);
      continue;
    }
    const int status = response.status;
    if (response.ok() && (status == 204 || valid_json(response.body))) {
      throttle_->succeeded();
      return {status,
              state.url,
              std::move(response.headers),
              status == 204 ? "null" : std::move(response.body),
              state.attempts,
              state.throttled};
    }
    if (status == 304 || status == 404 || status == 410) {
      throttle_->succeeded();
      return {status, state.url, std::move(response.headers), {}, state.attempts, state.throttled};
    }
    if (status >= 300 && status < 400 && !response.header("Location").empty() &&
        ++redirects <= kRedirectsMax) {
      state.url = resolved(std::string(response.header("Location")), state.url, secrets);
      continue;
    }
    if (status == 401 && server_.auth.oauth2 && !state.token_renewed) {
      state.token_renewed = true;
      const std::scoped_lock lock(mutex_);
      token_until_ = {};
      continue;
    }
    state.last = response.ok() ? "the answer is no valid JSON" : fmt::format("status {}", status);
    if (status == 429) {
      ++state.throttled;
    } else if (response.ok() || status >= 500 || status == 408 || status == 425) {
      throttle_->failed();
      ++state.failures;
    } else {
      throw refusal(status, state.url);
    }
    wait_to_retry(state, &response, cancel);
  }
}

namespace {

/// A URL without parameters of these names, however the server writes them.
std::string without(const std::string& url, const QueryPairs& names) {
  const size_t question = url.find('?');
  if (question == std::string::npos || names.empty()) return url;
  const size_t fragment = std::min(url.find('#', question), url.size());
  std::string query;
  for (size_t at = question + 1; at < fragment;) {
    const size_t end = std::min(url.find('&', at), fragment);
    const std::string one = url.substr(at, end - at);
    const std::string name = percent_decoded(one.substr(0, one.find('=')));
    if (std::none_of(names.begin(), names.end(),
                     [&](const auto& each) { return each.first == name; }))
      query += (query.empty() ? "?" : "&") + one;
    at = end + 1;
  }
  return url.substr(0, question) + query + url.substr(fragment);
}

}  // namespace

std::string Requester::resolved(const std::string& link, const std::string& base,
                                const QueryPairs& secrets) const {
  std::string out;
  if (link.find("://") != std::string::npos) {
    out = link;
  } else if (link.starts_with("//")) {
    out = base.substr(0, base.find("://") + 1) + link;
  } else if (link.starts_with('/')) {
    out = base.substr(0, base.find('/', base.find("://") + 3)) + link;
  } else {
    std::string before = base.substr(0, base.find_first_of("?#"));
    out = link.starts_with('?') ? before + link : before.substr(0, before.rfind('/') + 1) + link;
  }
  if (origin(out) != origin(base)) {
    throw Error(Code::data,
                "a link of " + clients::shown_url(base) + " leads to another server, " +
                    clients::shown_url(out),
                "it is not followed, for the keys of this connection would go there");
  }
  return without(without(out, server_.auth.query), secrets);
}

std::string Requester::shown(const std::string& url) const {
  return url.starts_with(server_.url) ? url.substr(server_.url.size()) : url;
}

}  // namespace windrow::sources
