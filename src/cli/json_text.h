#pragma once

#include "app/json.h"

/// Private to cli/: what `--json` prints is made by app/json.h.
namespace windrow::cli {

using app::dumped;
using app::dumped_line;
using app::Json;
using app::json_of;

}  // namespace windrow::cli
