#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/cancel.h"
#include "base/time.h"

/// How often a server is asked: shared by everything that asks through one connection.
namespace windrow::sources {

/// A token bucket, as the time at which the next request may leave (GCRA): decides, does not wait.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;
  /// `per_second` 0: no limit.
  TokenBucket(double per_second, int burst);
  /// Takes a token: when the request may leave, `now` at the earliest.
  Clock::time_point take(Clock::time_point now);

 private:
  Clock::duration interval_{};
  int burst_;
  Clock::time_point next_{};  // when the bucket would be full again, less the burst
};

/// Rate limit, pauses that the server asked for, and a circuit breaker. Any thread.
class Throttle {
 public:
  Throttle(double per_second, int burst, int failures, std::chrono::microseconds pause)
      : bucket_(per_second, burst), failures_max_(failures), breaker_pause_(pause) {}

  /// Waits until a request may leave. Error(canceled) where asked to stop.
  void wait(Cancel& cancel);
  /// The server asked for it: nobody sends anything for so long.
  void pause(std::chrono::microseconds how_long);
  void succeeded();
  /// After so many in a row everybody pauses; then a single request looks whether it is over.
  void failed();
  bool open() const;

 private:
  using Clock = std::chrono::steady_clock;

  mutable std::mutex mutex_;
  TokenBucket bucket_;
  const int failures_max_;
  const std::chrono::microseconds breaker_pause_;
  int failures_ = 0;
  bool open_ = false, probing_ = false;
  Clock::time_point paused_until_{};
};

/// The throttles of a process by connection. Any thread.
class Throttles {
 public:
  std::shared_ptr<Throttle> of(const std::string& connection, double per_second, int burst,
                               int failures, std::chrono::microseconds pause);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Throttle>> all_;
};

}  // namespace windrow::sources
