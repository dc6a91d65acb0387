#pragma once

#include "app/app.h"
#include "cli/command_line.h"

namespace windrow::cli {

/// SQL at a prompt, with history and completion of tables, columns and keywords; a statement ends
/// with `;`.
int run_shell(Session& session, app::App& app, duck::Connection& connection);
/// One statement; errors point into it.
void answer(Session& session, duck::Connection& connection, std::string sql);

}  // namespace windrow::cli
