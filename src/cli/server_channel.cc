#include "cli/server_channel.h"

#include "cli/plan_lines.h"
#include "server/control.h"

namespace windrow::cli {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

std::optional<Json> ask_server(Session& session, const std::string& root, const Json& request,
                               bool patient) {
  const auto channel = server::Channel::open(root + "/.windrow");
  if (!channel) return {};
  std::optional<std::chrono::milliseconds> patience;
  if (!patient) patience = kPatience;
  const auto answer =
      app::parsed(channel->ask(request.dump(), patience, session.interrupts.cancel()));
  const auto error = answer.is_object() ? answer.find("error") : answer.end();
  if (error == answer.end()) return answer;
  throw Error(code_named(error->value("code", "")), error->value("message", ""),
              error->value("hint", ""));
}

int show_server_result(Session& session, const Json& result) {
  const auto& out = session.out;
  const auto status = result.value("status", "");
  if (out.json()) {
    out.write(dumped(result));
  } else {
    const auto style = out.style();
    out.print("run " + short_run(result.value("run", "")) + ": " +
              (status == "done" ? style.green(status) : style.red(status)));
    for (const auto& task : result.value("tasks", Json::array())) {
      if (!task.contains("problem")) continue;
      out.print(style.red("failed:") + " " + task.value("asset", "") + ": " +
                task["problem"].value("message", ""));
    }
    if (result.contains("problem"))
      out.print(style.red("failed:") + " " + result["problem"].value("message", ""));
  }
  return status == "done" ? kDone : status == "canceled" ? kStopped : kFailed;
}

std::string run_named(const history::History& history, const std::string& prefix) {
  if (const auto run = history.run(prefix)) return run->id;
  throw Error(Code::usage,
              prefix.empty() ? "there are no runs yet" : "there is no run \"" + prefix + "\"",
              "`windrow runs` shows what there was");
}

}  // namespace windrow::cli
