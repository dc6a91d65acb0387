#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secrets.h"

namespace windrow::cli {

/// What leaves the program on the terminal. Everything goes through the masker.
class Out {
 public:
  Out(const Secrets& secrets, bool json, bool color_allowed, bool quiet);

  bool json() const { return json_; }
  bool terminal() const { return terminal_; }  ///< stdout is one
  bool error_terminal() const { return error_terminal_; }
  bool quiet() const { return quiet_; }
  int width() const;  ///< of the terminal; 160 where it is none

  void print(std::string_view text) const;      ///< stdout, with a line end
  void write(std::string_view text) const;      ///< stdout, as it is
  void note(std::string_view text) const;       ///< stderr, with a line end; not when quiet
  void raw_error(std::string_view text) const;  ///< stderr, as it is
  /// All problems: message, place, hint; as one JSON document where --json was said.
  void error(const Error& error) const;

  std::string bold(std::string_view text) const { return styled("1", text); }
  std::string dim(std::string_view text) const { return styled("2", text); }
  std::string red(std::string_view text) const { return styled("31", text); }
  std::string green(std::string_view text) const { return styled("32", text); }
  std::string yellow(std::string_view text) const { return styled("33", text); }

 private:
  std::string styled(const char* code, std::string_view text) const;
  const Secrets& secrets_;
  bool json_, color_, quiet_, terminal_, error_terminal_;
};

std::string count_text(int64_t n);                      ///< `3,201`
std::string bytes_text(int64_t bytes);                  ///< `1.4 MB`
std::string seconds_text(std::chrono::microseconds d);  ///< `0.12 s`, `3 m 05 s`
/// Columns that a text takes in a terminal: wide characters two, combining ones none.
size_t display_width(std::string_view text);
/// Cut to at most `width` columns, with `…` where something is missing; line ends become `⏎`.
std::string clipped(std::string_view text, size_t width);

}  // namespace windrow::cli
