#pragma once

#include <cstdint>
#include <string_view>

#include "base/text.h"

namespace windrow::operators {

/// One character of a text.
struct Utf8Character {
  char32_t code;
  size_t bytes;  ///< 1 or more
};

/// The character at `at`, which is within the text; a byte that begins none is one by itself, of
/// the code U+FFFD.
inline Utf8Character utf8_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return char32_t(uint8_t(text[at + i])); };
  switch (utf8_character(text, at)) {
    case 1: return {byte(0), 1};
    case 2: return {(byte(0) & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    case 3: return {(byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    case 4:
      return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
                  (byte(3) & 0x3F),
              4};
    default: return {0xFFFD, 1};
  }
}

}  // namespace windrow::operators
