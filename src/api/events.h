#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/message.h"

namespace windrow::api {

/// What happens, for all who listen: the last of it is kept once, however many they are, and each
/// of them has a place in it. Who falls behind what is kept is dropped, and is told so when he
/// comes back. Safe from any thread.
class EventLog {
 public:
  EventLog();

  /// Whom something concerns.
  struct Topic {
    std::string project, run;
  };
  /// `kind`: `run`, `server`; `data`: JSON on one line.
  void add(const Topic& topic, const std::string& kind, const std::string& data);
  /// Called after each addition; null: nobody.
  void on_news(std::function<void()> wake);

  /// A stream of what concerns a topic (an empty part: any), from behind the event that a client
  /// saw last (empty: from now on).
  http::EventStream stream(const Topic& wanted, const std::string& last_event_id);

  uint64_t events() const;

 private:
  struct Kept {
    std::shared_ptr<const Topic> topic;
    std::string text;
  };
  class Source;
  http::EventSource::More after(const Topic& wanted, uint64_t& position);

  const std::string boot_;  ///< tells ids of this process from those of others
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;
  size_t bytes_ = 0;
  uint64_t last_ = 0;  ///< number of the last of `kept_`
  /// What many ask for at once: the same piece for the same topic.
  struct Piece {
    uint64_t end;
    std::shared_ptr<const std::string> text;
  };
  std::map<std::pair<uint64_t, std::string>, Piece> pieces_;
  std::function<void()> wake_;
};

}  // namespace windrow::api
