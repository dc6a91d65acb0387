#include "base/time.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <cctype>

#include "base/error.h"

namespace windrow {

using std::chrono::microseconds;

std::string iso(Time t) {
  const auto day = date::floor<date::days>(t);
  const date::year_month_day ymd(day);
  const date::hh_mm_ss<microseconds> clock(t - day);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", int(ymd.year()),
                                unsigned(ymd.month()), unsigned(ymd.day()), clock.hours().count(),
                                clock.minutes().count(), clock.seconds().count());
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    std::string digits = fmt::format(".{:06}", fraction);
    digits.erase(digits.find_last_not_of('0') + 1);
    out += digits;
  }
  return out + "Z";
}

namespace {

/// Reads fixed digits and separators from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::optional<int64_t> digits(size_t least, size_t most) {
    size_t end = at_;
    int64_t value = 0;
    while (end < text_.size() && end - at_ < most &&
           std::isdigit(static_cast<unsigned char>(text_[end]))) {
      value = value * 10 + (text_[end++] - '0');
    }
    if (end - at_ < least) return {};
    taken_ = end - at_;
    at_ = end;
    return value;
  }
  size_t taken() const { return taken_; }

 private:
  std::string_view text_;
  size_t at_ = 0, taken_ = 0;
};

std::optional<microseconds> scan_clock(Scanner& in) {
  const auto hour = in.digits(2, 2);
  if (!hour || *hour > 23 || !in.take(':')) return {};
  const auto minute = in.digits(2, 2);
  if (!minute || *minute > 59) return {};
  microseconds out = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  if (!in.take(':')) return out;
  const auto second = in.digits(2, 2);
  if (!second || *second > 59) return {};
  out += std::chrono::seconds(*second);
  if (!in.take('.')) return out;
  auto fraction = in.digits(1, 6);
  if (!fraction) return {};
  for (size_t i = in.taken(); i < 6; ++i) *fraction *= 10;
  return out + microseconds(*fraction);
}

/// `Z`, `+02:00`, `+0200`, `+02`, or nothing at all (nullopt inside); outer nullopt: not an offset.
std::optional<std::optional<microseconds>> scan_offset(Scanner& in) {
  if (in.done()) return std::optional<microseconds>{};
  if (in.take('Z')) return std::optional<microseconds>{microseconds(0)};
  const bool minus = in.take('-');
  if (!minus && !in.take('+')) return {};
  const auto hours = in.digits(2, 2);
  if (!hours) return {};
  int64_t minutes = 0;
  in.take(':');
  if (!in.done()) {
    const auto read = in.digits(2, 2);
    if (!read) return {};
    minutes = *read;
  }
  const microseconds offset = std::chrono::hours(*hours) + std::chrono::minutes(minutes);
  return std::optional<microseconds>{minus ? -offset : offset};
}

}  // namespace

std::optional<Time> parse_time(std::string_view text, std::string_view zone) {
  Scanner in(text);
  const auto year = in.digits(4, 4);
  if (!year || !in.take('-')) return {};
  const auto month = in.digits(2, 2);
  if (!month || !in.take('-')) return {};
  const auto day = in.digits(2, 2);
  if (!day) return {};
  const date::year_month_day ymd{date::year(int(*year)), date::month(unsigned(*month)),
                                 date::day(unsigned(*day))};
  if (!ymd.ok()) return {};
  microseconds clock{0};
  std::optional<microseconds> offset;
  if (!in.done()) {
    if (!in.take('T') && !in.take(' ')) return {};
    const auto read = scan_clock(in);
    if (!read) return {};
    clock = *read;
    const auto zone_offset = scan_offset(in);
    if (!zone_offset || !in.done()) return {};
    offset = *zone_offset;
  }
  if (offset) return Time(date::sys_days(ymd)) + clock - *offset;
  if (zone == "UTC") return Time(date::sys_days(ymd)) + clock;
  try {
    // Of the two times with the same local text in autumn the earlier is meant; in spring's gap,
    // its end.
    return date::locate_zone(std::string(zone))
        ->to_sys(date::local_days(ymd) + clock, date::choose::earliest);
  } catch (const std::runtime_error&) {
    return {};
  }
}

namespace {
struct UnitOfTime {
  std::string_view name;
  int64_t us;
};
constexpr UnitOfTime kUnits[] = {{"w", 604'800'000'000},
                                 {"d", 86'400'000'000},
                                 {"h", 3'600'000'000},
                                 {"m", 60'000'000},
                                 {"s", 1'000'000},
                                 {"ms", 1'000},
                                 {"us", 1}};
}  // namespace

std::optional<microseconds> parse_duration(std::string_view text) {
  if (text.empty()) return {};
  int64_t total = 0;
  while (!text.empty()) {
    size_t digits = 0;
    int64_t value = 0;
    while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) {
      if (digits >= 12) return {};
      value = value * 10 + (text[digits++] - '0');
    }
    size_t letters = digits;
    while (letters < text.size() && std::isalpha(static_cast<unsigned char>(text[letters])))
      ++letters;
    const auto name = text.substr(digits, letters - digits);
    int64_t unit = 0;
    for (const auto& known : kUnits) {
      if (known.name == name) unit = known.us;
    }
    int64_t part = 0;
    if (digits == 0 || unit == 0 || __builtin_mul_overflow(value, unit, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return {};
    }
    text.remove_prefix(letters);
  }
  return microseconds(total);
}

std::string duration_text(microseconds d) {
  int64_t rest = d.count();
  if (rest == 0) return "0s";
  std::string out;
  for (const auto& unit : kUnits) {
    if (unit.name == "w") continue;  // days read better: 90d
    if (const int64_t n = rest / unit.us; n > 0) {
      out += std::to_string(n) + std::string(unit.name);
      rest -= n * unit.us;
    }
  }
  return out;
}

}  // namespace windrow
