#include "project/unit_test.h"
#include "quality/unit_test.h"

#include <gtest/gtest.h>

#include <cmath>

#include "duck/duck.h"

namespace windrow::quality {
namespace {

using project::Value;

Value text(std::string t) { return Value{std::move(t), {}}; }
Value whole(int64_t n) { return Value{n, {}}; }
Value number(double n) { return Value{n, {}}; }
Value list(std::vector<Value> items) { return Value{std::move(items), {}}; }
Value map(std::vector<std::pair<std::string, Value>> entries) {
  Value::Map out;
  for (auto& [key, value] : entries) out.emplace_back(project::Text{key, {}}, std::move(value));
  return Value{std::move(out), {}};
}

class UnitTests : public testing::Test {
 protected:
  UnitTests() : database_(duck::Options{}), connection_(database_) { test_.model.value = "gold.m"; }

  UnitTestResult run(const std::string& select, Value expect, const Parameters& parameters = {}) {
    test_.expect = std::move(expect);
    sql::Parsed parsed;
    parsed.text = select;
    parsed.begin = {"models/gold/m.sql", 4, 1};
    for (const auto& name : reads_) parsed.tables.push_back({name, {}});
    return run_unit_test(connection_, test_, parsed, catalog_, parameters);
  }
  duck::Database database_;
  duck::Connection connection_;
  project::UnitTest test_;
  sql::Catalog catalog_;
  std::vector<std::string> reads_;
};

TEST_F(UnitTests, TakesTypesFromTheCatalogAndFillsWithNull) {
  catalog_["silver.t"] = {{"id", "BIGINT"},
                          {"price", "DECIMAL(10,2)"},
                          {"at", "TIMESTAMP"},
                          {"tags", "VARCHAR[]"},
                          {"raw", "VARCHAR"}};
  test_.given["silver.t"] = list({map({{"id", whole(1)},
                                       {"price", number(1.1)},
                                       {"at", text("2025-10-17T14:00:00Z")},
                                       {"tags", list({text("a"), text("é")})},
                                       {"raw", map({{"x", whole(1)}})}}),
                                  map({{"id", whole(2)}})});
  const auto result = run("SELECT *, typeof(price) AS type FROM silver.t",
                          list({map({{"id", whole(2)}, {"price", Value{}}}),
                                map({{"id", whole(1)},
                                     {"price", number(1.10)},
                                     {"at", text("2025-10-17 14:00")},
                                     {"tags", list({text("a"), text("é")})},
                                     {"raw", text("{\"x\":1}")},
                                     {"type", text("DECIMAL(10,2)")}})}));
  EXPECT_TRUE(result.passed) << result.difference
                             << (result.problem ? result.problem->message : "");
  EXPECT_EQ(result.found_rows, 2);
}

TEST_F(UnitTests, InfersTypesFromTheRows) {
  test_.given["a.b"] =
      list({map({{"n", whole(1)}, {"d", text("2025-01-01")}, {"t", text("2025-01-01T10:00:00Z")}}),
            map({{"n", number(2.5)}, {"s", text("x")}, {"l", list({whole(1)})}})});
  const auto result = run(
      "SELECT DISTINCT typeof(n) n, typeof(d) d, typeof(t) t, typeof(s) s, typeof(l) l FROM a.b",
      list({map({{"n", text("DOUBLE")},
                 {"d", text("DATE")},
                 {"t", text("TIMESTAMP")},
                 {"s", text("VARCHAR")},
                 {"l", text("INTEGER[]")}})}));
  EXPECT_TRUE(result.passed) << result.difference
                             << (result.problem ? result.problem->message : "");
}

TEST_F(UnitTests, BindsParameters) {
  const auto result = run("SELECT $run_time AS t, $days * 2 AS n",
                          list({map({{"t", text("2025-10-17T14:00:00Z")}, {"n", whole(60)}})}),
                          {{"run_time", {"2025-10-17T14:00:00Z", "TIMESTAMP"}},
                           {"days", int64_t(30)},
                           {"unused", int64_t(1)}});
  EXPECT_TRUE(result.passed) << result.difference;
}

TEST_F(UnitTests, ComparesNumbersByValue) {
  const std::string select =
      "SELECT 2::BIGINT i, 0.1::DOUBLE + 0.2 d, 1.50::DECIMAL(5,2) m, 'nan'::DOUBLE n, "
      "9007199254740993 big";
  EXPECT_TRUE(run(select, list({map({{"i", number(2.0)},
                                     {"d", number(0.3)},
                                     {"m", number(1.5)},
                                     {"n", number(NAN)},
                                     {"big", whole(9007199254740993)}})}))
                  .passed);
  EXPECT_FALSE(run(select, list({map({{"i", number(1.5)}})})).passed);
  EXPECT_FALSE(run(select, list({map({{"m", text("1.504")}})})).passed);
  EXPECT_FALSE(run(select, list({map({{"n", whole(1)}})})).passed);
  EXPECT_FALSE(run(select, list({map({{"big", whole(9007199254740992)}})})).passed);
  EXPECT_FALSE(run(select, list({map({{"i", Value{}}})})).passed);
}

TEST_F(UnitTests, OrderCountsOnlyWhereTheTestSaysSo) {
  const auto expect = list({map({{"a", whole(2)}}), map({{"a", whole(1)}})});
  EXPECT_TRUE(run("SELECT unnest([1, 2]) AS a", expect).passed);
  test_.ordered = true;
  EXPECT_FALSE(run("SELECT unnest([1, 2]) AS a", expect).passed);
}

TEST_F(UnitTests, RowsThatNameFewColumnsFindAPartner) {
  // The first expected row fits both; taking the first would leave the second alone.
  const auto result = run("SELECT * FROM (VALUES (1, 'x'), (1, 'y')) t(a, b)",
                          list({map({{"a", whole(1)}}), map({{"a", whole(1)}, {"b", text("x")}})}));
  EXPECT_TRUE(result.passed) << result.difference;
}

TEST_F(UnitTests, ShowsADifferenceCellByCell) {
  const auto result =
      run("SELECT * FROM (VALUES (1, 'Amélie', 8.1::DOUBLE), (2, 'Heat', 8.2), (4, 'Ran', NULL)) "
          "t(id, title, rating)",
          list({map({{"id", whole(1)}, {"title", text("Amélie")}, {"rating", number(8.3)}}),
                map({{"id", whole(2)}, {"title", text("Heat")}}),
                map({{"id", whole(3)}, {"title", text("Up")}, {"rating", Value{}}})}));
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.difference,
            "2 of 3 expected rows missing (-), 2 of 3 found rows not expected (+)\n"
            "    id  title   rating\n"
            "  - 1   Amélie  8.3\n"
            "  + 1   Amélie  8.1\n"
            "      rating: expected 8.3, found 8.1\n"
            "  - 3   Up      NULL\n"
            "  + 4   Ran     NULL");
}

TEST_F(UnitTests, NothingExpectedAndNothingFound) {
  EXPECT_TRUE(run("SELECT 1 AS a WHERE false", list({})).passed);
  const auto result = run("SELECT 1 AS a", list({}));
  EXPECT_EQ(result.difference,
            "0 of 0 expected rows missing (-), 1 of 1 found rows not expected (+)\n    a\n  + 1");
}

TEST_F(UnitTests, WhatDoesNotFitIsSaidWithItsPlace) {
  catalog_["s.t"] = {{"id", "BIGINT"}};
  Value wrong = text("x");
  wrong.place = {"tests/m.yaml", 3, 7};
  test_.given["s.t"] = list({map({{"id", wrong}})});
  auto result = run("SELECT * FROM s.t", list({}));
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem->place.line, 3);
  EXPECT_TRUE(result.problem->message.starts_with("given \"s.t\": \"id\" is BIGINT: "))
      << result.problem->message;

  test_.given["s.t"] = list({map({{"ids", whole(1)}})});
  result = run("SELECT * FROM s.t", list({}));
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem->message, "given \"s.t\" has no column \"ids\"");

  test_.given.clear();
  result = run("SELECT id FROM s.t", list({map({{"idd", whole(1)}})}));
  ASSERT_TRUE(
      result.problem);  // not given, not in the list of reads: the SELECT itself does not bind

  reads_ = {"s.t"};
  result = run("SELECT id FROM s.t", list({map({{"idd", whole(1)}})}));
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem->message, "the model's result has no column \"idd\"");
  EXPECT_EQ(result.problem->hint, "did you mean \"id\"?");

  reads_ = {"s.other"};
  result = run("SELECT 1 AS a FROM s.other", list({}));
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem->message,
            "test of \"gold.m\" gives no rows of \"s.other\", which the model reads");
}

TEST_F(UnitTests, AnErrorInTheSelectPointsIntoTheModel) {
  const auto result = run("SELECT 1 AS a,\n  nope", list({}));
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem->place.text(), "models/gold/m.sql:5:3");
}

TEST_F(UnitTests, TestsDoNotSeeEachOther) {
  test_.given["s.t"] = list({map({{"a", whole(1)}})});
  EXPECT_TRUE(run("SELECT * FROM s.t", list({map({{"a", whole(1)}})})).passed);
  test_.given["s.t"] = list({map({{"b", whole(2)}})});
  EXPECT_TRUE(run("SELECT * FROM s.t", list({map({{"b", whole(2)}})})).passed);
  EXPECT_THROW(connection_.query("SELECT * FROM s.t"), SqlError);
}

}  // namespace
}  // namespace windrow::quality
