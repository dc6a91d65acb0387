#pragma once

#include <string_view>

namespace windrow {

/// As in CMakeLists.txt; written into every commit.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace windrow
