#include "tasks/stream/inbox.h"

#include <algorithm>

#include "base/clock.h"

namespace windrow::tasks {

using std::chrono::milliseconds;

void Inbox::add(const clients::KafkaMessage& message) {
  messages_.add(message);
  if (!since_) since_ = clock_.steady();
}

void Inbox::clear() {
  messages_.clear();
  since_.reset();
}

bool Inbox::due() const {
  if (empty()) return false;
  return size() >= options_.flush_rows || bytes() >= options_.flush_bytes ||
         clock_.steady() - *since_ >= options_.flush_every;
}

size_t Inbox::room() const {
  return options_.flush_rows > size() ? options_.flush_rows - size() : 1;
}

milliseconds Inbox::time_left(milliseconds most) const {
  if (!since_) return most;
  const auto left = *since_ + options_.flush_every - clock_.steady();
  return std::clamp(std::chrono::duration_cast<milliseconds>(left), milliseconds(0), most);
}

}  // namespace windrow::tasks
