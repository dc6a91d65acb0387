#pragma once

#include <string>
#include <string_view>

namespace windrow::lake::fuzz {

/// Gives bytes to one of the readers of untrusted text; the first byte says which (kReaders of
/// them). They may throw Error; anything else that they do wrong is a finding: another exception
/// leaves here, a crash is the sanitizer's.
void read(std::string_view bytes);

inline constexpr std::string_view kReaders = "csdvpk";

}  // namespace windrow::lake::fuzz
