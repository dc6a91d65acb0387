#include "run/resources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace windrow::run {
namespace {

using namespace std::chrono_literals;

class ResourcesTest : public testing::Test {
 protected:
  uint64_t ask(const std::string& name, std::vector<Share> shares, int priority = 0,
               std::vector<std::string> connections = {}) {
    Resources::Request request;
    request.shares = std::move(shares);
    request.connections = std::move(connections);
    request.priority = priority;
    request.since = clock_.steady();
    request.order = order_++;
    return tickets_[name] = resources_.ask(request, [this, name](std::optional<Problem> refused) {
      told_ += (told_.empty() ? "" : " ") + name + (refused ? "!" : "");
      if (refused) refusal_ = *refused;
    });
  }
  std::vector<BreakerState> back(const std::string& name, Reached reached = Reached::yes) {
    return resources_.give_back(tickets_.at(name), reached, "it is gone");
  }
  std::string told() { return std::exchange(told_, ""); }

  FakeClock clock_{Time()};
  Resources resources_{clock_};
  std::map<std::string, uint64_t> tickets_;
  std::string told_;
  Problem refusal_;
  size_t order_ = 0;
};

TEST_F(ResourcesTest, APoolHasSlotsAndMemory) {
  resources_.set_pool("p", {3, 100});
  ask("a", {{"p", 1, 60}});
  ask("b", {{"p", 1, 50}});  // no memory
  EXPECT_EQ(told(), "a");
  back("a");
  EXPECT_EQ(told(), "b");
  ask("c", {{"p", 3, 0}});  // no slots
  EXPECT_EQ(told(), "");
  back("b");
  EXPECT_EQ(told(), "c");
}

TEST_F(ResourcesTest, APoolThatNobodySetHasOneSlot) {
  ask("a", {{"p"}});
  ask("b", {{"p"}});
  EXPECT_EQ(told(), "a");
  back("a");
  EXPECT_EQ(told(), "b");
}

TEST_F(ResourcesTest, WhoAsksForMoreThanThereIsGetsItAlone) {
  resources_.set_pool("p", {2, 10});
  ask("a", {{"p", 1, 1}});
  ask("large", {{"p", 5, 1000}});
  EXPECT_EQ(told(), "a");
  back("a");
  EXPECT_EQ(told(), "large");
}

/// A large request is not overtaken for ever by small ones.
TEST_F(ResourcesTest, TheFirstInAPoolIsNotOvertaken) {
  resources_.set_pool("p", {2, 0});
  ask("a", {{"p"}});
  ask("large", {{"p", 2, 0}});
  ask("b", {{"p"}});
  ask("elsewhere", {{"q"}});
  EXPECT_EQ(told(), "a elsewhere");
  back("a");
  EXPECT_EQ(told(), "large");
  back("large");
  EXPECT_EQ(told(), "b");
}

TEST_F(ResourcesTest, PriorityComesFirstAndWaitingCounts) {
  ask("now", {{"p"}});
  ask("low", {{"p"}}, 0);
  clock_.advance(2min);
  ask("a bit higher", {{"p"}}, 1);
  ask("high", {{"p"}}, 5);
  EXPECT_EQ(told(), "now");
  back("now");
  EXPECT_EQ(told(), "high");
  back("high");
  EXPECT_EQ(told(), "low");  // two minutes are more than one step
}

TEST_F(ResourcesTest, WhoIsWithdrawnHoldsNobodyUp) {
  resources_.set_pool("p", {2, 0});
  ask("a", {{"p"}});
  ask("large", {{"p", 2, 0}});
  ask("b", {{"p"}});
  EXPECT_TRUE(resources_.withdraw(tickets_.at("large")));
  EXPECT_EQ(told(), "a b");
  EXPECT_FALSE(resources_.withdraw(tickets_.at("a")));
}

TEST_F(ResourcesTest, AConnectionTakesSoManyAndHoldsNoPoolUp) {
  resources_.set_pool("p", {2, 0});
  resources_.set_connection("db", {1, 0, 1s});
  ask("a", {{"p"}}, 0, {"db"});
  ask("b", {{"p"}}, 9, {"db"});
  ask("c", {{"p"}});
  EXPECT_EQ(told(), "a c");
  back("a");
  EXPECT_EQ(told(), "b");
}

TEST_F(ResourcesTest, ABreakerOpensIsTriedOnceAndCloses) {
  resources_.set_connection("db", {0, 2, 30s});
  for (const char* name : {"a", "b", "c"}) ask(name, {}, 0, {"db"});
  EXPECT_EQ(told(), "a b c");
  EXPECT_TRUE(back("a", Reached::no).empty());
  const auto opened = back("b", Reached::no);
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_TRUE(opened[0].open);
  EXPECT_EQ(opened[0].failures, 2);
  EXPECT_EQ(resources_.open_breakers().size(), 1u);
  back("c", Reached::no);  // had begun before: opens nothing anew
  ask("d", {}, 0, {"db"});
  ask("e", {}, 0, {"db"});
  clock_.advance(29s);
  EXPECT_EQ(told(), "");
  clock_.advance(2s);
  EXPECT_EQ(told(), "d");  // one trial
  const auto closed = back("d", Reached::yes);
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_FALSE(closed[0].open);
  EXPECT_EQ(told(), "e");
}

TEST_F(ResourcesTest, ATrialThatFailsCountsForAllWhoWaited) {
  resources_.set_connection("db", {0, 1, 30s});
  ask("a", {}, 0, {"db"});
  back("a", Reached::no);
  ask("b", {}, 0, {"db"});
  ask("c", {}, 0, {"db"});
  told();
  clock_.advance(31s);
  EXPECT_EQ(told(), "b");
  back("b", Reached::no);
  EXPECT_EQ(told(), "c!");
  EXPECT_EQ(refusal_.code, Code::unavailable);
  ask("d", {}, 0, {"db"});
  clock_.advance(59s);  // twice as long
  EXPECT_EQ(told(), "");
  clock_.advance(2s);
  EXPECT_EQ(told(), "d");
  back("d", Reached::untold);  // a trial that nobody knows of is tried again by the next
  ask("e", {}, 0, {"db"});
  EXPECT_EQ(told(), "e");
}

/// Random requests: sizes are never exceeded, and all are granted at last.
TEST_F(ResourcesTest, SizesAreNeverExceeded) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Resources resources(clock_);
    const std::map<std::string, Pool> pools{{"a", {3, 50}}, {"b", {1, 0}}, {"c", {5, 10}}};
    for (const auto& [name, pool] : pools) resources.set_pool(name, pool);
    struct Asked {
      std::vector<Share> shares;
      uint64_t ticket = 0;
    };
    std::vector<Asked> all(60);
    std::vector<size_t> running;
    size_t ended = 0;
    for (size_t i = 0; i < all.size() || !running.empty();) {
      if (i < all.size() && (running.empty() || random() % 2 == 0)) {
        auto& asked = all[i];
        for (const auto& [name, pool] : pools) {
          if (random() % 2 == 0)
            asked.shares.push_back({name, 1 + int(random() % unsigned(pool.slots)), random() % 8});
        }
        Resources::Request request;
        request.shares = asked.shares;
        request.priority = int(random() % 4);
        request.order = i;
        asked.ticket = resources.ask(request, [&running, i](auto) { running.push_back(i); });
        ++i;
      } else {
        const size_t at = random() % running.size();
        const size_t one = running[at];
        running.erase(running.begin() + long(at));
        resources.give_back(all[one].ticket, Reached::yes, "");
        ++ended;
      }
      for (const auto& [name, pool] : pools) {
        int slots = 0;
        uint64_t memory = 0;
        for (const size_t one : running) {
          for (const auto& share : all[one].shares) {
            if (share.pool != name) continue;
            slots += share.slots;
            memory += share.memory;
          }
        }
        EXPECT_LE(slots, pool.slots);
        if (pool.memory > 0) {
          EXPECT_LE(memory, pool.memory);
        }
      }
    }
    EXPECT_EQ(ended, all.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace windrow::run
