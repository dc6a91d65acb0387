#include <algorithm>
#include <future>

#include "api/api.h"
#include "api/endpoint.h"
#include "base/nearest.h"

namespace windrow::api {

namespace {

constexpr auto kAskPatience = std::chrono::seconds(30);
constexpr auto kAskPatienceGone = std::chrono::seconds(1);
constexpr auto kAskLook = std::chrono::milliseconds(50);

}  // namespace

const server::Server::Project& Call::project() {
  if (project_) return *project_;
  const auto& name = path.at("project");
  std::vector<std::string> known;
  for (auto& each : api.server().projects()) {
    known.push_back(each.name);
    if (each.name != name) continue;
    if (!each.app && !api.server().deciding())
      throw Error(Code::unavailable, "the server begins, or ends", "ask again in a moment");
    if (!each.app) {
      throw Error(Code::configuration, "the files of project \"" + name + "\" are broken",
                  "`windrow check` says where; it is served once they are mended");
    }
    return project_.emplace(std::move(each));
  }
  throw Error(Code::not_found, "no project \"" + name + "\" is served here",
              did_you_mean(name, known));
}

std::string Call::text(const char* name, const std::string& otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? otherwise : found->second.get<std::string>();
}

bool Call::is(const char* name) const {
  const auto found = query.find(name);
  return found != query.end() && found->second.get<bool>();
}

int64_t Call::number(const char* name, int64_t otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? otherwise : found->second.get<int64_t>();
}

namespace {

Time time_from(const std::string& text, const std::string& name, const std::string& zone) {
  if (const auto time = parse_time(text, zone)) return *time;
  throw Error(Code::usage, "\"" + name + "\" is a time, but \"" + text + "\" is none",
              "write 2025-10-17, 2025-10-17T14:00 or 2025-10-17T14:00:00Z");
}

}  // namespace

std::optional<Time> Call::time(const char* name) {
  const auto found = text(name);
  if (found.empty()) return {};
  return time_from(found, name, project().zone);
}

std::optional<Time> Call::time_in_body(const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return {};
  return time_from(found->get<std::string>(), name, project().zone);
}

Json Call::ask(const Json& what) {
  auto promise = std::make_shared<std::promise<std::string>>();
  auto answer = promise->get_future();
  api.server().ask(project().root, what.dump(-1, ' ', false, Json::error_handler_t::replace),
                   [promise](const std::string& text) { promise->set_value(text); });
  auto until = std::chrono::steady_clock::now() + kAskPatience;
  while (answer.wait_for(kAskLook) != std::future_status::ready) {
    const auto now = std::chrono::steady_clock::now();
    // Whoever has gone may come back to hear what became of it.
    if (request.gone->requested()) until = std::min(until, now + kAskPatienceGone);
    if (now >= until) request.gone->check();
    if (now >= until)
      throw Error(Code::unavailable, "the server is too busy to decide", "try again in a moment");
  }
  auto json = app::parsed(answer.get());
  const auto error = json.is_object() ? json.find("error") : json.end();
  if (error == json.end()) return json;
  throw Error(code_named(error->value("code", "")), error->value("message", ""),
              error->value("hint", ""));
}

}  // namespace windrow::api
