#pragma once

#include <string>
#include <string_view>

namespace windrow::cli {

/// What `patch` takes: the lines in which two texts differ, with three lines around them. Empty
/// where they are equal.
std::string line_diff(std::string_view name, std::string_view before, std::string_view after);

}  // namespace windrow::cli
