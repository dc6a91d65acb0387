#pragma once

#include <cstdint>

namespace windrow::operators {

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// From 0 to `count` − 1; `count` is far below 2^64.
  uint64_t below(uint64_t count) { return next() % count; }
  /// From 0 to less than 1, in steps of 2^-53.
  double unit() { return double(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

}  // namespace windrow::operators
