#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windrow::duck {

/// `"name"` with quotes doubled, always quoted.
std::string quote_name(std::string_view name);
/// `'text'` with quotes doubled.
std::string quote_text(std::string_view text);
/// `['a', 'b']`
std::string quote_list(const std::vector<std::string>& texts);

}  // namespace windrow::duck
