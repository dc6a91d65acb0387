#pragma once

#include <string_view>

#include "cli/session.h"

namespace windrow::cli {

/// A text for somebody to read: on a terminal by $PAGER (`less`, which ends by itself where all
/// fits on the screen), as git does it; elsewhere as it is.
void show_paged(Session& session, std::string_view text);

}  // namespace windrow::cli
