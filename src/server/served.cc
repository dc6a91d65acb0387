#include "server/served.h"

#include <fmt/format.h>

#include <filesystem>

#include "project/project.h"

namespace windrow::server {

namespace {

constexpr size_t kVersionsKept = 20;

std::unique_ptr<Claim> claimed(const std::string& root) {
  const auto state = root + "/.windrow";
  if (auto claim = Claim::take(state)) return claim;
  const auto pid = Claim::holder(state);
  throw Error(Code::usage,
              fmt::format("{} serves the project in \"{}\" already",
                          pid > 0 ? fmt::format("process {}", pid) : "another process", root),
              pid > 0 ? fmt::format("stop it first: kill {}", pid) : "stop it first");
}

}  // namespace

Served::Served(const app::Options& options, EventListener events)
    : name(std::filesystem::path(project::find_root(options.folder)).filename().string()),
      options_(options),
      root_(project::find_root(options.folder)),
      events_(std::move(events)),
      claim_(claimed(root_)),
      state_(std::make_unique<history::ScheduleState>(root_ + "/.windrow/history.db",
                                                      options.environment)),
      backfills_(std::make_unique<history::Backfills>(root_ + "/.windrow/history.db",
                                                      options.environment)) {}

bool Served::load(const OpenApp& open, Secrets& secrets, const Clock& clock) {
  const auto read = app::version_now(root_);
  auto present = app();
  std::set<std::string> needed{read->hash};
  if (present) {
    if (version()->hash == read->hash) return false;
    needed.insert(version()->hash);
  }
  for (const auto& fire : state_->going_on()) needed.insert(fire.version);
  versions().keep(*read);  // before anything may be pinned to it
  versions().retain(kVersionsKept, needed);
  if (present) {
    present->reload(read);
    return true;
  }
  auto options = options_;
  options.version = read;
  present = open(options, secrets, clock);
  present->check();
  listening_ = present->listen(
      [this, project = present->workspace()->project.name](const observe::Event& event) {
        underway->told(event);
        if (events_) events_(project, event);
      });
  std::lock_guard lock(mutex_);
  app_ = std::move(present);
  return true;
}

std::string Served::folder_name() const { return std::filesystem::path(root_).filename(); }

std::shared_ptr<app::App> Served::app() const {
  std::lock_guard lock(mutex_);
  return app_;
}

std::shared_ptr<const app::ProjectVersion> Served::version() const {
  return app()->workspace()->options.version;
}

}  // namespace windrow::server
