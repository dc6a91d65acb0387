#pragma once

#include <cstdint>
#include <string_view>

/// What VADER knows of words.
namespace windrow::operators {

/// Words that rules name.
enum class VaderWord : uint8_t {
  other,
  at,
  ass,
  bad,
  beating,
  bomb,
  bus,
  but,
  death,
  die,
  doubt,
  enough,
  for_,
  heart,
  just,
  kind,
  kiss,
  least,
  never,
  no,
  nor,
  of,
  or_,
  right,
  shit,
  so,
  sort,
  stop,
  the,
  this_,
  to,
  very,
  without,
  yeah
};

/// What is known of one word.
struct VaderEntry {
  std::string_view word;
  bool in_lexicon = false;
  double valence = 0;  ///< −4 to 4, of the lexicon
  double boost = 0;    ///< of words that make the next ones stronger (+0.293) or weaker (−0.293)
  bool negates = false;
  VaderWord name = VaderWord::other;
};

/// Nothing where nothing is known of it. `word` in small letters.
const VaderEntry* vader_entry(std::string_view word);

/// What an emoji of one character is called, in English; empty where it has no name.
std::string_view emoji_name(char32_t emoji);

}  // namespace windrow::operators
