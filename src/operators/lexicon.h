#pragma once

#include <string_view>

/// VADER's two files, embedded by tools/embed_lexicon.py: what can match alone.
namespace windrow::operators {

std::string_view lexicon_lines();  ///< `word TAB valence`, one a line
std::string_view emoji_lines();    ///< `emoji TAB name`, one a line

}  // namespace windrow::operators
