#pragma once

#include "cli/session.h"
#include "duck/forward.h"

namespace windrow::cli {

/// Runs a SELECT and gives its rows as --format and --out say. A file is there whole or not at all.
void put_rows(Session& session, duck::Connection& connection, const std::string& select);

}  // namespace windrow::cli
