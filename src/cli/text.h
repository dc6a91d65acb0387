#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

/// Words and numbers as a person reads them in a terminal.
namespace windrow::cli {

std::string count_text(int64_t n);                      ///< `3,201`
std::string counted(int64_t n, std::string_view noun);  ///< `1 interval`, `3,201 intervals`
std::string bytes_text(int64_t bytes);                  ///< `1.4 MB`
std::string seconds_text(std::chrono::microseconds d);  ///< `0.12 s`, `3 m 05 s`
std::string short_time(Time t);                         ///< `2025-10-17`, `2025-10-17 14:05:09`

/// Columns that a text takes in a terminal: wide characters two, combining ones none.
size_t display_width(std::string_view text);
/// On one line and without control characters, cut to at most `width` columns, with `…` where
/// something is missing; line ends become `⏎`.
std::string clipped(std::string_view text, size_t width);

/// Begins and ends of colours; none where `on` is false.
struct Style {
  bool on = false;
  std::string bold(std::string_view text) const { return styled("1", text); }
  std::string dim(std::string_view text) const { return styled("2", text); }
  std::string red(std::string_view text) const { return styled("31", text); }
  std::string green(std::string_view text) const { return styled("32", text); }
  std::string yellow(std::string_view text) const { return styled("33", text); }

 private:
  std::string styled(const char* code, std::string_view text) const;
};

}  // namespace windrow::cli
