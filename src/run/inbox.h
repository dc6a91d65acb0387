#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace windrow::run {

/// What the workers of one execution are to do next, and the workers themselves, which begin as
/// they are needed. Its lock is the innermost: anybody may post, whatever they hold.
class Inbox {
 public:
  enum class Kind { start, refused, held, give_up };
  struct Item {
    Kind kind = Kind::start;
    size_t task = 0;
    Problem problem;      ///< refused: why
    Clock::Work at_work;  ///< from the post to the end of what it asks for
  };

  /// `work` takes until there is nothing more; the thread that made the inbox is a worker too.
  Inbox(const Clock& clock, size_t workers, std::function<void()> work)
      : clock_(clock), workers_(workers), work_(std::move(work)) {}

  void post(Kind kind, size_t task = 0, Problem problem = {}) {
    std::lock_guard lock(mutex_);
    items_.push_back({kind, task, std::move(problem), clock_.at_work()});
    if (idle_ >= items_.size() || threads_.size() + 1 >= workers_ || closed_) {
      if (idle_ > 0) changed_.notify_one();
      return;
    }
    threads_.emplace_back(work_);
  }
  /// The next one; nothing: the execution is over.
  std::optional<Item> take() {
    std::unique_lock lock(mutex_);
    ++idle_;
    changed_.wait(lock, [this] { return !items_.empty() || closed_; });
    --idle_;
    if (items_.empty()) return {};
    auto item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  /// After `close`, by the thread that made it.
  void join() {
    for (auto& thread : threads_) thread.join();
  }

 private:
  const Clock& clock_;
  const size_t workers_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool closed_ = false;
};

}  // namespace windrow::run
