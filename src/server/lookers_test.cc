#include "server/lookers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <set>
#include <string>

namespace windrow::server {
namespace {

using namespace std::chrono_literals;

TEST(Lookers, DoShortLooksWithOneThread) {
  const auto clock = system_clock();
  Lookers lookers(*clock);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::promise<void> all;
  int left = 1000;
  for (int i = 0; i < 1000; ++i) {
    lookers.post("place " + std::to_string(i % 7), true, [&] {
      std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(threads.size(), 1u);
}

TEST(Lookers, LookAtOnePlaceOneAfterTheOther) {
  const auto clock = system_clock();
  Lookers lookers(*clock);
  std::atomic<int> at_once{0}, most{0}, left{5};
  std::promise<void> all;
  for (int i = 0; i < 5; ++i) {
    lookers.post("a server", false, [&] {
      most = std::max(most.load(), ++at_once);
      std::this_thread::sleep_for(150ms);
      --at_once;
      if (--left == 0) all.set_value();
    });
  }
  auto done = all.get_future();
  while (done.wait_for(20ms) != std::future_status::ready) lookers.help();
  EXPECT_EQ(most, 1);
}

TEST(Lookers, ArePatientWithPlacesThatHangAndQuickWithOthers) {
  const auto clock = system_clock();
  Lookers lookers(*clock);
  std::promise<void> answers;
  const auto answered = answers.get_future().share();
  std::atomic<int> hanging{0};
  for (int i = 0; i < 20; ++i) {
    lookers.post("dead " + std::to_string(i), false, [&, answered] {
      ++hanging;
      answered.wait();
    });
  }
  std::promise<void> looked;
  lookers.post("disk", true, [&] { looked.set_value(); });
  auto done = looked.get_future();
  const auto begin = std::chrono::steady_clock::now();
  while (done.wait_for(20ms) != std::future_status::ready) {
    lookers.help();
    ASSERT_LT(std::chrono::steady_clock::now() - begin, 60s);
  }
  EXPECT_LE(hanging, 7) << "a thread is left for what is quick";
  answers.set_value();
}

}  // namespace
}  // namespace windrow::server
