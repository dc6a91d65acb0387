#include "tasks/tables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "lake/table_fixture.h"

namespace windrow::tasks {
namespace {

/// A lake with `silver.a` and `silver.b`, both built by this project.
class TablesTest : public lake::TableFixture {
 protected:
  TablesTest() {
    add("silver.a", "SELECT 1 AS x");
    add("silver.b", "SELECT 2 AS y, 'é' AS z");
  }

  void add(const std::string& name, const std::string& select) {
    path_ = home_.table_path(name);
    auto request = creation(select);
    request.provenance = lake::Provenance{.asset = name, .kind = "table", .run = "first"};
    commit(std::move(request));
  }
  void append_to(const std::string& name, const std::string& select) {
    path_ = home_.table_path(name);
    auto request = appending(select);
    request.provenance = lake::Provenance{.asset = name, .kind = "append", .run = "second"};
    commit(std::move(request));
  }
  std::string log_of(const std::string& name) {
    return home_.table_path(name) + "/_delta_log/00000000000000000000.json";
  }
  Tables tables(sql::Cache* cache = nullptr) { return {&home_, nullptr, database_, cache}; }

  lake::Lake home_ = lake::Lake::open(*files_, folder_ + "/lake", "p", "dev", true, clock_.now());
};

TEST_F(TablesTest, LookingTogetherSaysWhatLookingOneByOneSays) {
  auto together = tables(), single = tables();
  std::vector<std::string> names{"silver.a", "silver.b", "silver.none"};
  for (int i = 0; i < 100; ++i) names.push_back("silver.none" + std::to_string(i));
  together.look_at(names);
  for (const auto& name : {"silver.a", "silver.b"}) {
    EXPECT_TRUE(together.own(name));
    EXPECT_EQ(together.version(name), single.version(name));
    EXPECT_EQ(together.provenance(name).last, single.provenance(name).last);
  }
  EXPECT_FALSE(together.exists("silver.none"));
  EXPECT_FALSE(together.provenance("silver.none").last);
}

TEST_F(TablesTest, APlanIsOfOneMomentAndARunSeesWhatOthersBuilt) {
  auto plan = tables(), run = tables();
  plan.look_at({"silver.a"});
  EXPECT_EQ(run.version("silver.a").version, 0);
  append_to("silver.a", "SELECT 3 AS x");
  EXPECT_EQ(plan.provenance("silver.a").last->run, "first");
  EXPECT_EQ(run.provenance("silver.a").last->run, "second");
  EXPECT_EQ(run.version("silver.a").version, 0) << "pinned";
  plan.forget("silver.a");
  EXPECT_EQ(plan.provenance("silver.a").last->run, "second");
  EXPECT_EQ(plan.version("silver.a").version, 1);
}

TEST_F(TablesTest, WhatThisRunCommittedIsReadFromThenOn) {
  auto run = tables();
  run.look_at({"silver.a"});
  append_to("silver.a", "SELECT 3 AS x");
  run.moved("silver.a", 1);
  EXPECT_EQ(run.version("silver.a").version, 1);
  EXPECT_EQ(run.provenance("silver.a").last_version, 1);
}

/// Many models read one table: each of their threads looks at its columns, for the first of them
/// the snapshot has to be made, and commits make it another one.
TEST_F(TablesTest, ColumnsAreWholeWhoeverElseLooksOrForgets) {
  std::string wide = "SELECT 1 AS x0";
  for (int i = 1; i < 60; ++i)
    wide += ", 1 AS a_name_that_does_not_lie_inside_of_a_string_" + std::to_string(i);
  add("silver.wide", wide);
  const auto expected = tables().columns("silver.wide");
  for (int round = 0; round < 30; ++round) {
    auto world = tables();
    std::atomic<int> wrong{0};
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < 20; ++i) {
            if (t % 4 == 0) world.forget("silver.wide");
            if (world.columns("silver.wide") != expected) ++wrong;
          }
        });
      }
    }
    ASSERT_EQ(wrong, 0) << "in round " << round;
  }
}

TEST(SampleTest, IsAShareInPercent) {
  EXPECT_EQ(parse_sample("1%")->parts, 10'000);
  EXPECT_EQ(parse_sample("1.0%")->text, "1%");
  EXPECT_EQ(parse_sample("0.5%")->text, "0.5%");
  EXPECT_EQ(parse_sample("0.0001%")->parts, 1);
  EXPECT_EQ(parse_sample("99.9%")->text, "99.9%");
  for (const char* none : {"", "%", "1", "0%", "100%", "-1%", "1%%", "1 %", "1e1%", "x%", "nan%",
                           "inf%", "0.00001%", "99.99999%", "1000000000000000000000%"})
    EXPECT_FALSE(parse_sample(none)) << none;
}

TEST_F(TablesTest, ABrokenTableIsToldWhenItIsAskedFor) {
  std::filesystem::resize_file(log_of("silver.a"), 40);
  auto world = tables();
  world.look_at({"silver.a", "silver.b"});
  EXPECT_EQ(world.version("silver.b").version, 0);
  EXPECT_EQ(problem_of([&] { world.version("silver.a"); }).code, Code::corrupt);
}

TEST_F(TablesTest, ColumnsOfAVersionAreRemembered) {
  sql::Cache cache("");
  const auto names = [&] {
    auto world = tables(&cache);
    world.look_at({"silver.b"});
    std::string out;
    const auto columns = *world.columns("silver.b");
    for (const auto& column : columns) out += column.name + " " + column.type + ",";
    return out;
  };
  EXPECT_EQ(names(), "y INTEGER,z VARCHAR,");
  EXPECT_EQ(names(), "y INTEGER,z VARCHAR,");
  // Another table under the same name.
  std::filesystem::remove_all(home_.table_path("silver.b"));
  add("silver.b", "SELECT 2 AS other");
  EXPECT_EQ(names(), "other INTEGER,");
}

TEST_F(TablesTest, RememberedColumnsNeedNoSchema) {
  sql::Cache cache("");
  auto world = tables(&cache);
  world.look_at({"silver.a"});
  EXPECT_EQ(world.columns("silver.a")->size(), 1u);
  auto again = tables(&cache);
  again.look_at({"silver.a"});
  std::filesystem::remove(log_of("silver.a"));
  ASSERT_TRUE(again.columns("silver.a"));
  EXPECT_EQ(again.columns("silver.a")->front().name, "x");
  EXPECT_FALSE(again.columns("silver.none"));
}

}  // namespace
}  // namespace windrow::tasks
