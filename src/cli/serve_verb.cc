#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>

#include "base/clock.h"
#include "base/secret_text.h"
#include "cli/json_text.h"
#include "cli/line_queue.h"
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

/// In the place of lines that nobody took.
std::string lost_text(size_t lost, const Out& out) {
  if (out.json()) return dumped_line({{"event", "lost"}, {"count", lost}});
  return out.style().dim(counted(int64_t(lost), "line") + " left out: nobody read on") + "\n";
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
  options.jobs = a.jobs;
  options.notify_socket = variable_of("NOTIFY_SOCKET");
  options.watchdog_usec = variable_of("WATCHDOG_USEC");
  // What it takes for a run it gives back to the system: it lives for long, and mostly waits.
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
  const auto& out = session.out;
  const bool several = options.projects.size() > 1;
  out.finish();
  // What decides never waits for who reads its lines.
  LineQueue lines(STDOUT_FILENO, [&](size_t lost) { return lost_text(lost, out); });
  server::Server server(std::move(options), session.open, session.secrets, session.clock,
                        [&](const server::Told& told) {
                          if (out.json()) {
                            lines.push(redact_json(out.secrets(), dumped_line(json_of_told(told))));
                          } else if (!out.quiet() || is_trouble(told)) {
                            lines.push(out.secrets().redact(told_text(told, several, out.style())));
                          }
                        });
  server.serve(session.interrupts.cancel());
  return kDone;
}

}  // namespace windrow::cli
