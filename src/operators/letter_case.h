#pragma once

#include <cstdint>

namespace windrow::operators {

enum class LetterCase { none, upper, other };  ///< other: lower or title

/// By Unicode 14.0's derived properties.
LetterCase letter_case(char32_t character);

}  // namespace windrow::operators
