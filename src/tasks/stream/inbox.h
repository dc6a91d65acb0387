#pragma once

#include <chrono>
#include <optional>

#include "base/time.h"
#include "sources/kafka/messages.h"
#include "sources/kafka/options.h"

namespace windrow::tasks {

/// Messages that were read and wait for a commit, and when that is due: `flush.rows`, `flush.bytes`
/// and `flush.every` of the source.
class Inbox {
 public:
  Inbox(const sources::KafkaOptions& options, bool with_headers, const Clock& clock)
      : options_(options), clock_(clock), messages_(with_headers) {}

  void add(const clients::KafkaMessage& message);
  /// They are committed, or read again from what the log says.
  void clear();

  bool empty() const { return messages_.size() == 0; }
  size_t size() const { return messages_.size(); }
  size_t bytes() const { return messages_.bytes(); }
  sources::Messages& messages() { return messages_; }
  /// Where each partition goes on behind what waits.
  const clients::KafkaOffsets& next() const { return messages_.next(); }

  bool due() const;
  /// How many more may come until the commit is due; at least one.
  size_t room() const;
  /// How long to listen for more: `most`, or less where the commit is due before.
  std::chrono::milliseconds time_left(std::chrono::milliseconds most) const;

 private:
  const sources::KafkaOptions& options_;
  const Clock& clock_;
  sources::Messages messages_;
  std::optional<std::chrono::steady_clock::time_point> since_;  ///< the first of them came
};

}  // namespace windrow::tasks
