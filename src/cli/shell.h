#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/app.h"
#include "cli/session.h"

namespace windrow::cli {

/// SQL at a prompt, with history and completion of tables, columns and keywords; a statement ends
/// with `;`. Ctrl-C drops the line, or stops the running statement; Ctrl-D leaves.
int run_shell(Session& session, app::App& app, const app::QueryOptions& options);
/// One statement; errors point into it.
void answer(Session& session, app::Query& query, const std::string& sql);
/// True where the text ends with a `;` that is in no quotes and no comment.
bool statement_ends(std::string_view sql);

}  // namespace windrow::cli
