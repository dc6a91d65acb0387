#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "clients/kafka.h"

namespace windrow::sources {

/// Messages that were read and are not yet committed, copied one after the other into large blocks,
/// which are used again for the next ones.
class Messages {
 public:
  /// Readers of JSON look at whole words beyond the end.
  static constexpr size_t kPadding = 64;

  struct Message {
    uint32_t from = 0;  ///< position in `partitions()`
    int64_t offset = 0, timestamp_ms = -1;
    std::optional<std::string_view> key, value;  ///< with kPadding readable bytes behind
    std::string_view headers;                    ///< a JSON object of text; empty: none
  };

  /// Without `with_all` only the value is kept.
  explicit Messages(bool with_all) : with_all_(with_all) {}
  void add(const clients::KafkaMessage& message);
  void clear();

  const std::vector<Message>& all() const { return messages_; }
  size_t size() const { return messages_.size(); }
  size_t bytes() const { return bytes_; }
  const std::vector<clients::KafkaPartition>& partitions() const { return partitions_; }
  /// Where each partition goes on behind these messages.
  const clients::KafkaOffsets& next() const { return next_; }
  /// A copy that lives as long as the messages, with padding behind.
  std::string_view keep(std::string_view bytes);

 private:
  static constexpr size_t kBlock = size_t(1) << 20;
  struct Block {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };
  char* take(size_t size);

  bool with_all_;
  std::vector<Message> messages_;
  std::vector<clients::KafkaPartition> partitions_;
  clients::KafkaOffsets next_;
  clients::KafkaOffsets::iterator place_;
  const clients::KafkaPartition* last_ = nullptr;
  uint32_t last_at_ = 0;
  std::vector<Block> blocks_;
  size_t block_ = 0, used_ = 0, bytes_ = 0;
};

}  // namespace windrow::sources
