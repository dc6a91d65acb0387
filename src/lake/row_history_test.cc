#include "lake/row_history.h"

#include <filesystem>
#include <random>

#include "lake/dml.h"
#include "lake/log_cleaning.h"
#include "lake/net_changes.h"
#include "lake/optimize.h"
#include "lake/rewrite_fixture.h"

namespace windrow::lake {
namespace {

class RowHistoryTest : public Rewrite {
 protected:
  RowHistory ask(const std::string& condition, int64_t from = -1, std::optional<int64_t> to = {},
                 size_t changes = SIZE_MAX, size_t rows = 10) {
    CommitLog log(*files_, table());
    return row_history(log, engine_, {condition, from, to.value_or(log.latest()), changes, rows},
                       cancel_);
  }
  /// `2: -1|a +1|b; 0: +1|a`
  static std::string text(const RowHistory& found) {
    std::string out;
    for (const auto& change : found.changes) {
      out += (out.empty() ? "" : "; ") + std::to_string(change.version) + ":";
      for (const auto& [sign, rows] : {std::pair{" -", &change.before}, {" +", &change.after}}) {
        for (const auto& row : *rows) {
          for (const auto& cell : row)
            out += (&cell == &row.front() ? sign : "|") + cell_text(cell);
        }
      }
    }
    return out;
  }

  Cancel cancel_;
};

TEST_F(RowHistoryTest, TellsWhichCommitsChangedRows) {
  append("SELECT i AS id, 'x' AS v FROM range(3) r(i)");
  merge("SELECT 1 AS id, 'y' AS v", {{"id"}, "", ""});
  merge("SELECT 2 AS id, 'y' AS v", {{"id"}, "", ""});  // writes the row with 1 again
  apply([&](const StageContext& c) {
    return stage_replace(c, duck_sql(scan(table().snapshot({}, &connection_))), {});
  });
  merge("SELECT 5 AS id, 'n' AS v", {{"id"}, "", "SELECT 1 AS id"});
  EXPECT_EQ(text(ask("id = 1")), "4: -1|y; 1: -1|x +1|y; 0: +1|x");
  EXPECT_EQ(text(ask("id = 1", 0, 3)), "1: -1|x +1|y");
  EXPECT_EQ(text(ask("id = 1", 1, 3)), "");
  EXPECT_EQ(text(ask("v = 'n'")), "4: +5|n");
  const auto newest = ask("id = 1", -1, {}, 1);
  EXPECT_EQ(text(newest), "4: -1|y");
  EXPECT_TRUE(newest.more);
  EXPECT_FALSE(ask("id = 1", -1, {}, 3).more);
  EXPECT_NE(code_of([&] { ask("idd = 1"); }).find("idd"), std::string::npos);
  EXPECT_NE(code_of([&] { ask("id = "); }).find("usage"), std::string::npos);
}

TEST_F(RowHistoryTest, CountsRowsThatAreNotShown) {
  append("SELECT 1 AS id, i % 2 AS v FROM range(100) r(i)");
  const auto found = ask("true", -1, {}, SIZE_MAX, 3);
  ASSERT_EQ(found.changes.size(), 1u);
  EXPECT_EQ(found.changes[0].added, 100);
  EXPECT_EQ(found.changes[0].after.size(), 3u);
  EXPECT_EQ(found.changes[0].removed, 0);
}

/// Only files that may hold the row are opened.
TEST_F(RowHistoryTest, OpensNoFileThatStatisticsRuleOut) {
  for (int day = 1; day <= 20; ++day) {
    append("SELECT " + std::to_string(day) + " AS id, TIMESTAMP '2025-10-01' + INTERVAL " +
               std::to_string(day) + " DAY AS \"at\", 'x' AS v",
           day % 2 == 0);
  }
  const auto by_id = ask("id = 7");
  EXPECT_EQ(by_id.changes.size(), 1u);
  EXPECT_EQ(by_id.files_read, 1u);
  EXPECT_EQ(by_id.files_there, 20u);
  EXPECT_EQ(by_id.commits, 20u);
  EXPECT_EQ(ask("\"at\" = '2025-10-05'").files_read, 1u);
  EXPECT_EQ(ask("\"at\" < '2025-10-04'").files_read, 3u);  // ends count as closed
  optimize(*files_, path_, connection_, {}, clock_);
  // One file of all rows: what a commit says it touched rules it out, and the packing is no change.
  merge("SELECT 3 AS id, TIMESTAMP '2025-10-04' AS \"at\", 'y' AS v", {{"id"}, "", ""});
  const auto by_time = ask("\"at\" = '2025-10-09'");
  EXPECT_EQ(by_time.changes.size(), 1u);
  EXPECT_EQ(by_time.files_read, 1u);
  EXPECT_EQ(text(ask("id = 3", 19)), "21: -3|2025-10-04 00:00:00|x +3|2025-10-04 00:00:00|y");
}

/// A random history against the net changes of each of its versions.
TEST_F(RowHistoryTest, IsThatOfEachVersion) {
  std::mt19937 random(3);
  const auto below = [&](int n) { return int(random() % unsigned(n)); };
  append("SELECT i % 5 AS id, i AS v FROM range(20) r(i)");
  for (int step = 0; step < 30; ++step) {
    const std::string id = std::to_string(below(6)), v = std::to_string(below(4));
    switch (below(5)) {
      case 0: append("SELECT " + id + " AS id, " + v + " AS v FROM range(2)"); break;
      case 1: apply([&](const StageContext& c) { return stage_delete(c, "v = " + v); }); break;
      case 2:
        apply([&](const StageContext& c) { return stage_update(c, {{"v", v}}, "id = " + id); });
        break;
      case 3: optimize(*files_, path_, connection_, {}, clock_); break;
      default:
        apply([&](const StageContext& c) {
          return stage_replace(c, duck_sql(scan(table().snapshot({}, &connection_))), {});
        });
    }
  }
  const std::string condition = "id = 2 OR v = 1";
  std::string expected;
  for (int64_t version = table().latest_version(); version >= 0; --version) {
    std::optional<Snapshot> before;
    if (version > 0) before = table().snapshot(version - 1, &connection_);
    const auto after = table().snapshot(version, &connection_);
    std::string line;
    for (const auto& row :
         connection_
             .query("FROM (" + duck_sql(net_changes(before ? &*before : nullptr, after, {})) +
                    ") WHERE " + condition + " ORDER BY _change_type, id, v")
             .rows)
      line += (cell_text(row[2]) == "delete" ? " -" : " +") + cell_text(row[0]) + "|" +
              cell_text(row[1]);
    if (!line.empty())
      expected += (expected.empty() ? "" : "; ") + std::to_string(version) + ":" + line;
  }
  EXPECT_EQ(text(ask(condition, -1, {}, SIZE_MAX, 1'000)), expected);
}

TEST_F(RowHistoryTest, SaysWhatIsNotKnown) {
  append("SELECT 1 AS id, 'a' AS v");
  merge("SELECT 1 AS id, 'b' AS v", {{"id"}, "", ""});
  merge("SELECT 1 AS id, 'c' AS v", {{"id"}, "", ""});
  const auto second = table().snapshot(1, &connection_);
  std::filesystem::remove(second.file_path(second.files.at(0)));
  const auto found = ask("id = 1");
  EXPECT_EQ(text(found), "0: +1|a");
  ASSERT_EQ(found.unknown.size(), 2u);
  EXPECT_EQ(found.unknown[0].version, 2);
  EXPECT_EQ(found.unknown[1].version, 1);
}

TEST_F(RowHistoryTest, SaysWhatIsNoLongerInTheLog) {
  for (int i = 0; i < 13; ++i) append("SELECT " + std::to_string(i) + " AS id, 0 AS n, 1 AS v");
  EXPECT_EQ(ask("id = 3").known_after, -1);
  ASSERT_EQ(clean_log(*files_, path_, clock_.now()).first_kept, 10);
  const auto found = ask("id = 11 OR id = 3");
  EXPECT_EQ(text(found), "11: +11|0|1");
  EXPECT_EQ(found.known_after, 9);
}

}  // namespace
}  // namespace windrow::lake
