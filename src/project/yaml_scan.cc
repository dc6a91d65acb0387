#include "project/yaml_scan.h"

#include <algorithm>

namespace windrow::project::yaml {

bool ends_word(std::string_view text, size_t at, bool in_flow) {
  return at >= text.size() || is_blank(text[at]) || text[at] == '\n' ||
         (in_flow && is_flow_mark(text[at]));
}

size_t plain_end(std::string_view text, size_t at, bool in_flow) {
  size_t end = at;
  for (size_t i = at; i < text.size() && text[i] != '\n'; ++i) {
    const char c = text[i];
    if (c == '#' && i > at && is_blank(text[i - 1])) break;
    if (c == ':' && ends_word(text, i + 1, in_flow)) break;
    if (in_flow && is_flow_mark(c)) break;
    if (!is_blank(c)) end = i + 1;
  }
  return end;
}

size_t quoted_end(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != '\'') return i + 1;
      ++i;
    }
  }
  return text.size();
}

size_t word_end(std::string_view text, size_t at, bool in_flow) {
  while (!ends_word(text, at, in_flow)) ++at;
  return at;
}

size_t line_end(std::string_view text, size_t at) {
  return std::min(text.find('\n', at), text.size());
}

size_t past_blanks(std::string_view text, size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

std::vector<std::string> quoted_lines(std::string_view scalar) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= scalar.size();) {
    const size_t end = line_end(scalar, at);
    std::string_view line = scalar.substr(at, end - at);
    if (!out.empty()) line.remove_prefix(past_blanks(line, 0));
    if (end < scalar.size()) {
      size_t keep = line.size();
      while (keep > 0 && is_blank(line[keep - 1])) --keep;
      size_t escapes = 0;
      while (escapes < keep && line[keep - 1 - escapes] == '\\') ++escapes;
      // `\` and a blank are the blank itself.
      const bool escaped = scalar[0] == '"' && escapes % 2 == 1 && keep < line.size();
      line = line.substr(0, escaped ? keep + 1 : keep);
    }
    out.emplace_back(line);
    at = end + 1;
  }
  return out;
}

int width_of(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace windrow::project::yaml
