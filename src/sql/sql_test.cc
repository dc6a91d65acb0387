#include "duck/duck.h"
#include "sql/selects.h"
#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

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
  const auto columns = windrow::sql::bind(
      connection_, parse("SELECT id, count(*) AS c, $x AS x FROM silver.events GROUP BY ALL"),
      catalog_, {{"x", int64_t(1)}});
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(columns[1].type, "BIGINT");
  try {
    windrow::sql::bind(connection_, parse("SELECT id,\n  knd FROM silver.events"), catalog_, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().place.text(), "m.sql:11:3");
    EXPECT_NE(error.problem().hint.find("kind"), std::string::npos) << error.what();
  }
  EXPECT_EQ(cell_text(connection_.value("SELECT current_catalog()")), "memory");
}

TEST_F(Sql, TablesAreNotFilesBecauseOfTheirNames) {
  EXPECT_EQ(parse("SELECT * FROM silver.json, bronze.csv, \"a.b\".parquet").table_names(),
            (std::set<std::string>{"silver.json", "bronze.csv", "a.b.parquet"}));
  EXPECT_NE(problem("FROM 'ftp.tsv'").find("the file \"ftp.tsv\""), std::string::npos);
  EXPECT_EQ(parse("WITH \"silver.events\" AS (SELECT 1) FROM silver.events").table_names(),
            std::set<std::string>{"silver.events"});
}

TEST_F(Sql, KnowsEveryFunctionThatChanges) {
  const auto rows = connection_.query(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('scalar', "
      "'macro') AND stability <> 'CONSISTENT' AND function_name NOT IN ('error') ORDER BY ALL");
  ASSERT_GT(rows.rows.size(), 10u);
  for (const auto& row : rows.rows) {
    const auto name = cell_text(row[0]);
    EXPECT_NE(problem("SELECT " + name + "()").find("not allowed "), std::string::npos) << name;
  }
}

TEST_F(Sql, ReadsRowsOnlyFromTablesAndArguments) {
  const auto rows = connection_.query(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type LIKE 'table%' AND "
      "function_name NOT IN ('range', 'generate_series', 'unnest', 'repeat', 'repeat_row', "
      "'json_each', 'json_tree') ORDER BY ALL");
  ASSERT_GT(rows.rows.size(), 50u);
  for (const auto& row : rows.rows) {
    EXPECT_NE(problem("FROM " + cell_text(row[0]) + "('x')").find("not allowed here"),
              std::string::npos)
        << cell_text(row[0]);
  }
}

TEST_F(Sql, ParametersHaveNames) {
  EXPECT_NE(problem("SELECT ?").find("a parameter has a name"), std::string::npos);
  EXPECT_EQ(
      parse("SELECT E'it\\'s $x', a$b, /* a /* $n */ $m */ $d AS \"d$e\" FROM t").parameter_names(),
      std::set<std::string>{"d"});
}

TEST_F(Sql, FingerprintsIgnoreSpelling) {
  EXPECT_EQ(print("SELECT id::bigint FROM silver.events ORDER BY id"),
            print("select cast(id AS BIGINT) from silver.events order by id asc nulls last"));
  EXPECT_EQ(print("WITH a AS MATERIALIZED (SELECT 1 AS x) FROM a"),
            print("WITH a AS (SELECT 1 AS x) SELECT * FROM a"));
  EXPECT_NE(print("SELECT 1 AS x"), print("SELECT 2 AS x"));
  EXPECT_NE(print("SELECT 'a' AS x"), print("SELECT 'A' AS x"));
  EXPECT_NE(print("SELECT id FROM silver.events"), print("SELECT id FROM silver.kinds"));
  EXPECT_NE(print("SELECT id FROM silver.events ORDER BY id"),
            print("SELECT id FROM silver.events ORDER BY id DESC"));
  EXPECT_FALSE(parse("SELECT id, count(*) FROM silver.events GROUP BY ALL ORDER BY ALL").star);
  EXPECT_TRUE(parse("SELECT COLUMNS('i.*') FROM silver.events").star);
  EXPECT_TRUE(parse("SELECT 1 FROM (FROM silver.events)").star);
}

TEST_F(Sql, BindErrorsStandBehindMultiByteText) {
  for (const char* rest : {"knd FROM silver.events", "knd + $x FROM silver.events"}) {
    try {
      windrow::sql::bind(connection_, parse(std::string("SELECT 'ü→😀' AS t,\n 'é', ") + rest),
                         catalog_, {{"x", int64_t(1)}});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.problem().place.text(), "m.sql:11:8") << rest;
    }
  }
}

TEST_F(Sql, ManyAreParsedAsEachByItself) {
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i)
    texts.push_back("SELECT 'é', n + " + std::to_string(i) + " FROM silver.t" + std::to_string(i));
  texts[7] = "SELECT a b c FROM x";
  texts[8] = "";
  texts[256] = "SELECT 1; SELECT 2";
  texts[299] = "SELECT now() FROM t";
  for (const char* odd : {"SELECT 1", "SELECT '\xff'"}) {  // the second is no text at all
    texts[100] = odd;
    std::vector<Written> written;
    for (const auto& text : texts) written.push_back({text, {"m.sql", 10, 1}});
    const auto many = parse_selects(connection_, written);
    ASSERT_EQ(many.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      if (const auto* parsed = std::get_if<Parsed>(&many[i])) {
        const auto one = parse(texts[i]);
        EXPECT_EQ(parsed->text, one.text);
        EXPECT_EQ(parsed->meaning, one.meaning);
        EXPECT_EQ(parsed->table_names(), one.table_names());
      } else {
        EXPECT_EQ(Error(std::get<std::vector<Problem>>(many[i])).what(), problem(texts[i])) << i;
      }
    }
  }
}

}  // namespace
}  // namespace windrow::sql
