#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Private to sources/sse.
namespace windrow::sources {

struct StreamEvent {
  std::string id;      ///< the last one that was told, also by an earlier event
  std::string type;    ///< `message` where none is told
  std::string data;    ///< lines joined; of what is too long, the beginning
  uint64_t bytes = 0;  ///< how long the data is
};

/// A text/event-stream, piece by piece (HTML Living Standard, "Server-sent events", 9.2.6). An
/// event that is cut off never comes out.
class EventParser {
 public:
  /// Of an event that is longer than `bytes_max` only so much is kept.
  EventParser(std::function<void(StreamEvent)> take, uint64_t bytes_max)
      : take_(std::move(take)), bytes_max_(bytes_max) {}
  void feed(std::string_view piece);
  /// What the server wishes to be waited for before it is asked again.
  std::optional<int64_t> retry_ms() const { return retry_ms_; }

 private:
  void line(std::string_view line);

  std::function<void(StreamEvent)> take_;
  const uint64_t bytes_max_;
  uint64_t dropped_ = 0;  ///< bytes of this event that are not kept
  std::string rest_, data_, type_, id_;
  bool any_data_ = false, after_cr_ = false, begun_ = false;
  std::optional<int64_t> retry_ms_;
};

}  // namespace windrow::sources
