#include <unistd.h>

#include "app/workspace.h"
#include "cli/session.h"
#include "lsp/server.h"

namespace windrow::cli {

/// stdout is the editor's alone; what is for people goes to stderr.
int lsp_verb(Session& session) {
  lsp::Wire wire{STDIN_FILENO, STDOUT_FILENO,
                 [&](const std::string& line) { session.out.note("windrow lsp: " + line); }};
  lsp::Server server(options_of(session), session.secrets, session.clock, std::move(wire));
  if (server.serve(session.interrupts.cancel())) return kDone;
  return session.interrupts.cancel().requested() ? kStopped : kFailed;
}

}  // namespace windrow::cli
