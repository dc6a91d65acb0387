#include <fmt/format.h>
#include <malloc.h>

#include <cstdlib>

#include "base/clock.h"
#include "cli/json_text.h"
#include "cli/serve_lines.h"
#include "cli/session.h"
#include "server/server.h"

// serve.
namespace windrow::cli {

namespace {

std::string variable_of(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

int serve_verb(Session& session) {
  const auto& a = session.arguments;
  server::Options options;
  auto folders = a.names;
  if (folders.empty()) folders.push_back(a.folder);
  for (const auto& folder : folders) {
    auto project = options_of(session);
    project.folder = folder;
    options.projects.push_back(std::move(project));
  }
  if (!a.grace.empty()) {
    const auto grace = parse_duration(a.grace);
    if (!grace) {
      throw Error(Code::usage, "--grace takes a duration, but \"" + a.grace + "\" is none",
                  "write 30s, 10m or 0s");
    }
    options.grace = *grace;
  }
  options.notify_socket = variable_of("NOTIFY_SOCKET");
  options.watchdog_usec = variable_of("WATCHDOG_USEC");
  // What it takes for a run it gives back to the system: it lives for long, and mostly waits.
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
  const auto& out = session.out;
  const bool several = options.projects.size() > 1;
  server::Server server(std::move(options), session.open, session.secrets, session.clock,
                        [&](const server::Told& told) {
                          if (out.json()) {
                            out.write(dumped_line(json_of_told(told)));
                          } else if (!out.quiet() || is_trouble(told)) {
                            out.write(told_text(told, several, out.style()));
                          }
                          out.finish();
                        });
  server.serve(session.interrupts.cancel());
  return kDone;
}

}  // namespace windrow::cli
