#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "run/executor.h"

namespace windrow::run {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// Runs over one `Resources`, in simulated time. A task works in minutes, and may stop after each.
class GivingWay : public testing::Test {
 protected:
  struct Heard : Observer {
    void started(size_t i, int attempt) override { note("started", i, attempt); }
    void gave_way(size_t i, const Asker& to) override {
      note("gave way to " + to.run + "/" + to.task, i, 0);
    }
    void went_on(size_t i, microseconds waited) override {
      note("went on after " + duration_text(waited), i, 0);
    }
    void finished(size_t i, const Outcome& outcome) override {
      note(std::string(name_of(outcome.status)), i, outcome.attempts);
    }
    void note(const std::string& what, size_t i, int attempt) {
      lines.push_back(std::to_string(i) + " " + what +
                      (attempt > 0 ? " " + std::to_string(attempt) : ""));
    }
    std::vector<std::string> lines;
  };
  struct Begun {
    std::vector<Task> tasks;
    Settings settings;
    Cancel cancel;
    Heard heard;
    std::vector<Outcome> outcomes;
    std::map<std::string, int> minutes;  ///< done
    std::map<std::string, Time> began, ended;
    std::mutex mutex;
    std::thread thread;
  };

  Begun& run(const std::string& name, int jobs = 8) {
    auto& out = *runs_.emplace_back(std::make_unique<Begun>());
    out.settings.resources = &resources_;
    out.settings.jobs = jobs;
    out.settings.project = out.settings.run = name;
    return out;
  }
  Task& work(Begun& run, const std::string& name, int minutes, int priority = 0,
             std::vector<size_t> after = {}) {
    Task task;
    task.name = name;
    task.priority = priority;
    task.after = std::move(after);
    task.may_give_way = true;
    task.work = [this, &run, name, minutes](Context& context) -> Result {
      for (bool first = true;; first = false) {
        {
          std::lock_guard lock(run.mutex);
          if (!context.goes_on && first) run.began[name] = clock_.now();
          run.ended[name] = clock_.now();
          if (run.minutes[name] == minutes) return true;
        }
        if (context.stop_at_commit) return true;
        if (!first && context.gives_way()) return Result::gave_way();
        {
          std::lock_guard lock(now_mutex_);
          most_ = std::max(most_, ++now_);
        }
        clock_.sleep(1min, context.cancel);
        {
          std::lock_guard lock(now_mutex_);
          --now_;
        }
        context.cancel.check();
        std::lock_guard lock(run.mutex);
        ++run.minutes[name];
      }
    };
    run.tasks.push_back(std::move(task));
    return run.tasks.back();
  }
  void begin(Begun& run, microseconds later = {}) {
    run.thread = std::thread([this, &run, later, at_work = clock_.at_work()] {
      Cancel never;
      if (later > 0us) clock_.sleep(later, never);
      run.outcomes = execute(run.tasks, run.settings, run.cancel, clock_, run.heard);
    });
  }
  void cancel(Begun& run, microseconds later) {
    others_.emplace_back([this, &run, later, at_work = clock_.at_work()] {
      Cancel never;
      clock_.sleep(later, never);
      run.cancel.request();
    });
  }
  void join() {
    at_work_ = {};
    for (auto& run : runs_) run->thread.join();
    for (auto& other : others_) other.join();
    EXPECT_TRUE(resources_.standing().empty());
  }
  Time at(const std::string& clock) const {
    return parse_time("2026-03-02 " + clock, "Europe/Berlin").value();
  }

  SimulatedClock clock_{parse_time("2026-03-01 23:00", "Europe/Berlin").value()};
  Clock::Work at_work_ = clock_.at_work();
  Resources resources_{clock_};
  std::vector<std::unique_ptr<Begun>> runs_;
  std::vector<std::thread> others_;
  std::mutex now_mutex_;
  int now_ = 0, most_ = 0;
};

TEST_F(GivingWay, GoesOnInTheSameAttemptWhereItStopped) {
  resources_.set_slots(1);
  auto& low = run("low");
  work(low, "history", 60).timeout = 61min;  // of work
  auto& high = run("high");
  work(high, "alarm", 30, 5);
  begin(low);
  begin(high, 10min + 30s);
  join();
  EXPECT_EQ(low.heard.lines, (std::vector<std::string>{"0 started 1", "0 gave way to high/alarm",
                                                       "0 went on after 30m", "0 done 1"}));
  EXPECT_EQ(low.minutes["history"], 60);
  EXPECT_EQ(low.outcomes[0].gave_way, 1);
  EXPECT_EQ(low.outcomes[0].gave_way_for, 30min);
  EXPECT_EQ(low.outcomes[0].ended - low.outcomes[0].started, 90min);
  EXPECT_EQ(high.outcomes[0].started, clock_.now() - 79min);
  EXPECT_EQ(high.outcomes[0].gave_way, 0);
}

TEST_F(GivingWay, ItsTimeOutIsOfItsWork) {
  resources_.set_slots(1);
  auto& low = run("low");
  work(low, "history", 60).timeout = 39min + 30s;
  auto& high = run("high");
  work(high, "alarm", 30, 5);
  begin(low);
  begin(high, 10min + 30s);
  join();
  EXPECT_EQ(low.outcomes[0].status, Status::failed);
  EXPECT_EQ(low.outcomes[0].problem->code, Code::timeout);
  EXPECT_EQ(low.minutes["history"], 39);
}

TEST_F(GivingWay, AlsoToATaskOfItsOwnRunThatWaitsForAWorker) {
  auto& one = run("one", 1);
  auto& first = work(one, "wait", 1, 9);
  first.work = [](Context& context) {
    Result out(true);
    if (context.round == 1) out.again = 10min + 30s;
    return out;
  };
  work(one, "urgent", 5, 9, {0});
  work(one, "long", 60);
  begin(one);
  join();
  EXPECT_GE(one.outcomes[2].gave_way, 1);
  EXPECT_LE(one.began["urgent"] - one.began["long"], 12min);
  for (const auto& outcome : one.outcomes) EXPECT_EQ(outcome.status, Status::done);
}

TEST_F(GivingWay, IsCanceledMeanwhile) {
  resources_.set_slots(1);
  auto& low = run("low");
  work(low, "history", 60);
  work(low, "next", 1, 0, {0});
  auto& high = run("high");
  work(high, "alarm", 30, 5);
  begin(low);
  begin(high, 10min + 30s);
  cancel(low, 20min);
  join();
  EXPECT_EQ(low.outcomes[0].status, Status::canceled);
  EXPECT_EQ(low.outcomes[0].ended - low.outcomes[0].started, 20min);
  EXPECT_EQ(low.outcomes[0].gave_way_for, 9min);
  EXPECT_EQ(low.outcomes[1].status, Status::canceled);
  EXPECT_EQ(low.minutes["history"], 11);
  EXPECT_EQ(high.outcomes[0].status, Status::done);
}

/// Hours that end while it has given way: with `stop` it ends there, else it goes on.
TEST_F(GivingWay, ItsHoursEndMeanwhile) {
  for (const bool stop : {true, false}) {
    SCOPED_TRACE(stop);
    resources_.set_slots(1);
    auto& low = run("low");
    work(low, "history", 60).window = Window{"23:00", "23:30", "Europe/Berlin", stop};
    auto& high = run("high");
    work(high, "alarm", 30, 5);
    if (stop) {
      begin(low);
      begin(high, 10min + 30s);
    } else {
      begin(low, 24h);  // the next evening
      begin(high, 24h + 10min + 30s);
    }
  }
  join();
  for (const size_t i : {0, 2}) {
    EXPECT_EQ(runs_[i]->outcomes[0].status, Status::done);
    EXPECT_EQ(runs_[i]->outcomes[0].gave_way, 1);
  }
  EXPECT_EQ(runs_[0]->minutes["history"], 11);
  EXPECT_EQ(runs_[2]->minutes["history"], 60);
}

/// The night of a bank, over three projects and four slots: critical ones from midnight to two,
/// regular ones from two to five, low ones from five to six; beside them a history that is built at
/// the lowest priority whenever there is room.
TEST_F(GivingWay, ANight) {
  resources_.set_slots(4);
  for (const auto& [project, weight] :
       std::map<std::string, int>{{"risk", 20}, {"ledger", 20}, {"reports", 5}, {"history", 1}})
    resources_.set_weight(project, weight);
  const std::string zone = "Europe/Berlin";
  auto& history = run("history");
  for (int i = 0; i < 6; ++i) work(history, "year " + std::to_string(i), 180, -10);
  auto& risk = run("risk");
  for (int i = 0; i < 12; ++i)
    work(risk, "critical " + std::to_string(i), 30, 9).window = Window{"00:00", "02:00", zone};
  auto& ledger = run("ledger");
  for (int i = 0; i < 12; ++i)
    work(ledger, "regular " + std::to_string(i), 40).window = Window{"02:00", "05:00", zone};
  auto& reports = run("reports");
  for (int i = 0; i < 6; ++i)
    work(reports, "low " + std::to_string(i), 90, -5).window = Window{"05:00", "06:00", zone, true};
  for (const auto& each : runs_) begin(*each);
  join();
  EXPECT_EQ(most_, 4);
  for (const auto& each : runs_)
    for (const auto& outcome : each->outcomes) EXPECT_EQ(outcome.status, Status::done);
  for (const auto& [name, time] : risk.began) {
    EXPECT_GE(time, at("00:00")) << name;
    EXPECT_LT(time, at("02:00")) << name;
  }
  for (const auto& [name, time] : ledger.began) {
    EXPECT_GE(time, at("02:00")) << name;
    EXPECT_LT(time, at("05:00")) << name;
  }
  for (const auto& [name, time] : reports.began) EXPECT_GE(time, at("05:00")) << name;
  for (const auto& [name, time] : reports.ended) {
    const auto day = time >= at("05:00") + 24h ? 24h : 0h;
    EXPECT_LE(time, at("06:00") + day + 1min) << name;
  }
  int gave_way = 0;
  for (const auto& outcome : history.outcomes) gave_way += outcome.gave_way;
  EXPECT_GE(gave_way, 1);
  for (const auto& [name, minutes] : history.minutes) EXPECT_EQ(minutes, 180) << name;
}

}  // namespace
}  // namespace windrow::run
