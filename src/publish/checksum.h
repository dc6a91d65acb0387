#pragma once

#include <string>
#include <string_view>

#include "base/hash.h"

namespace windrow::publish {

/// SHA-256 over bytes in order, folded every 64 KiB: memory stays small.
class Checksum {
 public:
  void add(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() >= kFold) fold();
  }
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
};

}  // namespace windrow::publish
