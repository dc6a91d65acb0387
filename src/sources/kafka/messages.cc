#include "sources/kafka/messages.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

namespace windrow::sources {
namespace {

std::string headers_json(const clients::KafkaMessage& message) {
  auto out = nlohmann::ordered_json::object();
  for (const auto& [name, value] : message.headers) {
    out[std::string(name)] = value ? nlohmann::ordered_json(std::string(*value)) : nullptr;
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

char* Messages::take(size_t size) {
  const size_t wanted = size + kPadding;
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < wanted) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t bytes = std::max(wanted, kBlock);
    // Zeroed once: the bytes behind a message are looked at, and must be somebody's.
    blocks_.push_back({std::unique_ptr<char[]>(new char[bytes]()), bytes});
    used_ = 0;
  }
  char* out = blocks_[block_].data.get() + used_;
  used_ += size;
  return out;
}

std::string_view Messages::keep(std::string_view bytes) {
  char* copy = take(bytes.size());
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

void Messages::add(const clients::KafkaMessage& message) {
  if (last_ != message.from || partitions_.empty()) {
    const auto found = std::find(partitions_.begin(), partitions_.end(), *message.from);
    last_at_ = uint32_t(found - partitions_.begin());
    if (found == partitions_.end()) partitions_.push_back(*message.from);
    place_ = next_.try_emplace(*message.from, message.offset).first;
    last_ = message.from;
  }
  place_->second = message.offset + 1;
  auto& out = messages_.emplace_back();
  out.from = last_at_;
  out.offset = message.offset;
  out.timestamp_ms = message.timestamp_ms;
  if (message.value) {
    out.value = keep(*message.value);
    bytes_ += message.value->size();
  }
  if (message.key) {
    out.key = keep(*message.key);
    bytes_ += message.key->size();
  }
  if (with_all_ && !message.headers.empty()) out.headers = keep(headers_json(message));
  bytes_ += 64;  // what is kept of each, so that empty messages are bounded too
}

void Messages::clear() {
  messages_.clear();
  partitions_.clear();
  next_.clear();
  last_ = nullptr;
  bytes_ = 0;
  // One message of many megabytes should not keep its block for good.
  std::erase_if(blocks_, [](const Block& block) { return block.size > 4 * kBlock; });
  block_ = used_ = 0;
}

}  // namespace windrow::sources
