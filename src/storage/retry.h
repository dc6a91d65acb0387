#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace windrow::storage {

/// How often something over the network is tried, and how long to wait in between.
struct RetryPolicy {
  int tries = 7;
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{10'000};
  /// For tests.
  std::function<void(std::chrono::milliseconds)> sleep = [](std::chrono::milliseconds wait) {
    std::this_thread::sleep_for(wait);
  };
};

/// The waits of one operation: each up to twice as long as the one before, by chance between half
/// and the whole of that, so that many who failed at once do not come again at once.
class Backoff {
 public:
  explicit Backoff(const RetryPolicy& policy) : policy_(policy), next_(policy.first_wait) {}
  /// Waits, at least as long as the server has asked for; false, at once, where that was the last
  /// try.
  bool again(std::chrono::milliseconds asked_for = {});
  /// Tries begun so far.
  int tries() const { return tries_; }

 private:
  const RetryPolicy& policy_;
  int tries_ = 1;
  std::chrono::milliseconds next_;
};

}  // namespace windrow::storage
