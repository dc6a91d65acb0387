#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"

namespace windrow::server {

/// A few threads that look at what is outside. Looks at one place are made one after the other, so
/// that a place which does not answer holds up its own looks alone. One thread does it all as long
/// as each look is short: another begins where all have been at one look for a while, and ends when
/// there is nothing more to do. The last one is for places that have been quick. Safe from any
/// thread.
class Lookers {
 public:
  explicit Lookers(const Clock& clock) : clock_(clock) {}
  /// Waits for looks that go on; what has not begun is not done.
  ~Lookers();
  Lookers(const Lookers&) = delete;
  Lookers& operator=(const Lookers&) = delete;

  /// `look` throws nothing. `quick`: it is not known to take long.
  void post(const std::string& place, bool quick, std::function<void()> look);
  /// Begins another thread where one is wanted. True where one may be wanted soon.
  bool help();

 private:
  struct Job {
    std::function<void()> look;
    Clock::Work at_work;
  };
  struct Place {
    std::deque<Job> jobs;
    bool busy = false, quick = false;
  };
  struct Looker {
    std::thread thread;
    bool busy = false, done = false;
    std::chrono::steady_clock::time_point since;
  };
  void make_ready(const std::string& name, const Place& place);
  /// Whether there is something that one more looker may do.
  bool something() const;
  void begin();
  void work(Looker& self);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Place> places_;   ///< with something to do, or being done
  std::deque<std::string> quick_, slow_;  ///< that nobody is at
  size_t at_slow_ = 0;                    ///< lookers
  std::list<Looker> lookers_;
  bool ending_ = false;
};

}  // namespace windrow::server
