#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Private to the layout of YAML: where the tokens of a text end. The text is known to be valid
/// YAML, with `\n` at the ends of its lines.
namespace windrow::project::yaml {

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
inline bool is_flow_mark(char c) {
  return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}
/// Nothing, a blank or the end of the line at `at`; inside of brackets also one of `,[]{}`.
bool ends_word(std::string_view text, size_t at, bool in_flow);

/// Past the last character of a plain scalar in this line.
size_t plain_end(std::string_view text, size_t at, bool in_flow);
/// Past the closing quote.
size_t quoted_end(std::string_view text, size_t at);
/// Past an anchor, an alias or a tag.
size_t word_end(std::string_view text, size_t at, bool in_flow);
size_t line_end(std::string_view text, size_t at);
/// The first character from `at` on that is no blank.
size_t past_blanks(std::string_view text, size_t at);

/// The lines of a quoted scalar without what folding them takes away.
std::vector<std::string> quoted_lines(std::string_view scalar);
/// Code points: what an editor counts as columns.
int width_of(std::string_view text);

}  // namespace windrow::project::yaml
