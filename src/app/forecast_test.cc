#include "app/forecast.h"

#include <gtest/gtest.h>

namespace windrow::app {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

/// a → b → d, c → d; `e` comes after all.
class Forecast : public testing::Test {
 protected:
  Forecast() {
    for (const auto& [name, up] : std::vector<std::pair<std::string, std::vector<size_t>>>{
             {"a", {}}, {"c", {}}, {"b", {0}}, {"d", {1, 2}}, {"e", {}}}) {
      graph_.by_name[name] = graph_.assets.size();
      auto& asset = graph_.assets.emplace_back();
      asset.name = name;
      asset.upstream = up;
    }
    run_.id = "r";
    run_.started = kBegin;
  }
  static history::Task task(const std::string& name, microseconds start, microseconds end) {
    history::Task out;
    out.asset = name;
    out.status = "done";
    out.attempts = 1;
    out.started = kBegin + start;
    out.ended = kBegin + end;
    return out;
  }
  std::string path(const std::vector<history::Task>& tasks, microseconds now = 1h, int jobs = 2) {
    got_ = critical_path(graph_, finally_, run_, tasks, like_, durations_, kBegin + now, jobs);
    std::string out;
    for (const auto& step : got_.steps)
      out += step.asset + " " + duration_text(step.wait) + "+" + duration_text(step.time) + " ";
    return out;
  }
  static constexpr Time kBegin{20'000 * 24h};
  graph::Graph graph_;
  std::set<size_t> finally_{4};
  history::Run run_;
  std::vector<history::Task> like_;
  history::Durations durations_;
  CriticalPath got_;
};

TEST_F(Forecast, ThePathGoesBackToWhatWasWaitedForLongest) {
  run_.ended = kBegin + 100s;
  EXPECT_EQ(path({task("a", 1s, 10s), task("c", 0s, 5s), task("b", 12s, 40s), task("d", 40s, 90s),
                  task("e", 95s, 100s)}),
            "a 1s+9s b 2s+28s d 0s+50s e 5s+5s ");
  double all = 0;
  for (const auto& step : got_.steps) all += step.share;
  EXPECT_DOUBLE_EQ(all, 1);
  EXPECT_FALSE(got_.expected);
}

TEST_F(Forecast, WhatWasSkippedIsNotOnThePath) {
  run_.ended = kBegin + 10s;
  auto skipped = task("d", 10s, 10s);
  skipped.attempts = 0;
  EXPECT_EQ(path({task("a", 0s, 10s), task("c", 0s, 5s), skipped}), "a 0s+10s ");
}

TEST_F(Forecast, WhatIsLeftTakesWhatItTook) {
  for (const auto* name : {"a", "b", "c", "d"}) like_.push_back(task(name, 0s, 1s));
  durations_ = {{"a", {10s}}, {"b", {20s, 30s, 25s}}, {"c", {5s}}, {"d", {50s, 50s, 90s}}};
  EXPECT_EQ(path({task("a", 0s, 12s), task("c", 0s, 5s)}, 13s), "a 0s+12s b 0s+25s d 0s+50s ");
  EXPECT_EQ(*got_.expected - kBegin, 87s);
  EXPECT_EQ(*got_.late - kBegin, 12s + 30s + 90s);
  // Longer than ever: it may end any moment.
  path({task("a", 0s, 12s), task("c", 0s, 5s)}, 60s);
  EXPECT_EQ(*got_.expected - kBegin, 110s);
}

TEST_F(Forecast, OneWorkerDoesOneAfterTheOther) {
  like_ = {task("a", 0s, 1s), task("c", 0s, 1s)};
  durations_ = {{"a", {10s}}, {"c", {20s}}};
  path({}, 0s, 2);
  EXPECT_EQ(*got_.expected - kBegin, 20s);
  path({}, 0s, 1);
  EXPECT_EQ(*got_.expected - kBegin, 30s);
}

TEST_F(Forecast, NobodyKnowsWhatNeverRan) {
  path({task("a", 0s, 1s)});
  EXPECT_FALSE(got_.expected);
  EXPECT_FALSE(took(durations_, "a"));
  durations_["a"] = {1s, 2s, 3s, 4s, 5s, 6s, 7s, 8s, 9s, 10s};
  EXPECT_EQ(took(durations_, "a")->median, 5s);
  EXPECT_EQ(took(durations_, "a")->p90, 9s);
}

}  // namespace
}  // namespace windrow::app
