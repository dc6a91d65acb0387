#pragma once

#include <string_view>

namespace windrow {

/// Read by CMakeLists.txt; written into every commit.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace windrow
