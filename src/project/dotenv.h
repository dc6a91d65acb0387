#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace windrow::project {

/// Reads a `.env` file: `KEY=VALUE` a line, `export KEY=VALUE` too. Single quotes keep everything,
/// double quotes know `\n`, `\t`, `\"`, `\\` and `\$`, a value without quotes ends at ` #`. A key
/// that comes twice has its last value, as in a shell. Problems never show values.
std::map<std::string, std::string> read_dotenv(std::string_view text, const std::string& file,
                                               Problems& problems);

}  // namespace windrow::project
