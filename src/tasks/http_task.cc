#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8_prefix.h"
#include "tasks/control/task_run.h"

namespace windrow::tasks {

namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kAnswerMax = 16 << 20;
constexpr int kMayPass[] = {408, 425, 429, 500, 502, 503, 504};

bool may_pass(const project::HttpBody& body, int status) {
  if (body.retry.empty())
    return std::find(std::begin(kMayPass), std::end(kMayPass), status) != std::end(kMayPass);
  return std::find(body.retry.begin(), body.retry.end(), status) != body.retry.end();
}

bool expected(const project::HttpBody& body, int status) {
  if (body.expect.empty()) return status >= 200 && status < 300;
  return std::find(body.expect.begin(), body.expect.end(), status) != body.expect.end();
}

/// The beginning of an answer, for a message.
std::string beginning(const TaskWork& work, std::string text) {
  text = work.shared.secrets.redact(text);
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  constexpr size_t kShown = 200;
  if (text.size() > kShown) text = std::string(utf8_prefix(text, kShown)) + "…";
  return text.empty() ? "" : ": " + text;
}

}  // namespace

void do_http(TaskWork& work) {
  const auto& body = work.task.http;
  clients::HttpRequest request;
  std::string sent;
  bool has_type = false;
  for (const auto& [name, value] : body.headers) {
    auto filled = fill(value.value, work.values);
    if (filled.find_first_of("\r\n") != std::string::npos)
      throw Error(Code::data, fmt::format("header \"{}\" would hold a line break", name.value), "",
                  value.place);
    has_type |= name.value.size() == 12 && (name.value[0] == 'C' || name.value[0] == 'c') &&
                (name.value[8] == 'T' || name.value[8] == 't');
    request.headers.emplace_back(name.value, std::move(filled));
  }
  if (!body.json.is_null()) {
    sent = fill(body.json, work.values).dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!has_type) request.headers.emplace_back("Content-Type", "application/json");
  } else {
    sent = fill(body.body.value, work.values);
  }
  request.url = fill(body.url.value, work.values, Fills::url);
  request.method = !body.method.empty() ? body.method : sent.empty() ? "GET" : "POST";
  request.body = sent;
  request.timeout = std::chrono::ceil<std::chrono::milliseconds>(body.timeout);
  request.once = request.method != "GET" && request.method != "HEAD";
  request.cancel = &work.run.cancel;
  request.body_max = kAnswerMax;
  const auto answer = work.shared.http->send(request);
  if (!expected(body, answer.status)) {
    throw Error(may_pass(body, answer.status) ? Code::unavailable : Code::data,
                fmt::format("{} answered {}{}", clients::shown_url(request.url), answer.status,
                            beginning(work, answer.body)),
                answer.status >= 300 && answer.status < 400 ? "it is not followed elsewhere: write "
                                                              "the URL that it points to"
                                                            : "");
  }
  if (work.task.output.empty()) return;
  if (work.task.output == "text") {
    work.output = Json(answer.body).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const auto json = Json::parse(answer.body, nullptr, false);
  if (json.is_discarded())
    throw Error(Code::data, "the answer is not JSON" + beginning(work, answer.body),
                "output: text takes it as it is");
  work.output = json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace windrow::tasks
