#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/json.h"
#include "observe/event.h"
#include "run/resources.h"

namespace windrow::server {

/// What goes on in the runs of a project: which tasks work, and what each of the others waits for.
/// Safe from any thread.
class Underway {
 public:
  /// Of all runs of the project.
  void told(const observe::Event& event);

  /// Those that work first, then those that wait, both in the order in which that began.
  /// `standing`: of all projects.
  app::Json tasks(const std::string& project, const std::vector<run::Standing>& standing,
                  Time now) const;

 private:
  using Key = std::pair<std::string, std::string>;  ///< run, task
  struct Wait {
    std::string what;
    Time from, until;
  };
  mutable std::mutex mutex_;
  std::map<Key, Wait> waits_;  ///< for a time
  std::map<Key, std::string> gave_way_;
};

}  // namespace windrow::server
