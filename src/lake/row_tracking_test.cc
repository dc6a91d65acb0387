#include "lake/row_tracking.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/alter.h"
#include "lake/change_data.h"
#include "lake/copies.h"
#include "lake/dml.h"
#include "lake/log.h"
#include "lake/optimize.h"
#include "lake/rewrite.h"
#include "lake/row_removal.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

using When = MergeClause::When;
using Then = MergeClause::Then;

class RowTrackingTest : public TableFixture {
 protected:
  RowTrackingTest() { attach(database_, *files_); }

  /// A table that keeps ids from its version 1 on, with `select` in version 0.
  void make(const std::string& select, const std::vector<std::string>& partition_by = {}) {
    create(select, partition_by);
    set(kEnableRowTracking, "true");
  }
  int64_t set(const std::string& key, const std::optional<std::string>& value) {
    return alter(*files_, path_, connection_, {SetProperty{key, value}}, clock_);
  }
  int64_t apply(const auto& stage) {
    const StageContext with{
        engine_, *files_, path_, "t",          table().snapshot({}, &connection_),
        {},      true,    false, clock_.now(), {}};
    clock_.advance(std::chrono::seconds(1));
    return commit(request_of(stage(with), {}));
  }
  int64_t update(const std::vector<Assignment>& to, const std::string& condition) {
    return apply([&](const StageContext& with) { return stage_update(with, to, condition); });
  }
  int64_t remove(const std::string& condition) {
    return apply([&](const StageContext& with) { return stage_delete(with, condition); });
  }
  int64_t merge(const std::string& select, MergeOptions options) {
    return apply([&](const StageContext& with) { return stage_merge(with, select, {}, options); });
  }

  /// `columns`|row id|row commit version of each row, by the columns.
  Strings ids(const std::string& columns = "id", std::optional<int64_t> version = {}) {
    const auto snapshot = table().snapshot(version, &connection_);
    return rows("SELECT " + columns + row_id_columns(snapshot) + " FROM (" +
                duck_sql(scan(snapshot, snapshot.files, Scan::Extra::row_ids)) + ") ORDER BY ALL");
  }
  Metadata metadata() { return table().snapshot({}, &connection_).metadata; }
  RowTracking names() {
    const auto snapshot = table().snapshot({}, &connection_);
    return row_tracking(snapshot.protocol, snapshot.metadata).value();
  }
};

TEST_F(RowTrackingTest, IsSwitchedOnForTheRowsThatAreThere) {
  create("SELECT i AS id FROM range(3) r(i)");
  append("SELECT 10 + i AS id FROM range(2) r(i)");
  set(kEnableRowTracking, "true");
  const auto snapshot = table().snapshot();
  const auto kept = names();
  EXPECT_TRUE(kept.id.starts_with("_row-id-col-")) << kept.id;
  EXPECT_TRUE(kept.commit_version.starts_with("_row-commit-version-col-"));
  EXPECT_EQ(snapshot.protocol.min_writer_version, 7);
  EXPECT_EQ(snapshot.domains.at(kRowTrackingDomain).configuration, "{\"rowIdHighWaterMark\":4}");
  EXPECT_FALSE(table().commits(1, 2).front().changes_data());
  std::set<std::string> found;
  for (const auto& row : rows("SELECT " + duck::quote_name(kRowId) + " FROM (" +
                              duck_sql(scan(snapshot, snapshot.files, Scan::Extra::row_ids)) + ")"))
    found.insert(row);
  EXPECT_EQ(found, (std::set<std::string>{"0", "1", "2", "3", "4"}));
  append("SELECT 20 AS id");
  EXPECT_EQ(ids().back(), "20|5|3");

  // The names are the table's for ever.
  set(kEnableRowTracking, "false");
  set(kEnableRowTracking, "true");
  EXPECT_EQ(names(), kept);
  EXPECT_EQ(problem_of([&] { set("delta.rowTracking.materializedRowIdColumnName", "x"); }).code,
            Code::usage);
}

TEST_F(RowTrackingTest, FilesOfAnotherWriterAreCounted) {
  auto request = creation("SELECT i AS id FROM range(32) r(i)");
  request.adds[0].stats.clear();
  request.adds[0].deletion_vector =
      DeletionVector{"i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
  request.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
  commit(std::move(request));
  set(kEnableRowTracking, "true");
  EXPECT_EQ(table().snapshot().domains.at(kRowTrackingDomain).configuration,
            "{\"rowIdHighWaterMark\":31}");
  // Hidden rows have their place: ids are places in the file, not numbers of rows.
  const auto before = ids();
  EXPECT_EQ(before.size(), 26u);
  for (const auto& row : before) {
    const auto id = row.substr(0, row.find('|'));
    EXPECT_EQ(row, id + "|" + id + "|1");
  }
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_EQ(table().latest_version(), 2);
  EXPECT_EQ(ids(), before);
}

TEST_F(RowTrackingTest, DeleteAndUpdateKeepIds) {
  make("SELECT i AS id, 'old' AS v FROM range(6) r(i)");
  remove("id = 1");
  EXPECT_EQ(ids(), (Strings{"0|0|1", "2|2|1", "3|3|1", "4|4|1", "5|5|1"}));
  update({{"v", "'new'"}}, "id IN (2, 4)");
  EXPECT_EQ(ids("id, v"),
            (Strings{"0|old|0|1", "2|new|2|3", "3|old|3|1", "4|new|4|3", "5|old|5|1"}));
  update({{"id", "id + 100"}}, "id = 4");
  append("SELECT 7 AS id, 'appended' AS v");
  EXPECT_EQ(ids(), (Strings{"0|0|1", "2|2|3", "3|3|1", "5|5|1", "7|21|5", "104|4|4"}));
  // Nobody sees the columns that carry them.
  EXPECT_EQ(connection_.describe(duck_sql(scan(table().snapshot()))).size(), 2u);
  for (const auto& add : table().snapshot().files)
    EXPECT_EQ(add.stats.find("_row-"), std::string::npos) << add.stats;
  EXPECT_EQ(metadata().schema_string.find("_row-"), std::string::npos);
  const auto info = nlohmann::json::parse(read_commit(*files_, path_, 3).info->json);
  EXPECT_EQ(info["tags"]["delta.rowTracking.preserved"], "true");
}

TEST_F(RowTrackingTest, MergesKeepIds) {
  make("SELECT i AS id, 'old' AS v FROM range(5) r(i)");
  apply([&](const StageContext& with) {
    return stage_merge_clauses(
        with, "SELECT * FROM (VALUES (1, 'U'), (2, 'D'), (7, 'I')) x(id, v)", {}, "t.id = s.id",
        {{When::matched, Then::remove, "s.v = 'D'", {}},
         {When::matched, Then::update, "", {}},
         {When::not_matched, Then::insert, "", {}},
         {When::not_matched_by_source, Then::update, "t.id = 4", {{"v", "'alone'"}}}});
  });
  const auto merged = ids("id, v");
  ASSERT_EQ(merged.size(), 5u);
  EXPECT_EQ(Strings(merged.begin(), merged.begin() + 4),
            (Strings{"0|old|0|1", "1|U|1|2", "3|old|3|1", "4|alone|4|2"}));
  EXPECT_TRUE(merged[4].starts_with("7|I|") && merged[4].ends_with("|2")) << merged[4];
  EXPECT_GT(std::stoi(merged[4].substr(4)), 4);

  // By key: a row that says nothing new stays what it is.
  merge("SELECT * FROM (VALUES (0, 'old'), (1, 'V'), (9, 'new')) x(id, v)",
        {{"id"}, "", "", false});
  const auto by_key = ids("id, v");
  ASSERT_EQ(by_key.size(), 6u);
  EXPECT_EQ(Strings(by_key.begin(), by_key.begin() + 5),
            (Strings{"0|old|0|1", "1|V|1|3", "3|old|3|1", "4|alone|4|2", merged[4]}));
}

TEST_F(RowTrackingTest, RowsThatShareAKeyNeverShareAnId) {
  make("SELECT 1 AS id, 'old' AS v FROM range(3)");
  merge("SELECT 1 AS id, 'new' AS v", {{"id"}, "", "", false});
  EXPECT_EQ(ids("id, v"), Strings{"1|new|0|2"});
}

TEST_F(RowTrackingTest, HistoryOfChangesKeepsIds) {
  create(
      "SELECT 1 AS id, 'a' AS v, TIMESTAMP '2020-01-01 00:00:00' AS valid_from, "
      "NULL::TIMESTAMP AS valid_to, true AS is_current UNION ALL "
      "SELECT 2, 'b', TIMESTAMP '2020-01-01 00:00:00', NULL, true");
  set(kEnableRowTracking, "true");
  const auto before = ids();
  apply([&](const StageContext& with) {
    return stage_scd2(with, "SELECT 1 AS id, 'changed' AS v UNION ALL SELECT 2, 'b'", {},
                      {{"id"}, clock_.now()});
  });
  const auto after = ids("id, is_current");
  ASSERT_EQ(after.size(), 3u);
  const auto id_of = [](const std::string& row) { return row.substr(2, row.rfind('|') - 2); };
  EXPECT_EQ(after[0], "1|false|" + id_of(before[0]) + "|2");
  EXPECT_EQ(after[2], "2|true|" + id_of(before[1]) + "|1");
}

TEST_F(RowTrackingTest, ReplacingKeepsIdsOfWhatStays) {
  make("SELECT i AS id, DATE '2025-01-01' + i::INTEGER AS d FROM range(4) r(i)");
  apply([&](const StageContext& with) {
    return stage_replace_where(with, "SELECT 3 AS id, DATE '2025-02-02' AS d", {}, "id = 3");
  });
  auto now = ids();
  ASSERT_EQ(now.size(), 4u);
  EXPECT_EQ(Strings(now.begin(), now.begin() + 3), (Strings{"0|0|1", "1|1|1", "2|2|1"}));
  EXPECT_EQ(now[3], "3|4|2");
  apply([&](const StageContext& with) {
    return stage_replace_interval(
        with, "SELECT 20 AS id, DATE '2025-01-02' AS d", {}, "d",
        {*parse_time("2025-01-02T00:00:00Z"), *parse_time("2025-01-03T00:00:00Z")}, "UTC");
  });
  now = ids();
  ASSERT_EQ(now.size(), 4u);
  EXPECT_EQ(Strings(now.begin(), now.begin() + 3), (Strings{"0|0|1", "2|2|1", "3|4|2"}));
}

TEST_F(RowTrackingTest, MaintenanceKeepsIds) {
  make("SELECT i AS id, i % 2 AS p FROM range(8) r(i)", {"p"});
  append("SELECT 8 + i AS id, i % 2 AS p FROM range(4) r(i)");
  update({{"id", "id + 100"}}, "id = 9");
  const auto before = ids("id, p");
  ASSERT_EQ(before.size(), 12u);
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_EQ(table().snapshot().files.size(), 2u);
  EXPECT_EQ(ids("id, p"), before);
  OptimizeOptions by_curve;
  by_curve.zorder = {"id"};
  optimize(*files_, path_, connection_, by_curve, clock_);
  EXPECT_EQ(ids("id, p"), before);
  EXPECT_EQ(erase_rows(*files_, path_, connection_, "id = 0", false, clock_).rows_removed, 1);
  EXPECT_EQ(ids("id, p"), Strings(before.begin() + 1, before.end()));
}

TEST_F(RowTrackingTest, FilesWithAndWithoutTheColumnsAreReadTogether) {
  make("SELECT i AS id, 'p' || i % 2 AS p FROM range(4) r(i)", {"p"});
  update({{"id", "id"}}, "id = 0");
  append("SELECT 4 AS id, 'p0' AS p");
  alter(*files_, path_, connection_,
        {AddColumn{"more", "INTEGER"}, WidenColumn{"id", "DECIMAL(22,1)"}}, clock_);
  const auto before = ids("id, p, more");
  EXPECT_EQ(rows_at(),
            (Strings{"0.0|p0|NULL", "1.0|p1|NULL", "2.0|p0|NULL", "3.0|p1|NULL", "4.0|p0|NULL"}));
  update({{"more", "1"}}, "false");
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_EQ(ids("id, p, more"), before);
}

TEST_F(RowTrackingTest, ColumnsAreFoundByIdToo) {
  const std::string select = "SELECT i AS id, i * 10 AS v FROM range(32) r(i)";
  auto request = creation(select);
  request.protocol =
      Protocol{3,
               7,
               {"columnMapping", "deletionVectors"},
               {"columnMapping", "deletionVectors", "rowTracking", "domainMetadata"}};
  auto& schema = request.metadata->schema_string;
  auto json = nlohmann::json::parse(schema);
  for (int i = 0; i < 2; ++i) {
    json["fields"][size_t(i)]["metadata"] = {
        {"delta.columnMapping.id", i + 1},
        {"delta.columnMapping.physicalName", "col-" + std::to_string(i)}};
  }
  schema = json.dump();
  request.metadata->configuration["delta.columnMapping.mode"] = "id";
  request.metadata->configuration["delta.columnMapping.maxColumnId"] = "2";
  request.adds.clear();
  commit(std::move(request));
  set(kEnableRowTracking, "true");
  apply([&](const StageContext& with) { return stage_append(with, select, {}); });
  update({{"v", "7"}}, "id = 2");
  update({{"v", "8"}}, "id = 3");
  apply(
      [&](const StageContext& with) { return stage_append(with, "SELECT 99 AS id, 9 AS v", {}); });
  const auto found = ids("id, v");
  ASSERT_EQ(found.size(), 33u);
  EXPECT_EQ(Strings(found.begin(), found.begin() + 4),
            (Strings{"0|0|0|2", "1|10|1|2", "2|7|2|3", "3|8|3|4"}));
  EXPECT_EQ(found.back(), "99|9|96|5");

  // Rows that carry ids, some of them hidden: 3, 4, 7, 11, 18 and 29.
  const auto snapshot = table().snapshot();
  auto hiding = appending("SELECT 0");
  hiding.adds.clear();
  for (Add add : snapshot.files) {
    if (add.base_row_id == 96) continue;
    hiding.removes.push_back(remove_of(add, clock_.now()));
    add.deletion_vector =
        DeletionVector{"i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
    hiding.adds.push_back(std::move(add));
  }
  commit(std::move(hiding));
  const auto shown = ids("id, v");
  EXPECT_EQ(shown.size(), 27u);
  EXPECT_EQ(rows_at().size(), 27u);
  for (const auto& row : shown)
    EXPECT_NE(std::find(found.begin(), found.end(), row), found.end()) << row;
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_EQ(ids("id, v"), shown);
}

TEST_F(RowTrackingTest, AColumnThatHidesThePlacesOfRowsIsRefused) {
  make("SELECT i AS id, 1 AS \"File_row_number\" FROM range(3) r(i)");
  EXPECT_EQ(rows_at().size(), 3u);
  EXPECT_EQ(problem_of([&] { remove("id = 1"); }).code, Code::unsupported);
}

TEST_F(RowTrackingTest, RestoredRowsAreTheSameAndAClonesAreNew) {
  make("SELECT i AS id FROM range(3) r(i)");
  update({{"id", "id + 10"}}, "id = 0");
  const auto kept = names();
  const auto before = ids();
  remove("id = 1");
  restore(*files_, path_, connection_, 2, {}, clock_);
  EXPECT_EQ(ids(), before);
  // Back to where no ids were kept, and on again: the names are the same, new ids are new.
  restore(*files_, path_, connection_, 0, {}, clock_);
  EXPECT_FALSE(metadata().configuration.contains(kEnableRowTracking));
  set(kEnableRowTracking, "true");
  EXPECT_EQ(names(), kept);
  EXPECT_EQ(ids(), (Strings{"0|0|1", "1|1|1", "2|2|1"}));

  restore(*files_, path_, connection_, 2, {}, clock_);
  const std::string copy = folder_ + "/a clone";
  clone(*files_, path_, copy, connection_, {}, clock_);
  const auto there = Table(*files_, copy).snapshot({}, &connection_);
  const auto own = row_tracking(there.protocol, there.metadata).value();
  EXPECT_NE(own.id, kept.id);
  EXPECT_EQ(rows("SELECT id" + row_id_columns(there) + " FROM (" +
                 duck_sql(scan(there, there.files, Scan::Extra::row_ids)) + ") ORDER BY ALL")
                .size(),
            3u);
  EXPECT_EQ(rows("SELECT sum(\"windrow row id\"), max(\"windrow row commit version\") FROM (" +
                 duck_sql(scan(there, there.files, Scan::Extra::row_ids)) + ")"),
            Strings{"3|0"});
  EXPECT_EQ(there.domains.at(kRowTrackingDomain).configuration, "{\"rowIdHighWaterMark\":2}");
  EXPECT_EQ(read_commit(*files_, copy, 0).domains.size(), 1u);
}

TEST_F(RowTrackingTest, ChangesAreToldWithoutIds) {
  auto request = creation("SELECT i AS id, 'old' AS v FROM range(3) r(i)");
  request.metadata->configuration["delta.enableChangeDataFeed"] = "true";
  request.protocol = Protocol{1, 4, {}, {}};
  commit(std::move(request));
  set(kEnableRowTracking, "true");
  update({{"v", "'new'"}}, "id = 1");
  EXPECT_EQ(rows("SELECT * EXCLUDE (_commit_timestamp) FROM (" +
                 duck_sql(change_feed(table(), 1, 2, connection_)) + ") ORDER BY ALL"),
            (Strings{"1|new|update_postimage|2", "1|old|update_preimage|2"}));
}

TEST_F(RowTrackingTest, WithoutThePropertyIdsAreFresh) {
  auto request = creation("SELECT i AS id FROM range(3) r(i)");
  request.protocol = Protocol{1, 7, {}, {"rowTracking", "domainMetadata"}};
  commit(std::move(request));
  EXPECT_EQ(row_id_columns(table().snapshot()), "");
  remove("id = 0");
  EXPECT_EQ(table().snapshot().files.at(0).base_row_id, 3);
  set(kRowTrackingSuspended, "true");
  append("SELECT 7 AS id");
  int without = 0;
  for (const auto& add : table().snapshot().files) without += !add.base_row_id;
  EXPECT_EQ(without, 1);
  EXPECT_EQ(problem_of([&] { set(kEnableRowTracking, "true"); }).code, Code::unsupported);
}

TEST_F(RowTrackingTest, NamesThatAreMissingOrTakenAreRefused) {
  make("SELECT i AS id FROM range(3) r(i)");
  const std::string name = names().id;
  const auto clash = problem_of([&] {
    alter(*files_, path_, connection_, {AddColumn{duck::quote_name(name), "INTEGER"}}, clock_);
  });
  EXPECT_EQ(clash.code, Code::data);
  EXPECT_NE(clash.message.find(name), std::string::npos);
  EXPECT_EQ(problem_of([&] {
              apply([&](const StageContext& with) {
                return stage_append(with, "SELECT 1 AS id, 2 AS " + duck::quote_name(name), {});
              });
            }).code,
            Code::data);

  auto broken = appending("SELECT 3 AS id");
  broken.metadata = metadata();
  take_row_tracking_names({}, *broken.metadata);
  const auto missing = problem_of([&] { commit(broken); });
  EXPECT_EQ(missing.code, Code::corrupt);
  EXPECT_NE(missing.message.find("materializedRowIdColumnName"), std::string::npos);
}

TEST_F(RowTrackingTest, ABrokenRuleIsToldWithoutIds) {
  make("SELECT i AS id FROM range(3) r(i)");
  alter(*files_, path_, connection_, {AddConstraint{"small", "id < 10"}}, clock_);
  const auto problem = problem_of([&] { update({{"id", "99"}}, "id = 1"); });
  EXPECT_NE(problem.message.find("{'id': 99}"), std::string::npos) << problem.message;
}

}  // namespace
}  // namespace windrow::lake
