#include "operators/vader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "operators/letter_case.h"
#include "operators/utf8.h"
#include "operators/vader_words.h"

// The order of every addition and multiplication is that of the program that it has to agree with.

namespace windrow::operators {
namespace {

constexpr double kCapitals = 0.733;
constexpr double kNegation = -0.74;

struct Word {
  const VaderEntry* entry;
  bool upper = false;  ///< has capitals and no small letters
  bool negates = false;
};

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return uint8_t(c) < 0x80; });
}

/// What Python's str.split takes for white space.
bool white(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

std::string with_emoji_named(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool after_blank = true;
  for (size_t at = 0; at < text.size();) {
    const auto character = utf8_at(text, at);
    const auto name = character.code < 0x80 ? std::string_view() : emoji_name(character.code);
    if (name.empty()) {
      out += text.substr(at, character.bytes);
      after_blank = character.code == ' ';
    } else {
      if (!after_blank) out += ' ';
      out += name;
      after_blank = false;
    }
    at += character.bytes;
  }
  return out;
}

/// Without punctuation around it, unless so little is left that it may have been an emoticon.
std::string_view stripped(std::string_view token) {
  std::string_view word = token;
  while (!word.empty() && punctuation(word.front())) word.remove_prefix(1);
  while (!word.empty() && punctuation(word.back())) word.remove_suffix(1);
  size_t characters = 0;
  for (size_t at = 0; at < word.size() && characters <= 2; ++characters)
    at += utf8_at(word, at).bytes;
  return characters <= 2 ? token : word;
}

bool all_upper(std::string_view word) {
  bool any = false;
  for (size_t at = 0; at < word.size();) {
    const auto character = utf8_at(word, at);
    at += character.bytes;
    const auto c = character.code;
    if (c < 0x80) {
      if (c >= 'a' && c <= 'z') return false;
      any |= c >= 'A' && c <= 'Z';
      continue;
    }
    const auto of = letter_case(c);
    if (of == LetterCase::other) return false;
    any |= of == LetterCase::upper;
  }
  return any;
}

/// Small letters as far as they matter: all words that anything is known of are ASCII, and of all
/// other characters only the Kelvin sign has a small letter there.
void put_small(std::string& out, std::string_view word) {
  constexpr std::string_view kKelvin = "\xE2\x84\xAA";
  out.clear();
  for (size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    if (c == kKelvin[0] && word.substr(at, 3) == kKelvin) {
      out += 'k';
      at += 2;
    } else {
      out += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    }
  }
}

const VaderEntry* known(std::string_view small) {
  static const VaderEntry unknown;
  const auto* entry = vader_entry(small);
  return entry ? entry : &unknown;
}

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  std::string small;
  const auto add = [&](std::string_view token) {
    if (token.empty()) return;
    const auto word = stripped(token);
    put_small(small, word);
    const auto* entry = known(small);
    out.push_back(
        {entry, all_upper(word), entry->negates || small.find("n't") != std::string::npos});
  };
  size_t begin = 0, at = 0;
  while (at < text.size()) {
    const auto character = utf8_at(text, at);
    if (white(character.code)) {
      add(text.substr(begin, at - begin));
      begin = at + character.bytes;
    }
    at += character.bytes;
  }
  add(text.substr(begin));
  return out;
}

/// What a pair of words is worth of which a lexicon has only one, or none.
std::optional<double> idiom(VaderWord a, VaderWord b) {
  using W = VaderWord;
  if (a == W::the && (b == W::shit || b == W::bomb)) return 3;
  if (a == W::bad && b == W::ass) return 1.5;
  if (a == W::bus && b == W::stop) return 0;
  if (a == W::yeah && b == W::right) return -2;
  if (a == W::beating && b == W::heart) return 3.5;
  return {};
}
std::optional<double> idiom(VaderWord a, VaderWord b, VaderWord c) {
  using W = VaderWord;
  if (a == W::kiss && b == W::of && c == W::death) return -1.5;
  if (a == W::to && b == W::die && c == W::for_) return 3;
  return {};
}
bool weakens(VaderWord a, VaderWord b) {
  using W = VaderWord;
  return (a == W::just && b == W::enough) || ((a == W::kind || a == W::sort) && b == W::of);
}

/// The words of a text, and what each is worth among the others.
class Sentences {
 public:
  explicit Sentences(std::vector<Word> words) : words_(std::move(words)) {
    const auto upper = std::count_if(words_.begin(), words_.end(), [](auto& w) { return w.upper; });
    some_shout_ = upper > 0 && size_t(upper) < words_.size();
  }

  std::vector<double> valences() const {
    std::vector<double> out(words_.size(), 0);
    for (size_t i = 0; i < words_.size(); ++i) {
      const bool modifier =
          words_[i].entry->boost != 0 ||
          (is(i, VaderWord::kind) && i + 1 < words_.size() && is(i + 1, VaderWord::of));
      if (!modifier && words_[i].entry->in_lexicon) out[i] = valence(i);
    }
    turn_at_but(out);
    return out;
  }

 private:
  VaderWord name(size_t i) const { return words_[i].entry->name; }
  bool is(size_t i, VaderWord word) const { return name(i) == word; }
  bool in_lexicon(size_t i) const { return words_[i].entry->in_lexicon; }

  double valence(size_t i) const {
    double out = words_[i].entry->valence;
    if (is(i, VaderWord::no) && i + 1 < words_.size() && in_lexicon(i + 1)) out = 0;
    if ((i > 0 && is(i - 1, VaderWord::no)) || (i > 1 && is(i - 2, VaderWord::no)) ||
        (i > 2 && is(i - 3, VaderWord::no) &&
         (is(i - 1, VaderWord::or_) || is(i - 1, VaderWord::nor))))
      out = words_[i].entry->valence * kNegation;
    if (words_[i].upper && some_shout_) out += out > 0 ? kCapitals : -kCapitals;
    for (size_t distance = 1; distance <= 3 && distance <= i; ++distance) {
      if (in_lexicon(i - distance)) continue;
      const double weight = distance == 1 ? 1 : distance == 2 ? 0.95 : 0.9;
      out = out + boost(words_[i - distance], out) * weight;
      out = negated(out, i, distance);
      if (distance == 3) out = in_idiom(out, i);
    }
    const bool after_least = i > 0 && is(i - 1, VaderWord::least) && !in_lexicon(i - 1);
    if (after_least && !(i > 1 && (is(i - 2, VaderWord::at) || is(i - 2, VaderWord::very))))
      out = out * kNegation;
    return out;
  }

  double boost(const Word& word, double valence) const {
    double out = word.entry->boost;
    if (out == 0) return 0;
    if (valence < 0) out *= -1;
    if (word.upper && some_shout_) out += valence > 0 ? kCapitals : -kCapitals;
    return out;
  }

  double negated(double valence, size_t i, size_t distance) const {
    const auto stresses = [&](size_t at) {
      return is(at, VaderWord::so) || is(at, VaderWord::this_);
    };
    if (distance == 2) {
      if (is(i - 2, VaderWord::never) && stresses(i - 1)) return valence * 1.25;
      if (is(i - 2, VaderWord::without) && is(i - 1, VaderWord::doubt)) return valence;
    }
    if (distance == 3) {
      // A `so` or `this` directly before stresses by itself, whatever stands three words before.
      if ((is(i - 3, VaderWord::never) && stresses(i - 2)) || stresses(i - 1))
        return valence * 1.25;
      if (is(i - 3, VaderWord::without) &&
          (is(i - 2, VaderWord::doubt) || is(i - 1, VaderWord::doubt)))
        return valence;
    }
    return words_[i - distance].negates ? valence * kNegation : valence;
  }

  double in_idiom(double valence, size_t i) const {
    const auto zero = name(i), one = name(i - 1), two = name(i - 2), three = name(i - 3);
    for (const auto& found : {idiom(one, zero), idiom(two, one, zero), idiom(two, one),
                              idiom(three, two, one), idiom(three, two)}) {
      if (!found) continue;
      valence = *found;
      break;
    }
    if (i + 1 < words_.size()) valence = idiom(zero, name(i + 1)).value_or(valence);
    if (i + 2 < words_.size()) valence = idiom(zero, name(i + 1), name(i + 2)).value_or(valence);
    if (weakens(three, two)) valence = valence + -0.293;
    if (weakens(two, one)) valence = valence + -0.293;
    return valence;
  }

  /// What stands before the first `but` counts half, what stands behind it half as much again. The
  /// program to agree with looks for the place of a value by the value, in the list that it
  /// changes: of equal values the first one is meant each time.
  void turn_at_but(std::vector<double>& valences) const {
    size_t but = 0;
    while (but < words_.size() && !is(but, VaderWord::but)) ++but;
    if (but == words_.size()) return;
    std::unordered_map<double, std::set<size_t>> places;  // zeros stay as they are
    for (size_t i = 0; i < valences.size(); ++i)
      if (valences[i] != 0) places[valences[i]].insert(i);
    for (const double& each : valences) {
      const double valence = each;
      if (valence == 0) continue;
      auto& equal = places[valence];
      const size_t first = *equal.begin();
      if (first == but) continue;
      equal.erase(equal.begin());
      valences[first] = valence * (first < but ? 0.5 : 1.5);
      places[valences[first]].insert(first);
    }
  }

  std::vector<Word> words_;
  bool some_shout_ = false;  ///< some words are in capitals, not all
};

double emphasis(std::string_view text) {
  const auto exclamations = std::count(text.begin(), text.end(), '!');
  const auto questions = std::count(text.begin(), text.end(), '?');
  const double asked = questions <= 1 ? 0 : questions <= 3 ? double(questions) * 0.18 : 0.96;
  return double(std::min<int64_t>(exclamations, 4)) * 0.292 + asked;
}

double rounded(double value, int digits) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  double out = 0;
  std::from_chars(text, end.ptr, out);
  return out;
}

Polarity score(const std::vector<double>& valences, double emphasis) {
  double sum = 0, positive = 0, negative = 0, neutral = 0;
  for (const double valence : valences) {
    sum += valence;
    // Neutral words count as one: so does every other, beside what it is worth.
    if (valence > 0) positive += valence + 1;
    if (valence < 0) negative += valence - 1;
    if (valence == 0) neutral += 1;
  }
  if (sum > 0)
    sum += emphasis;
  else if (sum < 0)
    sum -= emphasis;
  if (positive > std::fabs(negative))
    positive += emphasis;
  else if (positive < std::fabs(negative))
    negative -= emphasis;
  const double total = positive + std::fabs(negative) + neutral;
  const double compound = std::clamp(sum / std::sqrt(sum * sum + 15), -1.0, 1.0);
  return {rounded(std::fabs(negative / total), 3), rounded(std::fabs(neutral / total), 3),
          rounded(std::fabs(positive / total), 3), rounded(compound, 4)};
}

}  // namespace

Polarity polarity(std::string_view text) {
  std::string named;
  if (!ascii(text)) {
    named = with_emoji_named(text);
    text = named;
  }
  const auto valences = Sentences(words_of(text)).valences();
  return valences.empty() ? Polarity{} : score(valences, emphasis(text));
}

}  // namespace windrow::operators
