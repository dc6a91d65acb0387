#include "cli/help_format.h"

#include "cli/text.h"

namespace windrow::cli {

namespace {

constexpr size_t kNames = 28;  // columns of the names on the left

/// Between blanks, without the blank; what is longer than a line stays whole.
std::vector<std::string> broken(std::string_view text, size_t width) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    const auto word = text.substr(0, end);
    const bool line_ends = end < text.size() && text[end] == '\n';
    if (out.empty() || display_width(out.back()) + 1 + display_width(word) > width)
      out.emplace_back(word);
    else
      out.back() += (out.back().empty() ? "" : " ") + std::string(word);
    if (line_ends && end + 1 < text.size()) out.emplace_back();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string indented(const std::vector<std::string>& lines, size_t first, size_t later) {
  std::string out;
  for (const auto& line : lines) out += std::string(out.empty() ? first : later, ' ') + line + "\n";
  return out;
}

/// A name, and beside or below it what it is.
std::string entry(const std::string& name, const std::string& what) {
  const auto left = broken(name, kHelpWidth - 2);
  const auto right = broken(what, kHelpWidth - kNames);
  if (right.empty()) return indented(left, 2, 6);
  if (left.size() > 1 || 2 + display_width(name) >= kNames)
    return indented(left, 2, 6) + indented(right, kNames, kNames);
  const size_t gap = kNames - 2 - display_width(name);
  return "  " + name + indented(right, gap, kNames);
}

class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return entry(make_option_name(option, is_positional) + make_option_opts(option),
                 make_option_desc(option));
  }
  std::string make_subcommand(const CLI::App* verb) const override {
    return entry(verb->get_display_name(true), verb->get_description());
  }
  std::string make_description(const CLI::App* app) const override {
    return indented(broken(CLI::Formatter::make_description(app), kHelpWidth), 0, 0);
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return indented(broken(CLI::Formatter::make_usage(app, std::move(name)), kHelpWidth), 0, 8);
  }
};

}  // namespace

std::shared_ptr<CLI::Formatter> help_format() { return std::make_shared<HelpFormat>(); }

}  // namespace windrow::cli
