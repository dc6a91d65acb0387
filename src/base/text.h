#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace windrow {

/// With small letters for the capital ones of ASCII; everything else stays.
std::string lower(std::string_view text);
/// Equal but for the case of ASCII's letters.
bool same_letters(std::string_view a, std::string_view b);

/// Bytes of the character of UTF-8 at `at`; 0 where there is none.
size_t utf8_character(std::string_view text, size_t at);

/// A code point as the bytes that it has in UTF-8; half a surrogate as if it were one.
void append_utf8(std::string& out, uint32_t code);

}  // namespace windrow
