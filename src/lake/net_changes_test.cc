#include "lake/net_changes.h"

#include <random>

#include "lake/alter.h"
#include "lake/dml.h"
#include "lake/optimize.h"
#include "lake/rewrite_fixture.h"

namespace windrow::lake {
namespace {

class NetChanges : public Rewrite {
 protected:
  /// Rows as text and how often they come, with the columns of `to`; -0.0 is 0.0.
  using Bag = std::map<std::vector<std::string>, int64_t>;

  Bag all_rows(int64_t version, const Schema& as) {
    Bag out;
    if (version < 0) return out;
    const auto snapshot = table().snapshot(version, &connection_);
    const auto found = connection_.query(duck_sql(scan(snapshot)));
    for (const auto& row : found.rows) {
      std::vector<std::string> line;
      for (const auto& field : as.fields) {
        size_t at = 0;
        while (at < found.columns.size() && found.columns[at].name != field.name) ++at;
        line.push_back(at < row.size() ? text(row[at]) : "NULL");
      }
      ++out[line];
    }
    return out;
  }
  static std::string text(const Cell& cell) {
    const auto* number = std::get_if<double>(&cell);
    return number && *number == 0 ? "0.0" : cell_text(cell);
  }

  /// What net_changes says, by kind.
  std::map<std::string, Bag> told(int64_t from, int64_t to, const std::vector<std::string>& key) {
    const auto now = table().snapshot(to, &connection_);
    std::optional<Snapshot> then;
    if (from >= 0) then = table().snapshot(from, &connection_);
    std::map<std::string, Bag> out;
    for (const auto& row :
         connection_.query(duck_sql(net_changes(then ? &*then : nullptr, now, key))).rows) {
      std::vector<std::string> line;
      for (const auto& cell : row) line.push_back(text(cell));
      const std::string kind = line.back();
      line.pop_back();
      ++out[kind][line];
    }
    return out;
  }
  std::string lines(int64_t from, int64_t to, const std::vector<std::string>& key = {}) {
    const auto now = table().snapshot(to, &connection_);
    std::optional<Snapshot> then;
    if (from >= 0) then = table().snapshot(from, &connection_);
    std::string out;
    for (const auto& row :
         connection_.query(duck_sql(net_changes(then ? &*then : nullptr, now, key))).rows) {
      for (const auto& cell : row) out += cell_text(cell) + (&cell == &row.back() ? "\n" : "|");
    }
    return out;
  }

  void check(int64_t from, int64_t to) {
    SCOPED_TRACE(std::to_string(from) + " to " + std::to_string(to));
    const Schema schema = table().snapshot(to, &connection_).schema;
    Bag before = all_rows(from, schema), after = all_rows(to, schema), removed, added;
    for (const auto& [row, n] : before) {
      if (const int64_t more = n - after[row]; more > 0) removed[row] = more;
    }
    for (const auto& [row, n] : after) {
      if (const int64_t more = n - before[row]; more > 0) added[row] = more;
    }
    auto plain = told(from, to, {});
    EXPECT_EQ(plain["delete"], removed);
    EXPECT_EQ(plain["insert"], added);
    EXPECT_TRUE(plain["update_preimage"].empty() && plain["update_postimage"].empty());
    auto keyed = told(from, to, {"id"});
    Bag went = keyed["delete"], came = keyed["insert"];
    std::map<std::string, std::array<int64_t, 4>> of_key;
    const auto count = [&](const char* kind, size_t nth) {
      for (const auto& [row, n] : keyed[kind]) of_key[row[0]][nth] += n;
    };
    count("delete", 0), count("insert", 1), count("update_preimage", 2),
        count("update_postimage", 3);
    for (const auto& [row, n] : keyed["update_preimage"]) went[row] += n;
    for (const auto& [row, n] : keyed["update_postimage"]) came[row] += n;
    EXPECT_EQ(went, removed);
    EXPECT_EQ(came, added);
    for (const auto& [id, n] : of_key) {
      EXPECT_EQ(n[2], n[3]) << id;
      EXPECT_TRUE(n[0] == 0 || n[1] == 0) << id;
    }
  }

  void replace(const std::string& select) {
    apply([&](const StageContext& c) { return stage_replace(c, select, {}); });
  }
};

/// Random tables of few keys, so that rows come twice, go and come back.
TEST_F(NetChanges, AreThoseOfAFullComparison) {
  std::mt19937 random(7);
  const auto below = [&](int n) { return int(random() % unsigned(n)); };
  const auto some_rows = [&](int n, bool wide) {
    std::string out;
    const char* ids[] = {"1", "2", "3", "4", "NULL"};
    const char* numbers[] = {"'nan'::DOUBLE", "-0.0::DOUBLE", "0.0::DOUBLE", "NULL", "1.5"};
    const char* nested[] = {"NULL", "{'a': 1, 'b': ['x', NULL]}", "{'a': NULL, 'b': NULL}",
                            "{'a': 1, 'b': []}", "{'a': 2, 'b': ['x']}"};
    for (int i = 0; i < n; ++i) {
      out += (out.empty() ? "SELECT " : " UNION ALL SELECT ") + std::string(ids[below(5)]) +
             "::INTEGER AS id, (" + numbers[below(5)] + ")::DOUBLE AS v, (" + nested[below(5)] +
             ")::STRUCT(a INTEGER, b VARCHAR[]) AS s";
      if (wide) out += std::string(", ") + (below(2) ? "NULL" : "7") + "::BIGINT AS n";
    }
    return out;
  };
  append(some_rows(8, false));
  for (int step = 0; step < 40; ++step) {
    const bool wide = step >= 20;
    switch (below(6)) {
      case 0:
      case 1: append(some_rows(1 + below(4), wide)); break;
      case 2:
        replace("SELECT * FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) +
                ") UNION ALL BY NAME " + some_rows(1, wide));
        break;
      case 3:
        apply([&](const StageContext& c) {
          return stage_delete(c, "id = " + std::to_string(below(5)) + " OR v IS NULL");
        });
        break;
      case 4:
        apply([&](const StageContext& c) {
          return stage_update(c, {{"v", "if(isnan(v), -0.0, v)"}}, "id = 2");
        });
        break;
      default: optimize(*files_, path_, connection_, {}, clock_); break;
    }
  }
  const int64_t latest = table().latest_version();
  check(-1, latest);
  for (int pair = 0; pair < 40; ++pair) {
    const int64_t a = below(int(latest) + 2) - 1, b = below(int(latest) + 1);
    check(std::min(a, b), std::max(std::max(a, b), int64_t(0)));
  }
}

TEST_F(NetChanges, AreUpdatesOfOneKey) {
  append("SELECT i AS id, 'x' AS v FROM range(4) r(i)");
  merge("SELECT * FROM (VALUES (1, 'y'), (2, 'x'), (9, 'n')) t(id, v)", {{"id"}, "", ""});
  merge("SELECT * FROM (VALUES (1, 'z')) t(id, v)", {{"id"}, "", "SELECT 3 AS id"});
  EXPECT_EQ(lines(0, 2, {"id"}),
            "1|x|update_preimage\n1|z|update_postimage\n3|x|delete\n9|n|insert\n");
  EXPECT_EQ(lines(0, 2), "1|x|delete\n1|z|insert\n3|x|delete\n9|n|insert\n");
  EXPECT_EQ(lines(2, 2), "");
  // What went and came back is no change.
  merge("SELECT * FROM (VALUES (1, 'x'), (3, 'x')) t(id, v)", {{"id"}, "", "SELECT 9 AS id"});
  EXPECT_EQ(lines(0, 3), "");
  EXPECT_NE(code_of([&] { lines(0, 1, {"idd"}); }).find("no column \"idd\""), std::string::npos);
}

TEST_F(NetChanges, KeepTheSignOfZeroThatTheyShow) {
  append("SELECT 1 AS id, -0.0::DOUBLE AS v UNION ALL SELECT 2, 1.5");
  EXPECT_EQ(lines(-1, 0), "1|-0|insert\n2|1.5|insert\n");
  EXPECT_EQ(lines(-1, 0, {"id"}), "1|-0|insert\n2|1.5|insert\n");
  replace("SELECT 1 AS id, 0.0::DOUBLE AS v UNION ALL SELECT 2, 1.5");
  EXPECT_EQ(lines(0, 1), "");
}

TEST_F(NetChanges, ReadOlderRowsAsTheNewerColumns) {
  append("SELECT 1 AS id, '5' AS v UNION ALL SELECT 2, 'five' UNION ALL SELECT 3, NULL");
  replace_schema_ = true;
  replace("SELECT 1 AS id, 5::BIGINT AS v UNION ALL SELECT 2, NULL UNION ALL SELECT 3, NULL");
  // A text that is no number has no place in the newer column, and was not NULL.
  EXPECT_EQ(lines(0, 1, {"id"}), "2|NULL|update_preimage\n2|NULL|update_postimage\n");
  alter(*files_, path_, connection_, {RenameColumn{"v", "w"}}, clock_);
  alter(*files_, path_, connection_, {DropColumn{"w"}}, clock_);
  EXPECT_EQ(lines(1, 2), "");
  EXPECT_EQ(lines(1, 3), "");
  EXPECT_EQ(lines(0, 3), "");
  alter(*files_, path_, connection_, {AddColumn{"v", "BIGINT"}}, clock_);
  EXPECT_EQ(lines(1, 4), "");  // another column of the same name
}

TEST_F(NetChanges, ReadOlderRowsByTheirOwnPartitions) {
  partition_by_ = {"p"};
  append("SELECT 1 AS id, 'a' AS p UNION ALL SELECT 2, NULL");
  apply([&](const StageContext& c) {
    return stage_replace_partitions(c, "SELECT 3 AS id, 'a' AS p", {});
  });
  EXPECT_EQ(lines(0, 1), "1|a|delete\n3|a|insert\n");
}

}  // namespace
}  // namespace windrow::lake
