#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/text.h"

/// Private to markdown.cc: what stands within a paragraph, a heading or a cell.
namespace windrow::cli {

inline constexpr size_t kNoWrap = size_t(-1);

struct WordStyle {
  Style style;
  bool bold = false;  ///< all of it
};
/// Marks taken out (`**` makes bold, code keeps its backticks), broken into lines of `width`
/// columns; what is longer than one stays whole.
std::vector<std::string> wrapped(const WordStyle& how, std::string_view text, size_t width);
/// The same on one line and without backticks: `## \`run\`` is called run.
std::string plain_words(std::string_view text);
/// Columns of a text that may have escape sequences of Style.
size_t styled_width(std::string_view text);

}  // namespace windrow::cli
