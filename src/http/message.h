#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace windrow::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// As it came. Names of headers are lower case.
struct Request {
  std::string method;
  std::string path;   ///< begins with a slash, percent-encoded as sent
  std::string query;  ///< behind the question mark, as sent
  Headers headers;
  std::string body;
  std::string peer;     ///< the address it came from, without port
  bool secure = false;  ///< it came through TLS
  /// Asked to stop when the client has gone, or the server ends; the answer is not read then.
  std::shared_ptr<Cancel> gone;

  /// The first of that name; empty where there is none. `name` in lower case.
  std::string_view header(std::string_view name) const;
};

/// What is told to those who listen. Safe from any thread.
class EventSource {
 public:
  virtual ~EventSource() = default;
  struct More {
    std::shared_ptr<const std::string> text;  ///< whole events; null: nothing new
    bool over = false;                        ///< nothing follows, or what would is gone
  };
  /// What follows `position`, which moves behind it. Short, and never waits.
  virtual More after(uint64_t& position) = 0;
};

/// An answer that goes on: what its source has, for as long as both sides want.
struct EventStream {
  std::shared_ptr<EventSource> source;  ///< null: the answer is none of these
  uint64_t position = 0;
  std::string first;  ///< events that come before all others
};

struct Response {
  int status = 200;
  Headers headers;  ///< beside those of HTTP itself: length, date, connection
  std::string body;
  std::string_view kept;  ///< instead of `body`: bytes that stay where they are
  EventStream events;     ///< instead of both

  std::string_view bytes() const { return kept.empty() ? std::string_view(body) : kept; }
};

std::string_view reason_of(int status);
/// What goes before the body. `has_body`: also where that is empty.
std::string head_of(const Response& response, bool keep, bool has_body);

}  // namespace windrow::http
