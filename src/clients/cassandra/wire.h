#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// The notations of Cassandra's native protocol (native_protocol_v5.spec, section 3): whole numbers
/// with the greatest byte first, texts and bytes behind their length.
namespace windrow::clients::cassandra {

template <typename T>
void put_big_endian(std::string& out, T value) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = char(uint64_t(value) >> (8 * (sizeof(T) - 1 - i)));
  out.append(bytes, sizeof(T));
}

template <typename T>
T big_endian(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | uint8_t(bytes[i]);
  return T(value);
}

inline void put_string(std::string& out, std::string_view text) {
  put_big_endian(out, uint16_t(text.size()));
  out += text;
}
inline void put_long_string(std::string& out, std::string_view text) {
  put_big_endian(out, int32_t(text.size()));
  out += text;
}
/// `[bytes]` and `[value]`.
inline void put_bytes(std::string& out, std::string_view bytes) { put_long_string(out, bytes); }
inline void put_string_map(std::string& out, const std::map<std::string, std::string>& map) {
  put_big_endian(out, uint16_t(map.size()));
  for (const auto& [key, value] : map) {
    put_string(out, key);
    put_string(out, value);
  }
}

/// Reads a message from its beginning to its end; Error(corrupt) where it ends too early.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T number() {
    return big_endian<T>(take(sizeof(T)).data());
  }
  std::string_view string() { return take(number<uint16_t>()); }
  std::string_view short_bytes() { return string(); }
  std::string_view long_string() { return take(length()); }
  /// `[bytes]`: nothing where it is null. `null` says which.
  std::string_view bytes(bool& null) {
    const auto size = number<int32_t>();
    null = size < 0;
    return null ? std::string_view() : take(size_t(size));
  }
  std::vector<std::string> string_list() {
    std::vector<std::string> out(number<uint16_t>());
    for (auto& text : out) text = string();
    return out;
  }
  std::string_view take(size_t size) {
    if (size > bytes_.size())
      throw Error(Code::corrupt, "a message of cassandra ends in the middle");
    const auto out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  std::string_view rest() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  size_t length() {
    const auto size = number<int32_t>();
    if (size < 0) throw Error(Code::corrupt, "a text in a message of cassandra has no length");
    return size_t(size);
  }
  std::string_view bytes_;
};

}  // namespace windrow::clients::cassandra
