#include "cli/out.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/secret_text.h"
#include "cli/json_text.h"

namespace windrow::cli {

namespace {

size_t width_of(int file, bool terminal) {
  winsize size{};
  if (!terminal) return kNoTerminal;
  return ::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 100;
}

bool colors_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return !(no_color && *no_color) && !(term && std::string_view(term) == "dumb");
}

/// A JSON document stays one.
std::string masked(const Secrets& secrets, bool json, std::string_view text) {
  const size_t first = text.find_first_not_of(" \n");
  const bool document =
      json && first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  return document ? redact_json(secrets, text) : secrets.redact(text);
}

}  // namespace

Out::Out(const Secrets& secrets, const OutOptions& options)
    : secrets_(secrets),
      options_(options),
      terminal_(::isatty(STDOUT_FILENO) != 0),
      error_terminal_(::isatty(STDERR_FILENO) != 0) {
  const bool color = options.color && colors_wanted();
  style_.on = color && terminal_ && !options.json;
  error_style_.on = color && error_terminal_;
}

size_t Out::width() const { return width_of(STDOUT_FILENO, terminal_); }
size_t Out::error_width() const { return width_of(STDERR_FILENO, error_terminal_); }

void write_failed() {
  if (errno == EPIPE) throw OutputClosed();
  throw system_error(errno, "write", "standard output");
}

void Out::print(std::string_view text) const { write(std::string(text) + "\n"); }

void Out::write(std::string_view text) const {
  const std::string safe = masked(secrets_, json(), text);
  if (std::fwrite(safe.data(), 1, safe.size(), stdout) != safe.size()) write_failed();
}

void Out::table(const TextTable& table) const { write(table.text({width(), style_, &secrets_})); }

void Out::finish() const {
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) write_failed();
}

void Out::note(std::string_view text) const {
  if (!quiet()) raw_error(std::string(text) + "\n");
}

void Out::raw_error(std::string_view text) const {
  std::fflush(stdout);  // so that both keep their order where they go to one place
  const std::string safe = masked(secrets_, json(), text);
  std::fwrite(safe.data(), 1, safe.size(), stderr);
}

void Out::error(const Error& error) const {
  if (!json()) {
    for (const auto& problem : error.problems()) raw_error(problem_text(problem, error_style_));
    return;
  }
  Json list = Json::array();
  for (const auto& problem : error.problems()) list.push_back(json_of(problem));
  raw_error(dumped({{"error", std::move(list)}}));
}

std::string problem_text(const Problem& problem, const Style& style) {
  std::string text = style.red("error:") + " " + problem.message + "\n";
  if (problem.place.known()) text += "  at " + problem.place.text() + "\n";
  if (!problem.hint.empty()) text += "  " + style.dim("hint:") + " " + problem.hint + "\n";
  return text;
}

}  // namespace windrow::cli
