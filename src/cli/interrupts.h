#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include "base/cancel.h"

namespace windrow::cli {

/// SIGINT and SIGTERM as ordinary calls. The first asks the program to stop; the second does not
/// wait: what is not committed does not count anyway.
class Interrupts {
 public:
  Interrupts() = default;
  /// Blocks both signals in this thread (and in those it begins later) and takes them in a thread
  /// of their own, for the life of the process. The object must live as long.
  void watch();
  Cancel& cancel() { return cancel_; }

  /// What a prompt needs: while it lives, SIGINT calls `handler` instead of stopping the program.
  class Handler {
   public:
    Handler(Interrupts& owner, std::function<void()> handler);
    ~Handler();
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;

   private:
    Interrupts& owner_;
  };

 private:
  void received(int signal);
  Cancel cancel_;
  std::optional<std::chrono::steady_clock::time_point> first_;  // the watching thread's alone
  std::mutex mutex_;
  std::function<void()> handler_;
};

}  // namespace windrow::cli
