#pragma once

#include <optional>
#include <string>

#include "cli/json_text.h"
#include "cli/session.h"

/// How verbs ask the server of a project, where one runs.
namespace windrow::cli {

/// The answer; nothing where no server runs for the project in `root`. `patient`: for as long as it
/// takes, or until Ctrl-C. What the server refuses is an Error.
std::optional<Json> ask_server(Session& session, const std::string& root, const Json& request,
                               bool patient = false);
/// Shows what became of a run that a server has had; gives the exit code.
int show_server_result(Session& session, const Json& result);
/// The run whose id begins so, the newest of them; Error(usage) where there is none.
std::string run_named(const history::History& history, const std::string& prefix);

}  // namespace windrow::cli
