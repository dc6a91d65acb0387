#include "run/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "base/clock.h"
#include "run/telling.h"

namespace windrow::run {
namespace {

using namespace std::chrono_literals;

class Executor : public testing::Test {
 protected:
  size_t add(std::function<Result(Context&)> work, std::vector<size_t> after = {}) {
    Task task;
    task.name = "t" + std::to_string(tasks_.size());
    task.after = std::move(after);
    task.work = std::move(work);
    tasks_.push_back(std::move(task));
    return tasks_.size() - 1;
  }
  size_t ok(std::vector<size_t> after = {}) {
    return add([](Context&) { return true; }, std::move(after));
  }
  size_t fails(Code code, std::vector<size_t> after = {}) {
    return add([code](Context&) -> bool { throw Error(code, "no"); }, std::move(after));
  }
  std::string run() {
    const auto outcomes = execute(tasks_, settings_, cancel_, *clock_, observer_);
    std::string out;
    for (const auto& o : outcomes) out += std::string(name_of(o.status)) + " ";
    last_ = outcomes;
    return out;
  }
  std::vector<Task> tasks_;
  Settings settings_;
  Cancel cancel_;
  std::unique_ptr<Clock> clock_ = system_clock();
  Observer observer_;
  std::vector<Outcome> last_;
};

TEST_F(Executor, NothingIsDoneAtOnce) { EXPECT_EQ(run(), ""); }

TEST_F(Executor, AFailureSkipsWhatComesAfterItOnly) {
  const auto a = ok();
  const auto bad = fails(Code::data, {a});
  const auto b = ok({bad});
  ok({b});
  ok({a});
  EXPECT_EQ(run(), "done failed skipped skipped done ");
  EXPECT_EQ(last_[3].cause, bad);
  EXPECT_EQ(last_[1].problem->message, "no");
}

TEST_F(Executor, RetriesWhatMayPass) {
  std::atomic<int> calls{0};
  add([&](Context& c) {
    EXPECT_EQ(c.attempt, ++calls);
    if (c.attempt < 3) throw Error(Code::unavailable, "not yet");
    return true;
  });
  tasks_[0].retry = {5, 1ms, 2, 4ms};
  EXPECT_EQ(run(), "done ");
  EXPECT_EQ(calls, 3);
}

TEST_F(Executor, TellsWhatATaskUsedInAllItsAttempts) {
  Usage attempt;
  attempt.bytes_read = 10;
  add([&](Context& c) {
    c.meter.add(attempt);
    if (c.attempt < 3) throw Error(Code::unavailable, "not yet");
    return true;
  });
  tasks_[0].retry = {5, 1ms, 2, 4ms};
  ok();
  fails(Code::data);
  ok({2});
  run();
  EXPECT_EQ(last_[0].usage.bytes_read, 30);
  EXPECT_FALSE(last_[0].usage.bytes_written);
  EXPECT_TRUE(last_[0].usage.cpu && last_[1].usage.cpu && last_[2].usage.cpu);
  EXPECT_FALSE(last_[1].usage.bytes_read);
  EXPECT_EQ(last_[3].usage, Usage{});  // it was skipped
}

/// One works, the other waits; each on a thread.
TEST_F(Executor, TasksAtTheSameTimeDoNotCountEachOther) {
  std::atomic<bool> over{false};
  add([&](Context&) {
    std::this_thread::sleep_for(100ms);
    over = true;
    return true;
  });
  add([&](Context&) {
    while (!over) continue;
    return true;
  });
  run();
  EXPECT_LT(*last_[0].usage.cpu, *last_[1].usage.cpu);
}

TEST_F(Executor, RetriesAreBoundedAndOnlyForWhatMayPass) {
  fails(Code::unavailable);
  tasks_[0].retry = {2, 1ms, 2, 1ms};
  fails(Code::data);
  tasks_[1].retry = {2, 1ms, 2, 1ms};
  EXPECT_EQ(run(), "failed failed ");
  EXPECT_EQ(last_[0].attempts, 3);
  EXPECT_EQ(last_[1].attempts, 1);
}

TEST_F(Executor, WaitingForARetryHoldsNoWorker) {
  settings_.jobs = 1;
  std::vector<int> order;
  add([&](Context& c) {
    order.push_back(c.attempt);
    if (c.attempt == 1) throw Error(Code::unavailable, "not yet");
    return true;
  });
  tasks_[0].retry = {1, 20ms, 1, 20ms};
  add([&](Context&) {
    order.push_back(100);
    return true;
  });
  EXPECT_EQ(run(), "done done ");
  EXPECT_EQ(order, (std::vector<int>{1, 100, 2}));
}

TEST_F(Executor, StopsAnAttemptThatTakesTooLong) {
  add([](Context& c) {
    if (c.attempt == 1) {
      EXPECT_TRUE(c.cancel.wait_for(10s));
      c.cancel.check();
    }
    return true;
  });
  tasks_[0].timeout = 10ms;
  tasks_[0].retry = {1, 1ms, 1, 1ms};
  EXPECT_EQ(run(), "done ");
  tasks_[0].retry.times = 0;
  EXPECT_EQ(run(), "failed ");
  EXPECT_EQ(last_[0].problem->code, Code::timeout);
}

TEST_F(Executor, StopsOnRequest) {
  const auto a = add([&](Context& c) -> bool {
    cancel_.request();
    c.cancel.check();
    return true;
  });
  ok({a});
  fails(Code::unavailable);
  tasks_[2].retry = {3, 1h, 1, 1h};
  settings_.jobs = 1;
  EXPECT_EQ(run(), "canceled canceled canceled ");
}

TEST_F(Executor, FailFastBeginsNothingNew) {
  settings_.fail_fast = true;
  settings_.jobs = 1;
  fails(Code::data);
  ok();
  EXPECT_EQ(run(), "failed canceled ");
}

TEST_F(Executor, PoolsLimit) {
  settings_.jobs = 8;
  settings_.pools = {{"db", {2}}};
  std::atomic<int> now{0}, most{0};
  for (int i = 0; i < 40; ++i) {
    add([&](Context&) {
      const int n = ++now;
      int seen = most;
      while (n > seen && !most.compare_exchange_weak(seen, n)) {}
      std::this_thread::sleep_for(200us);
      --now;
      return true;
    });
    tasks_.back().shares = {{"db"}};
  }
  run();
  EXPECT_LE(most, 2);
}

/// Keeps what it is told; slow where it is told to be.
class Listener : public Observer {
 public:
  void started(size_t i, int attempt) override { note("started", i, attempt); }
  void retrying(size_t i, int attempt, const Problem&, std::chrono::microseconds) override {
    if (slow.count("retrying")) std::this_thread::sleep_for(30ms);
    note("retrying", i, attempt);
  }
  void finished(size_t i, const Outcome& outcome) override {
    if (slow.count("finished")) std::this_thread::sleep_for(5ms);
    note("finished", i, outcome.attempts);
    if (on_finished) on_finished(i);
  }
  void note(const std::string& what, size_t i, int attempt) {
    EXPECT_FALSE(busy.exchange(true)) << "told two things at once";
    heard.push_back(what + " " + std::to_string(i) + "." + std::to_string(attempt));
    busy = false;
  }
  std::set<std::string> slow;
  std::function<void(size_t)> on_finished;
  std::vector<std::string> heard;
  std::atomic<bool> busy{false};
};

TEST_F(Executor, ARetryIsToldBeforeTheAttemptThatFollowsIt) {
  add([](Context& c) -> bool {
    if (c.attempt < 4) throw Error(Code::unavailable, "not yet");
    return true;
  });
  tasks_[0].retry = {3, 1us, 1, 1us};  // the wait is over long before the observer is
  settings_.jobs = 4;
  ok();
  ok();
  Listener listener;
  listener.slow = {"retrying"};
  execute(tasks_, settings_, cancel_, *clock_, listener);
  std::vector<std::string> of_first;
  for (const auto& line : listener.heard)
    if (line.find(" 0.") != std::string::npos) of_first.push_back(line);
  EXPECT_EQ(of_first, (std::vector<std::string>{"started 0.1", "retrying 0.1", "started 0.2",
                                                "retrying 0.2", "started 0.3", "retrying 0.3",
                                                "started 0.4", "finished 0.4"}));
}

TEST_F(Executor, AnEndIsToldBeforeTheBeginOfWhatWaitedForIt) {
  settings_.jobs = 4;
  for (size_t i = 0; i < 12; ++i) {
    if (i < 3)
      ok();
    else
      ok({i - 3, i - 1 - i % 2});
  }
  Listener listener;
  listener.slow = {"finished"};
  execute(tasks_, settings_, cancel_, *clock_, listener);
  std::map<std::string, size_t> at;
  for (size_t k = 0; k < listener.heard.size(); ++k) at[listener.heard[k]] = k;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    for (const size_t up : tasks_[i].after) {
      EXPECT_LT(at.at("finished " + std::to_string(up) + ".1"),
                at.at("started " + std::to_string(i) + ".1"));
    }
  }
}

/// What is given up is told without the executor's lock: an observer that asks it to stop, or
/// waits for another thread that reports, must not wait for ever.
TEST_F(Executor, ObserversMayAskToStop) {
  settings_.jobs = 2;
  settings_.fail_fast = true;
  fails(Code::data);
  for (int i = 0; i < 5; ++i) ok({0});
  ok();
  Listener listener;
  listener.on_finished = [&](size_t) { cancel_.request(); };
  const auto outcomes = execute(tasks_, settings_, cancel_, *clock_, listener);
  for (size_t i = 1; i < 6; ++i) EXPECT_NE(outcomes[i].status, Status::waiting);
  EXPECT_EQ(std::count_if(listener.heard.begin(), listener.heard.end(),
                          [](const auto& line) { return line.starts_with("finished"); }),
            7);
}

/// Told of one task, it waits until another one has ended.
struct Waits : Observer {
  void finished(size_t i, const Outcome&) override {
    if (i == 0) {
      EXPECT_EQ(other.get_future().wait_for(10s), std::future_status::ready);
    }
    ++told;
  }
  std::promise<void> other;
  std::atomic<int> told{0};
};

TEST_F(Executor, AnObserverHoldsNoTaskUp) {
  Waits waits;
  ok({ok()});
  add(
      [&](Context&) {
        waits.other.set_value();
        return true;
      },
      {1});
  settings_.jobs = 1;
  const auto outcomes = execute(tasks_, settings_, cancel_, *clock_, waits);
  EXPECT_EQ(outcomes.back().status, Status::done);
  EXPECT_EQ(waits.told, 3);  // all, before it returns
}

TEST_F(Executor, MoreIsToldThanMayWait) {
  constexpr int kTimes = 5 * int(Telling::kMost);
  struct Counts : Observer {
    void progressed(size_t, const Progress& progress) override {
      EXPECT_EQ(progress.rows, last[progress.task]++);
      ++told;
    }
    std::map<std::string, int64_t> last;
    int told = 0;
  } counts;
  for (int t = 0; t < 20; ++t) {
    add([t](Context& c) {
      Progress progress;
      progress.task = std::to_string(t);
      for (progress.rows = 0; progress.rows < kTimes / 20; ++progress.rows) c.progress(progress);
      return true;
    });
  }
  settings_.jobs = 20;
  execute(tasks_, settings_, cancel_, *clock_, counts);
  EXPECT_EQ(counts.told, kTimes);
}

TEST_F(Executor, NoTimePassesWhileItEnds) {
  const SimulatedClock clock(Time{});
  const auto at_work = clock.at_work();
  const auto begun = clock.steady();
  Alarm alarm(clock, [] {});
  alarm.set(begun + 1h);
  for (int i = 0; i < 4; ++i) ok();
  for (int i = 0; i < 300; ++i) {
    execute(tasks_, settings_, cancel_, clock, observer_);
    ASSERT_EQ(clock.steady(), begun) << i;
  }
}

TEST_F(Executor, OtherExceptionsAreBugs) {
  add([](Context&) -> bool { throw std::runtime_error("boom"); });
  EXPECT_EQ(run(), "failed ");
  EXPECT_EQ(last_[0].problem->code, Code::internal);
}

TEST_F(Executor, RandomGraphsRunEachOnceAndInOrder) {
  for (int seed = 0; seed < 40; ++seed) {
    tasks_.clear();
    std::mt19937 random(static_cast<unsigned>(seed));
    const size_t n = 1 + random() % 60;
    std::vector<std::atomic<int>> ended(n);
    for (size_t i = 0; i < n; ++i) {
      std::set<size_t> after;
      for (size_t k = random() % 4; k > 0 && i > 0; --k) after.insert(random() % i);
      const std::vector<size_t> ups(after.begin(), after.end());
      const bool bad = random() % 12 == 0;
      add(
          [&, i, ups, bad](Context&) -> bool {
            for (const size_t up : ups) EXPECT_EQ(ended[up], 1);
            if (bad) throw Error(Code::data, "bad");
            EXPECT_EQ(++ended[i], 1);
            return true;
          },
          ups);
    }
    settings_.jobs = 1 + int(random() % 4);
    run();
    for (size_t i = 0; i < n; ++i) {
      bool blocked = false;
      for (const size_t up : tasks_[i].after)
        blocked |= last_[up].status == Status::failed || last_[up].status == Status::skipped;
      EXPECT_EQ(last_[i].status == Status::skipped, blocked);
      EXPECT_EQ(last_[i].status == Status::done, ended[i] == 1);
    }
  }
}

TEST(Backoff, GrowsToItsCap) {
  const Retry retry{9, 10s, 2, 60s};
  EXPECT_EQ(backoff(retry, 1, 0), 10s);
  EXPECT_EQ(backoff(retry, 3, 0), 40s);
  EXPECT_EQ(backoff(retry, 9, 0), 60s);
  EXPECT_EQ(backoff(retry, 1, 0.5), 5s);
  EXPECT_GT(backoff(retry, 1, 0.999999999999).count(), 0);
}

}  // namespace
}  // namespace windrow::run
