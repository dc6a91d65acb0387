#pragma once

#include <string>
#include <string_view>

namespace windrow::storage {

/// Puts `after` in the place of a local file that holds `before`, whole or not at all, with the
/// rights and the owner that it has; of a link what it leads to. Error(conflict) where it holds
/// something else by now.
void replace_file(const std::string& path, std::string_view before, std::string_view after);

}  // namespace windrow::storage
