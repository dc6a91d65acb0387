#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "app/app.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/text_table.h"

// env.
namespace windrow::cli {

namespace {

std::string note_of(const app::EnvironmentView& each) {
  if (each.problem) return each.problem->message;
  std::string out = each.publishes ? "publishes" : "";
  for (const auto& other : each.shared_with)
    out += (out.empty() ? "" : ", ") + ("lake also of " + other);
  if (!each.tables) out += std::string(out.empty() ? "" : ", ") + "no lake yet";
  return out;
}

int list(Session& session) {
  const auto app = open_app(session);
  const auto& out = session.out;
  const auto all = app->environments(session.interrupts.cancel());
  if (out.json()) {
    Json json = Json::array();
    for (const auto& each : all) json.push_back(json_of(each));
    out.write(dumped(json));
    return kDone;
  }
  TextTable text({"environment", "lake", "tables", "size", ""}, {2, 3});
  for (const auto& each : all) {
    text.add({each.name, each.lake, each.tables ? count_text(*each.tables) : "",
              each.bytes ? bytes_text(*each.bytes) : "", note_of(each)});
  }
  out.table(text);
  return kDone;
}

std::string sum_of(const app::DroppedEnvironment& dropped) {
  int64_t files = 0, bytes = 0;
  for (const auto& table : dropped.tables) {
    files += table.files;
    bytes += table.bytes;
  }
  return fmt::format("{} with {}, {}", counted(int64_t(dropped.tables.size()), "table"),
                     counted(files, "file"), bytes_text(bytes));
}

void show(const Session& session, const app::DroppedEnvironment& dropped) {
  TextTable text({"table", "files", "size"}, {1, 2});
  for (const auto& table : dropped.tables)
    text.add({table.name, count_text(table.files), bytes_text(table.bytes)});
  if (!text.empty()) session.out.table(text);
  for (const auto& each : dropped.left)
    session.out.note("stays, for it is no table: " + dropped.lake + "/" + each);
}

/// Asks whoever sits there; nobody does where input is no terminal.
bool confirmed(const Session& session, const app::DroppedEnvironment& dropped) {
  if (::isatty(STDIN_FILENO) == 0) {
    throw Error(Code::usage,
                "env drop asks before it removes anything, and nobody is there to answer",
                "--dry-run looks, --yes answers");
  }
  session.out.write(fmt::format("remove {} of \"{}\" in {} for good? [y/N] ", sum_of(dropped),
                                dropped.environment, dropped.lake));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

int drop(Session& session) {
  const auto& a = session.arguments;
  const auto& out = session.out;
  const auto app = open_app(session);
  auto& cancel = session.interrupts.cancel();
  if (a.dry_run || !a.yes) {
    const auto found = app->drop_environment(true, a.force, cancel);
    if (a.dry_run && out.json()) {
      out.write(dumped(json_of(found, true)));
      return kDone;
    }
    if (!found.there && !out.json()) {
      out.print(fmt::format("environment \"{}\" has no lake in {}", found.environment, found.lake));
      return kDone;
    }
    if (!out.json()) show(session, found);
    if (a.dry_run || (found.there && !confirmed(session, found))) {
      out.note("nothing was changed");
      return kDone;
    }
  }
  const auto dropped = app->drop_environment(false, a.force, cancel);
  if (out.json()) {
    out.write(dumped(json_of(dropped, false)));
  } else if (!dropped.there) {
    out.print(
        fmt::format("environment \"{}\" has no lake in {}", dropped.environment, dropped.lake));
  } else {
    if (a.yes) show(session, dropped);
    out.print(fmt::format("{} removed", sum_of(dropped)));
  }
  return kDone;
}

}  // namespace

int env_verb(Session& session) {
  if (session.arguments.sub_verb == "list") return list(session);
  // The environment that is named is the one that is opened: its variables have to be set.
  Arguments arguments = session.arguments;
  arguments.environment = arguments.name;
  Session chosen{arguments,          session.out,     session.secrets, session.clock,
                 session.interrupts, session.command, session.open};
  return drop(chosen);
}

}  // namespace windrow::cli
