#include "sql/sql.h"

#include <gtest/gtest.h>

namespace windrow::sql {
namespace {

class Sql : public testing::Test {
 protected:
  Sql() : database_(duck::Options{}), connection_(database_) {}

  Parsed parse(std::string_view text) { return parse_select(connection_, text, {"m.sql", 10, 1}); }
  std::string problem(std::string_view text) {
    try {
      parse(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  std::string print(std::string_view text,
                    const std::map<std::string, std::string>& settings = {}) {
    return fingerprint(parse(text), catalog_, settings);
  }
  std::map<std::string, std::string> uses(std::string_view text) {
    std::map<std::string, std::string> out;
    for (const auto& use : parse(text).intervals) out[use.table] = use.expression.value_or("-");
    return out;
  }
  std::string lineage(std::string_view text) {
    std::string out;
    const auto parsed = parse(text);
    for (const auto& column : column_lineage(connection_, parsed, catalog_)) {
      out += column.column + "<-";
      for (const auto& source : column.from) out += source.table + "." + source.column + ",";
      out += " ";
    }
    return out;
  }

  duck::Database database_;
  duck::Connection connection_;
  Catalog catalog_{{"silver.events",
                    {{"id", "BIGINT"}, {"at", "TIMESTAMP"}, {"kind", "VARCHAR"}, {"n", "INTEGER"}}},
                   {"silver.kinds", {{"kind", "VARCHAR"}, {"label", "VARCHAR"}}}};
};

TEST_F(Sql, FindsTablesPastWithClauses) {
  const auto parsed = parse(
      "WITH a AS (SELECT * FROM silver.events), b AS (SELECT * FROM a)\n"
      "SELECT * FROM b JOIN \"Gold\".\"t x\" USING (id) WHERE id IN (SELECT id FROM bare) "
      "UNION ALL SELECT * FROM (WITH silver AS (SELECT 1) SELECT * FROM silver)");
  EXPECT_EQ(parsed.table_names(), (std::set<std::string>{"silver.events", "Gold.t x", "bare"}));
  EXPECT_EQ(parsed.tables[0].place.text(), "m.sql:10:26");
}

TEST_F(Sql, AWithClauseOfTheSameNameReadsTheTable) {
  EXPECT_EQ(parse("WITH t AS (SELECT * FROM t) SELECT * FROM t").table_names(),
            std::set<std::string>{"t"});
  EXPECT_TRUE(parse("WITH RECURSIVE t AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM t WHERE i < 5) "
                    "SELECT * FROM t")
                  .table_names()
                  .empty());
}

TEST_F(Sql, FindsParametersOutsideOfTexts) {
  const auto parsed = parse("SELECT '$no', \"$no\", $a -- $no\n, $b /* $no */, $q$ $no $q$ FROM t");
  EXPECT_EQ(parsed.parameter_names(), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(parsed.parameters[1].place.text(), "m.sql:11:3");
}

TEST_F(Sql, SyntaxErrorsHaveAPlace) {
  EXPECT_EQ(problem("SELECT 'é',\n  FROM x WHERE"),
            "SQL: syntax error at end of input (m.sql:11:15)");
  EXPECT_EQ(problem("SELECT a b c FROM x"), "SQL: syntax error at or near \"c\" (m.sql:10:12)");
  EXPECT_NE(problem("DROP TABLE x").find("this is not a SELECT"), std::string::npos);
  EXPECT_NE(problem("SELECT 1; SELECT 2").find("more than one"), std::string::npos);
  EXPECT_NE(problem("").find("no SELECT"), std::string::npos);
  EXPECT_NE(problem("-- nothing").find("no SELECT"), std::string::npos);
}

TEST_F(Sql, RefusesWhatChangesOrReadsFiles) {
  const auto all =
      problem("SELECT now(), current_date, random() FROM read_csv('x.csv'), 'y.parquet'");
  for (const char* part : {"now is not allowed", "current_date is not allowed",
                           "random is not allowed", "read_csv", "the file \"y.parquet\""}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " in\n" << all;
  }
  EXPECT_NE(problem("SELECT age(x) FROM t").find("not allowed"), std::string::npos);
  EXPECT_NE(problem("SELECT * FROM t USING SAMPLE 10%").find("USING SAMPLE"), std::string::npos);
  EXPECT_EQ(problem("SELECT age(x, y) FROM t"), "none");
  EXPECT_EQ(problem("SELECT \"current_date\" FROM t"), "none");
  EXPECT_EQ(problem("SELECT * FROM range(5), unnest([1])"), "none");
}

TEST_F(Sql, FingerprintsAreMeaning) {
  const auto one = print("SELECT id, sum(n) AS s FROM silver.events GROUP BY id");
  EXPECT_EQ(
      one, print("select id,\n  SUM((n)) as s -- total\nfrom silver.events /* all */ group by id"));
  EXPECT_NE(one, print("SELECT id, sum(n + 0) AS s FROM silver.events GROUP BY id"));
  EXPECT_NE(one, print("SELECT id, sum(n) AS t FROM silver.events GROUP BY id"));
  EXPECT_NE(one,
            print("SELECT id, sum(n) AS s FROM silver.events GROUP BY id", {{"var.days", "30"}}));
  const auto star = print("SELECT * FROM silver.events");
  const auto named = print("SELECT id FROM silver.events");
  catalog_["silver.events"].push_back({"new", "INTEGER"});
  EXPECT_NE(star, print("SELECT * FROM silver.events"));
  EXPECT_EQ(named, print("SELECT id FROM silver.events"));
  EXPECT_TRUE(same_meaning(connection_, "SELECT  id FROM silver.events", named, catalog_, {}));
  EXPECT_FALSE(same_meaning(connection_, "SELECT FROM WHERE", named, catalog_, {}));
}

TEST_F(Sql, BindsOverEmptyTables) {
  const auto columns =
      bind(connection_, parse("SELECT id, count(*) AS c, $x AS x FROM silver.events GROUP BY ALL"),
           catalog_, {{"x", int64_t(1)}});
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(columns[1].type, "BIGINT");
  try {
    bind(connection_, parse("SELECT id,\n  knd FROM silver.events"), catalog_, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().place.text(), "m.sql:11:3");
    EXPECT_NE(error.problem().hint.find("kind"), std::string::npos) << error.what();
  }
  EXPECT_EQ(duck::text_of(connection_.value("SELECT current_catalog()")), "memory");
}

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

}  // namespace
}  // namespace windrow::sql
