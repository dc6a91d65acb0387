#include "server/watcher.h"

#include <filesystem>

#include "base/error.h"
#include "project/folder_walk.h"
#include "storage/folder_watch.h"

namespace windrow::server {

namespace fs = std::filesystem;

namespace {

/// An editor that saves by a rename, or a checkout of many files, is done within it.
constexpr auto kPause = std::chrono::milliseconds(150);
constexpr auto kLook = std::chrono::seconds(2);

}  // namespace

Watcher::Seen Watcher::seen(const std::vector<std::string>& roots) {
  Seen out;
  for (const auto& root : roots) out[root] = signature(root);
  return out;
}

Watcher::Watcher(Seen seen, Changed changed)
    : seen_(std::move(seen)), changed_(std::move(changed)) {
  thread_ = std::thread([this] {
    try {
      watch();
    } catch (const Error&) {
      look_now_and_then();
    }
  });
}

Watcher::~Watcher() {
  stop_.request();
  thread_.join();
}

std::string Watcher::signature(const std::string& root) {
  std::string out;
  for (const auto& folder : project::folders_of_project(root)) {
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
      if (!project::may_matter(root, folder, entry->path().filename().string())) continue;
      std::error_code gone;
      const auto time = entry->last_write_time(gone).time_since_epoch().count();
      const auto size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
      out +=
          entry->path().string() + " " + std::to_string(time) + " " + std::to_string(size) + "\n";
    }
  }
  return out;
}

void Watcher::tell_changed() {
  for (auto& [root, before] : seen_) {
    auto now = signature(root);
    if (now == before) continue;
    before = std::move(now);
    if (!stop_.requested()) changed_(root);
  }
}

void Watcher::watch() {
  storage::FolderWatch watch;
  const auto counts = [&](const std::string& folder, const std::string& name) {
    for (const auto& [root, before] : seen_) {
      if (folder == root || folder.starts_with(root + "/"))
        return project::may_matter(root, folder, name);
    }
    return false;
  };
  do {
    // Before the look: what comes after it is a change, what was there it sees.
    for (const auto& [root, before] : seen_)
      for (const auto& folder : project::folders_of_project(root)) watch.add(folder);
    tell_changed();
  } while (watch.wait(kPause, counts, stop_));
}

void Watcher::look_now_and_then() {
  while (!stop_.wait_for(kLook)) tell_changed();
}

}  // namespace windrow::server
