#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>

/// What kinds of source share in looking at what is outside.
namespace windrow::sources {

/// So long one question is waited for.
inline constexpr std::chrono::seconds kLook{10};

inline std::string counted(int64_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

}  // namespace windrow::sources
