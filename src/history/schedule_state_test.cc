#include "history/schedule_state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "clients/sqlite.h"
#include "history/history.h"

namespace windrow::history {
namespace {

Time at(int64_t seconds) { return time_from_micros(seconds * 1'000'000); }

class ScheduleStateTest : public testing::Test {
 protected:
  ScheduleStateTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("windrow schedule state " + std::to_string(::getpid()));
    path_ = folder_ / "state/history.db";
  }
  ~ScheduleStateTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(ScheduleStateTest, ATimeFiresOnce) {
  {
    ScheduleState state(path_, "dev");
    state.decide({{"nightly", "m1"}, {"hourly", "m"}},
                 {{"nightly", at(10), "run1", "{}", "abc", at(11)}});
    EXPECT_THROW(state.decide({{"nightly", "m2"}},
                              {{"hourly", at(10), "run2"}, {"nightly", at(10), "run3"}}),
                 Error);
  }
  ScheduleState state(path_, "dev");
  EXPECT_EQ(state.memories().at("nightly"), "m1") << "all or nothing";
  EXPECT_EQ(state.memories().size(), 2u);
  const auto going_on = state.going_on();
  ASSERT_EQ(going_on.size(), 1u);
  EXPECT_EQ(going_on[0].run, "run1");
  EXPECT_EQ(going_on[0].due, at(10));
  EXPECT_EQ(going_on[0].request, "{}");
  EXPECT_EQ(going_on[0].version, "abc");
  EXPECT_FALSE(state.fire_of("run2"));
  ScheduleState other(path_, "prod");
  other.decide({}, {{"nightly", at(10), "run4"}});
  EXPECT_TRUE(other.memories().empty());
  EXPECT_EQ(state.fires("", 10).size(), 1u);
}

TEST_F(ScheduleStateTest, AFireGoesOnUnderAnotherRun) {
  History history(path_);
  history.begin({"run1", "dev", "c", "1", "", at(1), {}, "running"});
  history.flush();
  ScheduleState state(path_, "dev");
  state.decide({}, {{"nightly", at(10), "run1"}});
  state.again(state.going_on().at(0), "run2", at(20));
  EXPECT_EQ(history.run("run1")->status, "interrupted");
  EXPECT_EQ(history.run("run1")->ended, at(20));
  ASSERT_EQ(state.going_on().size(), 1u);
  EXPECT_EQ(state.going_on()[0].run, "run2");
  state.again(state.going_on().at(0), "run3", at(25));
  EXPECT_EQ(history.run("run2")->status, "interrupted") << "it had no record";
  EXPECT_EQ(history.run("run2")->schedule, "nightly");
  EXPECT_EQ(history.run("run2")->due, at(10));
  state.ended("run3", "done", at(30));
  EXPECT_TRUE(state.going_on().empty());
  EXPECT_EQ(state.fire_of("run3")->status, "done");
  EXPECT_EQ(state.fire_of("run3")->ended, at(30));
}

TEST_F(ScheduleStateTest, ATimeThatWasSkippedMayFireLater) {
  ScheduleState state(path_, "dev");
  Fire skipped{"nightly", at(10)};
  skipped.status = "skipped";
  skipped.ended = at(11);
  skipped.last = at(40);
  skipped.count = 3;
  skipped.reason = "missed: the process was down";
  state.decide({}, {skipped, skipped});
  ASSERT_TRUE(state.fire_at("nightly", at(10)));
  EXPECT_EQ(state.fire_at("nightly", at(10))->count, 3);
  EXPECT_EQ(state.fire_at("nightly", at(10))->reason, skipped.reason);
  state.decide({}, {{"nightly", at(10), "run1"}});
  ASSERT_EQ(state.going_on().size(), 1u);
  EXPECT_EQ(state.going_on()[0].reason, "");
  state.decide({}, {skipped});
  EXPECT_EQ(state.fire_at("nightly", at(10))->run, "run1");
}

TEST_F(ScheduleStateTest, RunsOfFiresThatGoOnAreKept) {
  History history(path_);
  ScheduleState state(path_, "dev");
  for (int i = 0; i < 10; ++i) {
    const auto id = "run" + std::to_string(i);
    state.decide({}, {{"nightly", at(i), id, "", "", at(i)}});
    history.begin({id, "dev", "c", "1", "", at(i), {}, "running"});
    if (i != 2) state.ended(id, "done", at(i));
  }
  history.keep(3);
  history.flush();
  std::vector<std::string> left;
  for (const auto& run : history.runs(100)) left.push_back(run.id);
  EXPECT_EQ(left, (std::vector<std::string>{"run9", "run8", "run7", "run2"}));
  EXPECT_EQ(state.fires("nightly", 100).size(), 4u);
}

TEST_F(ScheduleStateTest, TwoAtOnce) {
  ScheduleState one(path_, "dev"), two(path_, "dev");
  int fired = 0;
  for (int i = 0; i < 50; ++i) {
    for (auto* each : {&one, &two}) {
      try {
        each->decide({}, {{"nightly", at(i), (each == &one ? "one" : "two") + std::to_string(i)}});
        ++fired;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::conflict);
      }
    }
  }
  EXPECT_EQ(fired, 50);
}

}  // namespace
}  // namespace windrow::history
