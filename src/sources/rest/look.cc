#include "sources/rest/look.h"

#include <atomic>

#include "sources/look.h"
#include "sources/rest/extraction.h"
#include "sources/shared.h"

namespace windrow::sources {

using namespace std::chrono_literals;

namespace {

std::string limits(const RestServer& server) {
  return server.per_second > 0 ? fmt::format("; {} requests a second", server.per_second) : "";
}

}  // namespace

Requester impatient(RestServer server) {
  server.times = 1;
  server.delay = server.delay_max = 200ms;
  server.patience = kLook;
  server.timeout = std::min<std::chrono::milliseconds>(server.timeout, kLook);
  return {std::move(server), std::make_shared<Throttle>(0, 1, 1000, 0us)};
}

Peek peek(Requester& requester, const std::string& url, const char* accept, Cancel& cancel) {
  Cancel enough;
  const auto on_cancel = cancel.on_request([&] { enough.request(); });
  std::atomic<bool> came = false;
  clients::HttpRequest request;
  request.url = requester.with_keys(url);
  request.headers = requester.headers(cancel);
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Accept"; });
  request.headers.emplace_back("Accept", accept);
  request.timeout = 5s;
  request.ca_file = requester.server().ca_file;
  request.cancel = &enough;
  request.on_body = [&](std::string_view) {
    came = true;
    enough.request();
  };
  try {
    return {requester.http().send(request).status, came};
  } catch (const Error& error) {
    cancel.check();
    if (came) return {200, true};
    if (error.code() != Code::timeout) throw;
    return {200, false, true};
  }
}

std::string look_at_server(const project::Project& project, const project::Connection& connection,
                           Cancel& cancel) {
  const auto server = rest_server(project, connection.name, connection.place);
  auto requester = impatient(server);
  if (!server.health.empty()) {
    const std::string path = (server.health.starts_with('/') ? "" : "/") + server.health;
    const auto answer = requester.get(server.url + path, {}, cancel);
    if (answer.status == 404 || answer.status == 410) {
      throw Error(Code::configuration,
                  fmt::format("GET {}: the server answers {}",
                              clients::shown_url(server.url + path), answer.status),
                  "check `url` and `health` of the connection");
    }
    return fmt::format("GET {} answers {}{}", path, answer.status, limits(server));
  }
  const auto answer = peek(requester, server.url, "*/*", cancel);
  if (answer.silent) {
    throw Error(Code::timeout, "GET " + clients::shown_url(server.url) + ": no answer in time",
                "see whether the server is well, or name a path that answers with `health:`");
  }
  // Few servers have anything at their root: only what refuses us is told.
  if (answer.status == 401 || answer.status == 403 || answer.status >= 500) {
    throw Error(
        answer.status >= 500 ? Code::unavailable : Code::permission,
        fmt::format("GET {}: the server answers {}", clients::shown_url(server.url), answer.status),
        answer.status >= 500 ? "the server has a fault: ask those who run it"
                             : "check `auth` of the connection, or name a path that it may read "
                               "with `health:`");
  }
  return fmt::format("{} answers{}; `health: PATH` would look closer",
                     clients::shown_url(server.url), limits(server));
}

std::string look_at_rest(const project::Source& source, const Context& context, Cancel& cancel) {
  const auto config =
      rest_config(context.project, source, context.shared ? context.shared->secrets : nullptr);
  auto requester = impatient(config.server);
  std::string out;
  for (const auto& resource : config.resources) {
    if (resource.level > 0) continue;
    Stream stream;
    stream.paging = resource.paging;
    PageAt at;
    at.number = resource.paging.by == Paging::By::automatic ? 0 : resource.paging.first;
    const auto answer = requester.get(url_of(config, resource, stream, at, resource.start), {},
                                      cancel, resource.secret_params);
    if (answer.status == 404 || answer.status == 410) {
      throw Error(Code::configuration,
                  fmt::format("GET {}: the server answers {}", clients::shown_url(answer.url),
                              answer.status),
                  "check the path of resource \"" + resource.name + "\"", resource.place);
    }
    const auto page = read_page(resource, at, answer, requester, stream);
    out += (out.empty() ? "" : ", ") + resource.name + ": " +
           counted(int64_t(page.records.size()), "record");
    if (stream.promised >= 0) out += fmt::format(" of {}", stream.promised);
  }
  return out;
}

}  // namespace windrow::sources
