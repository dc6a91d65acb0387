#pragma once

#include <string>
#include <string_view>

namespace windrow::duck {

/// Whether a name fits a pattern of `*`, `?`, `[a-z]`, `[!a]`; `\` takes the next character as it
/// is. `/` is no special character here.
bool fits(std::string_view name, std::string_view pattern);

/// The same for a whole path: `*` and `?` stay inside one folder, `**` is any number of folders.
bool path_fits(std::string_view path, std::string_view pattern);

bool is_glob(std::string_view pattern);

/// A pattern that only this very path fits; the path itself where nothing in it is special.
std::string literal_path(std::string_view path);

}  // namespace windrow::duck
