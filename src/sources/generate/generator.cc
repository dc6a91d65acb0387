#include "sources/generate/generator.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "sources/generate/random.h"

namespace windrow::sources {
namespace {

constexpr uint64_t kGapMost = 20'000;  // microseconds
constexpr size_t kRemembered = 512;    // records that a duplicate may repeat

const char* const kWords[] = {
    "history", "river",     "county",  "season",  "album",    "station", "village", "league",
    "castle",  "film",      "railway", "species", "election", "church",  "award",   "painter",
    "bridge",  "orchestra", "harbour", "museum",  "glacier",  "novel",   "dynasty", "stadium",
    "island",  "physics",   "garden",  "airport", "chess",    "volcano", "opera",   "theorem"};
const char* const kWikis[] = {"en", "de", "fr", "ja", "es", "ru", "it", "zh", "pl", "pt",
                              "nl", "sv", "ar", "uk", "fa", "ca", "cs", "fi", "ko", "he"};
const char* const kChampions[] = {"Ahri",   "Lux",   "Jinx",   "Thresh", "Yasuo", "Garen",
                                  "Zed",    "Ashe",  "Leona",  "Vi",     "Ekko",  "Sona",
                                  "Darius", "Janna", "Ezreal", "Orianna"};
const char* const kMerchants[] = {"grocery",  "fuel", "travel", "online", "restaurant",
                                  "pharmacy", "cash", "rent",   "games",  "jewels"};

template <size_t N>
const char* one_of(const char* const (&list)[N], uint64_t i) {
  return list[i % N];
}

const char* flag(bool value) { return value ? "true" : "false"; }

/// A capital first.
void add_word(std::string& out, const char* word) {
  out += char(word[0] - 'a' + 'A');
  out += word + 1;
}

using Append = std::back_insert_iterator<std::string>;

class Wikipedia {
 public:
  /// Edits come in bursts: of a page in the news, by a bot at work.
  void write(Random& random, int64_t number, Time time, Generated& out) {
    if (random.chance(0.002)) burst_ = random.below(200), burst_page_ = random.skewed(50'000);
    const bool bot = burst_ == 0 && random.chance(0.18);
    const uint64_t page = burst_ > 0 ? (--burst_, burst_page_) : random.skewed(500'000);
    const uint64_t user = bot ? random.skewed(60) : random.skewed(200'000);
    const uint64_t wiki = random.skewed(std::size(kWikis));
    const char* language = one_of(kWikis, wiki);
    const int64_t old_length = int64_t(random.skewed(200'000));
    const int64_t change = int64_t(random.skewed(20'000)) * (random.chance(0.2) ? -1 : 1);
    const bool is_new = !bot && random.chance(0.03);
    const bool log = random.chance(0.03);
    out.key = language;
    out.key += "wiki";
    auto& v = out.value;
    v.clear();
    auto to = Append(v);
    fmt::format_to(to, "{{\"id\":{},\"type\":\"{}\",\"namespace\":{},\"title\":\"", number,
                   log      ? "log"
                   : is_new ? "new"
                            : "edit",
                   random.chance(0.7) ? 0 : random.below(16));
    add_word(v, one_of(kWords, page));
    fmt::format_to(to, " of the {} {}\",\"comment\":\"", one_of(kWords, page / 32), page);
    if (random.chance(0.7)) {
      fmt::format_to(to, "/* {} */ {} {} \\u2192 {}", one_of(kWords, random.next()),
                     one_of(kWords, random.next()), one_of(kWords, random.next()),
                     one_of(kWords, random.next()));
    }
    // Some clients send the time as text.
    const auto seconds = micros(time) / 1'000'000;
    const char* quote = random.chance(0.01) ? "\"" : "";
    fmt::format_to(to, "\",\"timestamp\":{}{}{}", quote, seconds, quote);
    fmt::format_to(to, ",\"user\":\"{}{}\",\"bot\":{},\"minor\":{}", bot ? "Bot" : "User", user,
                   flag(bot), flag(random.chance(0.25)));
    fmt::format_to(to,
                   ",\"length\":{{\"old\":{},\"new\":{}}},\"revision\":{{\"old\":{},\"new\":{}}}",
                   old_length, std::max<int64_t>(0, old_length + change), 1'100'000'000 + number,
                   1'100'000'001 + number);
    fmt::format_to(to,
                   ",\"bytes_changed\":{},\"server_url\":\"https://{}.wikipedia.org\","
                   "\"server_name\":\"{}.wikipedia.org\",\"wiki\":\"{}wiki\",\"language\":\"{}\"",
                   change, language, language, language, language);
    if (log) {
      const auto shape = random.below(3);
      v += shape == 0   ? ",\"log_params\":{\"duration\":\"1 week\",\"flags\":[\"nocreate\"]}"
           : shape == 1 ? ",\"log_params\":[\"1\",0]"
                        : ",\"log_params\":\"moved\"";
    }
    v += '}';
  }

 private:
  uint64_t burst_ = 0, burst_page_ = 0;
};

constexpr const char* kPositions[] = {"TOP", "JUNGLE", "MIDDLE", "BOTTOM", "UTILITY"};

class League {
 public:
  void write(Random& random, int64_t number, Time time, Generated& out) {
    const bool arena = random.chance(0.1);
    const uint64_t players = arena ? (random.chance(0.5) ? 16 : 8) : 10;
    const char* platform = random.chance(0.6) ? "EUW1" : random.chance(0.5) ? "NA1" : "KR";
    auto& v = out.value;
    out.key = fmt::format("{}_{}", platform, 6'000'000'000 + number);
    v.clear();
    auto to = Append(v);
    const auto duration = 900 + random.below(1800);
    fmt::format_to(to,
                   "{{\"metadata\":{{\"dataVersion\":\"2\",\"matchId\":\"{}\"}},\"info\":{{"
                   "\"gameId\":{},\"gameCreation\":{},\"gameDuration\":{},\"gameEndTimestamp\":{},"
                   "\"gameMode\":\"{}\","
                   "\"gameVersion\":\"15.{}.1\",\"platformId\":\"{}\",\"participants\":[",
                   out.key, 6'000'000'000 + number, micros(time) / 1000, duration,
                   micros(time) / 1000 + int64_t(duration) * 1000,
                   arena                ? "CHERRY"
                   : random.chance(0.3) ? "ARAM"
                                        : "CLASSIC",
                   1 + number / 1000 % 24, platform);
    const bool first_wins = random.chance(0.5);
    for (uint64_t i = 0; i < players; ++i) {
      const bool first = i < players / 2;
      const auto player = random.skewed(50'000);
      const auto champion = random.skewed(std::size(kChampions));
      fmt::format_to(
          to,
          "{}{{\"participantId\":{},\"puuid\":\"p{:08}\",\"summonerName\":\"Summoner {}\","
          "\"championId\":{},\"championName\":\"{}\",\"teamId\":{},\"win\":{},\"kills\":{},"
          "\"deaths\":{},\"assists\":{},\"goldEarned\":{},"
          "\"totalDamageDealtToChampions\":{},\"totalDamageTaken\":{},\"visionScore\":{},"
          "\"totalMinionsKilled\":{},\"neutralMinionsKilled\":{},\"champLevel\":{},"
          "\"teamPosition\":\"{}\"}}",
          i ? "," : "", i + 1, player, player, champion + 1, one_of(kChampions, champion),
          first ? 100 : 200, flag(first == first_wins), random.below(15), random.below(12),
          random.below(25), duration * 6 + random.below(6000), random.below(40'000),
          random.below(50'000), random.below(80), duration / 60 * random.below(8), random.below(40),
          6 + random.below(13), arena ? "" : kPositions[i % std::size(kPositions)]);
    }
    fmt::format_to(to,
                   "],\"teams\":[{{\"teamId\":100,\"win\":{}}},{{\"teamId\":200,\"win\":{}}}]}}}}",
                   flag(first_wins), flag(!first_wins));
  }
};

class Bank {
 public:
  void write(Random& random, int64_t number, Time time, Generated& out) {
    const bool fraud = random.chance(0.004);
    const auto account = random.skewed(100'000);
    const auto cents = fraud ? 20'000 + random.skewed(900'000) : 100 + random.skewed(60'000);
    out.key = fmt::format("A{:07}", account);
    auto& v = out.value;
    v.clear();
    fmt::format_to(Append(v),
                   "{{\"transaction_id\":\"T{:012}\",\"account\":\"{}\",\"amount\":\"{}.{:02}\","
                   "\"currency\":\"{}\",\"merchant\":\"{}-{}\",\"category\":\"{}\",\"time\":\"{}\","
                   "\"country\":\"{}\",\"channel\":\"{}\",\"card_present\":{},\"fraud\":{}}}",
                   number, out.key, cents / 100, cents % 100, random.chance(0.8) ? "EUR" : "USD",
                   one_of(kMerchants, account + random.below(3)), random.skewed(5000),
                   one_of(kMerchants, account + random.below(3)), iso(time),
                   fraud && random.chance(0.7) ? "XX"
                   : random.chance(0.9)        ? "DE"
                                               : "FR",
                   random.chance(0.6)   ? "chip"
                   : random.chance(0.5) ? "online"
                                        : "phone",
                   flag(!fraud && random.chance(0.6)), flag(fraud));
  }
};

/// The faults, and time, are the same for every kind.
template <class Kind>
class Faulty final : public Generator {
 public:
  explicit Faulty(const GeneratorOptions& options)
      : options_(options), random_(options.seed), now_(micros(options.begin)) {}

  void next(Generated& out) override {
    if (!remembered_.empty() && random_.chance(options_.duplicates)) {
      out = remembered_[random_.below(remembered_.size())];
      return;
    }
    // Events of a burst share their second; a quiet night has some seconds between them.
    now_ += int64_t(double(random_.skewed(kGapMost)) * options_.stretch);
    int64_t time = now_;
    if (random_.chance(options_.late)) time -= int64_t(random_.skewed(6 * 3600)) * 1'000'000;
    kind_.write(random_, number_++, time_from_micros(time), out);
    if (remembered_.size() < kRemembered) {
      remembered_.push_back(out);
    } else if (random_.chance(0.05)) {
      remembered_[random_.below(kRemembered)] = out;
    }
    if (random_.chance(options_.broken)) spoil(out.value);
  }

 private:
  void spoil(std::string& value) {
    switch (random_.below(3)) {
      case 0: value.resize(value.size() / 2); break;              // cut off
      case 1: value.insert(value.size() / 2, "\xff\xfe"); break;  // not UTF-8
      default: value = "<html>502 Bad Gateway</html>";
    }
  }

  GeneratorOptions options_;
  Random random_;
  Kind kind_;
  int64_t number_ = 0, now_;
  std::vector<Generated> remembered_;
};

}  // namespace

std::unique_ptr<Generator> generator(const std::string& kind, const GeneratorOptions& options) {
  if (kind == "wikipedia") return std::make_unique<Faulty<Wikipedia>>(options);
  if (kind == "league") return std::make_unique<Faulty<League>>(options);
  if (kind == "bank") return std::make_unique<Faulty<Bank>>(options);
  throw Error(Code::usage, fmt::format("there is no generator \"{}\"", kind),
              did_you_mean(kind, {"wikipedia", "league", "bank"}));
}

double stretch_of(std::chrono::microseconds span, int64_t rows) {
  // The mean of skewed(n) is about n / ln n.
  const double mean = double(kGapMost) / std::log(double(kGapMost));
  return rows > 0 ? double(span.count()) / double(rows) / mean : 1;
}

}  // namespace windrow::sources
