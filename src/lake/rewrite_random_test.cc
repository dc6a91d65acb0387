#include "lake/rewrite_fixture.h"

namespace windrow::lake {
namespace {

/// Random changes, held against the same done to a plain DuckDB table, and against a comparison of
/// all rows.
class RandomChanges : public Rewrite, public testing::WithParamInterface<const char*> {};

TEST_P(RandomChanges, AreThoseOfAPlainTable) {
  if (*GetParam() != '\0') partition_by_ = {GetParam()};
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
  }
}
INSTANTIATE_TEST_SUITE_P(Partitions, RandomChanges, testing::Values("", "p"));

}  // namespace
}  // namespace windrow::lake
