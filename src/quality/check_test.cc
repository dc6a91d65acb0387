#include "quality/check.h"

#include <gtest/gtest.h>

#include "duck/duck.h"

namespace windrow::quality {
namespace {

using project::Check;
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
Check check(std::string name, std::string column, Value arguments = {}) {
  return {std::move(name), std::move(column), std::move(arguments), true, {"m.sql", 3, 5}, ""};
}

class Checks : public testing::Test {
 protected:
  Report run(const std::string& rows, std::vector<Check> checks) {
    Subject subject = this->subject(rows);
    subject.checks = std::move(checks);
    return run_checks(session_, subject);
  }
  Subject subject(const std::string& rows) {
    Subject out;
    out.asset = "gold.t";
    out.rows = rows;
    out.columns = session_.describe(rows);
    out.now = *parse_time("2025-10-17T14:00:00Z");
    return out;
  }
  std::string message(const std::string& rows, Check one) {
    const auto report = run(rows, {std::move(one)});
    EXPECT_EQ(report.results[0].passed, report.results[0].message.empty());
    return report.results[0].message;
  }
  duck::Database database_{duck::Options{}};
  duck::Connection connection_{database_};
  lake::DuckRows session_{connection_};
};

TEST_F(Checks, NotNullNamesTheColumnAndKeepsWholeRows) {
  const auto report =
      run("SELECT * FROM (VALUES (1, 'a'), (NULL, 'b'), (3, NULL)) t(\"a \"\"b\", c)",
          {check("not_null", "a \"b"), check("not_null", "c")});
  EXPECT_EQ(report.results[0].message, "1 of 3 rows: \"a \"b\" is NULL");
  EXPECT_EQ(report.results[0].sample.rows,
            (std::vector<std::vector<Cell>>{{std::monostate{}, "b"}}));
  EXPECT_TRUE(report.blocked());
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(report.valid_rows, 1);
  EXPECT_DOUBLE_EQ(report.score(), 1.0 / 3);
}

TEST_F(Checks, NullPassesEverythingElse) {
  const auto report =
      run("SELECT NULL::INTEGER AS a, NULL::VARCHAR AS s FROM range(2)",
          {check("unique", "a"), check("range", "a", map({{"min", whole(1)}})),
           check("accepted_values", "s", list({text("x")})), check("regex", "s", text("^a")),
           check("expression", "", text("a > 1"))});
  for (const auto& result : report.results) EXPECT_TRUE(result.passed) << result.message;
  EXPECT_EQ(report.score(), 1.0);
}

TEST_F(Checks, RangesKeepTheirValueAndRefuseNaN) {
  const auto zero_half = map({{"min", number(0.5)}});
  EXPECT_EQ(message("SELECT unnest([0, 1, 2]) AS a", check("range", "a", zero_half)),
            "1 of 3 rows: \"a\" is not >= 0.5: 0");
  EXPECT_EQ(message("SELECT unnest(['nan'::DOUBLE, -0.0, 11]) AS a",
                    check("range", "a", map({{"min", whole(0)}, {"max", whole(10)}}))),
            "2 of 3 rows: \"a\" is not between 0 and 10: nan, 11");
  EXPECT_EQ(message("SELECT unnest(['nan'::DOUBLE, 1]) AS a",
                    check("range", "a", map({{"min", whole(0)}}))),
            "1 of 2 rows: \"a\" is not >= 0: nan");
  EXPECT_EQ(message("SELECT unnest([DATE '2024-12-31', DATE '2025-01-01']) AS d",
                    check("range", "d", map({{"min", text("2025-01-01")}}))),
            "1 of 2 rows: \"d\" is not >= 2025-01-01: '2024-12-31'");
}

TEST_F(Checks, AcceptedValuesCompareAsTheColumnsType) {
  EXPECT_EQ(message("SELECT unnest(['R', 'é', 'x''y']) AS a",
                    check("accepted_values", "a", list({text("R"), text("x'y")}))),
            "1 of 3 rows: \"a\" is not one of R, x'y: 'é'");
  // A number of YAML beside a text column is a text.
  EXPECT_EQ(
      message("SELECT unnest(['5', 'x']) AS a", check("accepted_values", "a", list({whole(5)}))),
      "1 of 2 rows: \"a\" is not one of 5: 'x'");
}

TEST_F(Checks, RegexMatchesAnywhereUnlessAnchored) {
  EXPECT_EQ(message("SELECT unnest(['abc', 'xa', 'b']) AS a", check("regex", "a", text("a"))),
            "1 of 3 rows: \"a\" does not match a: 'b'");
  EXPECT_EQ(message("SELECT unnest(['abc', 'xa', 'b']) AS a", check("regex", "a", text("^a"))),
            "2 of 3 rows: \"a\" does not match ^a: 'xa', 'b'");
}

TEST_F(Checks, UniqueCountsAllRowsOfAGroup) {
  EXPECT_EQ(message("SELECT unnest([1, 2, 2, 3, 3, 3, NULL, NULL]) AS a", check("unique", "a")),
            "5 of 8 rows: \"a\" is not unique: 2, 3");
  const std::string pairs =
      "SELECT * FROM (VALUES (1, 'x'), (1, 'y'), (1, 'x'), (NULL, 'x'), (NULL, 'x')) t(a, b)";
  EXPECT_EQ(message(pairs, check("unique", "", map({{"columns", list({text("a"), text("b")})}}))),
            "2 of 5 rows: \"a\", \"b\" is not unique: (1, 'x')");
  EXPECT_EQ(message(pairs, check("unique", "", list({text("a"), text("b")}))),
            "2 of 5 rows: \"a\", \"b\" is not unique: (1, 'x')");
}

TEST_F(Checks, ExpressionMayEndInAComment) {
  EXPECT_EQ(message("SELECT unnest([1, 2]) AS a", check("expression", "", text("a < 2 -- small"))),
            "1 of 2 rows: not a < 2 -- small");
}

TEST_F(Checks, RowCounts) {
  const auto bounds = map({{"min", whole(1)}, {"max", whole(2)}});
  EXPECT_EQ(message("SELECT 1 AS a", check("rows", "", bounds)), "");
  EXPECT_EQ(message("SELECT 1 AS a WHERE false", check("rows", "", bounds)), "0 rows, at least 1");
  EXPECT_EQ(message("SELECT 1 AS a FROM range(3)", check("rows", "", bounds)), "3 rows, at most 2");
}

TEST_F(Checks, FreshnessLooksAtTheNewest) {
  const auto two_hours = map({{"max", text("2h")}});
  const std::string rows =
      "SELECT unnest([TIMESTAMP '2025-10-17 11:30:00', TIMESTAMP '2025-10-17 10:00:00']) AS t";
  EXPECT_EQ(message(rows, check("freshness", "t", map({{"max", text("3h")}}))), "");
  EXPECT_EQ(message(rows, check("freshness", "t", two_hours)),
            "\"t\" ends at 2025-10-17T11:30:00Z, 2h30m before now; at most 2h");
  EXPECT_EQ(message("SELECT TIMESTAMPTZ '2025-10-17 16:30:00+03' AS t",
                    check("freshness", "t", two_hours)),
            "");
  EXPECT_EQ(message("SELECT NULL::TIMESTAMP AS t WHERE false", check("freshness", "t", two_hours)),
            "\"t\" has no value, so nothing is fresh");
}

TEST_F(Checks, RelationshipLooksIntoTheOtherTable) {
  auto one = subject("SELECT unnest([1, 2, NULL, 9]) AS a");
  one.checks = {
      check("relationship", "a", map({{"to", text("silver.x")}, {"column", text("id")}}))};
  ASSERT_EQ(project::related_tables({}, one.checks).size(), 1u);
  EXPECT_EQ(project::related_tables({}, one.checks)[0].value, "silver.x");
  one.relations["silver.x"] = "SELECT unnest([1, 2, NULL]) AS id";
  const auto report = run_checks(session_, one);
  EXPECT_EQ(report.results[0].message, "1 of 4 rows: \"a\" is not in silver.x.id: 9");
  EXPECT_EQ(report.valid_rows, 3);
}

TEST_F(Checks, ContractNamesEveryDifference) {
  auto one = subject("SELECT 1::BIGINT AS id, 'x' AS name, 1.5::DOUBLE AS v");
  one.declared = {
      {.name = "id", .type = "int"}, {.name = "name", .type = "text"}, {.name = "gone"}};
  one.contract = true;
  auto report = run_checks(session_, one);
  EXPECT_EQ(report.results[0].message,
            "\"id\" is BIGINT, not INTEGER; \"gone\" is missing; \"v\" is not declared");
  EXPECT_TRUE(report.blocked());
  one.contract = false;
  one.declared = {{.name = "v", .type = "double"}};
  report = run_checks(session_, one);
  EXPECT_TRUE(report.results[0].passed) << report.results[0].message;
}

TEST_F(Checks, AnEmptyTableHasNoFailingRows) {
  const auto report =
      run("SELECT 1 AS a WHERE false", {check("not_null", "a"), check("unique", "a")});
  EXPECT_FALSE(report.blocked());
  EXPECT_EQ(report.rows, 0);
  EXPECT_EQ(report.score(), 1.0);
}

TEST_F(Checks, WarningsDoNotBlock) {
  auto warn = check("not_null", "a");
  warn.blocks = false;
  warn.label = "a is there";
  const auto report = run("SELECT NULL AS a", {warn});
  EXPECT_FALSE(report.results[0].passed);
  EXPECT_EQ(report.results[0].description, "a is there");
  EXPECT_FALSE(report.blocked());
}

TEST_F(Checks, NoChecksStillCountRows) {
  EXPECT_EQ(run("SELECT 1 AS a FROM range(7)", {}).rows, 7);
}

TEST_F(Checks, WhatCannotRunIsSaidWithItsPlaceAllAtOnce) {
  try {
    run("SELECT 1 AS amount",
        {check("not_null", "amuont"), check("freshness", "amount", map({{"max", text("1h")}}))});
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.problems().size(), 2u);
    EXPECT_EQ(error.problem().message, "\"gold.t\" has no column \"amuont\" to check");
    EXPECT_EQ(error.problem().hint, "did you mean \"amount\"?");
    EXPECT_EQ(error.problem().place.text(), "m.sql:3:5");
    EXPECT_EQ(error.problems()[1].message, "\"freshness\" needs a time, and \"amount\" is INTEGER");
  }
  try {
    run("SELECT 1 AS a", {check("expression", "", text("a > b")), check("not_null", "a"),
                          check("regex", "a", text("("))});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 2u);
    EXPECT_EQ(error.code(), Code::configuration);
    EXPECT_NE(error.problem().message.find("\"a > b\" of \"gold.t\" does not run"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Checks, LongTextsAreCutAtACharacter) {
  const auto found =
      message("SELECT 'x' || repeat('é', 500) AS a", check("regex", "a", text("^$")));
  EXPECT_LT(found.size(), 150u);
  EXPECT_NE(found.find("é…'"), std::string::npos) << found;
}

}  // namespace
}  // namespace windrow::quality
