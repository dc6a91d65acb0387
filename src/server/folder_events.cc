#include "server/folder_events.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "storage/folder_watch.h"

namespace windrow::server {

namespace {

/// Of a burst of changes the first is told at once, the others together.
constexpr auto kTogether = std::chrono::milliseconds(20);

}  // namespace

FolderEvents::~FolderEvents() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    round_->request();
  }
  if (thread_) thread_->join();
}

void FolderEvents::add(const std::vector<std::string>& folders) {
  std::lock_guard lock(mutex_);
  bool more = false;
  for (const auto& folder : folders)
    more |= !watched_.contains(folder) && wanted_.insert(folder).second;
  if (!more) return;
  if (!thread_) thread_.emplace([this] { watch(); });
  round_->request();
}

bool FolderEvents::tells_of(const std::string& folder) const {
  std::lock_guard lock(mutex_);
  return watched_.contains(folder);
}

void FolderEvents::watch() {
  std::optional<storage::FolderWatch> watch;
  try {
    watch.emplace();
  } catch (const Error&) {
    return;  // what cannot be told is looked at now and then
  }
  std::set<std::string> changed;
  while (true) {
    std::shared_ptr<Cancel> round;
    std::set<std::string> added;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      round_ = round = std::make_shared<Cancel>();
      added.swap(wanted_);
    }
    for (const auto& folder : added) {
      std::error_code gone;
      try {
        watch->add(folder);
        if (!std::filesystem::is_directory(folder, gone)) continue;
      } catch (const Error&) {
        continue;
      }
      std::lock_guard lock(mutex_);
      watched_.insert(folder);
      changed.insert(folder);
    }
    if (!changed.empty()) changed_(std::exchange(changed, {}));
    watch->wait(
        kTogether,
        [&](const std::string& folder, const std::string& name) {
          changed.insert(folder);
          // It is gone, or has another name: who looks there has it added again.
          std::lock_guard lock(mutex_);
          if (name.empty()) watched_.erase(folder);
          return true;
        },
        *round);
  }
}

}  // namespace windrow::server
