#include "storage/retry.h"

#include <gtest/gtest.h>

#include <vector>

namespace windrow::storage {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, WaitsGrowAreBoundedAndEnd) {
  std::vector<int64_t> waits;
  RetryPolicy policy;
  policy.tries = 5;
  policy.first_wait = milliseconds(100);
  policy.longest_wait = milliseconds(300);
  policy.sleep = [&](milliseconds wait) { waits.push_back(wait.count()); };
  Backoff backoff(policy);
  EXPECT_TRUE(backoff.again());
  EXPECT_TRUE(backoff.again());
  EXPECT_TRUE(backoff.again());
  EXPECT_TRUE(backoff.again(milliseconds(5000)));
  EXPECT_FALSE(backoff.again());
  EXPECT_EQ(backoff.tries(), 5);
  ASSERT_EQ(waits.size(), 4u);
  const int64_t most[] = {100, 200, 300};
  for (int i = 0; i < 3; ++i) {
    EXPECT_LE(waits[i], most[i]);
    EXPECT_GE(waits[i], most[i] / 2);
  }
  EXPECT_EQ(waits[3], 300);
}

}  // namespace
}  // namespace windrow::storage
