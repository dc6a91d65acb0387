#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <random>

#include "base/cancel.h"
#include "clients/http.h"
#include "sources/rest/rest_config.h"
#include "sources/rest/throttle.h"

/// Private to sources/rest: asks one server, patiently.
namespace windrow::sources {

struct Answer {
  int status = 0;  ///< 2xx, 304, 404 or 410
  std::string url;
  clients::HttpHeaders headers;
  std::string body;  ///< valid JSON where the status is 2xx (`null` for 204)
  int attempts = 1, throttled = 0;
  std::string_view header(std::string_view name) const;
};

/// Authentication, rate limit, retries, redirects. Any thread.
class Requester {
 public:
  Requester(RestServer server, std::shared_ptr<Throttle> throttle);

  /// GET until there is an answer that says something, or patience is at its end: Error. `url` is
  /// absolute and without keys of authentication and `secrets` (parameters of this resource), which
  /// are added on the way.
  Answer get(const std::string& url, const clients::HttpHeaders& headers, Cancel& cancel,
             const QueryPairs& secrets = {});
  /// The headers that let a request through, for other ways of asking (event streams).
  clients::HttpHeaders headers(Cancel& cancel);
  std::string with_keys(const std::string& url, const QueryPairs& secrets = {}) const;
  clients::HttpClient& http() { return *http_; }

  const RestServer& server() const { return server_; }
  /// Absolute form of a link, without keys of authentication and `secrets` in its query.
  /// Error(data) where it leads to another server, which must not see our keys.
  std::string resolved(const std::string& link, const std::string& base,
                       const QueryPairs& secrets = {}) const;
  /// Path and query, as bronze keeps it.
  std::string shown(const std::string& url) const;

 private:
  struct Try;
  clients::HttpResponse send(const std::string& url, const clients::HttpHeaders& headers,
                             Cancel& cancel, const QueryPairs& secrets);
  std::string token(Cancel& cancel);
  void wait_to_retry(Try& state, const clients::HttpResponse* response, Cancel& cancel);

  RestServer server_;
  std::shared_ptr<Throttle> throttle_;
  std::unique_ptr<clients::HttpClient> http_;
  std::mutex mutex_;
  std::string token_;
  std::chrono::steady_clock::time_point token_until_{};
  std::mt19937_64 random_{std::random_device{}()};
};

/// `Retry-After`: seconds or a date; nothing where there is none.
std::optional<std::chrono::microseconds> retry_after(std::string_view value, Time now);

}  // namespace windrow::sources
