#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace windrow::project {

/// The text of one of the project's files in the layout of `yaml_layout.h`: all of a YAML file
/// (`.yaml`, `.yml`), the header of a model (`.sql`), whose SELECT stays as it is byte for byte.
/// What it says is the same: the values and comments of both texts are compared, and so is what
/// laying it out once more gives. Nothing, and problems, where it could not be read or that did not
/// come out even. Lines keep ending in `\r\n` where the first does.
std::optional<std::string> formatted(std::string_view text, const std::string& file,
                                     Problems& problems);

}  // namespace windrow::project
