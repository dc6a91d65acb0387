#pragma once

#include "app/json.h"

/// Private to cli/: what `--json` prints is made by app/json.h.
namespace windrow::cli {

using app::dumped;
using app::dumped_line;
using app::Json;
using app::json_of;

/// As it stands in a line of text.
inline std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace windrow::cli
