#include "api/live.h"

#include "app/json.h"
#include "base/secret_text.h"
#include "server/told_json.h"

namespace windrow::api {

namespace {

std::string on_one_line(const app::Json& json) {
  auto out = app::dumped_line(json);
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

}  // namespace

void Live::told(const server::Told& told) {
  metrics.told(told);
  events.add({told.project, told.run}, "server",
             redact_json(secrets, on_one_line(server::json_of(told))));
}

void Live::happened(const std::string& project, const observe::Event& event) {
  metrics.happened(project, event);
  auto json = app::json_of(event);
  json["project"] = project;
  events.add({project, event.run}, "run", redact_json(secrets, on_one_line(json)));
}

}  // namespace windrow::api
