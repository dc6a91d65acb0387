#include "base/id.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace windrow {

namespace {

using Bytes = std::array<unsigned char, 16>;

Bytes random_bytes() {
  Bytes bytes;
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got < 0 && errno != EINTR)
      throw system_error(errno, "read", "random numbers of the kernel");
    if (got > 0) have += size_t(got);
  }
  return bytes;
}

std::string formatted(Bytes bytes, int version) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += {kHex[bytes[i] >> 4], kHex[bytes[i] & 15]};
  }
  return out;
}

}  // namespace

std::string new_uuid() { return formatted(random_bytes(), 4); }

std::string new_ordered_uuid(Time now) {
  Bytes bytes = random_bytes();
  const auto ms = static_cast<uint64_t>(micros(now) / 1000);
  for (int i = 0; i < 6; ++i) bytes[size_t(i)] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
  return formatted(bytes, 7);
}

}  // namespace windrow
