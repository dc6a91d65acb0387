#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "access/accounts.h"
#include "api/api.h"
#include "api/page_file.h"
#include "base/clock.h"
#include "base/secret_text.h"
#include "cli/json_text.h"
#include "cli/line_queue.h"
#include "cli/serve_lines.h"
#include "cli/session.h"
#include "page/page.h"
#include "server/server.h"
#include "server/told_json.h"

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

/// Each client takes a file: as many as the system lets.
void allow_files() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

api::Options api_options(const Arguments& a) {
  if (a.tls_certificate.empty() != a.tls_key.empty())
    throw Error(Code::usage, "--tls-cert and --tls-key are given together");
  api::Options out;
  out.http.address = a.listen;
  out.http.certificate = a.tls_certificate;
  out.http.key = a.tls_key;
  out.names = a.hosts;
  out.without_tls = a.without_tls;
  out.without_login = a.without_login;
  out.home = access::home_folder(a.home);
  out.page = [](std::string_view path) -> std::optional<api::PageFile> {
    const auto* file = page::asset(path);
    if (file == nullptr) return {};
    return api::PageFile{file->type,   file->etag,      file->plain,    file->gzip,
                         file->brotli, file->immutable, file->templated};
  };
  return out;
}

server::Options server_options(Session& session) {
  const auto& a = session.arguments;
  server::Options out;
  auto folders = a.names;
  if (folders.empty()) folders.push_back(a.folder);
  for (const auto& folder : folders) {
    auto project = options_of(session);
    project.folder = folder;
    out.projects.push_back(std::move(project));
  }
  if (!a.grace.empty()) {
    const auto grace = parse_duration(a.grace);
    if (!grace) {
      throw Error(Code::usage, "--grace takes a duration, but \"" + a.grace + "\" is none",
                  "write 30s, 10m or 0s");
    }
    out.grace = *grace;
  }
  out.jobs = a.jobs;
  out.notify_socket = variable_of("NOTIFY_SOCKET");
  out.watchdog_usec = variable_of("WATCHDOG_USEC");
  return out;
}

}  // namespace

int serve_verb(Session& session) {
  const auto& a = session.arguments;
  if (a.listen.empty() && (!a.hosts.empty() || !a.tls_certificate.empty() || !a.tls_key.empty() ||
                           a.without_tls || a.without_login))
    throw Error(Code::usage, "that is for a server that listens", "say --listen 127.0.0.1:8080");
  auto options = server_options(session);
  // What it takes for a run it gives back to the system: it lives for long, and mostly waits.
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
  const auto& out = session.out;
  const bool several = options.projects.size() > 1;
  out.finish();
  // What decides never waits for who reads its lines.
  LineQueue lines(STDOUT_FILENO, [&](size_t lost) { return lost_text(lost, out); });
  const server::Teller print = [&](const server::Told& told) {
    if (out.json()) {
      lines.push(redact_json(out.secrets(), dumped_line(server::json_of(told))));
    } else if (!out.quiet() || is_trouble(told)) {
      lines.push(out.secrets().redact(told_text(told, several, out.style())));
    }
  };
  if (a.listen.empty()) {
    server::Server server(std::move(options), session.open, session.secrets, session.clock, print);
    server.serve(session.interrupts.cancel());
    return kDone;
  }
  allow_files();
  api::Live live(session.secrets);
  options.events = [&](const std::string& project, const observe::Event& event) {
    live.happened(project, event);
  };
  server::Server server(std::move(options), session.open, session.secrets, session.clock,
                        [&](const server::Told& told) {
                          live.told(told);
                          print(told);
                        });
  api::Api api(api_options(a), live, server, session.secrets, session.clock, print);
  server.serve(session.interrupts.cancel());
  api.stop();
  return kDone;
}

}  // namespace windrow::cli
