#pragma once

#include <string>

#include "observe/event.h"
#include "observe/log.h"

namespace windrow::observe {

/// Writes the events of one run into its log. Progress is not kept; of a stream only what a commit
/// or a wait changed.
class RunLog {
 public:
  RunLog(const std::string& path, const Secrets& secrets, const Clock& clock)
      : log_(path, secrets, clock) {}
  void told(const Event& event);

 private:
  void line(const Event& event, const RunStarted& run);
  void line(const Event& event, const TaskStarted& task);
  void line(const Event&, const Progress&) {}
  void line(const Event& event, const TaskSaid& task);
  void line(const Event& event, const TaskHeld& task);
  void line(const Event& event, const TaskGaveWay& task);
  void line(const Event& event, const TaskWentOn& task);
  void line(const Event& event, const BreakerMoved& breaker);
  void line(const Event& event, const TaskRetrying& task);
  void line(const Event&, const CheckDone&) {}
  void line(const Event& event, const TaskOutcome& task);
  void line(const Event& event, const StreamMoved& stream);
  void line(const Event& event, const RunEnded& run);
  void line(const Event& event, const HistoryLost& lost);

  Log log_;
  StreamStatus last_;
};

}  // namespace windrow::observe
