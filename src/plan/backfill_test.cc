#include "plan/backfill.h"

#include <gtest/gtest.h>

#include <set>

namespace windrow::plan {
namespace {

using namespace std::chrono_literals;
using Part = Backfill::Part;
using Order = Backfill::Order;

Time when(const char* text) { return *parse_time(text); }
Interval range(const char* from, const char* to) { return {when(from), when(to)}; }

BackfillTable table_by(const char* asset, const char* grain, const IntervalSet& total) {
  return {asset, *Grain::parse(grain, "UTC"), total};
}

Backfill days(const IntervalSet& total, Backfill::Settings settings) {
  return {{table_by("silver.a", "day", total)}, settings};
}

/// Builds what comes; `broken` are units in which silver.a fails. Gives how many parts there were.
int build(Backfill& backfill, const std::set<Time>& broken, const Grain& grain) {
  int out = 0;
  while (const auto part = backfill.next()) {
    ++out;
    bool fails = false;
    for (const auto& one : grain.split(part->range)) fails = fails || broken.contains(one.start);
    if (fails)
      backfill.failed(*part, {{"silver.a", {Code::data, "broken", "", {}}, ""}});
    else
      backfill.done(*part, 1s);
    if (backfill.hopeless()) break;
  }
  return out;
}

TEST(Backfill, GivesEveryIntervalOnceInItsOrder) {
  const IntervalSet total{{range("2025-01-01", "2025-01-11"), range("2025-02-01", "2025-02-04")}};
  for (const auto order : {Order::oldest, Order::newest}) {
    auto backfill = days(total, {.order = order, .first = 4});
    IntervalSet given;
    std::optional<Time> before;
    while (const auto part = backfill.next()) {
      EXPECT_FALSE(given.overlaps(part->range));
      if (before) {
        EXPECT_EQ(*before < part->range.start, order == Order::oldest) << part->range.text();
      }
      before = part->range.start;
      given.add(part->range);
      backfill.done(*part, 30s);
    }
    EXPECT_EQ(given, total);
    EXPECT_TRUE(backfill.tables()[0].left().empty());
  }
}

TEST(Backfill, PartsGrowWhereTheyAreQuick) {
  const Interval two_months{when("2025-01-01"), when("2025-01-01") + 90'000min};
  Backfill backfill({table_by("silver.a", "1m", {two_months})}, {});
  EXPECT_LE(build(backfill, {}, *Grain::parse("1m", "UTC")), 5);
  EXPECT_EQ(backfill.tables()[0].done, IntervalSet{two_months});
  auto slow = days({range("2000-01-01", "2010-01-01")}, {});
  slow.done(*slow.next(), 3000s);
  EXPECT_EQ(slow.next()->range, range("2000-04-10", "2000-04-20"));
}

TEST(Backfill, ReachesOverGapsWhereNothingFailed) {
  const IntervalSet total{{range("2025-01-01", "2025-01-02"), range("2025-01-05", "2025-01-06")}};
  EXPECT_EQ(days(total, {.over_gaps = true}).next()->range, range("2025-01-01", "2025-01-06"));
  EXPECT_EQ(days(total, {.order = Order::newest, .over_gaps = true}).next()->range,
            range("2025-01-01", "2025-01-06"));
  EXPECT_EQ(days(total, {}).next()->range, range("2025-01-01", "2025-01-02"));
  auto table = table_by("silver.a", "day", {range("2025-01-01", "2025-01-06")});
  table.done = {range("2025-01-02", "2025-01-03"), range("2025-01-04", "2025-01-05")};
  table.failures = {{range("2025-01-03", "2025-01-04"), {Code::data, "x", "", {}}, ""}};
  EXPECT_EQ(Backfill({table}, {.over_gaps = true}).next()->range,
            range("2025-01-01", "2025-01-02"));
  EXPECT_EQ(Backfill({table}, {.order = Order::newest, .over_gaps = true}).next()->range,
            range("2025-01-05", "2025-01-06"));
}

TEST(Backfill, FindsTheIntervalsThatFail) {
  for (const auto order : {Order::oldest, Order::newest}) {
    auto backfill = days({range("2025-01-01", "2025-04-01")}, {.order = order});
    const std::set<Time> broken{when("2025-01-07"), when("2025-02-10"), when("2025-02-11")};
    EXPECT_LE(build(backfill, broken, *Grain::parse("day", "UTC")), 45);
    const auto& table = backfill.tables()[0];
    ASSERT_EQ(table.failures.size(), 2u);  // neighbours with the same reason are one
    EXPECT_EQ(table.failures[0].range, range("2025-01-07", "2025-01-08"));
    EXPECT_EQ(table.failures[1].range, range("2025-02-10", "2025-02-12"));
    EXPECT_EQ(table.grain.count(table.done), 87u);
    EXPECT_TRUE(table.left().empty());
    EXPECT_FALSE(backfill.reconsider());
  }
}

TEST(Backfill, GivesUpWhereEverythingFails) {
  auto backfill = days({range("2025-01-01", "2026-01-01")}, {});
  std::set<Time> all;
  for (Time at = when("2025-01-01"); at < when("2026-01-01"); at += 24h) all.insert(at);
  EXPECT_LE(build(backfill, all, *Grain::parse("day", "UTC")), 30);
  EXPECT_TRUE(backfill.hopeless());
  EXPECT_GT(backfill.unit().count(backfill.tables()[0].left()), 300u);
}

TEST(Backfill, LooksCloserThanTheCoarsestGrain) {
  const IntervalSet two_days{range("2025-01-01", "2025-01-03")};
  Backfill backfill({table_by("silver.a", "hour", two_days), table_by("gold.b", "day", two_days)},
                    {});
  const Problem problem{Code::data, "broken", "", {}};
  auto part = backfill.next();
  EXPECT_EQ(part->range, two_days.hull());
  const std::vector<Backfill::Fault> both{{"silver.a", problem, ""}, {"gold.b", {}, "silver.a"}};
  backfill.failed(*part, both);
  part = backfill.next();
  EXPECT_EQ(part->range, range("2025-01-01", "2025-01-02"));
  backfill.failed(*part, both);
  int parts = 0;
  while ((part = backfill.next()) && !part->asset.empty()) {
    EXPECT_EQ(part->asset, "silver.a");
    ++parts;
    if (part->range.contains(when("2025-01-01T05:00")))
      backfill.failed(*part, {{"silver.a", problem, ""}});
    else
      backfill.done(*part, 1s);
  }
  EXPECT_LE(parts, 12);
  EXPECT_EQ(part->range, range("2025-01-02", "2025-01-03"));
  backfill.done(*part, 1s);
  EXPECT_EQ(backfill.tables()[0].failed(),
            IntervalSet{range("2025-01-01T05:00", "2025-01-01T06:00")});
  ASSERT_EQ(backfill.tables()[1].failures.size(), 1u);
  EXPECT_EQ(backfill.tables()[1].failures[0].because, "silver.a");
  EXPECT_FALSE(backfill.reconsider());  // silver.a did fail there
}

TEST(Backfill, WhatWaitedForAMendedOneComesAgain) {
  const IntervalSet one_day{range("2025-01-01", "2025-01-02")};
  Backfill backfill({table_by("silver.a", "hour", one_day), table_by("gold.b", "day", one_day)},
                    {});
  backfill.failed(*backfill.next(),
                  {{"silver.a", {Code::data, "x", "", {}}, ""}, {"gold.b", {}, "silver.a"}});
  while (const auto part = backfill.next()) backfill.done(*part, 1s);
  EXPECT_TRUE(backfill.reconsider());
  EXPECT_EQ(*backfill.next(), (Part{range("2025-01-01", "2025-01-02"), ""}));
  EXPECT_FALSE(backfill.reconsider());
}

TEST(Backfill, WhatWasNotToBeBuiltAndFailsIsTold) {
  const IntervalSet one_day{range("2025-01-01", "2025-01-02")};
  const auto day = *Grain::parse("day", "UTC"), hour = *Grain::parse("hour", "UTC");
  const Problem problem{Code::data, "x", "", {}};
  Backfill backfill({table_by("silver.a", "day", one_day)}, {});
  backfill.failed(
      *backfill.next(),
      {{"gold.b", problem, "", day}, {"gold.c", {}, "gold.b", day}, {"gold.d", problem, "", hour}});
  while (const auto part = backfill.next()) {
    EXPECT_EQ(part->asset, "gold.d");
    if (part->range.contains(when("2025-01-01T05:00")))
      backfill.failed(*part, {{"gold.d", problem, "", hour}});
    else
      backfill.done(*part, 1s);
  }
  ASSERT_EQ(backfill.tables().size(), 3u);
  EXPECT_EQ(backfill.tables()[0].done, one_day);
  EXPECT_EQ(backfill.tables()[1].failed(), one_day);
  EXPECT_EQ(backfill.tables()[2].failed(),
            IntervalSet{range("2025-01-01T05:00", "2025-01-01T06:00")});
}

TEST(Backfill, WhatIsGivenBackComesFirst) {
  auto backfill = days({range("2025-01-01", "2025-01-05")}, {.first = 1});
  const auto part = *backfill.next();
  backfill.give_back(part);
  EXPECT_EQ(*backfill.next(), part);
}

TEST(Backfill, DaysOfOtherLengthsAreWholeParts) {
  const auto grain = *Grain::parse("day", "Europe/Berlin");
  const Interval week{*parse_time("2025-10-24", "Europe/Berlin"),
                      *parse_time("2025-10-29", "Europe/Berlin")};
  Backfill backfill({{"silver.a", grain, {week}}}, {.order = Order::newest, .first = 1});
  std::vector<std::chrono::microseconds> lengths;
  while (const auto part = backfill.next()) {
    lengths.push_back(part->range.end - part->range.start);
    backfill.done(*part, 30s);
  }
  EXPECT_EQ(lengths, (std::vector<std::chrono::microseconds>{24h, 24h, 25h, 24h, 24h}));
}

}  // namespace
}  // namespace windrow::plan
