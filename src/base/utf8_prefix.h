#pragma once

#include <string_view>

namespace windrow {

/// Its first `most` bytes, less those of a character that would be cut.
inline std::string_view utf8_prefix(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace windrow
