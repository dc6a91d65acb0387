#include "base/clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace windrow {
namespace {

using namespace std::chrono_literals;

const Time kStart = *parse_time("2025-10-17T14:00:00Z");

TEST(FakeClock, RingsWhatBecomesDue) {
  FakeClock clock(kStart);
  std::vector<std::string> rung;
  const auto told = [&](const char* name) {
    return [&rung, &clock, name] { rung.push_back(name + iso(clock.now()).substr(10, 9)); };
  };
  Alarm a(clock, told("a")), b(clock, told("b")), c(clock, told("c"));
  a.set(clock.steady() + 20s);
  b.set(clock.steady() + 10s);
  c.set(clock.steady() + 1h);
  clock.advance(9s);
  EXPECT_TRUE(rung.empty());
  clock.advance(1min);
  EXPECT_EQ(rung, (std::vector<std::string>{"bT14:00:10", "aT14:00:20"}));
  EXPECT_EQ(clock.now(), kStart + 69s);
  c.clear();
  clock.advance(2h);
  EXPECT_EQ(rung.size(), 2u);
}

TEST(FakeClock, AnAlarmMaySetItselfAnew) {
  FakeClock clock(kStart);
  int rings = 0;
  std::unique_ptr<Alarm> alarm;
  alarm = std::make_unique<Alarm>(clock, [&] {
    if (++rings < 3) alarm->set(clock.steady() + 10s);
  });
  alarm->set(clock.steady());
  clock.advance(1min);
  EXPECT_EQ(rings, 3);
}

TEST(SystemClock, RingsAndSleeps) {
  const auto clock = system_clock();
  Cancel cancel;
  const auto begun = clock->steady();
  EXPECT_FALSE(clock->sleep(20ms, cancel));
  EXPECT_GE(clock->steady() - begun, 20ms);
  Alarm stops(*clock, [&] { cancel.request(); });
  stops.set(clock->steady() + 5ms);
  EXPECT_TRUE(clock->sleep(1h, cancel));
  EXPECT_TRUE(clock->sleep(1h, cancel)) << "it was asked to stop already";
}

TEST(SystemClock, MayTellAnotherTimeOfDay) {
  const auto clock = system_clock(kStart);
  EXPECT_GE(clock->now(), kStart);
  EXPECT_LT(clock->now(), kStart + 1min);
}

TEST(SimulatedClock, JumpsWhenNothingIsAtWork) {
  SimulatedClock clock(kStart);
  Cancel cancel;
  auto at_work = clock.at_work();
  EXPECT_FALSE(clock.sleep(30 * 24h, cancel));
  EXPECT_EQ(clock.now(), kStart + 30 * 24h);
}

TEST(SimulatedClock, EachSleeperWakesAtItsTime) {
  SimulatedClock clock(kStart);
  Cancel cancel;
  std::mutex mutex;
  std::vector<std::string> woken;
  std::vector<std::thread> threads;
  {
    const auto until_all_began = clock.at_work();
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i, work = clock.at_work()] {
        for (int n = 1; n <= 20; ++n) {
          clock.sleep(std::chrono::minutes(7 + i), cancel);
          // Woken alone: nobody else is due until this one sleeps again, but who is due now too.
          std::lock_guard lock(mutex);
          EXPECT_EQ(clock.now(), kStart + n * std::chrono::minutes(7 + i));
          woken.push_back(iso(clock.now()));
        }
      });
    }
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken.size(), 160u);
  EXPECT_TRUE(std::is_sorted(woken.begin(), woken.end()));
}

TEST(SimulatedClock, StandsStillForWhoIsAtWork) {
  SimulatedClock clock(kStart);
  bool rung = false;
  Alarm alarm(clock, [&] { rung = true; });
  {
    const auto work = clock.at_work();
    alarm.set(clock.steady() + 1s);
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(clock.now(), kStart);
    EXPECT_FALSE(rung);
    alarm.clear();
  }
  clock.jump(1h);
  EXPECT_EQ(clock.now(), kStart + 1h);
}

TEST(SimulatedClock, WhoIsAskedToStopWakesAtOnce) {
  SimulatedClock clock(kStart);
  Cancel cancel;
  std::thread sleeper([&, work = clock.at_work()] { EXPECT_TRUE(clock.sleep(24h, cancel)); });
  Cancel other;
  auto work = clock.at_work();
  clock.sleep(1h, other);
  cancel.request();
  sleeper.join();
  EXPECT_EQ(clock.now(), kStart + 1h);
}

}  // namespace
}  // namespace windrow
