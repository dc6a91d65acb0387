#include "lake/net_changes.h"
#include "lake/rewrite_fixture.h"

namespace windrow::lake {
namespace {

/// Random changes, held against the same done to a plain DuckDB table, and against a comparison of
/// all rows.
struct Walk {
  const char* partition;
  VectorRule vectors;
};
class RandomChanges : public Rewrite, public testing::WithParamInterface<Walk> {};

TEST_P(RandomChanges, AreThoseOfAPlainTable) {
  if (*GetParam().partition != '\0') partition_by_ = {GetParam().partition};
  vectors_ = GetParam().vectors;
  size_t most_thinned = 0;
  const auto random_rows = [](int seed, int rows) {
    const std::string s = std::to_string(seed);
    return "SELECT id, any_value(v) AS v, any_value(d) AS d, any_value(p) AS p, any_value(\"at\") "
           "AS \"at\" FROM ("
           "SELECT (hash(i * 7 + " +
           s + " * 1000) % 60)::INT AS id, (hash(i + " + s +
           " * 77) % 3)::INT AS v, "
           "if(hash(i, " +
           s +
           ") % 9 = 0, 'nan', '-0.5')::DOUBLE AS d, "
           "if(id % 5 = 0, NULL, 'p ' || id % 3) AS p, "
           "TIMESTAMP '2025-01-01' + INTERVAL 41 MINUTE * (hash(i + " +
           s +
           ") % 200) AS \"at\" "
           "FROM range(" +
           std::to_string(rows) + ") r(i)) GROUP BY id";
  };
  connection_.execute("CREATE TABLE plain AS " + random_rows(0, 80));
  merge("FROM plain", {{"id"}, "", ""}, false);
  for (int seed = 1; seed <= 12; ++seed) {
    connection_.execute("CREATE OR REPLACE TABLE before AS FROM plain");
    connection_.execute("CREATE OR REPLACE TABLE fresh AS " +
                        random_rows(seed, seed % 4 == 0 ? 0 : 5 + seed));
    if (seed % 3 != 0) {
      const std::string gone =
          "SELECT (hash(i + " + std::to_string(seed) + ") % 70)::INT AS id FROM range(4) r(i)";
      connection_.execute("DELETE FROM plain WHERE id IN (SELECT id FROM fresh UNION " + gone +
                          "); INSERT INTO plain FROM fresh");
      merge("FROM fresh", {{"id"}, "", gone}, seed % 2 == 0);
    } else {
      const std::string inside = "\"at\" >= '2025-01-02' AND \"at\" < '2025-01-03'";
      connection_.execute("DELETE FROM plain WHERE " + inside +
                          "; INSERT INTO plain FROM fresh WHERE " + inside +
                          " AND id NOT IN (SELECT id FROM plain)");
      const Interval day{*parse_time("2025-01-02"), *parse_time("2025-01-03")};
      apply(
          [&](const StageContext& c) {
            return stage_replace_interval(c, "FROM plain WHERE " + inside, {}, "at", day, "UTC");
          },
          seed % 2 == 0);
    }
    ASSERT_EQ(rows(), rows("FROM plain")) << seed;
    most_thinned = std::max(most_thinned, thinned());
    const auto version = table().latest_version();
    IntervalSet hours;
    const auto differing = connection_.query(
        "SELECT DISTINCT epoch_us(date_trunc('hour', \"at\")) FROM ((FROM before EXCEPT ALL FROM "
        "plain) UNION ALL "
        "(FROM plain EXCEPT ALL FROM before))");
    for (const auto& row : differing.rows) {
      const Time start = time_from_micros(std::get<int64_t>(row[0]));
      hours.add({start, start + std::chrono::hours(1)});
    }
    EXPECT_EQ(changed(version - 1, version, "\"at\"").intervals.text(), hours.text()) << seed;
    EXPECT_EQ(changed(version - 1, version, "\"at\" + INTERVAL 0 HOUR").intervals.text(),
              hours.text())
        << seed;
    const auto difference = row_changes(table(), version - 1, version, connection_);
    EXPECT_EQ(rows(duck_sql(difference.added)), rows("FROM plain EXCEPT ALL FROM before")) << seed;
    EXPECT_EQ(difference.clean, rows("FROM before EXCEPT ALL FROM plain").empty()) << seed;
    if (!difference.clean) {
      EXPECT_EQ(rows(duck_sql(difference.removed)), rows("FROM before EXCEPT ALL FROM plain"))
          << seed;
    }
    const auto then = table().snapshot(version - 1, &connection_), now = table().snapshot();
    const std::string net = "(" + duck_sql(net_changes(&then, now, {})) + ") WHERE _change_type = ";
    EXPECT_EQ(rows("SELECT * EXCLUDE (_change_type) FROM " + net + "'delete'"),
              rows("FROM before EXCEPT ALL FROM plain"))
        << seed;
    EXPECT_EQ(now.rows(), int64_t(connection_.query("FROM plain").rows.size())) << seed;
  }
  const auto all = row_changes(table(), 0, table().latest_version(), connection_);
  const std::string first = duck_sql(scan(table().snapshot(0, &connection_)));
  EXPECT_EQ(rows(duck_sql(all.added)), rows("FROM plain EXCEPT ALL (" + first + ")"));
  EXPECT_EQ(most_thinned > 0, vectors_.allowed);
}
constexpr VectorRule kCopies{false, 1, 0}, kVectors{true, 1, 0}, kBoth{true, 0.25, 0};
INSTANTIATE_TEST_SUITE_P(Partitions, RandomChanges,
                         testing::Values(Walk{"", kCopies}, Walk{"p", kCopies}, Walk{"", kVectors},
                                         Walk{"p", kVectors}, Walk{"", kBoth}, Walk{"p", kBoth}),
                         [](const auto& info) {
                           return std::string(*info.param.partition ? "Partitions" : "Whole") +
                                  (!info.param.vectors.allowed            ? "Copied"
                                   : info.param.vectors.share_most == 1.0 ? "Thinned"
                                                                          : "Either");
                         });

}  // namespace
}  // namespace windrow::lake
