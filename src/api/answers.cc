#include "api/api.h"
#include "api/endpoint.h"
#include "base/url.h"

namespace windrow::api {

http::Response json_answer(const Json& json, int status) {
  http::Response out;
  out.status = status;
  out.headers = {{"Content-Type", "application/json"}};
  out.body = app::dumped_line(json);
  return out;
}

http::Response empty_answer() {
  http::Response out;
  out.status = 204;
  return out;
}

http::Response page_of(Call& call, const Json& items, std::optional<size_t> all,
                       const std::string& after) {
  auto out = json_answer(items);
  if (all) out.headers.emplace_back("X-Total-Count", std::to_string(*all));
  if (after.empty()) return out;
  std::string address = call.request.path + "?";
  for (const auto& [name, value] : call.query) {
    if (name == "after") continue;
    const auto text = value.is_string() ? value.get<std::string>() : value.dump();
    address += name + "=" + percent_encoded(text) + "&";
  }
  out.headers.emplace_back("Link",
                           "<" + address + "after=" + percent_encoded(after) + ">; rel=\"next\"");
  return out;
}

int status_of(Code code) {
  switch (code) {
    case Code::usage: return 400;
    case Code::permission: return 403;
    case Code::not_found: return 404;
    case Code::timeout: return 408;
    case Code::configuration:
    case Code::conflict:
    case Code::canceled: return 409;
    case Code::history_lost: return 410;
    case Code::data:
    case Code::unsupported: return 422;
    case Code::unavailable: return 503;
    case Code::full: return 507;
    case Code::corrupt:
    case Code::internal: break;
  }
  return 500;
}

http::Response problem_answer(const Error& error) {
  auto out = problem_answer(status_of(error.code()), error.problem());
  if (error.problems().size() > 1) {
    auto json = app::parsed(out.body);
    json["problems"] = app::json_of(error.problems());
    out.body = app::dumped_line(json);
  }
  return out;
}

http::Response problem_answer(int status, const Problem& problem) {
  Json json{{"type", "about:blank"}, {"title", http::reason_of(status)}, {"status", status}};
  json.update(app::json_of(problem));
  http::Response out;
  out.status = status;
  out.headers = {{"Content-Type", "application/problem+json"}};
  if (status == 429 || status == 503) out.headers.emplace_back("Retry-After", "1");
  out.body = app::dumped_line(json);
  return out;
}

}  // namespace windrow::api
