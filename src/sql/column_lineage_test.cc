#include "sql/carried.h"
#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

TEST_F(Sql, FollowsColumns) {
  EXPECT_EQ(lineage("SELECT id, n + 1 AS m, 5 AS five FROM silver.events WHERE kind = 'x'"),
            "id<-silver.events.id, m<-silver.events.n, five<- ");
  EXPECT_EQ(lineage("WITH a AS (SELECT * EXCLUDE (\"at\") REPLACE (n * id AS n) FROM "
                    "silver.events) SELECT a.n, k.label FROM a JOIN "
                    "silver.kinds k ON k.kind = a.kind"),
            "n<-silver.events.id,silver.events.n, label<-silver.kinds.label, ");
  EXPECT_EQ(lineage("SELECT kind FROM silver.events UNION ALL SELECT label FROM silver.kinds"),
            "kind<-silver.events.kind,silver.kinds.label, ");
  EXPECT_EQ(lineage("SELECT n AS a, a + id AS b, (SELECT max(label) FROM silver.kinds k WHERE "
                    "k.kind = e.kind) AS c, "
                    "sum(n) OVER (PARTITION BY kind) AS d FROM silver.events e"),
            "a<-silver.events.n, b<-silver.events.id,silver.events.n, c<-silver.kinds.label, "
            "d<-silver.events.kind,silver.events.n, ");
  const auto parsed = parse("SELECT count(*) AS c FROM silver.events WHERE kind = 'x' GROUP BY id");
  const auto columns = column_lineage(connection_, parsed, catalog_);
  EXPECT_EQ(columns[0].filtered_by.size(), 2u);
  EXPECT_EQ(columns[0].expression, "count_star()");
}

TEST_F(Sql, KnowsColumnsThatAreCarried) {
  const auto carried = [&](const std::string& sql) {
    std::string out;
    for (const auto& [name, from] : carried_columns(connection_, parse(sql), catalog_))
      out += name + "=" + from.table + "." + from.column + " ";
    return out;
  };
  EXPECT_EQ(carried("SELECT id AS key, e.n, n + 1 AS m, kind::INT AS k FROM silver.events e"),
            "key=silver.events.id n=silver.events.n ");
  EXPECT_EQ(carried("WITH a AS (SELECT id + 1 AS id, kind FROM silver.events) SELECT * FROM a"),
            "kind=silver.events.kind ");
  EXPECT_EQ(carried("SELECT id FROM (SELECT id + 1 AS id FROM silver.events)"), "");
  EXPECT_EQ(carried("SELECT kind, sum(n) AS n FROM silver.events GROUP BY kind"),
            "kind=silver.events.kind ");
  EXPECT_EQ(carried("SELECT * REPLACE (n + 1 AS n) RENAME (id AS key) FROM silver.events"),
            "at=silver.events.at key=silver.events.id kind=silver.events.kind ");
  EXPECT_EQ(carried("SELECT kind FROM silver.events UNION ALL SELECT kind FROM silver.kinds"), "");
  EXPECT_EQ(carried("SELECT id FROM silver.events UNION ALL SELECT id FROM silver.events"),
            "id=silver.events.id ");
  EXPECT_EQ(carried("WITH RECURSIVE r AS (SELECT id, n FROM silver.events UNION ALL SELECT id, n + "
                    "1 FROM r WHERE n < 3) SELECT id, n FROM r"),
            "id=silver.events.id ");
}

TEST_F(Sql, FollowsWhatDecidesTheRows) {
  EXPECT_EQ(filters("SELECT kind, count(*) FROM silver.events GROUP BY ALL"), "kind ");
  EXPECT_EQ(filters("SELECT kind, count(*) FROM silver.events GROUP BY 1"), "kind ");
  EXPECT_EQ(filters("SELECT kind FROM silver.events ORDER BY n"), "");
  EXPECT_EQ(filters("SELECT kind FROM silver.events ORDER BY n LIMIT 3"), "n ");
  EXPECT_EQ(filters("SELECT DISTINCT kind FROM silver.events"), "kind ");
  EXPECT_EQ(filters("SELECT DISTINCT ON (id) kind FROM silver.events ORDER BY n"), "id n ");
  EXPECT_EQ(
      filters("SELECT id FROM silver.events QUALIFY row_number() OVER (PARTITION BY kind) = 1"),
      "kind ");
}

TEST_F(Sql, FollowsColumnsOfUnusualTables) {
  EXPECT_EQ(lineage("WITH a(x, y) AS (SELECT id, n FROM silver.events) SELECT y FROM a"),
            "y<-silver.events.n, ");
  EXPECT_EQ(lineage("SELECT * RENAME (label AS l) FROM silver.kinds"),
            "kind<-silver.kinds.kind, l<-silver.kinds.label, ");
  EXPECT_EQ(lineage("SELECT k.kind FROM silver.events e, LATERAL (SELECT e.kind) k"),
            "kind<-silver.events.kind, ");
  EXPECT_EQ(lineage("SELECT b, a FROM (VALUES (1, 2), (3, 4)) v(a, b)"), "b<- a<- ");
  EXPECT_EQ(
      lineage("SELECT id AS a FROM silver.events UNION ALL BY NAME SELECT kind AS b, label AS a "
              "FROM silver.kinds"),
      "a<-silver.events.id,silver.kinds.label, b<-silver.kinds.kind, ");
  EXPECT_EQ(
      lineage("SELECT * FROM (SELECT id, kind, n FROM silver.events) PIVOT (sum(n) FOR kind IN "
              "('x', 'y'))"),
      "id<-silver.events.id, x<-silver.events.kind,silver.events.n, "
      "y<-silver.events.kind,silver.events.n, ");
  EXPECT_EQ(
      lineage("WITH RECURSIVE r AS (SELECT id, n FROM silver.events UNION ALL SELECT id, n + 1 "
              "FROM r WHERE n < 3) SELECT n FROM r"),
      "n<-silver.events.n, ");
  EXPECT_EQ(lineage("SELECT * FROM silver.events JOIN silver.kinds USING (kind)"),
            "id<-silver.events.id, at<-silver.events.at, kind<-silver.events.kind, "
            "n<-silver.events.n, label<-silver.kinds.label, ");
}

}  // namespace
}  // namespace windrow::sql
