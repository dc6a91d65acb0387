#include "app/app.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "project/folder_walk.h"
#include "storage/folder_watch.h"

// check.
namespace windrow::cli {

namespace {

/// An editor that saves by a rename, or all files at once, is done within it.
constexpr auto kPause = std::chrono::milliseconds(60);
constexpr const char* kClear = "\x1b[H\x1b[2J";

struct Checked {
  std::shared_ptr<const app::Workspace> workspace;
  std::vector<std::string> notices;
};

Checked check(Session& session) {
  const auto app = open_app(session);
  auto workspace = app->workspace();
  Problems problems;
  std::vector<std::string> notices;
  try {
    notices = app->check();
  } catch (const Error& error) {
    problems.add(error);
  }
  for (const auto& problem : workspace->project.schedule_problems) problems.add(problem);
  problems.raise();
  return {std::move(workspace), std::move(notices)};
}

Json counts_of(const Checked& checked) {
  const auto& project = checked.workspace->project;
  return {{"project", project.name},
          {"sources", project.sources.size()},
          {"seeds", project.seeds.size()},
          {"models", project.models.size()},
          {"publications", project.publications.size()},
          {"tests", project.tests.size()},
          {"schedules", project.schedules.size()},
          {"sensors", project.sensors.size()},
          {"notices", checked.notices}};
}

void show(const Out& out, const Checked& checked) {
  const auto& project = checked.workspace->project;
  for (const auto& notice : checked.notices) out.print(out.style().yellow("note:") + " " + notice);
  std::string parts;
  const auto part = [&](size_t n, const char* noun) {
    if (n > 0) parts += (parts.empty() ? "" : ", ") + counted(int64_t(n), noun);
  };
  part(project.sources.size(), "source");
  part(project.seeds.size(), "seed");
  part(project.models.size(), "model");
  part(project.publications.size(), "publication");
  part(project.tests.size(), "test");
  part(project.schedules.size(), "schedule");
  part(project.sensors.size(), "sensor");
  out.print(out.style().bold(project.name) + ": " + (parts.empty() ? "nothing in it yet" : parts) +
            ": " + out.style().green("nothing wrong"));
}

/// One look, with its time; what it finds is the result, so it goes to standard output.
void look(Session& session) {
  const auto& out = session.out;
  Json json{{"time", iso(session.clock.now())}};
  const auto begin = [&] {
    if (out.terminal()) out.write(kClear);
    out.print(out.style().dim(short_time(session.clock.now())));
  };
  try {
    const auto checked = check(session);
    if (out.json()) {
      json.update({{"ok", true}, {"problems", Json::array()}});
      json.update(counts_of(checked));
    } else {
      begin();
      show(out, checked);
    }
  } catch (const Error& error) {
    json.update({{"ok", false}, {"problems", Json::array()}});
    for (const auto& problem : error.problems()) json["problems"].push_back(json_of(problem));
    if (!out.json()) {
      begin();
      for (const auto& problem : error.problems()) out.write(problem_text(problem, out.style()));
      out.print(counted(int64_t(error.problems().size()), "problem"));
    }
  }
  if (out.json()) out.write(dumped_line(json));
  out.finish();
}

int watch(Session& session) {
  const auto root = project::find_root(session.arguments.folder);
  storage::FolderWatch watch;
  const auto counts = [&](const std::string& folder, const std::string& name) {
    return project::may_matter(root, folder, name);
  };
  do {
    // Before the look: what comes after it is a change, what was there it sees.
    for (const auto& folder : project::folders_of_project(root)) watch.add(folder);
    look(session);
  } while (watch.wait(kPause, counts, session.interrupts.cancel()));
  return kStopped;
}

}  // namespace

int check_verb(Session& session) {
  if (session.arguments.watch) return watch(session);
  const auto checked = check(session);
  if (session.out.json())
    session.out.write(dumped(counts_of(checked)));
  else
    show(session.out, checked);
  return kDone;
}

}  // namespace windrow::cli
