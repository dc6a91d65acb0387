#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windrow::cli {

/// A line of two texts, without its end: ' ' is in both, '-' only in the older one, '+' only in the
/// newer.
struct DiffLine {
  char sign = ' ';
  std::string text;
};

/// The longest common lines stay; of long texts what differs is told as a whole.
std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after);

/// What `patch` takes: the lines in which two texts differ, with three lines around them. Empty
/// where they are equal.
std::string line_diff(std::string_view name, std::string_view before, std::string_view after);

}  // namespace windrow::cli
