#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"

namespace windrow::server {

/// Tells of changes in many local folders, by inotify and in one thread, which begins with the
/// first of them.
class FolderEvents {
 public:
  /// Called in the thread of this. Folders in which something may have changed: also those that are
  /// watched from now on, as what happened before was not seen. Bursts are gathered.
  using Changed = std::function<void(std::set<std::string>)>;
  explicit FolderEvents(Changed changed) : changed_(std::move(changed)) {}
  ~FolderEvents();
  FolderEvents(const FolderEvents&) = delete;
  FolderEvents& operator=(const FolderEvents&) = delete;

  /// These too. What is not there, or more than the system lets us watch, is not told of.
  void add(const std::vector<std::string>& folders);
  /// Whether changes in it are told. Any thread.
  bool tells_of(const std::string& folder) const;

 private:
  void watch();

  const Changed changed_;
  mutable std::mutex mutex_;
  std::set<std::string> wanted_, watched_;  ///< wanted: and not watched yet
  std::shared_ptr<Cancel> round_ = std::make_shared<Cancel>();
  bool stopping_ = false;
  std::optional<std::thread> thread_;
};

}  // namespace windrow::server
