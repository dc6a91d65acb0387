#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/cancel.h"
#include "base/time.h"

/// What time it is, and waiting for it. Who waits does so here, so that a test, or a simulation of
/// a year, need not.
namespace windrow {

using SteadyTime = std::chrono::steady_clock::time_point;

class Alarm;

/// The world's time. Threads may share it.
class Clock {
 public:
  Clock() = default;
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  /// The time of day; it may jump.
  virtual Time now() const = 0;
  /// Never goes back; only differences mean anything.
  virtual SteadyTime steady() const = 0;
  /// Sleeps for `duration` or until asked to stop; true where it was asked to stop.
  virtual bool sleep(std::chrono::microseconds duration, Cancel& cancel) const;

  /// While it lives, something goes on: a clock that would jump to the next alarm stands still.
  class Work {
   public:
    Work() = default;
    explicit Work(const Clock& clock) : clock_(&clock) { clock_->work_began(); }
    Work(Work&& o) noexcept : clock_(std::exchange(o.clock_, nullptr)) {}
    Work& operator=(Work&& o) noexcept;
    ~Work() { end(); }

   private:
    void end();
    const Clock* clock_ = nullptr;
  };
  [[nodiscard]] Work at_work() const { return Work(*this); }
  /// While it lives, who is at work waits for others, who say themselves whether they are.
  class Rest {
   public:
    explicit Rest(const Clock& clock) : clock_(clock) { clock_.work_ended(); }
    ~Rest() { clock_.work_began(); }
    Rest(const Rest&) = delete;
    Rest& operator=(const Rest&) = delete;

   private:
    const Clock& clock_;
  };

 protected:
  /// Of the earliest alarm.
  std::optional<SteadyTime> next_alarm() const;
  /// Rings the earliest alarm where its time has come; false where none is due.
  bool ring_next(SteadyTime now) const;
  virtual void alarm_set() const {}
  virtual void work_began() const {}
  virtual void work_ended() const {}

 private:
  friend class Alarm;

  mutable std::mutex alarms_mutex_;
  mutable std::condition_variable rung_;
  mutable std::set<std::pair<SteadyTime, Alarm*>> alarms_;
  mutable Alarm* ringing_ = nullptr;
  mutable std::thread::id ringing_on_;
};

/// Rings at a time, which may be set anew as often as one likes. All alarms of a clock ring one
/// after the other on a thread of the clock's, so `ring` has to be short. It may be called once
/// more right after `set` or `clear`: it looks for itself whether there is something to do. That is
/// why these two never wait for it, and may be called under a lock that it takes.
class Alarm {
 public:
  /// The clock must outlive it.
  Alarm(const Clock& clock, std::function<void()> ring);
  /// Waits for a ring that goes on.
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(SteadyTime when);
  void clear();

 private:
  friend class Clock;
  const Clock& clock_;
  const std::function<void()> ring_;
  std::optional<SteadyTime> when_;  ///< guarded by the clock's lock, like its place in the set
};

/// The machine's. With `begin` it tells another time of day, which goes on from there as the
/// machine's does.
std::unique_ptr<Clock> system_clock(std::optional<Time> begin = {});

/// For tests: stands still until told; who sleeps on it moves it.
class FakeClock : public Clock {
 public:
  explicit FakeClock(Time start) : now_(start) {}
  Time now() const override { return now_; }
  SteadyTime steady() const override { return steady_; }
  bool sleep(std::chrono::microseconds duration, Cancel& cancel) const override;
  /// Rings what becomes due meanwhile.
  void advance(std::chrono::microseconds d) const;
  /// The time of day jumps.
  void set(Time t) { now_ = t; }

 private:
  mutable std::atomic<Time> now_;
  mutable std::atomic<SteadyTime> steady_{SteadyTime()};
};

/// For simulations: while something is at work it stands still, then it jumps to the next alarm.
/// Who sleeps on it is not at work meanwhile.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(Time start);
  ~SimulatedClock() override;
  Time now() const override;
  SteadyTime steady() const override { return steady_; }
  /// The time of day jumps.
  void jump(std::chrono::microseconds d) { jumped_ += d.count(); }

 protected:
  void alarm_set() const override;
  void work_began() const override;
  void work_ended() const override;

 private:
  void go_on();

  const Time start_;
  std::atomic<SteadyTime> steady_{SteadyTime()};
  std::atomic<int64_t> jumped_{0};  ///< in all, in microseconds
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int64_t at_work_ = 0;
  mutable bool alarms_changed_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace windrow
