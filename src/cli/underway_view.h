#pragma once

#include "app/app.h"
#include "cli/session.h"

namespace windrow::cli {

/// Which tasks of a server's runs work, and what each of the others waits for; `prefix`: of one
/// run, empty: of all projects. Error(usage) where no server runs. Gives the exit code.
int show_underway(Session& session, const app::App& app, const std::string& prefix);

}  // namespace windrow::cli
