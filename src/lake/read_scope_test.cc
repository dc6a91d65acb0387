#include "lake/read_scope.h"

#include "base/clock.h"
#include "duck/duck.h"
#include "lake/dml.h"
#include "lake/predicate_scope.h"
#include "lake/table_fixture.h"

// What the ways of staging say that they have read, seen by what may pass them.

namespace windrow::lake {
namespace {

class ReadScopeTest : public TableFixture {
 protected:
  StageContext context() {
    return {engine_,
            *files_,
            path_,
            "t",
            table().snapshot({}, &connection_),
            table().snapshot({}, &connection_).metadata.partition_columns,
            true,
            false,
            clock_.now(),
            {}};
  }
  /// What `stage` gives is committed after another writer has put in these rows: why not, or "".
  template <typename Stage>
  std::string behind(const std::string& appended, Stage stage) {
    return behind_work([&] { append(appended); }, stage);
  }
  template <typename Work, typename Stage>
  std::string behind_work(Work work, Stage stage) {
    const auto c = context();
    Staged staged = stage(c);
    work();
    const auto outcome = table().commit(request_of(std::move(staged), {}), clock_);
    const auto* conflicted = std::get_if<Conflicted>(&outcome);
    return conflicted ? conflicted->reason.substr(conflicted->reason.find("has ")) : "";
  }
};

constexpr const char* kAdded = "has added rows among those that this commit read";
constexpr const char* kRemoved = "has removed rows among those that this commit read";

TEST_F(ReadScopeTest, ReplacedPartitions) {
  create("SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, NULL)) t(n, p)", {"p"});
  const auto replace = [](const StageContext& c) {
    return stage_replace_partitions(c, "SELECT 9 AS n, 'a' AS p", {});
  };
  EXPECT_EQ(behind("SELECT 5 AS n, 'a' AS p", replace), kAdded);
  EXPECT_EQ(behind("SELECT 5 AS n, 'b' AS p", replace), "");
  EXPECT_EQ(behind("SELECT 6 AS n, NULL::VARCHAR AS p", replace), "");
  EXPECT_EQ(rows_at(), (Strings{"2|b", "3|NULL", "5|b", "6|NULL", "9|a"}));
  // A partition that was not there yet.
  EXPECT_EQ(behind("SELECT 5 AS n, 'c' AS p",
                   [](const StageContext& c) {
                     return stage_replace_partitions(c, "SELECT 9 AS n, 'c' AS p", {});
                   }),
            kAdded);
}

TEST_F(ReadScopeTest, ReplacedIntervals) {
  create("SELECT TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS t, i FROM range(48) r(i)");
  const auto replace = [](const StageContext& c) {
    return stage_replace_interval(
        c, "SELECT TIMESTAMP '2025-01-01 06:00' AS t, 100::BIGINT AS i", {}, "t",
        {*parse_time("2025-01-01T00:00:00Z"), *parse_time("2025-01-02T00:00:00Z")}, "UTC");
  };
  EXPECT_EQ(behind("SELECT TIMESTAMP '2025-01-01 23:59:59.999999' AS t, 7::BIGINT AS i", replace),
            kAdded);
  EXPECT_EQ(behind("SELECT TIMESTAMP '2025-01-02' AS t, 8::BIGINT AS i", replace), "");
  EXPECT_EQ(table().snapshot().rows(), 26);
  EXPECT_EQ(rows("SELECT count(*) FROM (" + duck_sql(scan(table().snapshot())) + ") WHERE i = 7"),
            (Strings{"0"}));  // it was there when the interval was replaced the second time
}

TEST_F(ReadScopeTest, MergedKeys) {
  create("SELECT i AS k, 'old' AS v FROM range(10) t(i)");
  append("SELECT 100 AS k, 'same' AS v");
  const auto merge = [](const StageContext& c) {
    return stage_merge(c, "SELECT * FROM (VALUES (5::BIGINT, 'new'), (100, 'same')) t(k, v)", {},
                       {{"k"}, "", ""});
  };
  EXPECT_EQ(behind("SELECT 50::BIGINT AS k, 'x' AS v", merge), kAdded);  // between both keys
  const auto erase = [&](const std::string& condition) {
    return [&, condition] {
      const auto c = context();
      commit(request_of(stage_delete(c, condition), {}));
    };
  };
  // A row that was found equal and stays is something that the merge relies on.
  EXPECT_EQ(behind_work(erase("k = 100"), merge), kRemoved);
  EXPECT_EQ(behind("SELECT 101::BIGINT AS k, 'x' AS v", merge), "");
  EXPECT_EQ(behind_work(erase("k = 101"), merge), "");
  EXPECT_EQ(behind("SELECT NULL::BIGINT AS k, 'x' AS v",
                   [](const StageContext& c) {
                     return stage_merge(c, "SELECT 1::BIGINT AS k, 'v' AS v WHERE false", {},
                                        {{"k"}, "", "SELECT 7::BIGINT AS k"});
                   }),
            "");
}

TEST_F(ReadScopeTest, MergedKeysThatAreTimes) {
  connection_.execute("SET TimeZone = 'Asia/Tokyo'");
  create("SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' AS k, 1 AS v");
  const auto merge = [](const StageContext& c) {
    return stage_merge(c, "SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' AS k, 2 AS v", {},
                       {{"k"}, "", ""});
  };
  EXPECT_EQ(behind("SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' AS k, 3 AS v", merge), kAdded);
  EXPECT_EQ(behind("SELECT TIMESTAMPTZ '2025-01-01 09:00:00+00' AS k, 3 AS v", merge), "");
}

TEST_F(ReadScopeTest, DeletedUpdatedAndReplacedByCondition) {
  create("SELECT DATE '2025-01-01' + i::INTEGER AS d, i AS n FROM range(4) t(i)", {"d"});
  const std::string second = "SELECT DATE '2025-01-02' AS d, 10::BIGINT AS n",
                    fourth = "SELECT DATE '2025-01-04' AS d, 11::BIGINT AS n";
  const std::string condition = "d BETWEEN DATE '2025-01-01' AND '2025-01-03' AND n % 2 = 0";
  const auto erase = [&](const StageContext& c) { return stage_delete(c, condition); };
  const auto update = [&](const StageContext& c) {
    return stage_update(c, {{"n", "n + 100"}}, "d < DATE '2025-01-03'");
  };
  const auto replace = [&](const StageContext& c) {
    return stage_replace_where(c, "SELECT DATE '2025-01-02' AS d, 5::BIGINT AS n", {},
                               "d = DATE '2025-01-02'");
  };
  EXPECT_EQ(behind(second, erase), kAdded);
  EXPECT_EQ(behind(fourth, erase), "");
  EXPECT_EQ(behind(second, update), kAdded);
  EXPECT_EQ(behind(fourth, update), "");
  EXPECT_EQ(behind(second, replace), kAdded);
  EXPECT_EQ(behind(fourth, replace), "");
  const auto everything = [](const StageContext& c) { return stage_delete(c, ""); };
  EXPECT_EQ(behind(fourth, everything), "has changed rows");
}

TEST_F(ReadScopeTest, BoxesOfConditions) {
  const Schema schema = schema_of(
      "SELECT 1 AS a, 'x' AS s, DATE '2025-01-01' AS d, TIMESTAMPTZ '2025-01-01' AS t, 1.5 AS e");
  connection_.execute("SET TimeZone = 'Asia/Tokyo'");
  const auto box = [&](const std::string& condition) {
    std::string out;
    for (const auto& c : box_of(engine_, schema, condition))
      out += (out.empty() ? "" : "; ") + c.from.value_or("") + " <= " + c.column.name +
             " <= " + c.to.value_or("");
    return out;
  };
  EXPECT_EQ(box("a = 5 AND s >= 'm' AND b = 3"), "5 <= a <= 5; m <= s <= ");
  EXPECT_EQ(box("7 > A"), " <= a <= 7");
  EXPECT_EQ(box("a < 1.4"), " <= a <= 1");
  EXPECT_EQ(box("a = 1 OR a = 2"), "");
  EXPECT_EQ(box("NOT a = 1"), "");
  EXPECT_EQ(box("a <> 1 AND a IS NOT NULL"), "");
  EXPECT_EQ(box("s = 5"), "");  // casts the column: '05' is meant too
  EXPECT_EQ(box("a = NULL"), "");
  EXPECT_EQ(box("a > 'not a number'"), "");
  EXPECT_EQ(box("e > 1"), "");
  EXPECT_EQ(box("d >= '2025-01-05'::DATE AND d < TIMESTAMP '2025-02-01 12:00'"),
            "2025-01-05 <= d <= ;  <= d <= 2025-02-01");
  EXPECT_EQ(box("t < '2025-01-01 09:00'"), " <= t <= 2025-01-01T00:00:00Z");
  EXPECT_EQ(box("a IN (1, 2)"), "");
  EXPECT_EQ(box("a = (SELECT 1)"), "");
  EXPECT_EQ(box("(("), "");
  EXPECT_EQ(box(""), "");
}

}  // namespace
}  // namespace windrow::lake
