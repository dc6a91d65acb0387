#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tasks/control/task_run.h"

namespace windrow::tasks {

void do_run(TaskWork& work) {
  const auto& body = work.task.run;
  OtherRun asked;
  const std::filesystem::path root(work.shared.root);
  const auto folder = fill(body.project.value, work.values);
  asked.folder = folder.empty() ? root.string() : (root / folder).lexically_normal().string();
  asked.select = fill(body.select.value, work.values);
  asked.environment = fill(body.environment.value, work.values);
  if (asked.environment.empty()) asked.environment = work.values.named.at("environment");
  for (const auto& [name, value] : body.vars) asked.vars[name] = fill(value.value, work.values);
  asked.wait = body.wait;
  asked.asked_by = work.name;
  const auto end = work.shared.other_run(asked, work.run.cancel);
  work.output = nlohmann::ordered_json{{"run", end.run}, {"status", end.status}}.dump();
  if (!body.wait || end.status == "done") return;
  if (end.status == "canceled") throw Error(Code::canceled, "the run was canceled");
  throw Error(Code::data, fmt::format("run {} failed", end.run.substr(0, 13)),
              fmt::format("windrow -C {} runs {}", asked.folder, end.run.substr(0, 13)),
              body.place);
}

}  // namespace windrow::tasks
