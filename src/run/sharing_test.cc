#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "run/resources.h"

namespace windrow::run {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr const char* kProjects[] = {"a", "b", "c"};

/// Tasks over one `Resources`, in simulated time: what begins ends by itself, after so long.
struct World {
  struct Task {
    std::string project;
    int priority = 0;
    microseconds length = 1s;  ///< in all
    microseconds part{};       ///< between two places where it may give way; zero: there are none
    SteadyTime asked, begun, ends;
    microseconds waited{}, worked{}, longest_wait{};
    std::vector<Share> shares;
    int gave_way = 0;
    uint64_t ticket = 0;
    bool running = false, over = false;
    std::function<void()> then = {};  ///< when it has ended
  };

  Task* add(const std::string& project, microseconds length, int priority = 0,
            microseconds part = {}, std::vector<Share> shares = {}) {
    auto& task = *tasks_.emplace_back(std::make_unique<Task>());
    task.project = project;
    task.length = length;
    task.priority = priority;
    task.part = part;
    task.shares = std::move(shares);
    ask(task);
    return &task;
  }
  void ask(Task& task) {
    Resources::Request request;
    request.takes_slot = true;
    request.shares = task.shares;
    request.priority = task.priority;
    task.asked = clock_.steady();
    request.since = task.asked - task.waited;
    request.order = order_++;
    request.asker = {task.project, "", task.project + std::to_string(order_)};
    task.ticket = resources_.ask(request, [this, &task](auto) { granted_.push_back(&task); });
  }
  void begin_granted() {
    while (!granted_.empty()) {
      auto& task = *std::exchange(granted_, {granted_.begin() + 1, granted_.end()}).front();
      task.running = true;
      task.begun = clock_.steady();
      const auto waited = std::chrono::duration_cast<microseconds>(task.begun - task.asked);
      task.waited += waited;
      task.longest_wait = std::max(task.longest_wait, waited);
      const auto left = task.length - task.worked;
      task.ends = task.begun + (task.part > 0us ? std::min(task.part, left) : left);
      running_.insert(&task);
      most_ = std::max(most_, running_.size());
    }
  }
  /// Until `end`, or until nothing runs.
  void go_on(SteadyTime end) {
    begin_granted();
    while (!running_.empty()) {
      auto& next = **std::min_element(running_.begin(), running_.end(), [](auto* a, auto* b) {
        return std::pair(a->ends, a->ticket) < std::pair(b->ends, b->ticket);
      });
      if (next.ends > end) break;
      clock_.advance(std::chrono::duration_cast<microseconds>(next.ends - clock_.steady()));
      const auto worked = std::chrono::duration_cast<microseconds>(next.ends - next.begun);
      next.worked += worked;
      slot_time_[next.project] += worked;
      next.begun = next.ends;
      const auto left = next.length - next.worked;
      if (left > 0us && !resources_.gives_way(next.ticket)) {
        next.ends += std::min(next.part, left);
        continue;
      }
      next.running = false;
      running_.erase(&next);
      resources_.give_back(next.ticket, Reached::yes, "");
      if (left > 0us) {
        ++next.gave_way;
        ask(next);
      } else {
        next.over = true;
        if (next.then) next.then();
      }
      begin_granted();
    }
    if (clock_.steady() < end && end != SteadyTime::max())
      clock_.advance(std::chrono::duration_cast<microseconds>(end - clock_.steady()));
  }
  /// So many of a project always wait.
  void keep_busy(const std::string& project, int waiting, std::function<microseconds()> length,
                 int priority = 0) {
    for (int i = 0; i < waiting; ++i) follow(project, length, priority);
  }
  void follow(const std::string& project, const std::function<microseconds()>& length,
              int priority) {
    add(project, length(), priority)->then = [=, this] { follow(project, length, priority); };
  }
  SteadyTime in(microseconds time) const { return clock_.steady() + time; }

  FakeClock clock_{Time()};
  Resources resources_{clock_};
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<Task*> granted_;
  std::set<Task*> running_;
  std::map<std::string, microseconds> slot_time_;
  size_t most_ = 0, order_ = 0;
};

class Sharing : public testing::Test, protected World {};

TEST_F(Sharing, SlotsAreThoseOfAllProjectsAndMayBeSetAnew) {
  resources_.set_slots(3);
  for (const char* project : kProjects)
    for (int i = 0; i < 10; ++i) add(project, 1min);
  go_on(in(1min));
  EXPECT_EQ(most_, 3u);
  resources_.set_slots(5);
  go_on(in(1min));
  EXPECT_EQ(most_, 5u);
  resources_.set_slots(0);
  go_on(SteadyTime::max());
  EXPECT_GT(most_, 5u);
  for (const auto& task : tasks_) EXPECT_TRUE(task->over);
}

TEST_F(Sharing, WhoOnlyWaitsForOthersTakesNone) {
  resources_.set_slots(1);
  add("a", 1min);
  Resources::Request request;
  bool granted = false;
  resources_.ask(request, [&](auto) { granted = true; });
  EXPECT_TRUE(granted);
}

/// While all of them wait, each has what its weight says, also where there is one slot for three.
/// With few slots and tasks that are not short beside the ten minutes it is less exact.
TEST_F(Sharing, ProjectsHaveWhatTheirWeightsSay) {
  const std::map<std::string, int> weights{{"a", 1}, {"b", 2}, {"c", 5}};
  for (const int slots : {1, 2, 3, 8, 40}) {
    for (const auto length : {microseconds(2s), microseconds(30s), microseconds(5min)}) {
      std::mt19937 random(static_cast<unsigned>(slots));
      World one;
      one.resources_.set_slots(slots);
      for (const auto& [project, weight] : weights) {
        one.resources_.set_weight(project, weight);
        one.keep_busy(project, slots + 1,
                      [&] { return length / 2 + length * int64_t(random() % 1000) / 1000; });
      }
      one.go_on(one.in(length * 20));  // it settles
      one.slot_time_.clear();
      one.go_on(one.in(length * 2000 / slots));
      EXPECT_EQ(one.most_, size_t(slots));
      microseconds all{};
      for (const auto& [project, time] : one.slot_time_) all += time;
      for (const auto& [project, weight] : weights) {
        const double share = double(one.slot_time_[project].count()) / double(all.count());
        EXPECT_NEAR(share, weight / 8.0, slots < 3 && length > 1min ? 0.15 : 0.05)
            << project << ", " << slots << " slots, " << duration_text(length);
      }
      for (auto& task : one.tasks_) task->then = {};
    }
  }
}

TEST_F(Sharing, AWeightThatIsSetAnewHoldsFromThenOn) {
  resources_.set_slots(2);
  for (const char* project : {"a", "b"}) keep_busy(project, 4, [] { return 1s; });
  resources_.set_weight("a", 3);
  go_on(in(30min));
  slot_time_.clear();
  go_on(in(30min));
  EXPECT_NEAR(double(slot_time_["a"].count()) / double(slot_time_["b"].count()), 3, 0.6);
  resources_.set_weight("a", 1);
  resources_.set_weight("b", 3);
  go_on(in(30min));
  slot_time_.clear();
  go_on(in(30min));
  EXPECT_NEAR(double(slot_time_["b"].count()) / double(slot_time_["a"].count()), 3, 0.6);
  for (auto& task : tasks_) task->then = {};
}

/// Who did nothing for hours comes first, and not for hours.
TEST_F(Sharing, WhoWasIdleDoesNotTakeAllForLong) {
  resources_.set_slots(4);
  keep_busy("a", 8, [] { return 5s; });
  go_on(in(5h));
  keep_busy("b", 8, [] { return 5s; });
  slot_time_.clear();
  go_on(in(1min));
  EXPECT_GT(slot_time_["b"], slot_time_["a"]);
  go_on(in(20min));
  slot_time_.clear();
  go_on(in(20min));
  EXPECT_NEAR(double(slot_time_["b"].count()) / double(slot_time_["a"].count()), 1, 0.2);
  for (auto& task : tasks_) task->then = {};
}

/// A project of small weight beside one that always wants everything, at the highest priority.
TEST_F(Sharing, NoProjectStarves) {
  resources_.set_slots(4);
  resources_.set_weight("a", 100);
  keep_busy(
      "a", 50, [] { return 20s; }, 1000);
  go_on(in(1h));
  std::vector<Task*> small;
  for (int i = 0; i < 20; ++i) {
    small.push_back(add("b", 5s, -1000));
    go_on(in(30min));
  }
  for (const auto* task : small) {
    EXPECT_TRUE(task->over);
    EXPECT_LE(task->longest_wait, 1min);
  }
  for (auto& task : tasks_) task->then = {};
}

/// In one project waiting counts: a low task waits as many minutes as it is lower, and what runs.
TEST_F(Sharing, NoPriorityStarves) {
  for (const int lower : {1, 10, 60}) {
    World one;
    one.resources_.set_slots(2);
    one.keep_busy(
        "a", 10, [] { return 30s; }, lower);
    one.go_on(one.in(10min));
    const auto* low = one.add("a", 1s);
    one.go_on(one.in(2h));
    EXPECT_TRUE(low->over);
    // Those that had waited already come before it, too.
    EXPECT_LE(low->longest_wait, lower * Resources::kAgeing + 5min) << lower;
    EXPECT_GE(low->longest_wait, lower * Resources::kAgeing - 5min) << lower;
    for (auto& task : one.tasks_) task->then = {};
  }
}

TEST_F(Sharing, GivesWayBetweenTwoPartsAndGoesOn) {
  resources_.set_slots(1);
  auto* low = add("a", 1h, 0, 1min);
  go_on(in(90s));
  const auto* high = add("a", 10min, 5);
  go_on(SteadyTime::max());
  EXPECT_EQ(low->gave_way, 1);
  EXPECT_EQ(high->longest_wait, 30s);
  EXPECT_EQ(low->waited, 10min);
  EXPECT_TRUE(low->over && high->over);
}

TEST_F(Sharing, GivesWayToWhatIsHigherAloneAndToOneEach) {
  resources_.set_slots(4);
  std::vector<Task*> low;
  for (int i = 0; i < 4; ++i) low.push_back(add("a", 1h, 0, 1min));
  go_on(in(90s));
  for (int i = 0; i < 10; ++i) add("a", 1min, 0);  // alike
  go_on(in(2min));
  EXPECT_EQ(std::count_if(low.begin(), low.end(), [](auto* each) { return each->gave_way > 0; }),
            0);
  const std::vector<Task*> high{add("a", 3min, 9), add("a", 3min, 9)};
  go_on(in(2min));
  EXPECT_TRUE(high[0]->running && high[1]->running);
  EXPECT_EQ(std::count_if(low.begin(), low.end(), [](auto* each) { return each->gave_way > 0; }),
            2);
  go_on(SteadyTime::max());
  for (const auto& task : tasks_) EXPECT_TRUE(task->over);
}

/// Nobody gains by it: what waits needs something that another one has, who does not give way.
TEST_F(Sharing, GivesNotWayInVain) {
  resources_.set_slots(2);
  resources_.set_pool("p", {1, 0});
  auto* low = add("a", 1h, 0, 1min);
  add("a", 30min, 0, {}, {{"p"}});
  go_on(in(90s));
  const auto* high = add("a", 1min, 9, {}, {{"p"}});
  go_on(in(20min));
  EXPECT_EQ(low->gave_way, 0);
  EXPECT_FALSE(high->running);
  go_on(SteadyTime::max());
  EXPECT_TRUE(high->over);
}

TEST_F(Sharing, GivesWayForAPlaceInAPoolAndForMemory) {
  resources_.set_pool("p", {4, 100});
  auto* low = add("a", 1h, 0, 1min, {{"p", 1, 80}});
  go_on(in(30s));
  const auto* high = add("a", 1min, 1, {}, {{"p", 1, 50}});
  go_on(SteadyTime::max());
  EXPECT_EQ(low->gave_way, 1);
  EXPECT_EQ(high->longest_wait, 30s);
}

/// An endless row of what is higher by five: once it has waited for five minutes in all, it gives
/// way ever less often.
TEST_F(Sharing, WhoGivesWayDoesNotStarve) {
  resources_.set_slots(1);
  auto* low = add("a", 30min, 0, 10s);
  go_on(in(5s));
  std::function<void()> next = [&] { add("a", 20s, 5)->then = [&] { next(); }; };
  next();
  go_on(in(2h));
  EXPECT_TRUE(low->over);
  EXPECT_GE(low->gave_way, 1);
  EXPECT_LE(low->longest_wait, 20s);
  EXPECT_GE(low->waited, 5min);
  EXPECT_LE(low->waited, 10min);
  for (auto& task : tasks_) task->then = {};
}

/// Between projects only for one that has less of the slots than its weight says.
TEST_F(Sharing, OfAnotherProjectOnlyToOneThatHasLess) {
  resources_.set_slots(2);
  std::vector<Task*> low{add("a", 3h, 0, 1min), add("a", 3h, 0, 1min)};
  go_on(in(30min));
  std::function<void()> next = [&] { add("b", 2min, 50)->then = [&] { next(); }; };
  for (int i = 0; i < 4; ++i) next();
  go_on(in(10min));
  EXPECT_GE(low[0]->gave_way + low[1]->gave_way, 1);
  go_on(in(30min));
  slot_time_.clear();
  go_on(in(1h));
  EXPECT_NEAR(double(slot_time_["a"].count()) / double(slot_time_["b"].count()), 1, 0.25);
  next = [] {};
  go_on(SteadyTime::max());
  for (const auto* each : low) EXPECT_TRUE(each->over);
}

/// Random tasks of three projects: never more than there is, and all end.
TEST_F(Sharing, RandomTasksKeepAllBounds) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    World one;
    const int slots = 1 + int(random() % 6);
    one.resources_.set_slots(slots);
    const std::map<std::string, Pool> pools{{"p", {2, 50}}, {"q", {1, 0}}};
    for (const auto& [name, pool] : pools) one.resources_.set_pool(name, pool);
    for (int i = 0; i < 150; ++i) {
      const std::string project = kProjects[random() % 3];
      std::vector<Share> shares;
      if (random() % 3 == 0) shares.push_back({"p", 1 + int(random() % 2), random() % 30});
      if (random() % 4 == 0) shares.push_back({"q", 1, 0});
      const auto part = random() % 2 == 0 ? microseconds(0) : microseconds(5s);
      one.add(project, microseconds(1s) * int(1 + random() % 60), int(random() % 7), part, shares);
      if (random() % 10 == 0) one.resources_.set_weight(project, 1 + int(random() % 9));
      one.go_on(one.in(microseconds(1s) * int(random() % 8)));
      std::map<std::string, std::pair<int, uint64_t>> used;
      for (const auto* task : one.running_) {
        for (const auto& share : task->shares) {
          used[share.pool].first += share.slots;
          used[share.pool].second += share.memory;
        }
      }
      EXPECT_LE(used["p"].first, 2);
      EXPECT_LE(used["p"].second, 50u);
      EXPECT_LE(used["q"].first, 1);
    }
    one.go_on(SteadyTime::max());
    EXPECT_LE(one.most_, size_t(slots));
    for (const auto& task : one.tasks_) {
      EXPECT_TRUE(task->over) << "seed " << seed;
      EXPECT_EQ(task->worked, task->length);
    }
    EXPECT_TRUE(one.resources_.standing().empty());
  }
}

TEST_F(Sharing, SaysWhoWaitsForWhat) {
  resources_.set_slots(2);
  resources_.set_pool("/srv/a/db", {1, 0});
  add("a", 1h, 0, {}, {{"/srv/a/db"}});
  add("a", 1h, 3, {}, {{"/srv/a/db"}});
  add("b", 1h);
  add("b", 1h);
  go_on(in(90s));
  const auto standing = resources_.standing();
  ASSERT_EQ(standing.size(), 4u);
  EXPECT_TRUE(standing[0].granted && standing[2].granted);
  EXPECT_EQ(standing[0].since, 90s);
  EXPECT_EQ(standing[1].priority, 3);
  EXPECT_EQ(standing[1].lacks, (std::vector<std::string>{"pool db (1 of 1 slots in use)",
                                                         "a slot of the server (2 in use)"}));
  ASSERT_EQ(standing[1].holders.size(), 2u);
  EXPECT_EQ(standing[1].holders[0].task, "a1");
  EXPECT_EQ(standing[3].lacks, (std::vector<std::string>{"a slot of the server (2 in use)"}));
  EXPECT_EQ(standing[3].asker.project, "b");
  EXPECT_EQ(standing[3].since, 90s);
}

}  // namespace
}  // namespace windrow::run
