#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windrow::sql {

/// `$name` in a text outside of strings, quoted names and comments: names without the dollar, each
/// with the byte where it stands. Reads no more than that: the text may be no SQL at all.
std::vector<std::pair<std::string, size_t>> parameters_in(std::string_view text);

}  // namespace windrow::sql
