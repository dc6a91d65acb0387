#pragma once

#include <cmath>
#include <cstdint>

namespace windrow::sources {

/// SplitMix64 (Steele, Lea, Flood 2014): short, quick, and the same everywhere, which the
/// standard's distributions are not.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t n) { return uint64_t((unsigned __int128)(next()) * n >> 64); }
  double unit() { return double(next() >> 11) * 0x1.0p-53; }
  bool chance(double share) { return unit() < share; }
  /// Of n things a few are hot: the k-th comes about as 1/k.
  uint64_t skewed(uint64_t n) {
    const double u = unit();
    const auto out = uint64_t(std::exp2(u * std::log2(double(n) + 1)) - 1);
    return out < n ? out : n - 1;
  }

 private:
  uint64_t state_;
};

}  // namespace windrow::sources
