#include "tasks/stream/progress.h"

#include <algorithm>

namespace windrow::tasks {

using clients::KafkaOffsets;
using clients::KafkaPartition;

namespace {

std::optional<int64_t> offset_of(const KafkaOffsets& offsets, const KafkaPartition& partition) {
  const auto found = offsets.find(partition);
  if (found == offsets.end()) return {};
  return found->second;
}

}  // namespace

void StreamProgress::begin(const KafkaPartition& partition, int64_t position,
                           std::optional<int64_t> logged) {
  positions_[partition] = position;
  bases_[partition] = logged;
}

void StreamProgress::give_up(const std::vector<KafkaPartition>& partitions) {
  for (const auto& each : partitions) {
    positions_.erase(each);
    bases_.erase(each);
  }
}

void StreamProgress::give_up_all() {
  positions_.clear();
  bases_.clear();
}

void StreamProgress::committed(const KafkaOffsets& next) {
  for (const auto& [partition, offset] : next) begin(partition, offset, offset);
}

StreamProgress::Moved StreamProgress::moved(const KafkaOffsets& next,
                                            const KafkaOffsets& logged) const {
  bool at_begin = true, at_end = true;
  for (const auto& [partition, end] : next) {
    const auto now = offset_of(logged, partition);
    at_begin &= now == base(partition);
    at_end &= now == end;
  }
  return at_begin ? Moved::no : at_end ? Moved::by_us : Moved::by_others;
}

bool StreamProgress::beyond_end(const KafkaPartition& partition, int64_t offset) const {
  return offset >= offset_of(ends_, partition).value_or(0);
}

bool StreamProgress::short_of_ends(const KafkaOffsets& next) const {
  return std::any_of(positions_.begin(), positions_.end(), [&](const auto& read) {
    const auto end = offset_of(ends_, read.first);
    return end && offset_of(next, read.first).value_or(read.second) < *end;
  });
}

KafkaOffsets StreamProgress::ends_of_others() const {
  KafkaOffsets out = ends_;
  std::erase_if(out, [&](const auto& end) { return reads(end.first); });
  return out;
}

int64_t StreamProgress::lag(
    const std::function<std::optional<int64_t>(const KafkaPartition&)>& known_end) const {
  int64_t out = 0;
  for (const auto& [partition, position] : positions_) {
    if (const auto end = known_end(partition)) out += std::max<int64_t>(0, *end - position);
  }
  return out;
}

}  // namespace windrow::tasks
