#pragma once

#include "app/json.h"
#include "server/told.h"

namespace windrow::server {

/// As a line of `serve --json`; not masked yet.
app::Json json_of(const Told& told);

}  // namespace windrow::server
