#pragma once

#include <string_view>

namespace windrow::operators {

/// How a text sounds. The three shares add up to 1 but for rounding, and are 0 where it has no
/// words.
struct Polarity {
  double negative = 0, neutral = 0, positive = 0;  ///< shares of its words, three digits
  double compound = 0;                             ///< −1 to 1, four digits
};

/// By VADER's lexicon and rules (Hutto and Gilbert: VADER, A Parsimonious Rule-based Model for
/// Sentiment Analysis of Social Media Text, ICWSM 2014), as its authors' program of version 3.3.2
/// applies them under CPython 3.11: every digit is the same, also where that program does something
/// else than its documents say. `text` is UTF-8, English, of any length; the time grows with it.
Polarity polarity(std::string_view text);

}  // namespace windrow::operators
