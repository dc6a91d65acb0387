#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"

namespace windrow::clients {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https; the path is sent as it stands here, dots and all
  HttpHeaders headers;
  std::string_view body;  ///< not copied: must live until `send` returns

  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds timeout{0};  ///< for the whole exchange; 0: none
  /// Given up as timed out where for so long fewer than `stall_bytes` a second come or go.
  std::chrono::seconds stall_timeout{30};
  uint64_t stall_bytes = 1;

  std::string ca_file;            ///< PEM; empty: the system's
  bool follow_redirects = false;  ///< up to 5
  bool negotiate = false;         ///< SPNEGO with the user's Kerberos ticket
  /// Never sent twice by the transport itself, as it may do where a kept connection turns out to be
  /// closed: such a request gets a connection of its own. For writes that must not happen twice.
  bool once = false;
  bool decoded = false;      ///< asks for gzip where the server can, and unpacks it
  Cancel* cancel = nullptr;  ///< where asked to stop, the exchange ends with Error(canceled)
  uint64_t body_max = uint64_t(2) << 30;  ///< a longer answer is an Error(corrupt)
  /// Takes the body of an answer with status 2xx piece by piece, instead of `HttpResponse::body`.
  std::function<void(std::string_view)> on_body;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  /// The value of a header, whatever the case of its name; the last one of several. Empty where it
  /// is not there.
  std::string_view header(std::string_view name) const;
};

/// No answer, or half of one: unavailable or timeout (configuration where a certificate is not
/// trusted). The message names host and path, never a query, header or body.
class HttpError : public Error {
 public:
  HttpError(Problem problem, bool maybe_sent) : Error(std::move(problem)), sent_(maybe_sent) {}
  /// True where the server may have got the request, and so may have done what it asks for.
  bool maybe_sent() const { return sent_; }

 private:
  bool sent_;
};

/// Sends requests over kept connections. Any thread; each call blocks until its answer is there.
/// An answer of any status is a value, no answer is an HttpError. Nothing is tried again.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual HttpResponse send(const HttpRequest& request) = 0;
};

/// The real one, by libcurl.
std::unique_ptr<HttpClient> http_client();

/// `https://host:port/path`: what of a URL may be shown.
std::string shown_url(std::string_view url);

}  // namespace windrow::clients
