#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/views.h"
#include "base/cancel.h"
#include "base/clock.h"

namespace windrow::app {

/// A run that goes on by itself, on a thread of its own. It may be held longer than what it worked
/// with.
class Run {
 public:
  using Work = std::function<RunResult(Cancel&)>;
  Run(std::string id, const Clock& clock, Work work);
  ~Run();  ///< waits for its end
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const std::string& id() const { return id_; }
  void cancel() { cancel_.request(); }
  /// Calls `tell` once, from the run's thread and when nothing of its work is left: `wait` then
  /// gives the result at once. From this thread where that was before. Of several calls the last
  /// counts.
  void when_ended(std::function<void()> tell);
  bool ended() const;
  /// Waits for the end; throws what ended it where that was not a failed task. A request on `stop`
  /// meanwhile cancels the run.
  RunResult wait();
  RunResult wait(Cancel& stop);

 private:
  friend class Runs;
  void tell_end();

  const std::string id_;
  Cancel cancel_;
  std::mutex mutex_;
  std::function<void()> tell_;
  bool over_ = false;
  std::promise<RunResult> promise_;
  std::shared_future<RunResult> result_;
  std::thread thread_;
};

/// The runs that go on in this process. Safe from any thread.
class Runs {
 public:
  explicit Runs(const Clock& clock) : clock_(clock) {}
  ~Runs();  ///< cancels what goes on, and waits for it: never from within a run

  std::shared_ptr<Run> start(std::string id, Run::Work work);
  /// In the order in which they began.
  std::vector<std::shared_ptr<Run>> active();

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Run>> runs_;
};

}  // namespace windrow::app
