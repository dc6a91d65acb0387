#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "app/app.h"
#include "cli/out.h"

namespace windrow::cli {

/// Shows a run while it goes on: on a terminal the running tasks at the bottom with their progress,
/// elsewhere a line when a task ends. On stderr, so that stdout holds the result alone.
class RunView {
 public:
  RunView(const Out& out, const Clock& clock) : out_(out), clock_(clock) {}
  ~RunView() { clear(); }
  app::RunEvents events();
  void clear();

 private:
  struct Running {
    std::chrono::steady_clock::time_point since;
    Progress last;
  };
  void scroll(const std::string& line);
  void draw(bool force);

  const Out& out_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Running> running_;
  size_t tasks_ = 0, ended_ = 0, drawn_ = 0;
  std::chrono::steady_clock::time_point last_drawn_{};
};

}  // namespace windrow::cli
