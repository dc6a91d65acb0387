#include "sql/macros.h"

#include <algorithm>

#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

class MacrosTest : public Sql {
 protected:
  MacrosTest() {
    connection_.execute(
        "CREATE SCHEMA silver;"
        "CREATE TABLE silver.sales (x INTEGER, price INTEGER, s STRUCT(a INTEGER), l INTEGER[],"
        " j JSON, seen TIMESTAMP);"
        "INSERT INTO silver.sales VALUES"
        " (1, 250, {'a': 5}, [1, 2, 3], '{\"k\": 7}', TIMESTAMP '2025-03-01 10:00:00'),"
        " (2, 999, {'a': 6}, [4, 5], '{\"k\": 8}', TIMESTAMP '2025-03-02 11:30:00'),"
        " (2, NULL, NULL, [], NULL, NULL);"
        "CREATE TABLE silver.rates (x INTEGER, rate DOUBLE);"
        "INSERT INTO silver.rates VALUES (1, 1.5), (2, 2)");
  }

  /// Macros of one file; throws what is wrong with them.
  std::shared_ptr<Macros> macros(std::string_view text) {
    Problems problems;
    auto definitions = read_macros(text, "macros/m.sql", problems);
    auto out =
        std::make_shared<Macros>(connection_, std::move(definitions), duck::Sandbox{}, problems);
    problems.raise();
    return out;
  }
  Parsed parse(const std::string& definitions, std::string_view select, Cache* cache = nullptr) {
    const auto known = macros(definitions);
    return parse_select(connection_, select, {"m.sql", 10, 1}, cache, {}, known.get());
  }
  std::string expanded(const std::string& definitions, std::string_view select) {
    return parse(definitions, select).text;
  }
  std::string meaning(const std::string& definitions, std::string_view select) {
    return parse(definitions, select).meaning;
  }
  /// What is told of the macros alone.
  std::string told(const std::string& definitions) {
    try {
      macros(definitions);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  std::string told(const std::string& definitions, std::string_view select) {
    try {
      parse(definitions, select);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  /// Names and values, or that it fails.
  static std::string answer(duck::Connection& connection, const std::string& select) {
    try {
      const auto rows = connection.query(select);
      std::string out;
      for (const auto& column : rows.columns) out += column.name + "|";
      std::vector<std::string> lines;
      for (const auto& row : rows.rows) {
        std::string line;
        for (const auto& cell : row) line += cell_text(cell) + "|";
        lines.push_back(line);
      }
      std::sort(lines.begin(), lines.end());
      for (const auto& line : lines) out += "\n" + line;
      return out;
    } catch (const Error&) {
      return "fails";
    }
  }
};

constexpr const char* kMoney = "CREATE MACRO money(x, digits := 2) AS round(x / 100, digits);";

TEST_F(MacrosTest, CallsAreReplacedAndTheRestStaysAsItIsWritten) {
  EXPECT_EQ(expanded(kMoney, "SELECT  money( price ) AS p -- as it is\nFROM silver.sales"),
            "SELECT  round(price / 100, 2) AS p -- as it is\nFROM silver.sales");
  EXPECT_EQ(expanded(kMoney, "SELECT 1 FROM silver.sales"), "SELECT 1 FROM silver.sales");
  EXPECT_EQ(expanded(std::string(kMoney) + "CREATE MACRO twice(a) AS money(a) + money(a, 0);",
                     "SELECT twice(money(x)) AS t FROM silver.sales"),
            "SELECT (round((round(x / 100, 2)) / 100, 2) + round((round(x / 100, 2)) / 100, 0)) "
            "AS t FROM silver.sales");
  EXPECT_EQ(expanded("CREATE MACRO minus(a, b) AS a - b; CREATE MACRO no(a) AS NOT (a);",
                     "SELECT minus(10 - 3, s.price) AS m, no(x) = y AS n FROM silver.sales s"),
            "SELECT ((10 - 3) - s.price) AS m, (NOT (x)) = y AS n FROM silver.sales s");
}

/// DuckDB's own macros judge: the same names and values, or both fail.
TEST_F(MacrosTest, AnswersAreThoseOfDuckDbsOwnMacros) {
  const std::string definitions = R"sql(
    CREATE MACRO money(amount, digits := 2) AS round(amount / 100, digits);
    CREATE OR REPLACE FUNCTION twice(a) AS a + a;
    CREATE MACRO nothing() AS 42;
    CREATE MACRO minus(a, b := 1) AS a - b;
    CREATE MACRO field(r) AS r.a;
    CREATE MACRO key(d) AS d -> '$.k';
    CREATE MACRO key_upper(d) AS upper(d ->> '$.k');
    CREATE MACRO shadowed(x) AS list_transform([1, 2], lambda x: x + 1);
    CREATE MACRO arrowed(y) AS list_transform([1, 2], lambda e: e + y);
    CREATE MACRO captured(y) AS list_transform([10, 20], lambda x: x + y);
    CREATE MACRO comprehended(n) AS [x + n for x in [1, 2, 3] if x > 1];
    CREATE MACRO judged(v) AS CASE v WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'more' END;
    CREATE MACRO between_both(v, low, high) AS v BETWEEN low AND high;
    CREATE MACRO total(v) AS sum(v) / count(*);
    CREATE MACRO running(v, by_what) AS sum(v) OVER (ORDER BY by_what, v);
    CREATE MACRO rate_of(k) AS (SELECT max(r.rate) FROM silver.rates AS r WHERE r.x = k);
    CREATE MACRO is_known(k) AS EXISTS (SELECT 1 FROM silver.rates r WHERE r.x = k);
    CREATE MACRO in_rates(k) AS k IN (SELECT r.x FROM silver.rates r);
    CREATE MACRO named(k) AS {'k': k, 'l': [k, k + 1]};
    CREATE MACRO mapped(k) AS MAP {k: 'v'};
    CREATE MACRO day_of(t) AS date_trunc('day', t) + INTERVAL 1 DAY;
    CREATE MACRO part(p, t) AS date_part(p, t);
    CREATE MACRO cast_of(v) AS v::VARCHAR || '!';
    CREATE MACRO sliced(v) AS v[1:2];
    CREATE MACRO counted(v) AS count(v);
    CREATE MACRO "quoted"("the_x") AS "the_x" + 1;
    CREATE MACRO year_part(t) AS EXTRACT(year FROM t);
    CREATE MACRO tabled(n) AS TABLE SELECT n AS v, s.x FROM silver.sales AS s;
    CREATE MACRO above(least, most := 1000) AS TABLE
      SELECT * FROM silver.sales WHERE price >= least AND price <= most ORDER BY price;
    CREATE MACRO counted_to(n) AS TABLE
      WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < n) SELECT i FROM r;
    CREATE MACRO united() AS TABLE SELECT x FROM silver.sales UNION ALL SELECT x FROM silver.rates;
    CREATE MACRO unnested(n) AS TABLE SELECT unnest(range(n)) AS u;
    CREATE MACRO nested(n) AS TABLE SELECT money(price, n) AS m FROM above(300);
  )sql";
  const char* selects[] = {
      "SELECT money(price) FROM silver.sales",
      "SELECT money(price) + 1, x FROM silver.sales",
      "SELECT MONEY(price, digits := 0), money(digits := 1, amount := price) FROM silver.sales",
      "SELECT money(price, digits => 1) FROM silver.sales",
      "SELECT (money(price) + x) * 2, [money(x)] FROM silver.sales",
      "SELECT twice(x - 1), -twice(x), twice(x) IS DISTINCT FROM 2 FROM silver.sales",
      "SELECT minus(10 - 3, 2 - 1) AS a, minus(5) AS b, nothing() AS c",
      "SELECT 10 - minus(5, 3), minus(minus(9), minus(3)) FROM silver.sales",
      "SELECT field(s) FROM silver.sales",
      "SELECT field({'a': x}) AS f FROM silver.sales",
      "SELECT key(j)::VARCHAR, key_upper(j) FROM silver.sales",
      "SELECT shadowed(10)::VARCHAR AS a, arrowed(x)::VARCHAR AS b FROM silver.sales",
      "SELECT captured(sales.x)::VARCHAR AS c FROM silver.sales",
      "SELECT captured(price)::VARCHAR AS c FROM silver.sales",
      "SELECT list_transform(l, lambda e: twice(e))::VARCHAR AS c FROM silver.sales",
      "SELECT list_transform(l, lambda a: twice(a))::VARCHAR AS c FROM silver.sales",
      "SELECT comprehended(s.x)::VARCHAR AS c FROM silver.sales AS s",
      "SELECT judged(x), judged(twice(x)) FROM silver.sales",
      "SELECT CASE twice(x) WHEN 2 THEN 'a' WHEN 4 THEN 'b' END FROM silver.sales",
      "SELECT x FROM silver.sales WHERE between_both(price, 100, 500)",
      "SELECT x, total(price) FROM silver.sales GROUP BY x",
      "SELECT x, total(price) AS t FROM silver.sales GROUP BY ALL HAVING total(price) > 0",
      "SELECT running(price, x) FROM silver.sales",
      "SELECT rate_of(s.x), is_known(s.x), in_rates(x) FROM silver.sales s",
      "SELECT rate_of(sales.x + 1) FROM silver.sales",
      "SELECT rate_of(twice(1)) AS r",
      "SELECT named(x)::VARCHAR AS n, mapped(x)::VARCHAR AS m FROM silver.sales",
      "SELECT day_of(seen), part('hour', seen), year_part(seen) FROM silver.sales",
      "SELECT cast_of(x), sliced(l)::VARCHAR FROM silver.sales",
      "SELECT \"quoted\"(x), quoted(x) FROM silver.sales",
      "SELECT counted(COLUMNS(*)) FROM silver.sales",
      "SELECT counted(*) FROM silver.sales",
      "SELECT money(price), count(*) FROM silver.sales GROUP BY money(price)",
      "SELECT money(price) AS m FROM silver.sales ORDER BY money(x)",
      "SELECT DISTINCT ON (twice(x)) x FROM silver.sales ORDER BY x, price",
      "SELECT sum(twice(x)) OVER (PARTITION BY twice(x)) AS w FROM silver.sales",
      "SELECT (SELECT twice(3)), EXISTS (SELECT twice(x)) FROM silver.sales",
      "FROM silver.sales SELECT twice(x), price",
      "SELECT * FROM (SELECT twice(x), twice(price) + 1 FROM silver.sales)",
      "SELECT twice(x) FROM silver.sales UNION ALL SELECT twice(rate) FROM silver.rates",
      "WITH c AS (SELECT twice(x) AS t FROM silver.sales) SELECT max(t) FROM c",
      "SELECT * FROM tabled(5)",
      "SELECT p, q FROM tabled(5) AS a(p, q)",
      "SELECT a.v FROM tabled(twice(2)) a WHERE a.x = 1",
      "FROM above(300)",
      "SELECT price FROM above(least := 100, most := 300)",
      "SELECT sum(i) FROM counted_to(4)",
      "FROM united() WHERE x > 1",
      "SELECT x, u FROM silver.sales, unnested(x)",
      "SELECT x, u FROM silver.sales, LATERAL unnested(twice(x))",
      "SELECT s.x, t.v FROM silver.sales s JOIN tabled(1) t ON s.x = t.x",
      "SELECT * FROM nested(0)",
      "SELECT * FROM tabled((SELECT max(r.rate) FROM silver.rates r))",
      "SELECT minus()",
      "SELECT minus(1, 2, 3)",
      "SELECT minus(1, c := 2)",
      "SELECT minus(b := 2, 5)",
      "SELECT tabled(1)",
      "SELECT * FROM minus(1)",
      "SELECT twice(DISTINCT x) FROM silver.sales",
  };
  Problems problems;
  const auto known = macros(definitions);
  duck::Database other(duck::Options{});
  std::string all;
  for (const auto& name : known->names()) all += name + " ";
  // DuckDB's own are there after the project's were read: their names would be taken.
  for (const auto& macro : known->definitions(all, {})) connection_.execute(macro.sql);
  for (const char* select : selects) {
    const auto expected = answer(connection_, select);
    std::string text;
    try {
      text = parse_select(connection_, select, {}, nullptr, {}, known.get()).text;
    } catch (const Error& error) {
      EXPECT_EQ(expected, "fails") << select << "\n" << error.what();
      continue;
    }
    duck::Connection bare(database_);
    bare.execute("CREATE OR REPLACE SCHEMA elsewhere");
    EXPECT_EQ(answer(connection_, text), expected) << select << "\n" << text;
  }
}

TEST_F(MacrosTest, LineageAndTablesAreSeenThrough) {
  const std::string definitions =
      "CREATE MACRO of_kind(k) AS TABLE SELECT id, n * 2 AS m FROM silver.events WHERE kind = k;";
  const auto parsed = parse(definitions, "SELECT id, m FROM of_kind('a')");
  EXPECT_EQ(parsed.table_names(), std::set<std::string>{"silver.events"});
  std::string out;
  for (const auto& column : column_lineage(connection_, parsed, catalog_)) {
    for (const auto& source : column.from) out += column.column + "<-" + source.column + " ";
    for (const auto& source : column.filtered_by) out += source.column + "? ";
  }
  EXPECT_EQ(out, "id<-id kind? m<-n kind? ");
}

TEST_F(MacrosTest, IntervalsAreSeenThrough) {
  const std::string definitions =
      "CREATE MACRO within(t) AS t >= $start AND t < $end;"
      "CREATE MACRO events() AS TABLE FROM silver.events WHERE within(\"at\");";
  for (const char* select :
       {"SELECT id FROM silver.events WHERE within(\"at\")", "SELECT id FROM events()"}) {
    const auto parsed = parse(definitions, select);
    EXPECT_EQ(listed(parsed.intervals), "silver.events: \"at\"") << select;
    EXPECT_EQ(parsed.parameter_names(), (std::set<std::string>{"end", "start"}));
  }
}

TEST_F(MacrosTest, MeaningChangesWithWhatAMacroMeans) {
  const std::string select = "SELECT money(price) AS p FROM silver.sales";
  const auto before = meaning(kMoney, select);
  EXPECT_EQ(meaning("/* note */ create or replace function MONEY ( y ,\n digits := 2 ) as -- x\n"
                    " ROUND( (y) /* per cent */ / 100, digits ) ;",
                    select),
            before);
  EXPECT_EQ(meaning(std::string(kMoney) + "CREATE MACRO other(a) AS a;", select), before);
  EXPECT_EQ(
      parse("CREATE MACRO other(a) AS a;", "SELECT round(price / 100, 2) AS p FROM silver.sales")
          .meaning,
      before);
  EXPECT_NE(meaning("CREATE MACRO money(x, digits := 3) AS round(x / 100, digits);", select),
            before);
  EXPECT_NE(meaning("CREATE MACRO money(x, digits := 2) AS round(x / 1000, digits);", select),
            before);
  const std::string through = "CREATE MACRO cents() AS 100; CREATE MACRO money(x) AS x / cents();";
  const std::string changed = "CREATE MACRO cents() AS 99; CREATE MACRO money(x) AS x / cents();";
  EXPECT_NE(meaning(through, select), meaning(changed, select));
}

TEST_F(MacrosTest, PlacesAreThoseOfTheFiles) {
  const std::string definitions =
      "-- first\nCREATE MACRO rate(k) AS\n  (SELECT max(rate) FROM silver.rate WHERE x = k);";
  const auto parsed =
      parse(definitions, "SELECT rate(\n  s.x) AS r, y\nFROM silver.sales s WHERE $days > 1");
  ASSERT_EQ(parsed.tables.size(), 2u);
  EXPECT_EQ(parsed.tables[1].name, "silver.rate");
  EXPECT_EQ(parsed.tables[1].place.text(), "macros/m.sql:3:26");
  EXPECT_EQ(parsed.call(parsed.tables[1].position), "macro called in m.sql:10:8");
  EXPECT_EQ(parsed.tables[0].place.text(), "m.sql:12:6");
  EXPECT_EQ(parsed.parameters[0].place.text(), "m.sql:12:27");
  EXPECT_EQ(parsed.place(parsed.text.find("y\n")).text(), "m.sql:11:14");
  EXPECT_EQ(parsed.place(parsed.text.find("= s.x") + 2).text(), "m.sql:11:3");
}

TEST_F(MacrosTest, WhatIsKnownIsTheSameAsWhatWasRead) {
  Cache cache("");
  const auto known = macros("CREATE MACRO rate(k) AS\n (SELECT max(r.rate) FROM silver.rates r);");
  const std::string select = "SELECT rate(x) AS r\nFROM silver.sales";
  const auto read = parse_select(connection_, select, {"m.sql", 3, 1}, &cache, {}, known.get());
  const auto found = known_select(select, {"m.sql", 5, 1}, cache, {}, known.get());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, read.text);
  ASSERT_EQ(found->tables.size(), 2u);
  EXPECT_EQ(found->tables[1].place.text(), "macros/m.sql:2:27");
  EXPECT_EQ(found->tables[0].place.text(), "m.sql:6:6");
  EXPECT_EQ(found->call(found->tables[1].position), "macro called in m.sql:5:8");
  EXPECT_FALSE(known_select(select, {"m.sql", 5, 1}, cache));
  const auto other = macros("CREATE MACRO rate(k) AS 1;");
  EXPECT_FALSE(known_select(select, {"m.sql", 5, 1}, cache, {}, other.get()));
}

TEST_F(MacrosTest, WhatNoMacroMaySay) {
  const std::pair<const char*, const char*> cases[] = {
      {"CREATE MACRO a(x) AS x + now();", "now is not allowed in a model"},
      {"CREATE MACRO a(x) AS x + random();", "random is not allowed in a model"},
      {"CREATE MACRO a() AS current_date;", "current_date is not allowed in a model"},
      {"CREATE MACRO a() AS TABLE FROM read_csv('a.csv');", "the function read_csv is not allowed"},
      {"CREATE MACRO a() AS TABLE FROM 'a.csv';", "not the file \"a.csv\""},
      {"CREATE MACRO a() AS getenv('HOME');", "the function getenv is not allowed"},
      {"CREATE MACRO a(x := now()) AS x;", "now is not allowed in a model"},
      {"CREATE MACRO a() AS TABLE FROM silver.sales USING SAMPLE 1%;", "USING SAMPLE"},
      {"CREATE MACRO a() AS TABLE FROM sales;", "reads \"sales\" without its layer"},
      {"CREATE MACRO a(x) AS x; CREATE MACRO A(y) AS y;", "macro \"a\" is defined twice"},
      {"CREATE MACRO lower(x) AS x;", "has the name of a function that there is"},
      {"CREATE MACRO range(x) AS TABLE SELECT x AS y;", "has the name of a function that there is"},
      {"CREATE MACRO coalesce(x) AS x;", "has the name of what is a word of SQL"},
      {"CREATE MACRO \"select\"(x) AS x;", "has the name of what is a word of SQL"},
      {"CREATE MACRO a(x) AS b(x); CREATE MACRO b(x) AS a(x);", "in a circle: a → b → a"},
      {"CREATE MACRO a(x) AS a(x);", "in a circle: a → a"},
      {"CREATE MACRO a(price) AS pric + 1;", "\"pric\" is no parameter of the macro \"a\""},
      {"CREATE MACRO a(x) AS b(x); CREATE MACRO b(x, y) AS x;", "is not given \"y\""},
      {"CREATE MACRO a(x) AS x +;", "syntax error"},
      {"CREATE MACRO a(x) AS x FROM t;", "one SQL expression belongs here"},
      {"CREATE MACRO a(x) AS TABLE SELECT FROM;", "syntax error"},
      {"CREATE MACRO a(x) AS TABLE SELECT x;", "has no name of its own"},
      {"CREATE MACRO a(x, y := x) AS x;", "the default of \"y\" is no value"},
      {"CREATE MACRO a(x := 1, y) AS x;", "comes after one that has"},
      {"CREATE MACRO a(x INTEGER) AS x;", "a parameter has a name and, after :=, a default"},
      {"CREATE MACRO a(x, x) AS x;", "two parameters \"x\""},
      {"CREATE MACRO main.a(x) AS x;", "a macro's name has no schema"},
      {"CREATE TEMP MACRO a(x) AS x;", "not temporary"},
      {"CREATE MACRO IF NOT EXISTS a(x) AS x;", "a macro is defined once"},
      {"CREATE VIEW a AS SELECT 1;", "this is not the definition of a macro"},
      {"SELECT 1;", "this is not the definition of a macro"},
      {"CREATE MACRO a(x) AS", "says nothing after AS"},
      {"CREATE MACRO a(x", "are not closed"},
  };
  for (const auto& [definitions, expected] : cases) {
    const auto text = told(definitions);
    EXPECT_NE(text.find(expected), std::string::npos) << definitions << "\n" << text;
    EXPECT_NE(text.find("macros/m.sql:1:"), std::string::npos) << text;
  }
}

TEST_F(MacrosTest, PlacesOfWhatIsWrongInAMacro) {
  EXPECT_NE(told("CREATE MACRO a(x) AS x;\n\nCREATE MACRO b(x) AS\n  a(x) + now();")
                .find("(macros/m.sql:4:10)"),
            std::string::npos);
  EXPECT_NE(told("CREATE MACRO a() AS 1;\nCREATE MACRO b() AS TABLE\n SELECT 1 AS c FROM silver.x, "
                 "read_text('a');")
                .find("(macros/m.sql:3:31)"),
            std::string::npos);
  // The one that is wrong is told of, not who calls it.
  const auto text = told("CREATE MACRO a() AS now(); CREATE MACRO b() AS a();");
  EXPECT_EQ(text.find("now"), text.rfind("now is not"));
}

TEST_F(MacrosTest, WrongCallsHaveTheirPlace) {
  const std::string from = " FROM silver.sales";
  const std::pair<const char*, const char*> cases[] = {
      {"SELECT 1,\n money()", "macro \"money\" is not given \"x\" (m.sql:11:2)"},
      {"SELECT money(1, 2, 3)", "takes 2 arguments, but is given 3 (m.sql:10:8)"},
      {"SELECT money(1, digit := 3)", "has no parameter \"digit\" (m.sql:10:8)"},
      {"SELECT money(1, x := 3)", "is given \"x\" twice"},
      {"SELECT money(digits := 3, 1)", "without a name after one with a name"},
      {"SELECT price.money()", "is called in another form"},
      {"SELECT main.money(price)", "is called in another form"},
      {"SELECT money(price) OVER ()", "is not an aggregate function"},
      {"SELECT money(DISTINCT price)", "is not an aggregate function"},
      {"SELECT money(price) FILTER (x > 1)", "is not an aggregate function"},
      {"SELECT money(*)", "takes values, not *"},
      {"SELECT y FROM money(1), silver.sales", "is an expression, not a table"},
  };
  for (const auto& [select, expected] : cases) {
    const auto text =
        told(kMoney, std::string(select).find("FROM") == std::string::npos ? select + from
                                                                           : std::string(select));
    EXPECT_NE(text.find(expected), std::string::npos) << select << "\n" << text;
  }
  EXPECT_NE(told(kMoney, "SELECT money(1, digit := 3)").find("did you mean \"digits\"?"),
            std::string::npos);
  EXPECT_NE(told("CREATE MACRO t() AS TABLE SELECT 1 AS a;", "SELECT t()").find("yields a table"),
            std::string::npos);
}

/// DuckDB binds an argument where it is called. A text cannot, so what could change its meaning is
/// refused.
TEST_F(MacrosTest, ArgumentsDoNotChangeTheirMeaning) {
  const std::string definitions = R"sql(
    CREATE MACRO rate_of(k) AS (SELECT max(r.rate) FROM silver.rates AS r WHERE r.x = k);
    CREATE MACRO double_rate(k) AS 2 * rate_of(k);
    CREATE MACRO captured(y) AS list_transform([10, 20], lambda x: x + y);
    CREATE MACRO comprehended(n) AS [x + n for x in [1, 2, 3] if x > 1];
    CREATE MACRO above(least) AS TABLE SELECT x FROM silver.sales WHERE price >= least;
    CREATE MACRO through(v) AS TABLE WITH c AS (SELECT 1 AS one) SELECT v AS v FROM c;
    CREATE MACRO key_arrow(d) AS upper(d -> '$.k');
  )sql";
  const std::pair<const char*, const char*> cases[] = {
      {"SELECT rate_of(x) AS r FROM silver.sales", "names \"x\", and stands in a query"},
      {"SELECT double_rate(x) AS r FROM silver.sales", "names \"x\", and stands in a query"},
      {"SELECT rate_of(s.a) AS r FROM silver.sales", "names \"s\", and stands in a query"},
      {"SELECT rate_of(r.x) AS r FROM silver.sales r",
       "the macro's query has a table of that name"},
      {"SELECT rate_of(COLUMNS(*)) FROM silver.sales", "is a star"},
      {"SELECT captured(x) AS r FROM silver.sales", "which is also what a lambda"},
      {"SELECT captured(x + 1) AS r FROM silver.sales", "which is also what a lambda"},
      {"SELECT comprehended(x) AS r FROM silver.sales", "which is also what a lambda"},
      {"SELECT list_transform(l, lambda x: captured(x)) AS r FROM silver.sales",
       "which is also what a lambda"},
      {"SELECT a.x FROM silver.sales, above(price) a", "names \"price\", and stands in a query"},
      {"WITH c AS (SELECT 2 AS two) SELECT v FROM through((SELECT max(c.two) FROM c))",
       "the macro has a WITH clause of that name"},
  };
  for (const auto& [select, expected] : cases) {
    const auto text = told(definitions, select);
    EXPECT_NE(text.find(expected), std::string::npos) << select << "\n" << text;
    EXPECT_NE(text.find("(m.sql:10:"), std::string::npos) << text;
  }
  for (const char* select : {"SELECT double_rate(s.x) AS r FROM silver.sales s",
                             "SELECT captured(sales.x) AS r FROM silver.sales",
                             "SELECT captured(list_sum(list_transform(l, lambda x: x))) AS r "
                             "FROM silver.sales",
                             "SELECT a.x FROM silver.sales s, above(s.price + 1) a"})
    EXPECT_EQ(told(definitions, select), "none") << select;
  // DuckDB takes this arrow for a lambda's, though nothing here takes a lambda.
  EXPECT_EQ(expanded(definitions, "SELECT key_arrow(j) AS k FROM silver.sales"),
            "SELECT upper(j -> '$.k') AS k FROM silver.sales");
}

TEST_F(MacrosTest, TextsThatDoubleEndSomewhere) {
  std::string definitions = "CREATE MACRO m0(x) AS x + x;";
  for (int i = 1; i < 40; ++i) {
    const auto before = "m" + std::to_string(i - 1);
    definitions +=
        "CREATE MACRO m" + std::to_string(i) + "(x) AS " + before + "(x) + " + before + "(x);";
  }
  const auto doubled = told(definitions, "SELECT m39(1) AS a");
  std::string ignoring = "CREATE MACRO m0(x) AS 1;";
  for (int i = 1; i < 40; ++i) {
    const auto before = "m" + std::to_string(i - 1);
    ignoring += "CREATE MACRO m" + std::to_string(i) + "(x) AS " + before + "(" + before + "(x));";
  }
  EXPECT_NE(told(ignoring).find("grows beyond all measure"), std::string::npos);
  EXPECT_NE(doubled.find("grows beyond all measure"), std::string::npos);
}

TEST_F(MacrosTest, ExpressionsAreExpandedToo) {
  const auto known = macros(kMoney);
  EXPECT_EQ(known->expanded_expression(connection_, "money(price) > 1", {}),
            "round(price / 100, 2) > 1");
  EXPECT_EQ(known->expanded_expression(connection_, "price > 1", {}), "price > 1");
}

}  // namespace
}  // namespace windrow::sql
