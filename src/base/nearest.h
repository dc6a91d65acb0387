#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windrow {

/// The known name a mistyped one most likely meant (edit distance, letters' case ignored), or
/// nothing where none is near enough to be worth proposing.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& known);
/// `did you mean "tags"?`, or empty.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& known);

}  // namespace windrow
