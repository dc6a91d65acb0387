#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace windrow::publish {

/// SHA-256 over bytes in order, folded every 64 KiB: memory stays small.
class Checksum {
 public:
  void add(std::string_view bytes) {
    bytes_ += int64_t(bytes.size());
    pending_ += bytes;
    if (pending_.size() >= kFold) fold();
  }
  int64_t bytes() const { return bytes_; }
  std::string text() {
    fold();
    return state_;
  }

 private:
  static constexpr size_t kFold = 1 << 16;
  void fold() {
    state_ = sha256(state_ + pending_);
    pending_.clear();
  }
  std::string state_, pending_;
  int64_t bytes_ = 0;
};

}  // namespace windrow::publish
