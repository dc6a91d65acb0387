#include "api/api.h"
#include "api/endpoint.h"
#include "base/version.h"
#include "duck/duck.h"

namespace windrow::api {

namespace {

http::Response about(Call& call) {
  const auto login = call.api.login();
  Json out{{"windrow", kVersion},
           {"duckdb", duck::version()},
           {"login", login == Login::open       ? "open"
                     : login == Login::required ? "required"
                                                : "setup"}};
  if (!call.who.name.empty()) out["user"] = call.who.name;
  if (call.who.role != access::Role::nobody) out["role"] = access::name_of(call.who.role);
  return json_answer(out);
}

http::Response listen(Call& call) {
  http::Response out;
  out.headers = {{"Content-Type", "text/event-stream"}, {"X-Accel-Buffering", "no"}};
  out.events = call.api.live().events.stream({call.text("project"), call.text("run")},
                                             std::string(call.request.header("last-event-id")));
  return out;
}

}  // namespace

void add_service_endpoints(std::vector<Endpoint>& all) {
  Endpoint root{"GET", "/", "What this server is, and who asks", "server"};
  root.role = access::Role::nobody;
  root.answers = {{200, "Service", "what is known"}};
  root.handle = about;
  all.push_back(root);

  Endpoint document{"GET", "/openapi.json", "This document", "server"};
  document.role = access::Role::nobody;
  document.answers = {{200, "object", "OpenAPI 3.1"}};
  document.handle = [](Call& call) { return json_answer(openapi(call.api.endpoints())); };
  all.push_back(document);

  Endpoint events{"GET", "/events", "What happens, as it happens", "server"};
  events.query = {{"project", "text(1..200)", "of one project alone"},
                  {"run", "text(1..100)", "of one run alone"}};
  events.answers = {
      {200, "text", "server-sent events, for as long as both sides want", "text/event-stream"}};
  events.handle = listen;
  all.push_back(events);
}

}  // namespace windrow::api
