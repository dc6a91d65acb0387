#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/cancel.h"

namespace windrow::server {

/// Watches the files of projects, in one thread: by inotify, and where the kernel has no watches
/// left by looking every two seconds.
class Watcher {
 public:
  /// Called in the thread of this, for one project at a time, a short pause after its last change.
  using Changed = std::function<void(const std::string& root)>;

  /// By root, what files looked like before they were read: what has changed since then is told.
  using Seen = std::map<std::string, std::string>;
  static Seen seen(const std::vector<std::string>& roots);

  Watcher(Seen seen, Changed changed);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void watch();
  void look_now_and_then();
  /// Of a file's names, sizes and times.
  static std::string signature(const std::string& root);
  void tell_changed();

  Seen seen_;
  const Changed changed_;
  Cancel stop_;
  std::thread thread_;
};

}  // namespace windrow::server
