#include "cli/text.h"

#include <fmt/format.h>

#include <clocale>
#include <cwchar>

namespace windrow::cli {

std::string count_text(int64_t n) {
  const std::string digits = std::to_string(n < 0 ? 0 - uint64_t(n) : uint64_t(n));
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return n < 0 ? "-" + out : out;
}

std::string counted(int64_t n, std::string_view noun) {
  return count_text(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

std::string bytes_text(int64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = double(bytes);
  for (const char* unit : {"kB", "MB", "GB", "TB"}) {
    value /= 1000;
    if (value < 999.95) return fmt::format("{:.1f} {}", value, unit);
  }
  return fmt::format("{:.1f} PB", value / 1000);
}

std::string seconds_text(std::chrono::microseconds d) {
  const double s = double(d.count()) / 1e6;
  if (s < 59.995) return fmt::format("{:.2f} s", s);
  if (s < 3600) return fmt::format("{} m {:02} s", int(s) / 60, int(s) % 60);
  return fmt::format("{} h {:02} m", int64_t(s) / 3600, int64_t(s) / 60 % 60);
}

std::string short_time(Time t) {
  std::string text = iso(std::chrono::floor<std::chrono::seconds>(t));
  if (text.ends_with("T00:00:00Z")) return text.substr(0, 10);
  text[10] = ' ';
  return text.substr(0, 19);
}

namespace {

/// Calls `each(bytes, columns)` for every character until it gives false. What is no UTF-8 counts
/// a column a byte and is handed on as `?`.
template <typename F>
void for_each_character(std::string_view text, F&& each) {
  // wcwidth and mbrtowc go by the locale; this one is there on every glibc system.
  [[maybe_unused]] static const char* locale = std::setlocale(LC_CTYPE, "C.UTF-8");
  for (size_t i = 0; i < text.size();) {
    std::mbstate_t state{};
    wchar_t character = 0;
    const size_t length = std::mbrtowc(&character, text.data() + i, text.size() - i, &state);
    if (length == 0 || length > text.size() - i) {
      if (!each("?", size_t(1))) return;
      ++i;
      continue;
    }
    const int columns = ::wcwidth(character);
    if (!each(columns < 0 ? std::string_view("?") : text.substr(i, length),
              columns < 0 ? size_t(1) : size_t(columns))) {
      return;
    }
    i += length;
  }
}

/// Control characters could move the cursor or forge lines; they do not reach a terminal.
std::string flat(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "⏎";
    } else if (c == '\t') {
      out += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      out += c;
    }
  }
  return out;
}

}  // namespace

size_t display_width(std::string_view text) {
  size_t out = 0;
  for_each_character(text, [&](std::string_view, size_t columns) {
    out += columns;
    return true;
  });
  return out;
}

std::string clipped(std::string_view text, size_t width) {
  std::string all, cut;
  size_t used = 0;
  bool fits = true;
  for_each_character(flat(text), [&](std::string_view bytes, size_t columns) {
    all += bytes;
    if (used + columns + 1 <= width) cut = all;
    used += columns;
    fits = used <= width;
    return fits;
  });
  if (fits) return all;
  return width == 0 ? "" : cut + "…";
}

std::string Style::styled(const char* code, std::string_view text) const {
  return on && !text.empty() ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

}  // namespace windrow::cli
