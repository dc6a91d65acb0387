#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace windrow::server {

/// What happened, for the one thread that decides. Whoever posts is at work, until it was handled.
/// Safe from any thread.
class Inbox {
 public:
  explicit Inbox(const Clock& clock) : clock_(clock), alarm_(clock, [this] { post([] {}); }) {}

  void post(std::function<void()> what) {
    std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(what), clock_.at_work()});
    changed_.notify_one();
  }

  /// Waits for something, or until `until`; handles all that is there.
  void handle(std::optional<SteadyTime> until) {
    if (until) alarm_.set(*until);
    std::deque<Message> taken;
    {
      const Clock::Rest rest(clock_);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !waiting_.empty(); });
      taken.swap(waiting_);
    }
    alarm_.clear();
    for (auto& message : taken) {
      message.what();
      message.at_work = {};
    }
  }

 private:
  struct Message {
    std::function<void()> what;
    Clock::Work at_work;
  };
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Message> waiting_;
  Alarm alarm_;
};

/// One thread that does what others must not wait for, one thing after the other.
class Worker {
 public:
  explicit Worker(const Clock& clock)
      : inbox_(clock), thread_([this, at_work = clock.at_work()] { work(); }) {}
  /// Waits for what is being done; what has not begun is not done.
  ~Worker() {
    ending_ = true;
    inbox_.post([] {});
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::function<void()> what) {
    inbox_.post([this, what = std::move(what)] {
      if (!ending_) what();
    });
  }

 private:
  void work() {
    while (!ending_) inbox_.handle(std::nullopt);
  }
  Inbox inbox_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace windrow::server
