#include "base/clock.h"

#include "base/error.h"

namespace windrow {

using std::chrono::microseconds;

Clock::Work& Clock::Work::operator=(Work&& o) noexcept {
  if (this != &o) {
    end();
    clock_ = std::exchange(o.clock_, nullptr);
  }
  return *this;
}

void Clock::Work::end() {
  if (const auto* clock = std::exchange(clock_, nullptr)) clock->work_ended();
}

bool Clock::sleep(microseconds duration, Cancel& cancel) const {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false, asleep = false;
  // Whoever wakes it is at work for it until it is awake: time does not slip in between.
  const auto wake = [&] {
    std::lock_guard lock(mutex);
    if (over) return;
    over = true;
    if (asleep) work_began();
    changed.notify_all();
  };
  Alarm alarm(*this, wake);
  alarm.set(steady() + duration);
  const auto on_stop = cancel.on_request(wake);
  {
    std::unique_lock lock(mutex);
    if (!over) {
      asleep = true;
      work_ended();
      changed.wait(lock, [&] { return over; });
    }
  }
  return cancel.requested();
}

std::optional<SteadyTime> Clock::next_alarm() const {
  std::lock_guard lock(alarms_mutex_);
  if (alarms_.empty()) return {};
  return alarms_.begin()->first;
}

bool Clock::ring_next(SteadyTime now) const {
  std::unique_lock lock(alarms_mutex_);
  if (alarms_.empty() || alarms_.begin()->first > now) return false;
  ringing_ = alarms_.begin()->second;
  ringing_on_ = std::this_thread::get_id();
  ringing_->when_.reset();
  alarms_.erase(alarms_.begin());
  const auto& ring = ringing_->ring_;
  lock.unlock();
  ring();
  lock.lock();
  ringing_ = nullptr;
  rung_.notify_all();
  return true;
}

Alarm::Alarm(const Clock& clock, std::function<void()> ring)
    : clock_(clock), ring_(std::move(ring)) {}

Alarm::~Alarm() {
  std::unique_lock lock(clock_.alarms_mutex_);
  WINDROW_INVARIANT(clock_.ringing_ != this || clock_.ringing_on_ != std::this_thread::get_id());
  clock_.rung_.wait(lock, [this] { return clock_.ringing_ != this; });
  if (when_) clock_.alarms_.erase({*when_, this});  // also where it set itself anew
}

void Alarm::set(SteadyTime when) {
  {
    std::lock_guard lock(clock_.alarms_mutex_);
    if (when_ == when) return;
    if (when_) clock_.alarms_.erase({*when_, this});
    when_ = when;
    clock_.alarms_.emplace(when, this);
  }
  clock_.alarm_set();
}

void Alarm::clear() {
  std::lock_guard lock(clock_.alarms_mutex_);
  if (when_) clock_.alarms_.erase({*when_, this});
  when_.reset();
}

namespace {

class SystemClock final : public Clock {
 public:
  explicit SystemClock(std::optional<Time> begin) {
    if (begin) ahead_ = *begin - now();
  }
  ~SystemClock() override {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  Time now() const override {
    return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()) + ahead_;
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

 protected:
  void alarm_set() const override {
    std::lock_guard lock(mutex_);
    moved_ = true;
    if (!thread_.joinable()) thread_ = std::thread([this] { watch(); });
    changed_.notify_all();
  }

 private:
  void watch() const {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      moved_ = false;
      lock.unlock();
      while (ring_next(steady())) {}
      const auto next = next_alarm();
      lock.lock();
      const auto woken = [this] { return ending_ || moved_; };
      if (next)
        changed_.wait_until(lock, *next, woken);
      else
        changed_.wait(lock, woken);
    }
  }

  microseconds ahead_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable bool moved_ = false;
  bool ending_ = false;
  mutable std::thread thread_;  ///< once there was an alarm
};

}  // namespace

std::unique_ptr<Clock> system_clock(std::optional<Time> begin) {
  return std::make_unique<SystemClock>(begin);
}

bool FakeClock::sleep(microseconds duration, Cancel& cancel) const {
  if (!cancel.requested()) advance(duration);
  return cancel.requested();
}

void FakeClock::advance(microseconds d) const {
  const auto to = steady() + d;
  const auto move_to = [this](SteadyTime t) {
    now_ = now() + std::chrono::duration_cast<microseconds>(t - steady());
    steady_ = t;
  };
  for (auto next = next_alarm(); next && *next <= to; next = next_alarm()) {
    if (*next > steady()) move_to(*next);
    ring_next(steady());
  }
  move_to(to);
}

SimulatedClock::SimulatedClock(Time start) : start_(start), thread_([this] { go_on(); }) {}

SimulatedClock::~SimulatedClock() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Time SimulatedClock::now() const {
  return start_ + std::chrono::duration_cast<microseconds>(steady() - SteadyTime()) +
         microseconds(jumped_.load());
}

void SimulatedClock::alarm_set() const {
  std::lock_guard lock(mutex_);
  alarms_changed_ = true;
  changed_.notify_all();
}

void SimulatedClock::work_began() const {
  std::lock_guard lock(mutex_);
  ++at_work_;
}

void SimulatedClock::work_ended() const {
  std::lock_guard lock(mutex_);
  WINDROW_INVARIANT(at_work_ > 0);  // who rests was at work
  --at_work_;
  changed_.notify_all();
}

void SimulatedClock::go_on() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || (at_work_ == 0 && alarms_changed_); });
    if (ending_) return;
    const auto next = next_alarm();
    if (!next) {
      alarms_changed_ = false;
      continue;
    }
    if (*next > steady()) steady_ = *next;
    ++at_work_;  // until what rings has said what it does
    lock.unlock();
    ring_next(steady());
    lock.lock();
    --at_work_;
  }
}

}  // namespace windrow
