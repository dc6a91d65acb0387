#include "sql/interval_column.h"

#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

class IntervalColumn : public Sql {
 protected:
  bool stays(const std::string& text, const char* grain = "hour", const char* zone = "UTC") {
    return stays_in_interval(connection_, parse(text), "t", *Grain::parse(grain, zone));
  }
  bool column(const std::string& expression, const char* grain = "hour", const char* zone = "UTC") {
    return stays("SELECT " + expression + " AS t, n FROM silver.events e WHERE " + in_, grain,
                 zone);
  }

  const std::string in_ = "\"at\" >= $start AND \"at\" < $end";
};

TEST_F(IntervalColumn, IsTheComparedExpressionOrThatRoundedDown) {
  for (const char* expression :
       {"\"at\"", "e.\"at\"", "date_trunc('hour', \"at\")", "date_trunc('MINUTE', e.\"at\")",
        "\"at\"::TIMESTAMPTZ", "time_bucket(INTERVAL 15 MINUTE, \"at\")",
        "time_bucket(INTERVAL '1 hour', \"at\")"})
    EXPECT_TRUE(column(expression)) << expression;
  for (const char* expression :
       {"\"at\" + INTERVAL 1 DAY", "date_trunc('day', \"at\")", "\"at\"::DATE", "max(\"at\")",
        "TIMESTAMP '2025-01-01'", "date_trunc(kind, \"at\")",
        "time_bucket(INTERVAL 2 HOUR, \"at\")", "time_bucket(INTERVAL 7 MINUTE, \"at\")",
        "lag(\"at\") OVER ()", "$start", "kind", "coalesce(\"at\", TIMESTAMP '2025-01-01')",
        "(SELECT max(label) FROM silver.kinds)"})
    EXPECT_FALSE(column(expression)) << expression;
}

TEST_F(IntervalColumn, FitsTheGrain) {
  EXPECT_TRUE(column("\"at\"::DATE", "day"));
  EXPECT_TRUE(column("date_trunc('day', \"at\")", "month"));
  EXPECT_TRUE(column("date_trunc('week', \"at\")", "week"));
  EXPECT_TRUE(column("date_trunc('quarter', \"at\")", "year"));
  EXPECT_TRUE(column("date_trunc('hour', \"at\")", "6h"));
  EXPECT_FALSE(column("date_trunc('week', \"at\")", "month"));
  EXPECT_FALSE(column("date_trunc('hour', \"at\")", "15m"));
  EXPECT_FALSE(column("date_trunc('month', \"at\")", "day"));
  // Buckets of moments begin by UTC, where a zone's hours may not.
  EXPECT_TRUE(column("time_bucket(INTERVAL 15 MINUTE, \"at\")", "15m", "Europe/Berlin"));
  EXPECT_FALSE(column("time_bucket(INTERVAL 1 HOUR, \"at\")", "hour", "Asia/Kolkata"));
}

TEST_F(IntervalColumn, IsFollowedThroughQueries) {
  EXPECT_TRUE(stays("SELECT date_trunc('hour', \"at\") AS t, count(*) FROM silver.events WHERE " +
                    in_ + " GROUP BY ALL"));
  EXPECT_TRUE(
      stays("WITH a AS (SELECT \"at\" AS h, n FROM silver.events) SELECT h AS t, n FROM a "
            "WHERE h >= $start AND h < $end"));
  EXPECT_TRUE(
      stays("SELECT date_trunc('hour', \"at\") AS t, count(*) FROM silver.events GROUP BY 1 "
            "HAVING t >= $start AND t < $end"));
  EXPECT_TRUE(
      stays("SELECT e.\"at\" AS t, k.label FROM silver.events e JOIN silver.kinds k USING (kind) "
            "WHERE e.\"at\" >= $start AND e.\"at\" < $end"));
  EXPECT_TRUE(stays("SELECT \"at\" AS t FROM silver.events WHERE " + in_ +
                    " UNION ALL SELECT \"at\" FROM silver.events WHERE " + in_));
  EXPECT_FALSE(stays("SELECT \"at\" AS t FROM silver.events WHERE " + in_ +
                     " UNION ALL SELECT \"at\" + INTERVAL 1 HOUR FROM silver.events WHERE " + in_));
  EXPECT_FALSE(stays("SELECT \"at\" AS t FROM silver.events WHERE " + in_ +
                     " UNION ALL SELECT TIMESTAMP '2025-01-01' FROM silver.kinds"));
  EXPECT_FALSE(
      stays("SELECT kind, max(\"at\") AS t FROM silver.events WHERE " + in_ + " GROUP BY kind"));
  EXPECT_FALSE(
      stays("SELECT \"at\" AS t FROM silver.events WHERE \"at\" >= $start - INTERVAL 1 HOUR AND "
            "\"at\" < $end"));
  EXPECT_FALSE(stays("SELECT n AS other FROM silver.events WHERE " + in_));
}

}  // namespace
}  // namespace windrow::sql
