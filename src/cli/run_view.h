#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"
#include "cli/out.h"
#include "observe/event.h"

namespace windrow::cli {

/// What is shown of one task while it runs.
struct RunningTask {
  std::chrono::microseconds elapsed{};
  Progress last;
};
/// `gold.trending  writing  ████░░░░  42 %  3.10 s left  1,200 rows, 400/s  1.20 s`, at most
/// `width` columns.
std::string running_line(const std::string& asset, const RunningTask& task, size_t width);

/// Twenty cells of it.
std::string progress_bar(double fraction);

/// Shows work while it goes on: on a terminal the running tasks at the bottom with their progress,
/// ten times a second; elsewhere a line when a task ends. On stderr, so that stdout holds the
/// result alone.
class RunView {
 public:
  RunView(const Out& out, const Clock& clock);
  ~RunView();
  /// Safe from any thread.
  void told(const observe::Event& event);

 private:
  struct Running {
    std::chrono::steady_clock::time_point since;
    Progress last;
  };
  void show(const observe::RunStarted& run);
  void show(const observe::TaskStarted& task);
  void show(const Progress& progress);
  void show(const observe::TaskRetrying& task);
  void show(const observe::TaskSaid& task);
  void show(const observe::TaskHeld& task);
  void show(const observe::TaskGaveWay& task);
  void show(const observe::TaskWentOn& task);
  void show(const observe::BreakerMoved& breaker);
  void show(const observe::TaskOutcome& task);
  template <typename Other>
  void show(const Other&) {}
  void scroll(const std::string& line);
  void clear();
  void draw();
  void tick();

  const Out& out_;
  const Clock& clock_;
  const bool live_;
  std::mutex mutex_;
  std::map<std::string, Running> running_;
  size_t tasks_ = 0, ended_ = 0, drawn_ = 0;
  bool ending_ = false;
  std::condition_variable end_;
  std::thread ticker_;
};

}  // namespace windrow::cli
