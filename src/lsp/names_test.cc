#include <gtest/gtest.h>

#include "lsp/sql_scope.h"

namespace windrow::lsp {
namespace {

std::optional<std::vector<Column>> tables(const std::string& name) {
  if (name == "silver.movies" || name == "movies")
    return std::vector<Column>{{"id", "BIGINT"}, {"title", "VARCHAR"}, {"year", "INTEGER"}};
  if (name == "silver.votes") return std::vector<Column>{{"movie", "BIGINT"}, {"stars", "DOUBLE"}};
  return std::nullopt;
}

/// What is in scope at the bar: `alias: column, …; …`.
std::string in_scope(std::string sql) {
  const size_t at = sql.find('|');
  sql.erase(at, 1);
  const SqlScope scope(sql_query(sql_words(sql)), at, tables);
  std::string out;
  for (const auto* relation : scope.relations()) {
    out += (out.empty() ? "" : "; ") + relation->alias + ":";
    for (const auto& column : scope.columns(*relation)) out += " " + column.name;
  }
  for (const auto* with : scope.withs()) out += " +" + with->name;
  return out;
}

TEST(SqlWords, TakeWhatIsNotClosed) {
  EXPECT_EQ(sql_words("a 'b").size(), 2u);
  EXPECT_EQ(sql_words("\"a\"\"b\"").front().text, "a\"b");
  EXPECT_EQ(sql_words("/* x /* y */ z */ a -- b\nc").size(), 2u);
  EXPECT_EQ(sql_words("$start + $$ a ' $$").size(), 3u);
  EXPECT_TRUE(in_comment_or_text("a 'b c", 4));
  EXPECT_TRUE(in_comment_or_text("a -- b", 6));
  EXPECT_FALSE(in_comment_or_text("a 'b' c", 6));
  EXPECT_FALSE(in_comment_or_text("a /* b */ c", 10));
}

TEST(SqlScope, KnowsTablesAndAliases) {
  EXPECT_EQ(in_scope("SELECT | FROM silver.movies"), "movies: id title year");
  EXPECT_EQ(in_scope("SELECT m.| FROM silver.movies AS m JOIN silver.votes v ON m.id = v.movie"),
            "m: id title year; v: movie stars");
  EXPECT_EQ(in_scope("SELECT 1 FROM silver.movies m, silver.votes WHERE |"),
            "m: id title year; votes: movie stars");
  EXPECT_EQ(in_scope("FROM silver.movies SELECT |"), "movies: id title year");
  EXPECT_EQ(in_scope("SELECT a FROM silver.movies WHERE x = (SELECT | FROM silver.votes)"),
            "votes: movie stars; movies: id title year");
  EXPECT_EQ(in_scope("SELECT id FROM silver.movies UNION ALL SELECT | FROM silver.votes"),
            "votes: movie stars");
  EXPECT_EQ(in_scope("SELECT sum(|, title FROM silver.movies"), "movies: id title year");
}

TEST(SqlScope, KnowsWithClausesAndSubQueries) {
  EXPECT_EQ(in_scope("WITH a AS (SELECT id, year + 1 AS next FROM silver.movies) SELECT | FROM a"),
            "a: id next +a");
  EXPECT_EQ(in_scope("WITH a AS (SELECT * EXCLUDE (id), 1 AS one FROM silver.movies), "
                     "b AS (SELECT * FROM a) SELECT | FROM b"),
            "b: title year one +a +b");
  EXPECT_EQ(in_scope("WITH a(x, y) AS (SELECT id, year FROM silver.movies) SELECT | FROM a"),
            "a: x y +a");
  EXPECT_EQ(in_scope("SELECT | FROM (SELECT title t FROM silver.movies) AS s"), "s: t");
  EXPECT_EQ(in_scope("WITH a AS (SELECT | FROM silver.movies) SELECT 1 FROM a"),
            "movies: id title year");
  EXPECT_EQ(in_scope("WITH a AS (SELECT 1 AS x), b AS (SELECT | FROM a"), "a: x +a");
}

TEST(SqlScope, SaysWhereAColumnComesFrom) {
  const std::string sql =
      "WITH a AS (SELECT *, title AS t FROM silver.movies) SELECT year, t, id + 1 AS n FROM a";
  const SqlScope scope(sql_query(sql_words(sql)), sql.size(), tables);
  const auto outputs = scope.outputs();
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[0].table + "." + outputs[0].column, "silver.movies.year");
  EXPECT_EQ(outputs[0].type, "INTEGER");
  EXPECT_EQ(outputs[1].column, "title");
  EXPECT_EQ(outputs[2].name, "n");
  EXPECT_TRUE(outputs[2].table.empty());
}

TEST(SqlScope, EndsWithAnyText) {
  const std::string sql =
      "WITH a AS (SELECT * FROM (SELECT b.c FROM d.e AS b JOIN (f) ON g), h) SELECT ((,)) UNION "
      "FROM "
      "WHERE GROUP BY )) '";
  for (size_t begin = 0; begin < sql.size(); ++begin) {
    for (size_t size = 0; begin + size <= sql.size(); ++size) {
      const auto words = sql_words(std::string_view(sql).substr(begin, size));
      const SqlScope scope(sql_query(words), size / 2, tables);
      scope.outputs();
      for (const auto* relation : scope.relations()) scope.columns(*relation);
    }
  }
  sql_query(sql_words(std::string(50'000, '(')));
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "SELECT * FROM (";
  sql_query(sql_words(deep));
  // Each WITH clause reads the one before twice: not a matter of 2^60 looks.
  std::string chain = "WITH w0 AS (SELECT id FROM silver.movies)";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "w" + std::to_string(i - 1);
    chain += ", w" + std::to_string(i) + " AS (SELECT a.id, b.id AS other FROM " + before + " a, " +
             before + " b)";
  }
  const SqlScope scope(sql_query(sql_words(chain + " SELECT * FROM w20")), chain.size() + 8,
                       tables);
  EXPECT_FALSE(scope.outputs().empty());
}

}  // namespace
}  // namespace windrow::lsp
