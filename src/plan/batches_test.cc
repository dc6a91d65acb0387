#include "plan/batches.h"

#include <gtest/gtest.h>

namespace windrow::plan {
namespace {

using namespace std::chrono_literals;

Time at(const char* text) { return *parse_time(text); }

const Grain& day() {
  static const Grain out = *Grain::parse("day", "UTC");
  return out;
}

std::vector<Interval> all(Batches batches) {
  std::vector<Interval> out;
  while (const auto batch = batches.next()) out.push_back(*batch);
  return out;
}

TEST(Batches, AreContiguous) {
  const auto grain = *Grain::parse("day", "Europe/Berlin");
  const IntervalSet stale{grain.widen(Interval{*parse_time("2025-10-24", "Europe/Berlin"),
                                               *parse_time("2025-10-29", "Europe/Berlin")})};
  const auto three = all({stale, grain, {.most = 3}});
  ASSERT_EQ(three.size(), 2u);
  EXPECT_EQ(three[0].end - three[0].start, 73h);  // one of the days has 25 hours
  EXPECT_EQ(all({stale, grain, {.most = 1}}).size(), 5u);
  EXPECT_TRUE(all({{}, grain, {.most = 1}}).empty());
}

TEST(Batches, CoverWhatIsStaleAndNothingElse) {
  const IntervalSet stale{
      {{at("2025-01-01"), at("2025-01-10")}, {at("2025-03-01"), at("2025-03-04")}}};
  const IntervalSet rows{
      {{at("2025-01-03"), at("2025-01-05")}, {at("2025-02-01"), at("2025-03-02")}}};
  for (const int most : {1, 2, 100}) {
    IntervalSet covered;
    for (const auto& batch : all({stale, day(), {.most = most, .occupied = rows}})) {
      EXPECT_FALSE(covered.overlaps(batch));
      covered.add(batch);
    }
    EXPECT_EQ(covered, stale);
  }
}

TEST(Batches, RangesWithoutRowsCostNothing) {
  const IntervalSet stale{{at("2010-01-01"), at("2026-01-01")}};
  const IntervalSet rows{
      {{at("2010-12-01"), at("2010-12-03")}, {at("2011-05-01"), at("2011-05-02")}}};
  const auto one = all({stale, day(), {.most = 1, .occupied = rows}});
  ASSERT_EQ(one.size(), 3u);
  EXPECT_EQ(one[0], (Interval{at("2010-01-01"), at("2010-12-02")}));
  EXPECT_EQ(one[1], (Interval{at("2010-12-02"), at("2011-05-01")}));
  EXPECT_EQ(one[2], (Interval{at("2011-05-01"), at("2026-01-01")}));
  EXPECT_EQ(all({stale, day(), {.most = 1, .occupied = IntervalSet{}}}).size(), 1u);
}

TEST(Batches, AreSizedByRows) {
  const IntervalSet stale{{at("2010-01-01"), at("2020-01-01")}};
  EXPECT_EQ(all({stale, day(), {.rows = 1000}}).size(), 1u);
  const Batches large(stale, day(), {.rows = 3'652'000'000});  // a million a day
  EXPECT_NEAR(double(large.count()), 3652 / 5, 2);
  EXPECT_EQ(large.occupied_count(), 3652u);
}

TEST(Batches, AreSizedByTimes) {
  const IntervalSet stale{{at("2010-01-01"), at("2020-01-01")}};
  Batches batches(stale, day(), {});
  const auto days = [](const std::optional<Interval>& part) {
    return (part->end - part->start) / 24h;
  };
  EXPECT_EQ(days(batches.next()), 25);
  batches.took(1ms);
  EXPECT_EQ(days(batches.next()), 100);
  EXPECT_NEAR(batches.share(), 125.0 / 3652, 1e-9);
  batches.took(30s);
  EXPECT_EQ(days(batches.next()), 50);
  batches.took(10h);
  EXPECT_EQ(days(batches.next()), 12);
  Batches limited(stale, day(), {.limit = 10});
  EXPECT_EQ(days(limited.next()), 10);
  limited.took(1ms);
  EXPECT_EQ(days(limited.next()), 10);
  Batches fixed(stale, day(), {.most = 7});
  fixed.took(1ms);
  EXPECT_EQ(days(fixed.next()), 7);
}

}  // namespace
}  // namespace windrow::plan
