#include "clients/cassandra/murmur3.h"

#include <cstring>
#include <limits>

namespace windrow::clients::cassandra {

namespace {

constexpr uint64_t kFirst = 0x87c37b91114253d5ULL;
constexpr uint64_t kSecond = 0x4cf5ad432745937fULL;

uint64_t rotate(uint64_t value, int by) { return value << by | value >> (64 - by); }

uint64_t mix(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  return k ^ k >> 33;
}

uint64_t eight(const char* bytes) {  // the least byte first
  uint64_t out;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

/// Up to eight bytes of the tail, each with its sign.
uint64_t signed_tail(std::string_view bytes) {
  uint64_t out = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    out ^= uint64_t(int64_t(static_cast<signed char>(bytes[i]))) << (8 * i);
  return out;
}

}  // namespace

int64_t murmur3_token(std::string_view key) {
  uint64_t h1 = 0, h2 = 0;
  const size_t blocks = key.size() / 16;
  for (size_t i = 0; i < blocks; ++i) {
    const char* at = key.data() + i * 16;
    h1 ^= rotate(eight(at) * kFirst, 31) * kSecond;
    h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= rotate(eight(at + 8) * kSecond, 33) * kFirst;
    h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  const auto tail = key.substr(blocks * 16);
  if (tail.size() > 8) h2 ^= rotate(signed_tail(tail.substr(8)) * kSecond, 33) * kFirst;
  if (!tail.empty()) h1 ^= rotate(signed_tail(tail.substr(0, 8)) * kFirst, 31) * kSecond;
  h1 ^= key.size();
  h2 ^= key.size();
  h1 += h2;
  h2 += h1;
  h1 = mix(h1);
  h2 = mix(h2);
  const auto token = int64_t(h1 + h2);
  return token == std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::max() : token;
}

}  // namespace windrow::clients::cassandra
