#include "sources/rest/throttle.h"

#include <algorithm>

#include "base/clock.h"

namespace windrow::sources {

namespace {

constexpr auto kProbeLook = std::chrono::milliseconds(20);

std::chrono::microseconds until(std::chrono::steady_clock::duration time) {
  return std::chrono::ceil<std::chrono::microseconds>(time);
}

}  // namespace

TokenBucket::TokenBucket(double per_second, int burst) : burst_(std::max(1, burst)) {
  if (per_second > 0) {
    interval_ =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / per_second));
  }
}

TokenBucket::Clock::time_point TokenBucket::take(Clock::time_point now) {
  if (interval_ == Clock::duration::zero()) return now;
  const auto earliest = now - (burst_ - 1) * interval_;
  const auto slot = std::max(next_, earliest);
  next_ = slot + interval_;
  return std::max(slot, now);
}

void Throttle::wait(Cancel& cancel) {
  for (;;) {
    cancel.check();
    std::chrono::microseconds sleep{0};
    {
      std::unique_lock lock(mutex_);
      const auto now = Clock::now();
      if (now < paused_until_) {
        sleep = until(paused_until_ - now);
      } else if (open_ && probing_) {
        sleep = kProbeLook;
      } else {
        if (open_) probing_ = true;
        const auto slot = bucket_.take(now);
        sleep = until(slot - now);
        if (sleep.count() <= 0) return;
        // The token is taken: only a pause that begins meanwhile asks for another one.
        const auto paused_before = paused_until_;
        lock.unlock();
        const bool stopped = cancel.wait_for(sleep);
        lock.lock();
        if (!stopped && paused_until_ == paused_before) return;
        probing_ = false;
        continue;
      }
    }
    cancel.wait_for(sleep);
  }
}

void Throttle::pause(std::chrono::microseconds how_long) {
  const std::scoped_lock lock(mutex_);
  paused_until_ = std::max(paused_until_, Clock::now() + how_long);
  probing_ = false;
}

void Throttle::succeeded() {
  const std::scoped_lock lock(mutex_);
  failures_ = 0;
  open_ = probing_ = false;
}

void Throttle::failed() {
  const std::scoped_lock lock(mutex_);
  if (++failures_ < failures_max_) return;
  open_ = true;
  probing_ = false;
  paused_until_ = std::max(paused_until_, Clock::now() + breaker_pause_);
}

bool Throttle::open() const {
  const std::scoped_lock lock(mutex_);
  return open_;
}

std::shared_ptr<Throttle> Throttles::of(const std::string& connection, double per_second, int burst,
                                        int failures, std::chrono::microseconds pause) {
  const std::scoped_lock lock(mutex_);
  auto& found = all_[connection];
  if (!found) found = std::make_shared<Throttle>(per_second, burst, failures, pause);
  return found;
}

}  // namespace windrow::sources
