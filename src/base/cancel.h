#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace windrow {

/// Tells work to stop. One side calls `request`, any number of workers look at it, wait on it or
/// register a callback. Children are stopped with their parent, never the other way. Safe from any
/// thread; `request` is not for signal handlers (the command line turns a signal into a call from a
/// thread of its own).
class Cancel {
 public:
  Cancel() = default;
  /// A child: stopped when `parent` is, or on its own. The parent must outlive it.
  explicit Cancel(Cancel& parent);
  ~Cancel();
  Cancel(const Cancel&) = delete;
  Cancel& operator=(const Cancel&) = delete;

  void request();
  bool requested() const { return requested_.load(std::memory_order_acquire); }
  /// Throws Error(canceled) when somebody asked to stop.
  void check() const;
  /// Sleeps for `duration` or until asked to stop; true where it was asked to stop.
  bool wait_for(std::chrono::microseconds duration);

  /// Runs `callback` once, from the thread that calls `request`; at once where that already
  /// happened. The registration ends with the returned handle, which waits for a callback that is
  /// running.
  class Registration {
   public:
    Registration() = default;
    Registration(Cancel* owner, uint64_t id) : owner_(owner), id_(id) {}
    Registration(Registration&& o) noexcept : owner_(o.owner_), id_(o.id_) { o.owner_ = nullptr; }
    Registration& operator=(Registration&& o) noexcept;
    ~Registration() { release(); }

   private:
    void release();
    Cancel* owner_ = nullptr;
    uint64_t id_ = 0;
  };
  [[nodiscard]] Registration on_request(std::function<void()> callback);

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, std::function<void()>> callbacks_;
  uint64_t next_id_ = 1;
  uint64_t running_ = 0;
  std::unique_ptr<Registration> from_parent_;
};

}  // namespace windrow
