#include "cli/underway_view.h"

#include <fmt/format.h>

#include "base/zone.h"
#include "cli/json_text.h"
#include "cli/plan_lines.h"
#include "cli/server_channel.h"

namespace windrow::cli {

namespace {

constexpr size_t kHoldersShown = 2;

/// `pool db (2 of 2 slots in use), a slot of the server (4 in use)`.
std::string waits_text(const Json& task, const Zone& zone) {
  std::string out;
  for (const auto& each : task.value("for", Json::array()))
    out += (out.empty() ? "" : ", ") + value_text(each);
  if (const auto until = parse_time(task.value("until", "")))
    out += " until " + zone.text(std::chrono::ceil<std::chrono::seconds>(*until));
  return out;
}

std::string holders_text(const Json& task, const std::string& project) {
  std::string out;
  const auto holders = task.value("held_by", Json::array());
  for (size_t i = 0; i < holders.size() && i < kHoldersShown; ++i) {
    const auto whose = holders[i].value("project", "");
    out += (out.empty() ? "" : ", ") + (whose == project ? "" : whose + "/") +
           holders[i].value("task", "");
  }
  if (holders.size() > kHoldersShown) out += ", …";
  return out;
}

/// Those of the projects that are looked for, with nothing else.
Json underway_of(const Json& status, const std::string& prefix) {
  Json out{{"jobs", status.value("jobs", 0)}, {"projects", Json::array()}};
  for (const auto& project : status.value("projects", Json::array())) {
    Json one{{"project", project.value("project", "")},
             {"weight", project.value("weight", 1)},
             {"tasks", Json::array()}};
    for (const auto& task : project.value("tasks", Json::array()))
      if (task.value("run", "").starts_with(prefix)) one["tasks"].push_back(task);
    out["projects"].push_back(std::move(one));
  }
  return out;
}

}  // namespace

int show_underway(Session& session, const app::App& app, const std::string& prefix) {
  const auto workspace = app.workspace();
  const auto status = ask_server(session, workspace->project.root, {{"do", "status"}});
  if (!status) {
    throw Error(Code::usage, "no server runs for this project",
                "`windrow serve` begins one; a `windrow run` shows by itself what goes on in it");
  }
  const auto underway = underway_of(*status, prefix);
  const auto& out = session.out;
  if (out.json()) {
    out.write(dumped(underway));
    return kDone;
  }
  const Zone zone(workspace->project.zone);
  TextTable table({"project", "run", "task", "state", "time", "waits for", "held by"}, {4});
  table.give_way({6, 5, 2});
  for (const auto& project : underway["projects"]) {
    const auto name = project.value("project", "");
    for (const auto& task : project["tasks"]) {
      const auto state = task.value("state", "");
      table.add(
          {name,
           short_run(task.value("run", "")),
           task.value("task", ""),
           {state, state == "runs" ? TextTable::Tone::good : TextTable::Tone::dim},
           seconds_text(std::chrono::microseconds(int64_t(task.value("seconds", 0.0) * 1'000'000))),
           waits_text(task, zone),
           holders_text(task, name)});
    }
  }
  if (table.empty())
    out.print("nothing goes on");
  else
    out.table(table);
  return kDone;
}

}  // namespace windrow::cli
