#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "schedule/calendar.h"
#include "schedule/days.h"

/// iCalendar, RFC 5545: lines `NAME;PARAMETER=VALUE:VALUE`, a line that begins with a blank goes on
/// with the one before; `BEGIN:` and `END:` enclose components. Only events of whole days count.
namespace windrow::schedule {

namespace {

struct IcsLine {
  std::string name, parameters, value;
  int number = 0;
};

class IcsReader {
 public:
  IcsReader(std::string_view text, const std::string& file, Day until)
      : text_(text), file_(file), until_(until) {}

  std::vector<std::pair<Day, std::string>> read() {
    bool inside = false, ended = false;
    std::vector<std::string> open;
    std::vector<IcsLine> event;
    for (IcsLine line; next(line);) {
      if (!inside && (line.name != "BEGIN" || line.value != "VCALENDAR" || ended))
        fail(line.number, "this is no iCalendar file", "it begins with BEGIN:VCALENDAR");
      if (line.name == "BEGIN") {
        inside = true;
        open.push_back(line.value);
        if (line.value == "VEVENT") event = {line};
      } else if (line.name == "END") {
        if (open.empty() || open.back() != line.value)
          fail(line.number, fmt::format("END:{} ends what did not begin", line.value));
        open.pop_back();
        if (line.value == "VEVENT") take(event);
        if (open.empty()) inside = false, ended = true;
      } else if (!open.empty() && open.back() == "VEVENT") {
        event.push_back(line);
      }
    }
    if (!ended || inside) fail(number_, "the file ends in the middle", "END:VCALENDAR is missing");
    std::sort(found_.begin(), found_.end());
    found_.erase(std::unique(found_.begin(), found_.end(),
                             [](const auto& a, const auto& b) { return a.first == b.first; }),
                 found_.end());
    return std::move(found_);
  }

 private:
  [[noreturn]] void fail(int line, const std::string& what, const std::string& hint = {}) const {
    throw Error(Code::configuration, what, hint, {file_, std::max(line, 1), 1});
  }

  bool raw(std::string& line) {
    if (at_ >= text_.size()) return false;
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    line = std::string(text_.substr(at_, end - at_));
    if (line.ends_with('\r')) line.pop_back();
    at_ = end + 1;
    ++number_;
    return true;
  }

  bool next(IcsLine& out) {
    std::string whole;
    do {
      if (!raw(whole)) return false;
      if (number_ == 1 && whole.starts_with("\xEF\xBB\xBF")) whole.erase(0, 3);
    } while (whole.empty());
    out = {};
    out.number = number_;
    for (std::string more;
         at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t') && raw(more);) {
      whole += more.substr(1);
    }
    // A colon within quotes belongs to a parameter.
    bool quoted = false;
    size_t colon = 0;
    for (; colon < whole.size() && (quoted || whole[colon] != ':'); ++colon) {
      if (whole[colon] == '"') quoted = !quoted;
    }
    if (colon == whole.size()) fail(out.number, "a line without \":\"");
    const std::string head = whole.substr(0, colon);
    out.value = whole.substr(colon + 1);
    out.name = upper(head.substr(0, head.find(';')));
    if (head.size() > out.name.size()) out.parameters = upper(head.substr(out.name.size() + 1));
    if (out.name == "BEGIN" || out.name == "END") out.value = upper(out.value);
    return true;
  }

  static std::string upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
    return text;
  }

  int number_of(const IcsLine& line, std::string_view text, int least, int most) const {
    const bool minus = text.starts_with('-');
    const auto digits = text.substr(minus || text.starts_with('+') ? 1 : 0);
    int value = 0;
    bool good = !digits.empty() && digits.size() <= 8;
    for (const char c : digits) {
      good = good && c >= '0' && c <= '9';
      value = good ? value * 10 + (c - '0') : 0;
    }
    if (minus) value = -value;
    if (!good || value < least || value > most)
      fail(line.number, fmt::format("{}: \"{}\" cannot be read", line.name, text));
    return value;
  }

  /// Of a whole day; nothing where it has a time.
  std::optional<Day> date_of(const IcsLine& line, std::string_view text) const {
    if (text.size() > 8 && text[8] == 'T') return {};
    if (text.size() != 8) fail(line.number, fmt::format("\"{}\" is no date", text));
    const int year = number_of(line, text.substr(0, 4), 1, 9999),
              month = number_of(line, text.substr(4, 2), 1, 12),
              day = number_of(line, text.substr(6, 2), 1, 31);
    if (unsigned(day) > days_in_month(year, unsigned(month)))
      fail(line.number, fmt::format("there is no day {}", text));
    return day_of(year, unsigned(month), unsigned(day));
  }

  static std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> out;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(by, begin), text.size());
      out.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return out;
  }

  static std::string plain(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        ++i;
        out += text[i] == 'n' || text[i] == 'N' ? ' ' : text[i];
      } else {
        out += text[i];
      }
    }
    return out;
  }

  /// Days that a DURATION of whole days has.
  int days_of(const IcsLine& line) const {
    const std::string_view text = line.value;
    if (text.size() > 2 && text[0] == 'P' && (text.ends_with('D') || text.ends_with('W')))
      return number_of(line, text.substr(1, text.size() - 2), 1, 366) *
             (text.ends_with('W') ? 7 : 1);
    fail(line.number, fmt::format("the duration \"{}\" is not of whole days", text));
  }

  void take(const std::vector<IcsLine>& event) {
    std::optional<Day> start, end;
    std::string summary;
    const IcsLine* rule = nullptr;
    std::set<Day> without;
    std::vector<Day> with;
    int length = 0;
    for (const auto& line : event) {
      if (line.name == "STATUS" && upper(line.value) == "CANCELLED") return;
      if (line.name == "RECURRENCE-ID")
        fail(line.number, "an event that changes one of a series (RECURRENCE-ID) is not known",
             "list such days as holidays of the calendar");
      if (line.name == "DTSTART" && !(start = date_of(line, line.value))) return;
      if (line.name == "DTEND") end = date_of(line, line.value);
      if (line.name == "DURATION") length = days_of(line);
      if (line.name == "SUMMARY") summary = plain(line.value);
      if (line.name == "RRULE") rule = &line;
      if (line.name != "EXDATE" && line.name != "RDATE") continue;
      for (const auto& one : split(line.value, ',')) {
        const auto day = date_of(line, one);
        if (day && line.name == "EXDATE") without.insert(*day);
        if (day && line.name == "RDATE") with.push_back(*day);
      }
    }
    if (!start) fail(event.front().number, "an event without DTSTART");
    if (length == 0) length = end ? std::max(*end - *start, 1) : 1;
    if (length > 366) fail(event.front().number, "an event of more than a year");
    if (rule) {
      const auto repeated = repeat(*rule, *start);
      with.insert(with.end(), repeated.begin(), repeated.end());
    } else {
      with.push_back(*start);
    }
    for (const Day day : with) {
      if (without.contains(day)) continue;
      for (Day each = day; each < day + length; ++each) found_.emplace_back(each, summary);
    }
  }

  struct Rule {
    std::string frequency;
    int interval = 1, count = 0;
    Day until = 0;
    unsigned week_start = 1;
    std::set<int> months, month_days;
    std::vector<std::pair<int, unsigned>> weekdays;  ///< n-th (0: each), weekday
  };

  unsigned weekday(const IcsLine& line, std::string_view text) const {
    static constexpr std::string_view kNames[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
    for (unsigned i = 0; i < 7; ++i) {
      if (text == kNames[i]) return i;
    }
    fail(line.number, fmt::format("\"{}\" is no day of the week", text));
  }

  Rule read_rule(const IcsLine& line) const {
    Rule rule;
    rule.until = until_;
    for (const auto part : split(line.value, ';')) {
      if (part.empty()) continue;
      const size_t equals = std::min(part.find('='), part.size());
      const std::string name = upper(std::string(part.substr(0, equals))),
                        value = upper(std::string(part.substr(std::min(equals + 1, part.size()))));
      if (name == "FREQ")
        rule.frequency = value;
      else if (name == "INTERVAL")
        rule.interval = number_of(line, value, 1, 10'000);
      else if (name == "COUNT")
        rule.count = number_of(line, value, 1, 100'000);
      else if (name == "UNTIL")
        rule.until = std::min(until_, *date_of(line, value.substr(0, 8)));
      else if (name == "WKST")
        rule.week_start = weekday(line, value);
      else if (name == "BYMONTH")
        for (const auto& one : split(value, ',')) rule.months.insert(number_of(line, one, 1, 12));
      else if (name == "BYMONTHDAY")
        for (const auto& one : split(value, ','))
          rule.month_days.insert(number_of(line, one, -31, 31));
      else if (name == "BYDAY")
        for (const auto& one : split(value, ',')) {
          if (one.size() < 2) fail(line.number, fmt::format("\"{}\" is no day of the week", one));
          const auto n = one.substr(0, one.size() - 2);
          rule.weekdays.emplace_back(n.empty() ? 0 : number_of(line, n, -5, 5),
                                     weekday(line, one.substr(one.size() - 2)));
        }
      else
        fail(line.number, fmt::format("{} in RRULE is not known", name),
             "there is FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY");
    }
    const bool of_month =
        rule.frequency == "MONTHLY" || (rule.frequency == "YEARLY" && !rule.months.empty());
    if (rule.frequency != "YEARLY" && rule.frequency != "MONTHLY" && rule.frequency != "WEEKLY" &&
        rule.frequency != "DAILY")
      fail(line.number, fmt::format("FREQ={} is not known for whole days", rule.frequency));
    if (!rule.weekdays.empty() && rule.frequency == "YEARLY" && rule.months.empty())
      fail(line.number, "BYDAY of a whole year is not known", "say BYMONTH too");
    for (const auto& [n, day] : rule.weekdays) {
      if (n != 0 && !of_month) fail(line.number, "the n-th weekday is one of a month");
    }
    return rule;
  }

  /// True where the rule's parts that restrict days take this one.
  static bool takes(const Rule& rule, Day day) {
    const auto [year, month, of_month] = civil_of(day);
    const int length = int(days_in_month(year, month));
    if (!rule.months.empty() && !rule.months.contains(int(month))) return false;
    if (!rule.month_days.empty() && !rule.month_days.contains(int(of_month)) &&
        !rule.month_days.contains(int(of_month) - length - 1))
      return false;
    if (rule.weekdays.empty()) return true;
    const int nth = (int(of_month) + 6) / 7, nth_last = -((length - int(of_month)) / 7 + 1);
    return std::any_of(rule.weekdays.begin(), rule.weekdays.end(), [&](const auto& one) {
      return one.second == weekday_of(day) &&
             (one.first == 0 || one.first == nth || one.first == nth_last);
    });
  }

  std::vector<Day> repeat(const IcsLine& line, Day start) const {
    Rule rule = read_rule(line);
    const auto begin = civil_of(start);
    // What the rule leaves open is as the first day is.
    if (rule.frequency == "WEEKLY" && rule.weekdays.empty())
      rule.weekdays = {{0, weekday_of(start)}};
    if ((rule.frequency == "MONTHLY" || rule.frequency == "YEARLY") && rule.weekdays.empty() &&
        rule.month_days.empty()) {
      rule.month_days = {int(begin.day)};
      if (rule.frequency == "YEARLY" && rule.months.empty()) rule.months = {int(begin.month)};
    }
    const Day week = start - Day((weekday_of(start) + 7 - rule.week_start) % 7);
    std::vector<Day> out;
    for (Day day = start; day <= rule.until; ++day) {
      const auto now = civil_of(day);
      int periods = 0;
      if (rule.frequency == "DAILY") periods = day - start;
      if (rule.frequency == "WEEKLY") periods = (day - week) / 7;
      if (rule.frequency == "MONTHLY")
        periods = (now.year - begin.year) * 12 + int(now.month) - int(begin.month);
      if (rule.frequency == "YEARLY") periods = now.year - begin.year;
      if (periods % rule.interval != 0 || !takes(rule, day)) continue;
      out.push_back(day);
      if (rule.count != 0 && int(out.size()) == rule.count) break;
    }
    return out;
  }

  const std::string_view text_;
  const std::string& file_;
  const Day until_;
  size_t at_ = 0;
  int number_ = 0;
  std::vector<std::pair<Day, std::string>> found_;
};

}  // namespace

std::vector<std::pair<Day, std::string>> read_icalendar(std::string_view text,
                                                        const std::string& file, Day until) {
  return IcsReader(text, file, until).read();
}

}  // namespace windrow::schedule
