#include "operators/vader_words.h"

#include <charconv>
#include <unordered_map>

#include "operators/lexicon.h"
#include "operators/utf8.h"

namespace windrow::operators {
namespace {

constexpr double kBoost = 0.293;

constexpr std::string_view kNegations[] = {
    "aint",   "arent",    "cannot",  "cant",     "couldnt",  "darent",   "didnt",   "doesnt",
    "ain't",  "aren't",   "can't",   "couldn't", "daren't",  "didn't",   "doesn't", "dont",
    "hadnt",  "hasnt",    "havent",  "isnt",     "mightnt",  "mustnt",   "neither", "don't",
    "hadn't", "hasn't",   "haven't", "isn't",    "mightn't", "mustn't",  "neednt",  "needn't",
    "never",  "none",     "nope",    "nor",      "not",      "nothing",  "nowhere", "oughtnt",
    "shant",  "shouldnt", "uhuh",    "wasnt",    "werent",   "oughtn't", "shan't",  "shouldn't",
    "uh-uh",  "wasn't",   "weren't", "without",  "wont",     "wouldnt",  "won't",   "wouldn't",
    "rarely", "seldom",   "despite"};

constexpr std::string_view kStronger[] = {
    "absolutely",    "amazingly",    "awfully",       "completely", "considerable", "considerably",
    "decidedly",     "deeply",       "effing",        "enormous",   "enormously",   "entirely",
    "especially",    "exceptional",  "exceptionally", "extreme",    "extremely",    "fabulously",
    "flipping",      "flippin",      "frackin",       "fracking",   "fricking",     "frickin",
    "frigging",      "friggin",      "fully",         "fuckin",     "fucking",      "fuggin",
    "fugging",       "greatly",      "hella",         "highly",     "hugely",       "incredible",
    "incredibly",    "intensely",    "major",         "majorly",    "more",         "most",
    "particularly",  "purely",       "quite",         "really",     "remarkably",   "so",
    "substantially", "thoroughly",   "total",         "totally",    "tremendous",   "tremendously",
    "uber",          "unbelievably", "unusually",     "utter",      "utterly",      "very"};

constexpr std::string_view kWeaker[] = {
    "almost",   "barely",   "hardly",     "kinda",      "kindof",       "kind-of", "less",
    "little",   "marginal", "marginally", "occasional", "occasionally", "partly",  "scarce",
    "scarcely", "slight",   "slightly",   "somewhat",   "sorta",        "sortof",  "sort-of"};

struct Named {
  std::string_view word;
  VaderWord name;
};
constexpr Named kNamed[] = {
    {"at", VaderWord::at},           {"ass", VaderWord::ass},         {"bad", VaderWord::bad},
    {"beating", VaderWord::beating}, {"bomb", VaderWord::bomb},       {"bus", VaderWord::bus},
    {"but", VaderWord::but},         {"death", VaderWord::death},     {"die", VaderWord::die},
    {"doubt", VaderWord::doubt},     {"enough", VaderWord::enough},   {"for", VaderWord::for_},
    {"heart", VaderWord::heart},     {"just", VaderWord::just},       {"kind", VaderWord::kind},
    {"kiss", VaderWord::kiss},       {"least", VaderWord::least},     {"never", VaderWord::never},
    {"no", VaderWord::no},           {"nor", VaderWord::nor},         {"of", VaderWord::of},
    {"or", VaderWord::or_},          {"right", VaderWord::right},     {"shit", VaderWord::shit},
    {"so", VaderWord::so},           {"sort", VaderWord::sort},       {"stop", VaderWord::stop},
    {"the", VaderWord::the},         {"this", VaderWord::this_},      {"to", VaderWord::to},
    {"very", VaderWord::very},       {"without", VaderWord::without}, {"yeah", VaderWord::yeah}};

/// Calls `take(key, value)` for each line of `KEY TAB VALUE`.
template <typename Take>
void each_line(std::string_view lines, const Take& take) {
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    const auto tab = line.find('\t');
    take(line.substr(0, tab), line.substr(tab + 1));
  }
}

using Entries = std::unordered_map<std::string_view, VaderEntry>;

Entries put_together() {
  Entries out;
  out.reserve(10'000);
  const auto entry = [&](std::string_view word) -> VaderEntry& {
    VaderEntry& found = out[word];
    found.word = word;
    return found;
  };
  each_line(lexicon_lines(), [&](std::string_view word, std::string_view valence) {
    VaderEntry& found = entry(word);
    found.in_lexicon = true;
    std::from_chars(valence.data(), valence.data() + valence.size(), found.valence);
  });
  for (const auto word : kNegations) entry(word).negates = true;
  for (const auto word : kStronger) entry(word).boost = kBoost;
  for (const auto word : kWeaker) entry(word).boost = -kBoost;
  for (const auto& named : kNamed) entry(named.word).name = named.name;
  return out;
}

std::unordered_map<char32_t, std::string_view> names_of_emoji() {
  std::unordered_map<char32_t, std::string_view> out;
  each_line(emoji_lines(), [&](std::string_view emoji, std::string_view name) {
    out.emplace(utf8_at(emoji, 0).code, name);
  });
  return out;
}

}  // namespace

const VaderEntry* vader_entry(std::string_view word) {
  static const Entries all = put_together();
  const auto found = all.find(word);
  return found == all.end() ? nullptr : &found->second;
}

std::string_view emoji_name(char32_t emoji) {
  static const auto all = names_of_emoji();
  const auto found = all.find(emoji);
  return found == all.end() ? std::string_view() : found->second;
}

}  // namespace windrow::operators
