#pragma once

#include <map>
#include <mutex>
#include <string>

#include "history/history.h"
#include "observe/event.h"

namespace windrow::history {

/// Writes what happens in runs into the history. Safe from any thread.
class Recorder {
 public:
  explicit Recorder(History& history) : history_(history) {}
  void told(const observe::Event& event);

 private:
  void record(const observe::Event& event, const observe::RunStarted& run);
  void record(const observe::Event& event, const observe::TaskOutcome& task);
  void record(const observe::Event& event, const observe::CheckDone& check);
  void record(const observe::Event& event, const observe::RunEnded& run);
  template <typename Other>
  void record(const observe::Event&, const Other&) {}

  History& history_;
  std::mutex mutex_;
  std::map<std::string, Run> running_;
};

}  // namespace windrow::history
