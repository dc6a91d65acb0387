#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/clock.h"
#include "run/executor.h"

namespace windrow::run {
namespace {

using namespace std::chrono_literals;
using Kind = Tie::Kind;

class ControlFlow : public testing::Test {
 protected:
  size_t add(std::function<Result(Context&)> work, std::vector<Tie> ties = {},
             std::vector<size_t> after = {}) {
    Task task;
    task.name = "t" + std::to_string(tasks_.size());
    task.after = std::move(after);
    task.ties = std::move(ties);
    task.work = std::move(work);
    tasks_.push_back(std::move(task));
    return tasks_.size() - 1;
  }
  size_t ok(std::vector<Tie> ties = {}, std::vector<size_t> after = {}) {
    return add([](Context&) { return true; }, std::move(ties), std::move(after));
  }
  size_t fails(std::vector<Tie> ties = {}) {
    return add([](Context&) -> Result { throw Error(Code::data, "no"); }, std::move(ties));
  }
  size_t passes(std::vector<Tie> ties = {}) {
    return add([](Context&) { return Result::passed_over("not today"); }, std::move(ties));
  }
  std::string run(const Clock& clock) {
    last_ = execute(tasks_, settings_, cancel_, clock, observer_);
    std::string out;
    for (const auto& o : last_) out += std::string(name_of(o.status)) + ", ";
    return out;
  }
  std::string run() { return run(*clock_); }
  static Task child(const std::string& name, std::function<Result(Context&)> work) {
    Task out;
    out.name = name;
    out.work = std::move(work);
    return out;
  }

  std::vector<Task> tasks_;
  Settings settings_;
  Cancel cancel_;
  std::unique_ptr<Clock> clock_ = system_clock();
  Observer observer_;
  std::vector<Outcome> last_;
};

TEST_F(ControlFlow, OneOfTwoBranchesIsTakenAndTheyMeetAgain) {
  const auto a = passes();
  const auto after_a = ok({{a, Kind::after}});
  const auto b = ok({{a, Kind::otherwise}});
  ok({{after_a, Kind::after}, {b, Kind::after}});
  EXPECT_EQ(run(), "passed over, passed over, done, done, ");
  EXPECT_EQ(last_[0].why, "not today");
}

TEST_F(ControlFlow, TheOtherBranchIsPassedOverWhereTheFirstIsTaken) {
  const auto a = ok();
  const auto b = ok({{a, Kind::otherwise}});
  const auto after_b = ok({{b, Kind::after}});
  ok({{a, Kind::after}, {after_b, Kind::after}});
  EXPECT_EQ(run(), "done, passed over, passed over, done, ");
}

/// A branch that was not taken has no other side: neither of its own branches is.
TEST_F(ControlFlow, OtherwiseIsOfItsOwnConditionAlone) {
  const auto a = passes();
  const auto inner = ok({{a, Kind::after}});
  ok({{inner, Kind::otherwise}});
  EXPECT_EQ(run(), "passed over, passed over, passed over, ");
}

TEST_F(ControlFlow, WhatReadsATableGoesOnWhereThatWasPassedOver) {
  const auto a = passes();
  ok({}, {a});
  EXPECT_EQ(run(), "passed over, done, ");
}

TEST_F(ControlFlow, WhatCleansUpRunsWhateverHappened) {
  const auto a = ok();
  const auto bad = fails({{a, Kind::after}});
  const auto skipped = ok({{bad, Kind::after}});
  ok({{skipped, Kind::anyhow}, {a, Kind::anyhow}});
  ok({{bad, Kind::on_failure}});
  ok({{skipped, Kind::on_failure}});
  ok({{a, Kind::on_failure}});
  EXPECT_EQ(run(), "done, failed, skipped, done, done, done, passed over, ");
}

TEST_F(ControlFlow, FailFastStillCleansUp) {
  settings_.fail_fast = true;
  settings_.jobs = 1;
  const auto bad = fails();
  ok();
  ok({{bad, Kind::anyhow}});
  ok({{bad, Kind::on_failure}});
  EXPECT_EQ(run(), "failed, canceled, done, done, ");
}

TEST_F(ControlFlow, ARunThatIsCanceledCleansUpWhatItHasBegun) {
  settings_.jobs = 1;
  const auto a = add([&](Context& c) -> Result {
    cancel_.request();
    c.cancel.check();
    return true;
  });
  bool stopped = true;
  add(
      [&](Context& c) {
        stopped = c.cancel.requested();
        return true;
      },
      {{a, Kind::anyhow}});
  const auto never = ok({{a, Kind::after}});
  ok({{never, Kind::anyhow}});
  ok({{a, Kind::on_failure}});
  EXPECT_EQ(run(), "canceled, done, canceled, canceled, passed over, ");
  EXPECT_FALSE(stopped);
}

TEST_F(ControlFlow, CleaningUpOfACanceledRunHasItsTime) {
  settings_.grace = 20ms;
  const auto a = add([&](Context& c) -> Result {
    cancel_.request();
    c.cancel.check();
    return true;
  });
  add(
      [](Context& c) -> Result {
        EXPECT_TRUE(c.cancel.wait_for(10s));
        c.cancel.check();
        return true;
      },
      {{a, Kind::anyhow}});
  EXPECT_EQ(run(), "canceled, failed, ");
  EXPECT_EQ(last_[1].problem->code, Code::timeout);
  EXPECT_NE(last_[1].problem->message.find("20ms"), std::string::npos);
}

TEST_F(ControlFlow, ChildrenHaveTheirOwnRetries) {
  std::map<std::string, int> tries;
  std::mutex mutex;
  const auto each = add([&](Context&) {
    Result out(false);
    for (const char* name : {"a", "b", "c"}) {
      auto one = child(name, [&tries, &mutex, name](Context&) -> Result {
        std::lock_guard lock(mutex);
        if (++tries[name] < (name[0] == 'b' ? 3 : 1)) throw Error(Code::unavailable, "later");
        return true;
      });
      one.retry = {2, 1ms, 1, 1ms};
      out.children.push_back(one);
    }
    return out;
  });
  ok({{each, Kind::after}});
  settings_.jobs = 2;
  EXPECT_EQ(run(), "done, done, done, done, done, ");
  EXPECT_EQ(last_[3].attempts, 3);
  EXPECT_EQ(last_[0].attempts, 1);
}

TEST_F(ControlFlow, AFailedChildFailsItsParentAndNoOther) {
  const auto each = add([&](Context&) {
    Result out(false);
    out.children.push_back(child("a", [](Context&) { return true; }));
    out.children.push_back(
        child("b", [](Context&) -> Result { throw Error(Code::data, "bad row"); }));
    out.children.push_back(child("c", [](Context&) { return true; }));
    return out;
  });
  ok({{each, Kind::after}});
  ok({{each, Kind::on_failure}});
  EXPECT_EQ(run(), "failed, skipped, done, done, failed, done, ");
  EXPECT_EQ(last_[0].problem->message, "1 of 3 failed: b");
  EXPECT_EQ(last_[1].cause, each);
}

TEST_F(ControlFlow, ChildrenHoldNoWorkerOfTheirParent) {
  settings_.jobs = 1;
  for (int k = 0; k < 3; ++k) {
    add([](Context&) {
      Result out(false);
      for (int i = 0; i < 20; ++i)
        out.children.push_back(child("x" + std::to_string(i), [](Context&) { return true; }));
      return out;
    });
  }
  run();
  EXPECT_EQ(last_.size(), 63u);
  for (const auto& outcome : last_) EXPECT_EQ(outcome.status, Status::done);
}

TEST_F(ControlFlow, IsDoneAgainUntilItSaysOtherwise) {
  std::vector<int> rounds;
  add([&](Context& c) {
    rounds.push_back(c.round);
    Result out(true);
    if (c.round < 4) out.again = 1ms;
    return out;
  });
  EXPECT_EQ(run(), "done, ");
  EXPECT_EQ(rounds, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(last_[0].attempts, 4);
}

TEST_F(ControlFlow, ToldWhetherAnythingIsNew) {
  std::vector<bool> news;
  std::mutex mutex;
  const auto look = [&](Context& c) -> Result {
    std::lock_guard lock(mutex);
    news.push_back(c.news);
    return true;
  };
  settings_.jobs = 1;
  const auto idle = add([](Context&) { return false; });
  const auto busy = ok();
  add(look, {{idle, Kind::after}});
  add(look, {{idle, Kind::after}, {busy, Kind::after}});
  add(look, {}, {idle});
  add(look);
  run();
  EXPECT_EQ(std::count(news.begin(), news.end(), true), 2);
}

TEST_F(ControlFlow, RunsShareTheirResources) {
  Resources resources(*clock_);
  resources.set_pool("db", {2, 0});
  settings_.resources = &resources;
  settings_.jobs = 4;
  std::atomic<int> now{0}, most{0};
  for (int i = 0; i < 30; ++i) {
    add([&](Context&) {
      const int n = ++now;
      int seen = most;
      while (n > seen && !most.compare_exchange_weak(seen, n)) {}
      std::this_thread::sleep_for(300us);
      --now;
      return true;
    });
    tasks_.back().shares = {{"db"}};
  }
  std::thread other([&] {
    Observer observer;
    execute(tasks_, settings_, cancel_, *clock_, observer);
  });
  run();
  other.join();
  EXPECT_EQ(most, 2);
}

TEST_F(ControlFlow, ManyJobsAtOnce) {
  settings_.jobs = 120;
  std::atomic<int> here{0};
  for (int i = 0; i < 120; ++i) {
    add([&](Context& c) {
      ++here;
      while (here < 120 && !c.cancel.wait_for(1ms)) continue;
      return true;
    });
    tasks_.back().timeout = 20s;
  }
  run();
  EXPECT_EQ(here, 120);
  for (const auto& outcome : last_) EXPECT_EQ(outcome.status, Status::done);
}

/// A connection is gone for two minutes; forty tasks want it. It is asked a handful of times.
TEST_F(ControlFlow, TasksOfAConnectionThatIsGoneWaitForOneTrial) {
  SimulatedClock clock(parse_time("2026-03-01").value());
  Resources resources(clock);
  resources.set_connection("db", {0, 3, 30s});
  settings_.resources = &resources;
  settings_.jobs = 4;
  std::atomic<int> asked{0};
  const auto back = clock.now() + 2min;
  for (int i = 0; i < 40; ++i) {
    add([&](Context&) -> Result {
      ++asked;
      if (clock.now() < back) throw Error(Code::unavailable, "connection refused");
      return true;
    });
    tasks_.back().connections = {"db"};
    tasks_.back().retry = {5, 1s, 2, 30s};
  }
  {
    const auto at_work = clock.at_work();
    run(clock);
  }
  for (const auto& outcome : last_) EXPECT_EQ(outcome.status, Status::done);
  EXPECT_LE(asked, 40 + 4 + 4);
}

/// Tasks of a night: critical ones from midnight, regular ones from two, low ones from five to six.
class Night : public ControlFlow {
 protected:
  Time at(const std::string& clock) {
    return parse_time("2026-03-02 " + clock, "Europe/Berlin").value();
  }
  void job(const std::string& name, const Window& window, std::chrono::minutes length,
           int priority = 0) {
    add([this, name, length](Context& c) {
      {
        std::lock_guard lock(mutex_);
        begun_[name] = night_->now();
        most_ = std::max(most_, ++now_);
      }
      int done = 0;
      while (done < length.count() && !c.stop_at_commit) {
        night_->sleep(1min, c.cancel);
        ++done;
      }
      std::lock_guard lock(mutex_);
      --now_;
      worked_[name] = done;
      return true;
    });
    tasks_.back().window = window;
    tasks_.back().priority = priority;
    tasks_.back().shares = {{"night"}};
  }
  std::unique_ptr<SimulatedClock> night_;
  std::mutex mutex_;
  std::map<std::string, Time> begun_;
  std::map<std::string, int> worked_;
  int now_ = 0, most_ = 0;
};

TEST_F(Night, EachClassRunsInItsHours) {
  night_ =
      std::make_unique<SimulatedClock>(parse_time("2026-03-01 21:30", "Europe/Berlin").value());
  settings_.jobs = 100;
  settings_.pools = {{"night", {3, 0}}};
  const std::string zone = "Europe/Berlin";
  for (int i = 0; i < 6; ++i)
    job("critical " + std::to_string(i), {"00:00", "02:00", zone}, 30min, 9);
  for (int i = 0; i < 9; ++i) job("regular " + std::to_string(i), {"02:00", "05:00", zone}, 45min);
  for (int i = 0; i < 3; ++i)
    job("low " + std::to_string(i), {"05:00", "06:00", zone, true}, 100min);
  for (int i = 0; i < 3; ++i)
    job("more low " + std::to_string(i), {"05:00", "06:00", zone, true}, 5min, -1);
  {
    const auto at_work = night_->at_work();
    run(*night_);
  }
  for (const auto& [name, time] : begun_) {
    const bool critical = name.starts_with("critical"), regular = name.starts_with("regular");
    if (name.starts_with("more")) continue;
    EXPECT_GE(time, at(critical ? "00:00" : regular ? "02:00" : "05:00")) << name;
    EXPECT_LT(time, at(critical ? "02:00" : regular ? "05:00" : "06:00")) << name;
  }
  EXPECT_EQ(begun_.size(), 21u);
  EXPECT_EQ(most_, 3);
  // Two rounds of half an hour for critical, three of three quarters for regular.
  EXPECT_EQ(begun_["regular 0"], at("02:00"));
  // At the end of their hours low ones stop at a commit; who had no turn begins the next night.
  EXPECT_GE(worked_["low 0"], 60);
  EXPECT_LE(worked_["low 0"], 61);  // the minute that ends with them may be before or after
  for (int i = 0; i < 3; ++i) EXPECT_GE(begun_["more low " + std::to_string(i)], at("05:00") + 24h);
}

TEST(Windows, AreOfTheZoneAndMayGoOverMidnight) {
  const auto at = [](const std::string& text) { return parse_time(text, "Europe/Berlin").value(); };
  const Window over{"22:00", "02:00", "Europe/Berlin"};
  EXPECT_EQ(span_of(over, at("2026-03-01 21:00")).start, at("2026-03-01 22:00"));
  EXPECT_EQ(span_of(over, at("2026-03-01 23:00")).end, at("2026-03-02 02:00"));
  EXPECT_EQ(span_of(over, at("2026-03-02 01:59")).start, at("2026-03-01 22:00"));
  EXPECT_EQ(span_of(over, at("2026-03-02 02:00")).start, at("2026-03-02 22:00"));
  // The whole day.
  const Window always{"00:00", "00:00", "Europe/Berlin"};
  EXPECT_LE(span_of(always, at("2026-03-02 13:00")).start, at("2026-03-02 13:00"));
  // The night when clocks go forward has no half past two: the window begins with what follows.
  const Window gap{"02:30", "04:00", "Europe/Berlin"};
  const auto span = span_of(gap, at("2026-03-29 00:00"));
  EXPECT_EQ(span.end, at("2026-03-29 04:00"));
  EXPECT_GE(span.start, at("2026-03-29 01:59"));
  EXPECT_LT(span.start, span.end);
}

}  // namespace
}  // namespace windrow::run
