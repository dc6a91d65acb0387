#include <fmt/format.h>

#include <cctype>

#include "base/error.h"
#include "schedule/cron.h"
#include "schedule/days.h"

namespace windrow::schedule {

namespace {

struct CronField {
  const char* name;
  unsigned min, max;
  std::vector<std::string_view> names;  ///< of the values from `min` on
};

const CronField kSecond{"seconds", 0, 59, {}}, kMinute{"minutes", 0, 59, {}},
    kHour{"hours", 0, 23, {}}, kDay{"days of the month", 1, 31, {}},
    kMonth{"months",
           1,
           12,
           {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
    kWeekday{"days of the week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}};

struct Word {
  std::string text;  ///< in capitals
  size_t at;         ///< in the expression
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == ' ' || c == '\t') {
      inside = false;
      continue;
    }
    if (!inside) out.push_back({{}, i});
    inside = true;
    out.back().text += char(std::toupper(c));
  }
  return out;
}

constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@YEARLY", "0 0 1 1 *"}, {"@ANNUALLY", "0 0 1 1 *"}, {"@MONTHLY", "0 0 1 * *"},
    {"@WEEKLY", "0 0 * * 0"}, {"@DAILY", "0 0 * * *"},    {"@MIDNIGHT", "0 0 * * *"},
    {"@HOURLY", "0 * * * *"}};

}  // namespace

/// Reads one expression; each part is told where it stands in it.
class CronParser {
 public:
  explicit CronParser(std::string_view text) : shown_(text) {}

  Cron parse() {
    auto words = words_of(shown_);
    if (words.size() == 1 && words[0].text.starts_with('@')) {
      words = words_of(nickname(words[0]));
      for (auto& word : words) word.at = 0;
    }
    if (words.size() != 5 && words.size() != 6) {
      fail(words.empty() ? 0 : words.back().at,
           fmt::format("a cron expression has five fields, or six with seconds first, not {}",
                       words.size()),
           "minute, hour, day of the month, month, day of the week: \"0 6 * * MON-FRI\"");
    }
    if (words.size() == 5) words.insert(words.begin(), Word{"0", 0});
    out_.text_ = trimmed();
    read_clock(kSecond, words[0], out_.seconds_);
    read_clock(kMinute, words[1], out_.minutes_);
    read_clock(kHour, words[2], out_.hours_);
    read_days(words[3]);
    read_clock(kMonth, words[4], out_.months_);
    read_weekdays(words[5]);
    refuse_ambiguous(words[3], words[5]);
    refuse_impossible(words[3]);
    const auto follows = [](const Word& word, const auto& bits) {
      return word.text.starts_with('*') || bits.all();
    };
    out_.fixed_ = !follows(words[0], out_.seconds_) && !follows(words[1], out_.minutes_) &&
                  !follows(words[2], out_.hours_);
    return out_;
  }

 private:
  [[noreturn]] void fail(size_t at, const std::string& what, const std::string& hint = {}) const {
    throw Error(Code::configuration, fmt::format("cron \"{}\": {}", shown_, what), hint,
                {"", 1, int(at) + 1});
  }

  std::string trimmed() const {
    const size_t begin = shown_.find_first_not_of(" \t"), end = shown_.find_last_not_of(" \t");
    return std::string(shown_.substr(begin, end + 1 - begin));
  }

  std::string_view nickname(const Word& word) const {
    for (const auto& [name, meaning] : kNicknames) {
      if (word.text == name) return meaning;
    }
    fail(word.at, fmt::format("\"{}\" is not known", word.text),
         "there is @yearly, @monthly, @weekly, @daily, @hourly");
  }

  /// A field's parts, between commas.
  template <class Part>
  void each_part(const CronField& field, const Word& word, Part part) const {
    for (size_t begin = 0;;) {
      const size_t end = std::min(word.text.find(',', begin), word.text.size());
      const Word one{word.text.substr(begin, end - begin), word.at + begin};
      if (one.text.empty()) fail(one.at, fmt::format("a value of the {} is missing", field.name));
      if (one.text.starts_with('*') && one.text.size() != word.text.size()) {
        fail(one.at, fmt::format("\"{}\" in a list of {}", one.text, field.name),
             "* means all of them: write it alone");
      }
      part(one);
      if (end == word.text.size()) return;
      begin = end + 1;
    }
  }

  unsigned number(const Word& word, const char* what) const {
    unsigned value = 0;
    if (word.text.empty() || word.text.size() > 4) value = 10'000;
    for (const char c : word.text) {
      if (c < '0' || c > '9') value = 10'000;
      if (value < 10'000) value = value * 10 + unsigned(c - '0');
    }
    if (value >= 10'000) fail(word.at, fmt::format("\"{}\" is no {}", word.text, what));
    return value;
  }

  unsigned value(const CronField& field, const Word& word) const {
    for (size_t i = 0; i < field.names.size(); ++i) {
      if (word.text == field.names[i]) return field.min + unsigned(i);
    }
    unsigned found = field.max + 1;
    bool digits = !word.text.empty() && word.text.size() <= 4;
    for (const char c : word.text) digits = digits && c >= '0' && c <= '9';
    if (digits) found = number(word, "number");
    if (found < field.min || found > field.max) {
      const std::string names =
          field.names.empty()
              ? ""
              : fmt::format(", or {} to {}", field.names.front(), field.names.back());
      fail(word.at, fmt::format("\"{}\" is none of the {}", word.text, field.name),
           fmt::format("they go from {} to {}{}", field.min, field.max, names));
    }
    return found;
  }

  static Word from(const Word& word, size_t begin, size_t end = std::string::npos) {
    return {word.text.substr(begin, end == std::string::npos ? end : end - begin), word.at + begin};
  }

  /// `*`, `5`, `5-9`, each with or without `/2`: calls `set` for each value.
  template <class Set>
  void read_part(const CronField& field, const Word& part, Set set) const {
    const size_t slash = part.text.find('/');
    const Word range = slash == std::string::npos ? part : from(part, 0, slash);
    unsigned first = field.min, last = field.max, step = 1;
    if (range.text != "*") {
      const size_t dash = range.text.find('-');
      if (dash == std::string::npos) {
        first = value(field, range);
        last = slash == std::string::npos ? first : field.max;
      } else {
        first = value(field, from(range, 0, dash));
        last = value(field, from(range, dash + 1));
        if (&field == &kWeekday && first == 7 && last < 7) first = 0;
        if (&field == &kWeekday && last == 0 && first > 0) last = 7;
        if (first > last) {
          fail(part.at, fmt::format("\"{}\" goes backwards", range.text),
               fmt::format("write {}-{},{}-{}", first, field.max - (&field == &kWeekday ? 1 : 0),
                           field.min, last));
        }
      }
    } else if (&field == &kWeekday) {
      last = 6;
    }
    if (&field == &kWeekday && slash != std::string::npos &&
        range.text.find('-') == std::string::npos)
      last = 6;
    if (slash != std::string::npos) {
      const Word text = from(part, slash + 1);
      step = number(text, "step");
      if (step == 0) fail(text.at, "a step of 0");
      if (step > field.max) {
        fail(text.at, fmt::format("a step of {} goes past all {}", step, field.name),
             &field == &kDay || &field == &kMonth || &field == &kWeekday
                 ? "a step starts anew in each month, year or week"
                 : "a step starts anew each time: \"every: 90m\" goes on");
      }
    }
    for (unsigned v = first; v <= last; v += step) set(v);
  }

  template <size_t N>
  void read_clock(const CronField& field, const Word& word, std::bitset<N>& bits) const {
    each_part(field, word,
              [&](const Word& part) { read_part(field, part, [&](unsigned v) { bits.set(v); }); });
  }

  void read_days(const Word& word) {
    out_.any_day_ = word.text == "*" || word.text == "?";
    if (out_.any_day_) return;
    each_part(kDay, word, [&](const Word& part) {
      if (part.text == "L") {
        out_.last_day_ = true;
      } else if (part.text == "LW" || part.text == "WL") {
        out_.last_weekday_ = true;
      } else if (part.text.size() > 1 && part.text.ends_with('W')) {
        out_.nearest_weekday_.set(value(kDay, from(part, 0, part.text.size() - 1)));
      } else if (part.text.starts_with("L-")) {
        fail(part.at, "days before the last are not known",
             "with a calendar, \"days: -3\" is the third business day from the end");
      } else {
        read_part(kDay, part, [&](unsigned v) { out_.days_.set(v); });
      }
    });
  }

  void read_weekdays(const Word& word) {
    out_.any_weekday_ = word.text == "*" || word.text == "?";
    if (out_.any_weekday_) return;
    each_part(kWeekday, word, [&](const Word& part) {
      const size_t hash = part.text.find('#');
      if (part.text == "L") {
        fail(part.at, "\"L\" alone is Saturday for some, the last day for others",
             "write 6, or 6L for the last Saturday of the month");
      } else if (part.text.ends_with('L') && part.text.find_first_of("-/") == std::string::npos) {
        out_.last_weekdays_.set(value(kWeekday, from(part, 0, part.text.size() - 1)) % 7);
      } else if (hash != std::string::npos) {
        const Word nth = from(part, hash + 1);
        const unsigned n = number(nth, "number of a week");
        if (n < 1 || n > 5) {
          fail(nth.at, fmt::format("a month has no {}th of a weekday", n), "from #1 to #5");
        }
        auto& bits = out_.nth_weekdays_[value(kWeekday, from(part, 0, hash)) % 7];
        bits = uint8_t(bits | 1u << n);
      } else {
        read_part(kWeekday, part, [&](unsigned v) { out_.weekdays_.set(v % 7); });
      }
    });
  }

  void refuse_ambiguous(const Word& day, const Word& weekday) const {
    if (out_.any_day_ || out_.any_weekday_) return;
    for (const auto& word : {day, weekday}) {
      if (!word.text.starts_with('*')) continue;
      fail(word.at,
           fmt::format("\"{}\" beside another restricted day field: some take days that are in "
                       "both, others those that are in either",
                       word.text),
           "write the days out, such as 1-31/2, for days that are in either");
    }
  }

  void refuse_impossible(const Word& word) const {
    if (out_.any_day_ || !out_.any_weekday_ || out_.last_day_ || out_.last_weekday_) return;
    for (unsigned month = 1; month <= 12; ++month) {
      if (!out_.months_[month]) continue;
      for (unsigned day = 1; day <= days_in_month(2000, month); ++day) {
        if (out_.days_[day] || out_.nearest_weekday_[day]) return;
      }
    }
    fail(word.at, "no month that it names has such a day, so it never comes");
  }

  const std::string_view shown_;
  Cron out_;
};

Cron Cron::parse(std::string_view text) { return CronParser(text).parse(); }

}  // namespace windrow::schedule
