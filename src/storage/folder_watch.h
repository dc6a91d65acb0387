#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "base/cancel.h"

namespace windrow::storage {

/// Tells that something in local folders has changed: a file that was written and closed, that
/// came, went or got another name (inotify). One thread at a time.
class FolderWatch {
 public:
  FolderWatch();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// From now on this folder too; not those below it. Nothing where it is watched already or is not
  /// there.
  void add(const std::string& folder);
  /// Waits until an entry of a folder has changed that counts, and then until nothing more has for
  /// `pause`: a save is often several changes. False where it was asked to stop. What changes
  /// between two calls is not missed.
  bool wait(std::chrono::milliseconds pause,
            const std::function<bool(const std::string& folder, const std::string& name)>& counts,
            Cancel& cancel);

 private:
  enum class Look { changed, nothing, timed_out, stopped };
  using Counts = std::function<bool(const std::string& folder, const std::string& name)>;
  Look look(int timeout_ms, const Counts& counts);

  int changes_, stop_;
  std::map<int, std::string> folders_;  ///< by the number that the kernel gave
};

}  // namespace windrow::storage
