#include "duck/duck.h"
#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

TEST_F(Sql, FindsTheIntervalOfEachInput) {
  EXPECT_EQ(
      uses("SELECT * FROM silver.events e JOIN silver.kinds k USING (kind) WHERE e.\"at\" >= "
           "$start AND $end > e.\"at\""),
      (std::map<std::string, std::string>{{"silver.events", "\"at\""}, {"silver.kinds", "-"}}));
  EXPECT_EQ(uses("WITH x AS (SELECT *, to_timestamp(n) AS t FROM silver.events), y AS (SELECT t AS "
                 "u FROM x)\n"
                 "SELECT * FROM y WHERE u >= $start - INTERVAL 23 HOUR AND u < $end"),
            (std::map<std::string, std::string>{{"silver.events", "to_timestamp(n)"}}));
  EXPECT_EQ(
      uses("SELECT * FROM (SELECT * FROM silver.events) WHERE \"at\" >= $start AND \"at\" < $end"),
      (std::map<std::string, std::string>{{"silver.events", "\"at\""}}));
  EXPECT_THROW(uses("SELECT * FROM silver.events WHERE \"at\" BETWEEN $start AND $end"), Error);
  EXPECT_THROW(
      uses("SELECT * FROM silver.events, silver.kinds WHERE \"at\" >= $start AND \"at\" < $end"),
      Error);
  EXPECT_THROW(
      uses("SELECT * FROM silver.events WHERE \"at\" >= $start AND \"at\" + INTERVAL 1 DAY < $end"),
      Error);
}

TEST_F(Sql, ProvesWhichInputsAreReadByIntervals) {
  const std::string in = "\"at\" >= $start AND \"at\" < $end";
  EXPECT_EQ(proved("SELECT * FROM silver.events WHERE " + in), "silver.events: \"at\"");
  EXPECT_EQ(
      proved("SELECT * FROM silver.events WHERE $start <= \"at\" AND $end > \"at\" AND n > 1"),
      "silver.events: \"at\"");
  EXPECT_EQ(
      proved("SELECT * FROM silver.events WHERE \"at\" >= $start::DATE AND \"at\" < $end::DATE"),
      "silver.events: \"at\"");
  EXPECT_EQ(proved("SELECT to_timestamp(n) AS t FROM silver.events WHERE t >= $start AND t < $end"),
            "silver.events: to_timestamp(n)");
  // A window after the filter sees the interval alone; one before it sees other rows.
  EXPECT_EQ(proved("SELECT *, row_number() OVER (ORDER BY id) FROM silver.events WHERE " + in),
            "silver.events: \"at\"");
  EXPECT_EQ(proved("SELECT * FROM (SELECT *, lag(n) OVER (ORDER BY id) AS l FROM silver.events) "
                   "WHERE " +
                   in),
            "silver.events: \"at\" ?");
  EXPECT_EQ(proved("SELECT * FROM (SELECT * FROM silver.events ORDER BY id LIMIT 5) WHERE " + in),
            "silver.events: \"at\" ?");
  EXPECT_EQ(
      proved("SELECT * FROM silver.events QUALIFY row_number() OVER (ORDER BY id) = 1 AND " + in),
      "silver.events: \"at\" ?");
  // One bound, a moved bound, or a second use without any: rows of other intervals matter.
  EXPECT_EQ(proved("SELECT * FROM silver.events WHERE \"at\" < $end AND $start < $end"),
            "silver.events: \"at\" ?");
  EXPECT_EQ(
      proved(
          "SELECT * FROM silver.events WHERE \"at\" >= $start - INTERVAL 1 DAY AND \"at\" < $end"),
      "silver.events: \"at\" ?");
  EXPECT_EQ(proved("SELECT * FROM silver.events e WHERE " + in +
                   " AND EXISTS (FROM silver.events p WHERE p.id = e.id AND p.\"at\" < e.\"at\")"),
            "silver.events: \"at\" ?");
  EXPECT_EQ(proved("SELECT * FROM silver.events WHERE (" + in + ") OR n = 1"), "");
  EXPECT_EQ(proved("SELECT " + in + " AS inside FROM silver.events"), "");
  EXPECT_EQ(proved("WITH never AS (FROM silver.events) SELECT * FROM silver.events WHERE " + in),
            "silver.events: \"at\" ?");
}

TEST_F(Sql, PushesIntervalsThroughQueries) {
  EXPECT_EQ(
      proved("WITH a AS (SELECT date_trunc('hour', \"at\") AS h, sum(n) AS s FROM silver.events "
             "GROUP BY ALL) SELECT * FROM a WHERE h >= $start AND h < $end"),
      "silver.events: date_trunc('hour', \"at\")");
  EXPECT_EQ(proved("SELECT \"at\" AS t, count(*) FROM silver.events GROUP BY 1 HAVING t >= $start "
                   "AND t < $end"),
            "silver.events: \"at\"");
  EXPECT_EQ(proved("SELECT max(\"at\") AS t FROM silver.events HAVING t >= $start AND t < $end"),
            "");
  EXPECT_EQ(
      proved(
          "SELECT any_value(kind), id FROM silver.events GROUP BY id HAVING \"at\" >= $start AND "
          "\"at\" < $end"),
      "silver.events: \"at\" ?");
  EXPECT_EQ(proved("WITH a(x, y) AS (SELECT id, \"at\" FROM silver.events) SELECT * FROM a WHERE "
                   "y >= $start AND y < $end"),
            "silver.events: \"at\"");
  EXPECT_EQ(proved("WITH a(x, y) AS (SELECT * FROM silver.events) SELECT * FROM a WHERE "
                   "y >= $start AND y < $end"),
            "");
  EXPECT_EQ(
      proved(
          "SELECT * FROM (SELECT id, \"at\" AS t FROM silver.events UNION ALL SELECT kind, label "
          "FROM silver.kinds) WHERE t >= $start AND t < $end"),
      "silver.events: \"at\", silver.kinds: \"label\"");
  EXPECT_EQ(proved("SELECT * FROM silver.kinds k LEFT JOIN silver.events e ON k.kind = e.kind AND "
                   "e.\"at\" >= $start AND e.\"at\" < $end"),
            "silver.events: \"at\"");
  EXPECT_EQ(proved("SELECT * FROM silver.events e LEFT JOIN silver.kinds k ON k.kind = e.kind AND "
                   "e.\"at\" >= $start AND e.\"at\" < $end"),
            "");
  EXPECT_EQ(
      proved("SELECT * FROM silver.kinds k ASOF JOIN silver.events e ON k.label >= e.\"at\" WHERE "
             "e.\"at\" >= $start AND e.\"at\" < $end"),
      "silver.events: \"at\" ?");
  EXPECT_EQ(proved("SELECT * FROM silver.events e WHERE EXISTS (SELECT 1 FROM silver.kinds k WHERE "
                   "e.\"at\" >= $start AND e.\"at\" < $end)"),
            "");
  EXPECT_EQ(
      proved("SELECT * FROM silver.events WHERE pay.\"time\" >= $start AND pay.\"time\" < $end"),
      "silver.events: pay.\"time\"");
  // Every WITH clause is read twice by the next: nobody unfolds that.
  std::string deep = "WITH c0 AS (FROM silver.events)";
  for (int i = 1; i < 40; ++i) {
    const auto before = "c" + std::to_string(i - 1);
    deep += ", c" + std::to_string(i) + " AS (FROM " + before + " UNION ALL FROM " + before + ")";
  }
  EXPECT_EQ(proved(deep + " SELECT * FROM c39 WHERE "
                          "\"at\" >= $start AND \"at\" < $end"),
            "");
}

TEST_F(Sql, TakesANameForTheColumnWhereThereIsOne) {
  const auto both = [&](const std::string& text) {
    return proved(text) + (parse(text).names_depend ? " | " : " = ") + proved_over(text);
  };
  const std::string at = "\"at\" >= $start AND \"at\" < $end", t = "t >= $start AND t < $end";
  const std::string stamp = "silver.events: to_timestamp(n)", column = "silver.events: \"at\"";
  // DuckDB asks the table first. What it has is known when the plan is made.
  EXPECT_EQ(both("SELECT to_timestamp(n) AS \"at\" FROM silver.events WHERE " + at),
            stamp + " | " + column);
  EXPECT_EQ(both("SELECT to_timestamp(n) AS t FROM silver.events WHERE " + t),
            stamp + " | " + stamp);
  EXPECT_EQ(both("SELECT to_timestamp(n) AS \"at\" FROM silver.events QUALIFY " + at),
            stamp + " | " + column);
  EXPECT_EQ(
      both("SELECT e.id AS \"at\" FROM silver.kinds k JOIN silver.events e USING (kind) WHERE "
           "e.\"at\" >= $start AND e.\"at\" < $end"),
      column + " = " + column);
  EXPECT_EQ(both("SELECT date_trunc('day', \"at\") AS \"at\" FROM silver.events WHERE " + at),
            column + " = " + column);
  // The text itself says it of a sub-query.
  EXPECT_EQ(
      both("SELECT to_timestamp(n) AS \"at\" FROM (SELECT \"at\", n FROM silver.events) WHERE " +
           at),
      column + " = " + column);
  EXPECT_EQ(both("SELECT to_timestamp(n) AS \"at\" FROM (SELECT n FROM silver.events) WHERE " + at),
            stamp + " = " + stamp);
  EXPECT_EQ(both("SELECT to_timestamp(n) AS \"at\" FROM (FROM silver.events) WHERE " + at),
            stamp + " | " + column);
  EXPECT_EQ(both("SELECT to_timestamp(n) AS \"at\" FROM (SELECT * EXCLUDE (\"at\") FROM "
                 "silver.events) WHERE " +
                 at),
            stamp + " = " + stamp);
  // HAVING asks for what is grouped by first, and then for aliases.
  EXPECT_EQ(
      both("SELECT to_timestamp(n) AS \"at\", count(*) FROM silver.events GROUP BY n HAVING " + at),
      stamp + " ? = " + stamp + " ?");
  EXPECT_EQ(both("SELECT n AS \"at\" FROM silver.events e GROUP BY n, e.\"at\" HAVING " + at),
            "silver.events: \"n\" | " + column + " ?");
  EXPECT_EQ(both("SELECT n AS t FROM silver.events GROUP BY t HAVING " + t),
            "silver.events: \"n\" | silver.events: \"n\"");
  // Over a table that nobody knows, nothing is taken for granted.
  EXPECT_EQ(both("SELECT to_timestamp(e.n) AS t FROM silver.events e, gold.unknown WHERE " + t),
            "silver.events: to_timestamp(n) | ");
  EXPECT_EQ(both("SELECT to_timestamp(n) AS t FROM silver.events, range(3) r(i) WHERE " + t),
            stamp + " | " + stamp);
}

TEST_F(Sql, SeesWhatAStarReplacesAndRenames) {
  const auto over = [&](const std::string& list) {
    const std::string text = "SELECT * FROM (SELECT " + list +
                             " FROM silver.events) q WHERE \"at\" >= $start AND \"at\" < $end";
    return proved(text) + (parse(text).names_depend ? " | " : " = ") + proved_over(text);
  };
  const std::string stamp = "silver.events: to_timestamp(n)", column = "silver.events: \"at\"";
  EXPECT_EQ(over("*"), column + " = " + column);
  EXPECT_EQ(over("* REPLACE (to_timestamp(n) AS \"at\")"), stamp + " = " + stamp);
  EXPECT_EQ(over("* EXCLUDE (\"at\") RENAME (n AS \"at\")"),
            "silver.events: \"n\" = silver.events: \"n\"");
  EXPECT_EQ(over("* RENAME (\"at\" AS was)"), " = ");
  EXPECT_EQ(over("* EXCLUDE (\"at\")"), " = ");
  EXPECT_EQ(over("events.* EXCLUDE (\"at\"), to_timestamp(n) AS \"at\""), stamp + " = " + stamp);
  // Of two columns with one name the first is meant.
  EXPECT_EQ(over("*, to_timestamp(n) AS \"at\""), stamp + " | " + column);
  EXPECT_EQ(over("to_timestamp(n) AS \"at\", *"), stamp + " = " + stamp);
  EXPECT_EQ(over("COLUMNS(*) + INTERVAL 1 DAY"), " = ");
  EXPECT_EQ(over("COLUMNS('a.*')"), " = ");
  EXPECT_EQ(over("unnest(pay), \"at\""), " = ");
  EXPECT_EQ(over("count(*) OVER () AS c, \"at\""), column + " ? = " + column + " ?");
  EXPECT_EQ(
      proved_over("SELECT * RENAME (n AS t) FROM silver.events WHERE t >= $start AND t < $end"),
      "silver.events: \"n\"");
}

TEST_F(Sql, RefusesIntervalsThatAreNotHalfOpen) {
  EXPECT_EQ(problem("SELECT *\nFROM silver.events WHERE \"at\" >= $start AND \"at\" <= $end"),
            "an interval does not hold its end, but <= $end takes it in (m.sql:11:50)\n"
            "  hint: write: column >= $start AND column < $end");
  EXPECT_NE(problem("SELECT * FROM silver.events WHERE $start < \"at\" AND \"at\" < $end")
                .find("> $start leaves it out"),
            std::string::npos);
}

TEST_F(Sql, KnowsEveryAggregate) {
  const auto rows = connection_.query(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate' AND "
      "function_name NOT IN ('cume_dist', 'dense_rank', 'fill', 'first_value', 'lag', "
      "'last_value', "
      "'lead', 'nth_value', 'ntile', 'percent_rank', 'rank', 'rank_dense', 'row_number') "
      "ORDER BY ALL");
  ASSERT_GT(rows.rows.size(), 50u);
  for (const auto& row : rows.rows) {
    const auto name = cell_text(row[0]);
    EXPECT_EQ(proved("SELECT " + name +
                     "(\"at\") AS t FROM silver.events HAVING t >= $start AND t < $end"),
              "")
        << name;
  }
}

}  // namespace
}  // namespace windrow::sql
