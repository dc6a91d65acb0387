#pragma once

#include <string>

namespace windrow::project {

/// No file that a person writes is larger; a data file that ended up in the wrong folder is.
inline constexpr size_t kTextFileBytesMax = 32u << 20;

/// The whole file. Throws Error (not_found, permission, …) where it cannot be read or is too large.
std::string read_text_file(const std::string& path);
bool is_file(const std::string& path);
bool is_folder(const std::string& path);

}  // namespace windrow::project
