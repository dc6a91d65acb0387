#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "clients/http.h"
#include "sensors/look.h"
#include "sources/rest/json_slices.h"
#include "tasks/control/run_values.h"

namespace windrow::sensors {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kBodyMax = 16 << 20;

bool expected(const project::HttpBody& body, int status) {
  if (body.expect.empty()) return status >= 200 && status < 300;
  return std::find(body.expect.begin(), body.expect.end(), status) != body.expect.end();
}

clients::HttpResponse answer_to(const project::Sensor& sensor, Cancel& cancel) {
  const auto& body = sensor.http;
  clients::HttpRequest request;
  std::string sent = body.body.value;
  for (const auto& [name, value] : body.headers)
    request.headers.emplace_back(name.value, value.value);
  if (!body.json.is_null()) {
    sent = tasks::fill(body.json, tasks::RunValues{})
               .dump(-1, ' ', false, Json::error_handler_t::replace);
    request.headers.emplace_back("Content-Type", "application/json");
  }
  request.url = body.url.value;
  request.method = !body.method.empty() ? body.method : sent.empty() ? "GET" : "POST";
  request.body = sent;
  request.timeout = std::chrono::ceil<std::chrono::milliseconds>(sensor.timeout);
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  request.cancel = &cancel;
  request.decoded = true;
  request.body_max = kBodyMax;
  return clients::http_client()->send(request);
}

}  // namespace

Sight look_at_http(const project::Sensor& sensor, const Outside& outside, Cancel& cancel) {
  const auto answer = answer_to(sensor, cancel);
  const auto url = clients::shown_url(sensor.http.url.value);
  Sight out;
  if (!expected(sensor.http, answer.status)) {
    if (answer.status != 404 && answer.status != 410) {
      throw Error(
          answer.status == 401 || answer.status == 403 ? Code::permission : Code::unavailable,
          fmt::format("{} answered {}", url, answer.status),
          "`expect:` says which statuses are good", sensor.subject.place);
    }
    out.text = fmt::format("status {}", answer.status);
    return out;
  }
  if (sensor.path.empty()) {
    out.text = fmt::format("status {}", answer.status);
    out.things = {thing("answers", out.text)};
    return out;
  }
  if (!sources::valid_json(answer.body)) {
    throw Error(Code::data, fmt::format("{} answered {} with what is not JSON", url, answer.status),
                "", sensor.path.place);
  }
  std::string_view path = sensor.path.value;
  if (path.starts_with("$[")) path.remove_prefix(2);
  const auto found = sources::json_at(answer.body, path);
  if (!found || *found == "null" || *found == "false") {
    out.text = fmt::format("{} is {}", sensor.path.value, found ? *found : "not there");
    return out;
  }
  return sight_of_value(sensor, outside, sources::json_text(*found).value_or(std::string(*found)));
}

}  // namespace windrow::sensors
