#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace windrow::run {

/// Calls in the order of their turns, from one thread of its own: who has something to tell goes
/// on, and nobody but that thread wakes up for it. So many may wait; then who tells more waits
/// too.
class Telling {
 public:
  static constexpr size_t kMost = 1000;

  explicit Telling(const Clock& clock) : clock_(clock), thread_([this] { run(); }) {}
  /// Once everything that was given a turn is told.
  ~Telling() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    more_.notify_one();
    thread_.join();
  }
  Telling(const Telling&) = delete;
  Telling& operator=(const Telling&) = delete;

  /// Every turn is given once, without a gap, and by whom does not matter. `wait`: until it is
  /// told. Never from within a call.
  void tell(uint64_t turn, std::function<void()> call, bool wait = false) {
    std::unique_lock lock(mutex_);
    calls_.emplace(turn, std::pair(std::move(call), clock_.at_work()));
    if (turn == told_) more_.notify_one();
    if (!wait && calls_.size() <= kMost) return;
    ++waiting_;
    some_told_.wait(lock, [&] { return wait ? told_ > turn : calls_.size() <= kMost; });
    --waiting_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      more_.wait(lock, [this] { return next() || (closing_ && calls_.empty()); });
      if (calls_.empty()) return;
      {
        const auto call = std::move(calls_.begin()->second);
        lock.unlock();
        call.first();
        lock.lock();
        // Not before it is told: who waits for the last one sees that it was.
        calls_.erase(calls_.begin());
        ++told_;
        if (waiting_ > 0) some_told_.notify_all();
      }
    }
  }
  bool next() const { return !calls_.empty() && calls_.begin()->first == told_; }

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable more_, some_told_;
  std::map<uint64_t, std::pair<std::function<void()>, Clock::Work>> calls_;
  uint64_t told_ = 0;
  size_t waiting_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace windrow::run
