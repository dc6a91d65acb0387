#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/text.h"

/// Private to cli/: Markdown as a terminal shows it, as far as the pages in docs/ use it.
namespace windrow::cli {

struct MarkdownSection {
  size_t level = 0;        ///< of its heading: 1 to 6
  std::string title;       ///< without marks
  std::string_view whole;  ///< with its heading and the sections below it
  std::string_view own;    ///< up to the next heading of any level
};
/// In the order of the page. Points into `markdown`.
std::vector<MarkdownSection> markdown_sections(std::string_view markdown);

/// Wrapped to `width` columns: headings bold, code as it is, tables with their columns aligned
/// (the last one wrapped), behind a link in brackets what `windrow docs` takes for it.
std::string markdown_text(std::string_view markdown, size_t width, const Style& style);

}  // namespace windrow::cli
