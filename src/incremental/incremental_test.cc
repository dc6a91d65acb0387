#include "incremental/incremental.h"

#include <gtest/gtest.h>

#include "duck/duck.h"
#include "duck/quoting.h"

namespace windrow::incremental {
namespace {

/// Tables a, b and d that change; each result that the rules give is held against a whole build.
class Rules : public testing::Test {
 protected:
  Rules() : database_(duck::Options{}), connection_(database_) {
    table("a", "id INTEGER, k INTEGER, x INTEGER, s VARCHAR",
          "(1, 1, 10, 'u'), (2, 1, 20, 'v'), (3, 2, 30, NULL), (4, NULL, 40, 'u'), (4, NULL, 40, "
          "'u'), "
          "(5, 3, NULL, 'w')",
          "(2, 1, 20, 'v'), (4, NULL, 40, 'u'), (5, 3, NULL, 'w')",
          "(6, 1, 5, 'u'), (7, 4, 70, 'z'), (8, NULL, 1, NULL), (4, NULL, 41, 'u')");
    table("b", "k INTEGER, y INTEGER", "(1, 100), (2, 200), (2, 201), (NULL, 5), (9, 900)",
          "(2, 200), (9, 900)", "(1, 101), (3, 300), (NULL, 6)");
    table("d", "k INTEGER, name VARCHAR", "(1, 'one'), (2, 'two'), (4, 'four')", "", "");
  }

  void table(const std::string& name, const std::string& columns, const std::string& before,
             const std::string& removed, const std::string& added) {
    const auto make = [&](const std::string& as, const std::string& rows) {
      connection_.execute("CREATE TABLE " + duck::quote_name(as) + " (" + columns + ")");
      if (!rows.empty())
        connection_.execute("INSERT INTO " + duck::quote_name(as) + " VALUES " + rows);
    };
    make(rows_before(name), before);
    make(rows_removed(name), removed);
    make(rows_added(name), added);
    connection_.execute("CREATE TABLE " + name + " AS (FROM " +
                        duck::quote_name(rows_before(name)) + ") EXCEPT ALL (FROM " +
                        duck::quote_name(rows_removed(name)) + ") UNION ALL (FROM " +
                        duck::quote_name(rows_added(name)) + ")");
    for (const auto& column : connection_.describe("FROM " + name))
      columns_[name].push_back(column);
    if (!added.empty() || !removed.empty()) changed_.insert(name);
  }

  Question question(const std::string& select) const {
    return {select, views_, columns_, changed_};
  }

  /// The result on tables as they were before.
  std::string before_of(std::string select) const {
    for (const auto& name : changed_) {
      std::string out;
      for (size_t at = 0; at < select.size(); ++at) {
        const bool here = select.compare(at, name.size() + 5, "FROM " + name) == 0 ||
                          select.compare(at, name.size() + 5, "JOIN " + name) == 0;
        const auto next = at + 5 + name.size();
        if (here && (next >= select.size() || !std::isalnum(select[next]))) {
          out += select.substr(at, 5) + duck::quote_name(rows_before(name)) + " AS " + name;
          at = next - 1;
          // An alias of its own takes the place of that one.
          if (select.compare(next, 4, " AS ") == 0) out.resize(out.size() - name.size() - 4);
        } else {
          out += select[at];
        }
      }
      select = out;
    }
    return select;
  }

  int64_t differences(const std::string& left, const std::string& right) {
    return std::get<int64_t>(connection_.value(
        "SELECT count(*) FROM (((FROM (" + left + ")) EXCEPT ALL (FROM (" + right +
        "))) UNION ALL ((FROM (" + right + ")) EXCEPT ALL (FROM (" + left + "))))"));
  }

  /// How it is maintained: `rows`, `keys: a, b`, or the reason why not. Fails where the result is
  /// another one than that of a whole build.
  std::string held(const std::string& select, Question::Rule rule = Question::Rule::by_key) {
    auto asked = question(select);
    asked.rule = Question::Rule::by_row;
    auto how = maintenance_of(connection_, asked);
    if (const auto* by_row = std::get_if<Whole>(&how)) {
      const auto reason = by_row->reason;
      asked.rule = rule;
      how = maintenance_of(connection_, asked);
      if (const auto* whole = std::get_if<Whole>(&how);
          whole &&
          (whole->reason == "it has no groups" || whole->reason == "it is no plain SELECT"))
        return reason;
    }
    if (const auto* whole = std::get_if<Whole>(&how)) return whole->reason;
    if (const auto* sums = std::get_if<ByState>(&how)) return held_by_sums(select, *sums);
    connection_.execute("CREATE OR REPLACE TABLE result AS " + before_of(select));
    if (const auto* rows = std::get_if<ByRow>(&how)) {
      std::string now = "(FROM result)";
      if (!rows->added.empty()) now = "(" + now + " UNION ALL (" + rows->added + "))";
      if (!rows->removed.empty()) now = "(" + now + " EXCEPT ALL (" + rows->removed + "))";
      EXPECT_EQ(differences(now, select), 0) << select << "\n"
                                             << rows->added << "\n"
                                             << rows->removed;
      return "rows";
    }
    const auto& keys = std::get<ByKey>(how);
    connection_.execute("CREATE OR REPLACE TABLE " + duck::quote_name(kTouchedKeys) + " AS " +
                        keys.touched);
    std::string same, list, null;
    for (size_t i = 0; i < keys.key.size(); ++i) {
      const auto column = duck::quote_name("windrow key " + std::to_string(i));
      same += (i == 0 ? "" : " AND ") + ("t." + column) + " IS NOT DISTINCT FROM r." +
              duck::quote_name(keys.key[i]);
      null += (i == 0 ? "" : " OR ") + column + " IS NULL";
      list += (i == 0 ? "" : ", ") + keys.key[i];
    }
    const std::string touched = duck::quote_name(kTouchedKeys);
    const std::string kept = "SELECT * FROM result r ANTI JOIN " + touched + " t ON " + same;
    EXPECT_EQ(differences(kept + " UNION ALL (" + keys.recomputed + ")", select), 0)
        << select << "\n"
        << keys.touched << "\n"
        << keys.recomputed;
    connection_.execute("DELETE FROM " + touched + " WHERE " + null);
    EXPECT_EQ(differences(keys.recomputed, keys.recomputed_without_null), 0) << select;
    return "keys: " + list;
  }

  /// What is built whole has no state that its change could be added to.
  std::string held_by_sums(const std::string& select, const ByState& how) {
    for (size_t i = 0; i < how.states.size(); ++i) {
      const auto& state = how.states[i];
      const auto name = duck::quote_name(state_rows(i));
      connection_.execute("CREATE OR REPLACE TABLE " + name + " AS " + before_of(state.whole));
      bool null = false;
      if (!state.touched.empty()) {
        const auto touched = duck::quote_name(kTouchedKeys);
        connection_.execute("CREATE OR REPLACE TABLE " + touched + " AS " + state.touched);
        for (size_t c = 0; c < state.touched_columns; ++c)
          null =
              null || std::get<int64_t>(connection_.value(
                          "SELECT count(*) FROM " + touched + " WHERE " +
                          duck::quote_name("windrow key " + std::to_string(c)) + " IS NULL")) > 0;
      }
      std::string keys, sums = "sum(n)::BIGINT AS n";
      for (size_t k = 0; k < state.keys; ++k) keys += (k == 0 ? "k" : ", k") + std::to_string(k);
      for (size_t s = 0; s < state.sums; ++s)
        sums += ", sum(s" + std::to_string(s) + ") AS s" + std::to_string(s);
      connection_.execute("CREATE OR REPLACE TABLE " + name + " AS SELECT " + keys +
                          (keys.empty() ? "" : ", ") + sums + " FROM (FROM " + name +
                          " UNION ALL BY NAME (" +
                          (null ? state.change : state.change_without_null) + "))" +
                          (keys.empty() ? "" : " GROUP BY " + keys + " HAVING sum(n) <> 0"));
      EXPECT_EQ(differences("FROM " + name, state.whole), 0) << state.whole << "\n" << state.change;
    }
    EXPECT_EQ(differences(how.result, select), 0) << how.result;
    std::string out = "sums";
    for (const auto& key : how.key) out += (out == "sums" ? ": " : ", ") + key;
    return out;
  }

  duck::Database database_;
  duck::Connection connection_;
  Columns columns_;
  std::map<std::string, std::string> views_;
  std::set<std::string> changed_;
};

TEST_F(Rules, what_is_linear_changes_row_by_row) {
  EXPECT_EQ(held("SELECT * FROM a"), "rows");
  EXPECT_EQ(held("SELECT id, x * 2 AS twice FROM a WHERE x > 10 ORDER BY id"), "rows");
  EXPECT_EQ(held("SELECT k FROM a UNION ALL SELECT k FROM b"), "rows");
  EXPECT_EQ(held("SELECT id, NULL AS y FROM a UNION ALL BY NAME SELECT k AS id, y FROM b"), "rows");
  EXPECT_EQ(held("SELECT a.id, d.name FROM a JOIN d ON d.k = a.k"), "rows");
  EXPECT_EQ(held("SELECT a.id, d.name FROM a LEFT JOIN d USING (k)"), "rows");
  EXPECT_EQ(held("SELECT a.id, b.y, d.name FROM a JOIN b ON b.k = a.k LEFT JOIN d ON d.k = a.k"),
            "rows");
  EXPECT_EQ(held("SELECT l.id, r.id AS other FROM a AS l JOIN a AS r ON l.k = r.k"), "rows");
  EXPECT_EQ(held("SELECT id FROM a WHERE k IN (SELECT k FROM d)"), "rows");
  EXPECT_EQ(held("SELECT id FROM a SEMI JOIN d ON d.k = a.k"), "rows");
  EXPECT_EQ(held("WITH w AS (SELECT k, x FROM a WHERE x > 5) SELECT w.x, v.x AS z FROM w JOIN w v "
                 "ON v.k = w.k"),
            "rows");
  EXPECT_EQ(held("SELECT a.id, unnest([1, 2]) AS n FROM a"), "rows");
}

TEST_F(Rules, groups_are_computed_anew_where_they_are_touched) {
  EXPECT_EQ(held("SELECT k, count(*) AS n, sum(x) AS total, min(s) AS least FROM a GROUP BY k"),
            "keys: k");
  EXPECT_EQ(held("SELECT k, s, count(DISTINCT x) AS n FROM a GROUP BY ALL"), "keys: k, s");
  EXPECT_EQ(held("SELECT x % 3 AS part, count(*) AS n FROM a GROUP BY 1 HAVING count(*) > 1"),
            "keys: part");
  EXPECT_EQ(held("SELECT x % 3 AS part, list(x ORDER BY x) AS l FROM a GROUP BY part"),
            "keys: part");
  EXPECT_EQ(held("SELECT DISTINCT k, s FROM a"), "keys: k, s");
  EXPECT_EQ(held("SELECT d.name, count(*) AS n, sum(b.y) AS y FROM a JOIN b ON b.k = a.k JOIN d ON "
                 "d.k = b.k GROUP BY d.name"),
            "keys: name");
  EXPECT_EQ(held("SELECT a.k, max(b.y) AS y FROM a LEFT JOIN b ON b.k = a.k GROUP BY a.k"),
            "keys: k");
  EXPECT_EQ(
      held("SELECT d.k, d.name, count(b.y) AS n FROM d LEFT JOIN b ON b.k = d.k GROUP BY ALL"),
      "keys: k, name");
  EXPECT_EQ(
      held("SELECT d.k, count(a.id) AS n, count(b.y) AS m FROM d LEFT JOIN a ON a.k = d.k LEFT "
           "JOIN b ON b.k = d.k WHERE a.id IS NULL OR a.id < 7 GROUP BY d.k"),
      "keys: k");
  EXPECT_EQ(
      held("SELECT k, n FROM (SELECT k, count(*) AS n FROM (SELECT * FROM a WHERE x > 3) GROUP "
           "BY k)"),
      "it reads groups of what has changed");
}

TEST_F(Rules, windows_are_computed_anew_by_their_partitions) {
  EXPECT_EQ(held("SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY x, id) AS n FROM a"),
            "keys: k");
  EXPECT_EQ(held("SELECT * FROM a QUALIFY rank() OVER (PARTITION BY k ORDER BY x DESC) = 1"),
            "its result has no column that all of its groups and windows are set apart by");
  EXPECT_EQ(held("SELECT id, k FROM a QUALIFY rank() OVER (PARTITION BY k ORDER BY x DESC) = 1"),
            "keys: k");
  EXPECT_EQ(held("SELECT k, s, sum(count(*)) OVER (PARTITION BY k) AS n FROM a GROUP BY k, s"),
            "keys: k");
  EXPECT_EQ(held("SELECT id, k, sum(x) OVER (ORDER BY id) AS n FROM a"),
            "it has a window over all rows");
}

TEST_F(Rules, sub_queries_in_expressions_touch_the_keys_that_they_are_asked_for) {
  EXPECT_EQ(
      held("SELECT d.k, count(*) AS n FROM d WHERE EXISTS (SELECT 1 FROM b WHERE b.k = d.k AND "
           "b.y < 300) GROUP BY d.k"),
      "keys: k");
  EXPECT_EQ(
      held("SELECT a.k, count(*) AS n FROM a WHERE a.k NOT IN (SELECT k FROM b WHERE k IS NOT "
           "NULL) GROUP BY a.k"),
      "keys: k");
  EXPECT_EQ(
      held("SELECT a.k, count(*) AS n FROM a WHERE a.x > (SELECT avg(y) / 10 FROM b WHERE b.k = "
           "a.k) GROUP BY a.k"),
      "keys: k");
  EXPECT_EQ(held("SELECT a.k, sum(x) AS n FROM a WHERE a.k IN (SELECT k FROM b GROUP BY k HAVING "
                 "count(*) > 1) GROUP BY a.k"),
            "keys: k");
}

TEST_F(Rules, what_is_in_doubt_is_built_whole) {
  EXPECT_EQ(held("SELECT sum(x) AS total FROM a"), "it has one group for all rows");
  EXPECT_EQ(held("SELECT id FROM a ORDER BY id LIMIT 3"), "it has a LIMIT");
  EXPECT_EQ(held("SELECT k, count(*) AS n FROM a GROUP BY ROLLUP (k)"),
            "it groups by ROLLUP, CUBE or GROUPING SETS");
  EXPECT_EQ(held("SELECT count(*) AS n FROM a GROUP BY k"),
            "its result has no column that all of its groups and windows are set apart by");
  EXPECT_EQ(held("SELECT k FROM a UNION SELECT k FROM b"),
            "it is an INTERSECT, an EXCEPT or a UNION without ALL");
  EXPECT_EQ(held("SELECT a.id, b.y FROM d LEFT JOIN a ON a.k = d.k LEFT JOIN b ON b.k = a.k"),
            "what has changed stands on the side of an outer, semi or anti join that others' rows "
            "depend on");
  EXPECT_EQ(held("SELECT a.id FROM a ASOF JOIN b ON a.k >= b.k"),
            "it reads what has changed through an ASOF or a POSITIONAL join");
  EXPECT_EQ(
      held("WITH RECURSIVE r AS (SELECT k FROM a UNION ALL SELECT k + 1 FROM r WHERE k < 5) SELECT "
           "* FROM r"),
      "it is recursive");
}

TEST_F(Rules, sums_of_groups_are_added_to) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  EXPECT_EQ(sums("SELECT k, count(*) AS n, sum(x) AS total, count(x) AS m FROM a GROUP BY k"),
            "sums: k");
  EXPECT_EQ(sums("SELECT count(*) AS n, sum(x) AS total FROM a"), "sums");
  EXPECT_EQ(sums("SELECT count(*) AS n, sum(x) AS total FROM a WHERE x > 1000"), "sums");
  EXPECT_EQ(sums("SELECT d.name, sum(b.y * 1.25) AS y FROM a JOIN b ON b.k = a.k JOIN d ON d.k = "
                 "b.k GROUP BY d.name"),
            "sums: name");
  EXPECT_EQ(
      sums("SELECT x % 3 AS part, sum(x) FILTER (s = 'u') + 1 AS u FROM a GROUP BY part HAVING "
           "count(*) > 1"),
      "sums: part");
  EXPECT_EQ(
      sums("SELECT k, sum(x) AS total FROM a GROUP BY k ORDER BY total DESC NULLS LAST LIMIT 2"),
      "sums");
  EXPECT_EQ(
      sums("SELECT sum(x) AS total, row_number() OVER (ORDER BY sum(x) NULLS LAST) AS nth FROM "
           "a GROUP BY k"),
      "sums");
  EXPECT_EQ(
      sums("SELECT n, count(*) AS groups FROM (SELECT k, count(*) AS n FROM a GROUP BY k) GROUP "
           "BY n"),
      "sums");
  EXPECT_EQ(
      sums("WITH w AS (SELECT k, sum(x) AS total FROM a GROUP BY k) SELECT d.name, w.total FROM "
           "w JOIN d ON d.k = w.k WHERE w.total = (SELECT max(total) FROM w)"),
      "sums");
  EXPECT_EQ(
      sums("SELECT k, sum(x) AS total FROM a GROUP BY k HAVING sum(x) > (SELECT sum(x) / 10 FROM "
           "a)"),
      "sums");
  EXPECT_EQ(
      sums("SELECT d.name, count(*) AS n FROM d WHERE EXISTS (SELECT 1 FROM b WHERE b.k = d.k AND "
           "b.y < 300) GROUP BY d.name"),
      "sums: name");
  EXPECT_EQ(sums("SELECT a.s, count(*) AS n FROM a WHERE a.k IN (SELECT k FROM b GROUP BY k HAVING "
                 "count(*) > 1) GROUP BY a.s"),
            "sums: s");
  EXPECT_EQ(
      sums("SELECT a.s, count(*) AS n, sum(a.x) AS x FROM a WHERE NOT EXISTS (SELECT 1 FROM b "
           "WHERE b.k = a.k) GROUP BY a.s"),
      "sums: s");
  EXPECT_EQ(
      sums("SELECT count(*) AS n FROM a WHERE a.x > (SELECT avg(y) / 10 FROM b WHERE b.k = a.k)"),
      "sums");
  EXPECT_EQ(
      sums(
          "SELECT d.name, count(*) AS n FROM d, a WHERE d.k = a.k AND a.x > 1 AND EXISTS (SELECT 1 "
          "FROM b WHERE b.k = a.k AND b.y < 300) GROUP BY d.name"),
      "sums: name");
  EXPECT_EQ(
      sums("SELECT n, count(*) AS d FROM (SELECT d.k, count(b.y) FROM d LEFT JOIN b ON b.k = d.k "
           "AND b.y <> 5 GROUP BY d.k) g(k, n) GROUP BY n"),
      "sums");
  EXPECT_EQ(sums("SELECT k, sum(x::DOUBLE) AS total FROM a GROUP BY k"),
            "a sum of type DOUBLE depends on the order of its rows");
  EXPECT_EQ(sums("SELECT k, max(x) AS m FROM a GROUP BY k"), "max() is not worked out from sums");
  EXPECT_EQ(sums("SELECT k, sum(DISTINCT x) AS m FROM a GROUP BY k"),
            "it aggregates DISTINCT values otherwise than by count()");
}

TEST_F(Rules, means_and_truths_follow_from_sums) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  for (const char* type : {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL(4,1)",
                           "DECIMAL(9,3)", "DECIMAL(18,2)", "DECIMAL(30,5)"})
    EXPECT_EQ(sums("SELECT k, avg(x::" + std::string(type) +
                   ") AS m, avg(x) FILTER (s = 'u') AS u "
                   "FROM a GROUP BY k"),
              "sums: k");
  EXPECT_EQ(sums("SELECT avg(x) AS m FROM a WHERE x > 1000"), "sums");
  EXPECT_EQ(sums("SELECT k, avg(x::DOUBLE) AS m FROM a GROUP BY k"),
            "a mean of type DOUBLE depends on the order of its rows");
  EXPECT_EQ(sums("SELECT k, bool_or(x > 20) AS some, bool_and(x > 20) AS every, bool_or(s = 'u') "
                 "FILTER (x > 5) AS u FROM a GROUP BY k"),
            "sums: k");
}

TEST_F(Rules, a_mean_of_a_sum_is_what_avg_gives) {
  for (const char* type : {"SMALLINT", "INTEGER", "BIGINT", "DECIMAL(4,2)", "DECIMAL(9,4)",
                           "DECIMAL(18,6)", "DECIMAL(38,9)"}) {
    const std::string narrow =
        type == std::string("SMALLINT") || type == std::string("DECIMAL(4,2)") ? "true" : "false";
    EXPECT_EQ(
        std::get<int64_t>(connection_.value(
            "SELECT count(*) FROM (SELECT avg(x) AS m, windrow_mean(sum(x), count(x), " + narrow +
            ") AS w FROM (SELECT i % 20011 AS k, ((hash(i) % 19999)::BIGINT - 9999)"
            "::DECIMAL(18,4) / 101 AS v, v::" +
            type + " AS x FROM range(400000) t(i)) GROUP BY k) WHERE m IS DISTINCT FROM w")),
        0)
        << type;
  }
}

TEST_F(Rules, what_distinct_counts_is_a_group_of_its_own) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  EXPECT_EQ(sums("SELECT k, count(DISTINCT x) AS m FROM a GROUP BY k"), "sums: k");
  EXPECT_EQ(sums("SELECT count(DISTINCT x) AS m, count(*) AS n, sum(x) AS total FROM a"), "sums");
  EXPECT_EQ(sums("SELECT count(DISTINCT x) AS m, count(*) AS n, sum(x) AS t FROM a WHERE x > 1000"),
            "sums");
  EXPECT_EQ(
      sums("SELECT k, s, count(DISTINCT x) AS m, count(DISTINCT id + k) AS i, count(DISTINCT k) AS "
           "one, avg(x) AS mean, bool_or(x > 20) AS some, count(s) AS c FROM a GROUP BY ALL"),
      "sums: k, s");
  EXPECT_EQ(sums("WITH w AS (SELECT k, count(*) AS n, count(DISTINCT s) AS m FROM a GROUP BY k) "
                 "SELECT *, row_number() OVER b AS rank FROM w WINDOW b AS (ORDER BY n DESC, k) "
                 "QUALIFY rank <= 2"),
            "sums");
  EXPECT_EQ(sums("SELECT k, count(DISTINCT s) AS m FROM a GROUP BY k HAVING count(*) > 1 AND "
                 "count(DISTINCT s) > 0 ORDER BY count(DISTINCT s), k LIMIT 2"),
            "sums");
  EXPECT_EQ(sums("SELECT k, count(DISTINCT x) FILTER (x > 1) AS m FROM a GROUP BY k"),
            "it counts DISTINCT values with a FILTER");
}

TEST_F(Rules, what_a_sub_query_is_asked_about_is_a_group_of_its_sums) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  EXPECT_EQ(
      sums("SELECT d.name FROM d WHERE d.k > (SELECT 0.5 * sum(x) - 40 FROM a WHERE a.k = d.k "
           "AND a.x > 1)"),
      "sums");
  EXPECT_EQ(
      sums("SELECT d.name, (SELECT count(*) FROM a WHERE d.k = a.k) AS n, (SELECT avg(y) FROM b "
           "WHERE b.k + 0 = d.k) AS y FROM d"),
      "sums");
  EXPECT_EQ(
      sums("SELECT d.name FROM d WHERE d.name IN (SELECT name FROM d e WHERE e.k > 0 AND e.k >= "
           "(SELECT count(*) FROM a WHERE a.k = e.k AND a.s = left(e.name, 1)))"),
      "sums");
  EXPECT_EQ(sums("SELECT n FROM (SELECT k AS n FROM d) e WHERE 1 <= (SELECT count(*) FROM a WHERE "
                 "a.k = n)"),
            "a column has a name that columns of sums have");
}

TEST_F(Rules, rows_of_a_sub_query_in_from_are_asked_about_too) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  EXPECT_EQ(
      sums("SELECT code, count(*) AS n, sum(k) AS total FROM (SELECT left(name, 1) AS code, k "
           "FROM d WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = d.k)) AS c GROUP BY code "
           "ORDER BY code"),
      "sums: code");
  EXPECT_EQ(sums("SELECT c.x AS y, count(*) AS n FROM (SELECT left(name, 1), k * 2 AS twice FROM d "
                 "WHERE k IN (SELECT k FROM b)) AS c(x) WHERE c.twice < 100 GROUP BY c.x HAVING "
                 "sum(twice) > 1"),
            "sums: y");
}

TEST_F(Rules, a_value_that_all_rows_share_may_change) {
  const auto sums = [&](const std::string& select) {
    return held(select, Question::Rule::by_state);
  };
  EXPECT_EQ(held("SELECT id, x FROM a WHERE x >= (SELECT max(y) / 5 FROM b)"), "rows");
  EXPECT_EQ(held("SELECT id, x FROM a WHERE x >= (SELECT max(x) - 35 FROM a) AND s = 'u'"), "rows");
  EXPECT_EQ(
      held("SELECT id, x FROM a WHERE x IS NULL OR x < (SELECT min(y) * 4 FROM b WHERE y > 1)"),
      "a sub-query in an expression reads what has changed");
  EXPECT_EQ(held("SELECT id, x FROM a WHERE x IS NULL OR x < (SELECT min(y) * 4 FROM b)"), "rows");
  for (const char* value : {"SELECT y FROM b LIMIT 1", "SELECT any_value(y) FROM b",
                            "SELECT max(y) FROM (SELECT y FROM b LIMIT 2)"}) {
    EXPECT_EQ(held("SELECT id, x FROM a WHERE x >= (" + std::string(value) + ")"),
              "a sub-query in an expression reads what has changed");
  }
  EXPECT_EQ(
      sums("SELECT s, count(*) AS n, count(DISTINCT k) AS ks FROM (SELECT * FROM a WHERE x >= "
           "(SELECT max(y) / 50 FROM b)) v WHERE s IS NOT NULL GROUP BY s"),
      "sums: s");
}

TEST_F(Rules, views_are_seen_through) {
  views_["v"] = "SELECT k, x AS value FROM a WHERE x IS NOT NULL";
  auto asked = question("SELECT v.k, sum(value) AS total FROM v WHERE v.value > 1 GROUP BY v.k");
  asked.rule = Question::Rule::by_key;
  const auto how = maintenance_of(connection_, asked);
  ASSERT_TRUE(std::holds_alternative<ByKey>(how));
  EXPECT_EQ(std::get<ByKey>(how).key, std::vector<std::string>{"k"});
}

TEST_F(Rules, names_that_are_made_to_break_it) {
  table("\"windrow touched\"", "k INTEGER, \"windrow key 0\" INTEGER", "(1, 2), (2, 3)", "(1, 2)",
        "(2, 9)");
  EXPECT_EQ(held("SELECT k AS \"windrow key 0\", count(*) AS n FROM a GROUP BY k"),
            "keys: windrow key 0");
}

}  // namespace
}  // namespace windrow::incremental
