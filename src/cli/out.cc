#include "cli/out.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <nlohmann/json.hpp>

namespace windrow::cli {

Out::Out(const Secrets& secrets, bool json, bool color_allowed, bool quiet)
    : secrets_(secrets),
      json_(json),
      quiet_(quiet),
      terminal_(::isatty(STDOUT_FILENO) != 0),
      error_terminal_(::isatty(STDERR_FILENO) != 0) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  color_ = color_allowed && terminal_ && !(no_color && *no_color) &&
           !(term && std::string_view(term) == "dumb");
}

int Out::width() const {
  winsize size{};
  if (terminal_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
    return size.ws_col;
  return 160;
}

std::string Out::styled(const char* code, std::string_view text) const {
  return color_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

void Out::print(std::string_view text) const { write(std::string(text) + "\n"); }

void Out::write(std::string_view text) const {
  const std::string safe = secrets_.redact(text);
  std::fwrite(safe.data(), 1, safe.size(), stdout);
}

void Out::note(std::string_view text) const {
  if (!quiet_) raw_error(std::string(text) + "\n");
}

void Out::raw_error(std::string_view text) const {
  std::fflush(stdout);
  const std::string safe = secrets_.redact(text);
  std::fwrite(safe.data(), 1, safe.size(), stderr);
}

void Out::error(const Error& error) const {
  if (json_) {
    nlohmann::ordered_json out;
    out["error"] = nlohmann::ordered_json::array();
    for (const auto& problem : error.problems()) {
      nlohmann::ordered_json one{{"code", name_of(problem.code)}, {"message", problem.message}};
      if (!problem.hint.empty()) one["hint"] = problem.hint;
      if (problem.place.known()) {
        one["file"] = problem.place.file;
        one["line"] = problem.place.line;
        one["column"] = problem.place.column;
      }
      out["error"].push_back(std::move(one));
    }
    raw_error(out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return;
  }
  const char* no_color = std::getenv("NO_COLOR");
  const bool color = color_ && error_terminal_ && !(no_color && *no_color);
  for (const auto& problem : error.problems()) {
    std::string text = color ? "\033[31merror:\033[0m " : "error: ";
    text += problem.message + "\n";
    if (problem.place.known()) text += "  at " + problem.place.text() + "\n";
    if (!problem.hint.empty()) text += "  hint: " + problem.hint + "\n";
    raw_error(text);
  }
}

std::string count_text(int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n), out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return n < 0 ? "-" + out : out;
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
  if (s < 60) return fmt::format("{:.2f} s", s);
  if (s < 3600) return fmt::format("{} m {:02} s", int(s) / 60, int(s) % 60);
  return fmt::format("{} h {:02} m", int(s) / 3600, int(s) / 60 % 60);
}

namespace {

/// Calls `each(bytes, columns)` for every character.
template <typename F>
void for_each_character(std::string_view text, F&& each) {
  std::mbstate_t state{};
  for (size_t i = 0; i < text.size();) {
    wchar_t character = 0;
    size_t length = std::mbrtowc(&character, text.data() + i, text.size() - i, &state);
    if (length == 0 || length > text.size() - i) {
      length = 1;
      state = {};
      character = L'?';
    }
    const int columns = ::wcwidth(character);
    if (!each(text.substr(i, length), columns < 0 ? 1 : size_t(columns))) return;
    i += length;
  }
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
  std::string flat;
  for (const char c : text) {
    if (c == '\n') {
      flat += "⏎";
    } else if (c == '\t') {
      flat += ' ';
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      flat += c;
    }
  }
  if (display_width(flat) <= width) return flat;
  std::string out;
  size_t used = 0;
  for_each_character(flat, [&](std::string_view bytes, size_t columns) {
    if (used + columns + 1 > width) return false;
    out += bytes;
    used += columns;
    return true;
  });
  return out + "…";
}

}  // namespace windrow::cli
