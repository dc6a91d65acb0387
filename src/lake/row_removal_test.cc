#include "lake/row_removal.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/changes.h"
#include "lake/checkpoint.h"
#include "lake/history_archive.h"
#include "lake/log.h"
#include "lake/log_cleaning.h"
#include "lake/optimize.h"
#include "lake/partition_path.h"
#include "lake/table_fixture.h"
#include "lake/traces.h"
#include "lake/vacuum.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

class RowRemovalTest : public TableFixture {
 protected:
  RowRemoval erase(const std::string& condition, bool dry_run = false) {
    return erase_rows(*files_, path_, connection_, condition, dry_run, clock_);
  }
  RowRemoval retain(const std::string& column, const std::string& keep_from,
                    const std::string& zone = "UTC", bool dry_run = false) {
    return apply_retention(*files_, path_, connection_, {column, *parse_time(keep_from), zone},
                           dry_run, clock_);
  }
  std::vector<Add> files() { return table().snapshot({}, &connection_).files; }
  void put_log(const std::string& name, const std::string& text) {
    std::ofstream(log_file(name)) << text;
  }
};

TEST_F(RowRemovalTest, ErasesByConditionAlsoWhereTheLayerIsAppendOnly) {
  commit(creation("SELECT i AS id, 'u' || i AS name FROM range(3) t(i)", {}, true));
  append("SELECT 7 AS id, 'u1' AS name");
  append("SELECT 8 AS id, NULL AS name");
  EXPECT_EQ(erase("name = 'u1'", true).rows_removed, 2);
  EXPECT_EQ(table().latest_version(), 2);
  const auto done = erase("name = 'u1'");
  EXPECT_EQ(done.version, 3);
  EXPECT_EQ(done.rows_removed, 2);
  EXPECT_EQ(done.files_removed, 1);
  EXPECT_EQ(done.files_rewritten, 1);
  EXPECT_EQ(rows_at(), (Strings{"0|u0", "2|u2", "8|NULL"}));
  EXPECT_EQ(erase("name = 'u1'").version, -1);

  const auto commit = table().commits(2, 3).front();
  EXPECT_EQ(provenance_of(*commit.info)->kind, kMaintenanceKind);
  EXPECT_EQ(commit.info->operation, "DELETE");
  EXPECT_EQ(commit.info->json.find("u1"), std::string::npos);  // what was erased is not told
  EXPECT_EQ(nlohmann::json::parse(commit.info->json)["operationMetrics"]["numDeletedRows"], "2");
  // It makes nothing stale.
  EXPECT_EQ(changed_files(table(), 2, 3).files, 0);
  EXPECT_EQ(problem_of([&] { erase("nothing = 1"); }).code, Code::usage);
}

/// Rows 3, 4, 7, 11, 18 and 29 of a file are deleted by a vector, as Spark and Delta do it: readers
/// pass over them, and they are in the file all the same.
class HiddenRowsTest : public RowRemovalTest {
 protected:
  HiddenRowsTest() {
    attach(database_, *files_);
    auto request = creation("SELECT i::BIGINT AS id, 'person ' || i AS name FROM range(32) t(i)");
    request.adds[0].deletion_vector =
        DeletionVector{"i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
    request.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
    commit(std::move(request));
  }
  std::vector<std::string> traces(const std::string& condition, const KeyValues& key) {
    std::vector<std::string> out;
    for (const auto& trace : traces_of(*files_, path_, connection_, condition, key))
      out.push_back(trace.what);
    return out;
  }
  /// Rows with this name in any file of the folder, whatever the log says.
  int64_t on_disk(const std::string& name) {
    return std::get<int64_t>(connection_.value(
        "SELECT count(*) FROM read_parquet(" + duck::quote_text(path_ + "/**/*.parquet") +
        ", union_by_name = true) WHERE name = " + duck::quote_text(name)));
  }
};

TEST_F(HiddenRowsTest, GoWithTheOthers) {
  EXPECT_EQ(erase("id = 7", true).rows_hidden, 1);
  const auto done = erase("id IN (6, 7)");
  EXPECT_EQ(done.rows_removed, 1);
  EXPECT_EQ(done.rows_hidden, 1);
  EXPECT_EQ(done.files_rewritten, 1);
  EXPECT_EQ(rows_at().size(), 25u);
  EXPECT_FALSE(files().at(0).deletion_vector);
  const auto old =
      old_files_with(*files_, table().snapshot({}, &connection_), connection_, "id IN (6, 7)");
  EXPECT_EQ(purge(*files_, path_, connection_, old, clock_).files.size(), 1u);
  EXPECT_EQ(on_disk("person 7"), 0);
}

TEST_F(HiddenRowsTest, GoAloneWithoutAChangeOfRows) {
  const auto before = rows_at();
  EXPECT_EQ(traces("id = 7", {{"id", "7"}}), Strings{"1 row in a file of the latest version"});
  const auto done = erase("id = 7");
  EXPECT_EQ(done.rows_removed, 0);
  EXPECT_EQ(done.rows_hidden, 1);
  EXPECT_EQ(done.version, 1);
  EXPECT_EQ(rows_at(), before);
  const auto commit = table().commits(0, 1).front();
  EXPECT_FALSE(commit.changes_data());
  EXPECT_EQ(traces("id = 7", {{"id", "7"}}), Strings{"1 row in a file of older versions"});
  EXPECT_EQ(erase("id = 7").version, -1);
  const auto old =
      old_files_with(*files_, table().snapshot({}, &connection_), connection_, "id = 7");
  purge(*files_, path_, connection_, old, clock_);
  EXPECT_TRUE(traces("id = 7", {{"id", "7"}}).empty());
  EXPECT_EQ(on_disk("person 7"), 0);
  EXPECT_EQ(rows_at(), before);
}

TEST_F(RowRemovalTest, TracesAreFoundWhereverTheyAre) {
  auto request = creation(
      "SELECT i AS id, 'p' || i AS p, repeat('x', 40) || i AS name FROM range(3) t(i)", {"p"});
  commit(request);
  const auto traces = [&](const KeyValues& key) {
    std::set<std::string> out;
    const auto snapshot = table().snapshot({}, &connection_);
    for (const auto& trace :
         traces_of(*files_, path_, connection_, key_condition(snapshot, key), key))
      out.insert(trace.what);
    return out;
  };
  const std::set<std::string> in_live{"1 row in a file of the latest version",
                                      "statistics or partition values of files"};
  EXPECT_EQ(traces({{"id", "1"}}), in_live);
  EXPECT_EQ(traces({{"p", "p1"}}), in_live);
  EXPECT_TRUE(traces({{"name", std::string(40, 'x') + "1"}})
                  .contains("1 row in a file of the latest version"));
  EXPECT_EQ(traces({{"id", "1"}, {"p", "p2"}}), std::set<std::string>{});
  EXPECT_EQ(traces({{"id", "7"}}), std::set<std::string>{});
  // Of a killed writer, and of changed rows.
  const std::string own = table().snapshot().file_path(files().at(1));
  std::filesystem::copy(own, path_ + "/p=p1/left.parquet");
  std::filesystem::create_directories(path_ + "/_change_data/p=p1");
  std::filesystem::copy(own, path_ + "/_change_data/p=p1/cdc.parquet");
  std::ofstream(path_ + "/broken.parquet") << "PAR1";
  erase("id = 1");
  EXPECT_EQ(traces({{"id", "1"}}),
            (std::set<std::string>{"1 row in a file of older versions",
                                   "1 row in a file that no version names",
                                   "a file that no version names that cannot be looked into",
                                   "statistics or partition values of files"}));
  const auto old = [&](std::optional<Time> left_before) {
    const auto snapshot = table().snapshot({}, &connection_);
    return old_files_with(*files_, snapshot, connection_, "id = 1", left_before);
  };
  EXPECT_EQ(old({}).size(), 1u);
  EXPECT_EQ(old(parse_time("2000-01-01T00:00:00Z")).size(), 1u);  // it may still be committed
  const auto doomed = old(parse_time("2200-01-01T00:00:00Z"));
  EXPECT_EQ(doomed.size(), 4u);
  purge(*files_, path_, connection_, doomed, clock_);
  EXPECT_EQ(traces({{"id", "1"}}),
            std::set<std::string>{"statistics or partition values of files"});
  // The log forgets at a checkpoint.
  clock_.advance(std::chrono::hours(24 * 40));
  write_checkpoint(*files_, table().snapshot({}, &connection_), clock_.now(), connection_);
  put_log(version_text(1) + ".crc", R"({"allFiles":[{"stats":"{\"minValues\":{\"id\":1}}"}]})");
  clean_log(*files_, path_, clock_.now());
  EXPECT_EQ(traces({{"id", "1"}}), std::set<std::string>{});
  EXPECT_EQ(rows_at().size(), 2u);
}

TEST_F(RowRemovalTest, ConditionsThatOthersHaveWrittenDownAreTraces) {
  create("SELECT 1 AS id");
  put_log(version_text(1) + ".json",
          R"({"commitInfo":{"timestamp":1,"operation":"DELETE","operationParameters":)"
          R"({"predicate":"[\"(id = 41)\"]"}}})"
          "\n");
  const auto count = [&](const std::string& value) {
    return traces_of(*files_, path_, connection_, "id = " + value, {{"id", value}}).size();
  };
  EXPECT_EQ(count("41"), 1u);
  EXPECT_EQ(count("4"), 0u);
}

TEST_F(RowRemovalTest, KeysOfAnyType) {
  create(
      "SELECT i AS id, DATE '2025-01-01' + i::INTEGER AS day, 'it''s ' || i AS \"a b\" FROM "
      "range(4) t(i)");
  const auto snapshot = table().snapshot();
  erase(key_condition(snapshot, {{"ID", "1"}, {"day", "2025-01-02"}}));
  erase(key_condition(snapshot, {{"a b", "it's 3"}}));
  erase(key_condition(snapshot, {{"id", "2"}, {"day", "2025-01-01"}}));
  EXPECT_EQ(rows_at(), (Strings{"0|2025-01-01|it's 0", "2|2025-01-03|it's 2"}));
  EXPECT_EQ(problem_of([&] { key_condition(snapshot, {{"none", "1"}}); }).code, Code::usage);
}

TEST_F(RowRemovalTest, RowsThatComeMeanwhileAreErasedToo) {
  create("SELECT 1 AS id, 'x' AS v");
  append("SELECT 2 AS id, 'y' AS v");
  storage::FaultyFileSystem watched(*files_);
  int times = 0;
  watched.before_each([&](const std::string& line) {
    if (!line.starts_with("put_if_absent") || times++ > 0) return;
    append("SELECT 1 AS id, 'again' AS v");
  });
  erase_rows(watched, path_, connection_, "id = 1", false, clock_);
  EXPECT_EQ(rows_at(), (Strings{"2|y"}));
}

TEST_F(RowRemovalTest, AConflictIsPlannedAnew) {
  create("SELECT i AS id FROM range(4) t(i)");
  append("SELECT 9 AS id");
  storage::FaultyFileSystem watched(*files_);
  bool done = false;
  watched.before_each([&](const std::string& line) {
    if (done || !line.starts_with("put_if_absent")) return;
    done = true;
    optimize(*files_, path_, connection_, {}, clock_);
  });
  const auto removal = erase_rows(watched, path_, connection_, "id < 2", false, clock_);
  EXPECT_EQ(removal.rows_removed, 2);
  EXPECT_EQ(rows_at(), (Strings{"2", "3", "9"}));
}

TEST_F(RowRemovalTest, PurgeTakesEveryOldFileWithTheRowsAndNoOther) {
  create("SELECT 1 AS id, 'x' AS v");
  append("SELECT 2 AS id, 'y' AS v");
  append("SELECT 3 AS id, 'z' AS v");
  const auto old = files();
  optimize(*files_, path_, connection_, {}, clock_);  // now two files hold the row of id 1
  auto done = erase("id = 1");
  const auto snapshot = table().snapshot({}, &connection_);
  const auto doomed = old_files_with(*files_, snapshot, connection_, "id = 1");
  ASSERT_EQ(doomed.size(), 2u);
  EXPECT_EQ(purge(*files_, path_, connection_, doomed, clock_).files.size(), 2u);
  EXPECT_EQ(rows_at(), (Strings{"2|y", "3|z"}));
  size_t kept = 0;
  for (const auto& add : old) kept += files_->stat(snapshot.file_path(add)).has_value();
  EXPECT_EQ(kept, 2u);
  EXPECT_TRUE(
      old_files_with(*files_, table().snapshot({}, &connection_), connection_, "id = 1").empty());
}

TEST_F(RowRemovalTest, WhoReadsNewRowsLaterDoesNotBringErasedOnesBack) {
  create("SELECT 0 AS id");
  append("SELECT 1 AS id UNION ALL SELECT 2");
  append("SELECT 3 AS id");
  optimize(*files_, path_, connection_, {}, clock_);
  erase("id IN (0, 1)");
  append("SELECT 1 AS id");  // again, after it was forgotten
  const auto added = [&](int64_t from) {
    const auto changes = row_changes(table(), from, table().latest_version(), connection_);
    EXPECT_TRUE(changes.clean);
    return rows("FROM (" + duck_sql(changes.added) + ") ORDER BY ALL");
  };
  EXPECT_EQ(added(0), (Strings{"1", "2", "3"}));
  EXPECT_EQ(added(1), (Strings{"1", "3"}));
  EXPECT_EQ(added(3), (Strings{"1"}));
}

TEST_F(RowRemovalTest, WhoKeepsCopiesIsToldOfErasedRowsAlone) {
  create("SELECT i AS id, DATE '2025-01-01' + i::INTEGER AS day FROM range(4) t(i)");
  append("SELECT 9 AS id, DATE '2025-02-01' AS day");
  ASSERT_GE(retain("day", "2025-01-02").version, 0);
  optimize(*files_, path_, connection_, {}, clock_);
  const int64_t before = table().latest_version();
  EXPECT_FALSE(rows_erased(table(), 0, before));
  ASSERT_GE(erase("id = 2").version, 0);
  EXPECT_TRUE(rows_erased(table(), 0, table().latest_version()));
  EXPECT_TRUE(rows_erased(table(), before, table().latest_version()));
  EXPECT_FALSE(rows_erased(table(), table().latest_version(), table().latest_version()));
}

TEST_F(RowRemovalTest, ACleanedLogStillSaysWhatWasMaintenance) {
  create("SELECT i AS id FROM range(3) t(i)");
  append("SELECT 9 AS id");
  erase("id = 1");
  optimize(*files_, path_, connection_, {}, clock_);
  clock_.advance(std::chrono::hours(1));
  write_checkpoint(*files_, table().snapshot({}, &connection_), clock_.now(), connection_);
  EXPECT_GT(clean_log(*files_, path_, clock_.now()).files_removed, 0);
  EXPECT_EQ(changed_files(table(), 1, 3).files, 0);
  EXPECT_EQ(problem_of([&] { changed_files(table(), 0, 3); }).code, Code::history_lost);
}

TEST_F(RowRemovalTest, ACleanedLogStillSaysWhatChangedNoRow) {
  create("SELECT 1 AS id");
  append("SELECT 2 AS id");
  auto empty = appending("SELECT 1 AS id WHERE false");
  empty.adds.clear();
  commit(empty);
  commit(empty);
  clock_.advance(std::chrono::hours(1));
  write_checkpoint(*files_, table().snapshot({}, &connection_), clock_.now(), connection_);
  EXPECT_GT(clean_log(*files_, path_, clock_.now()).files_removed, 0);
  EXPECT_EQ(changed_files(table(), 1, 3).files, 0);
  EXPECT_TRUE(row_changes(table(), 1, 3, connection_).clean);
  EXPECT_EQ(problem_of([&] { changed_files(table(), 0, 3); }).code, Code::history_lost);
}

TEST_F(RowRemovalTest, RetentionRemovesWholeFilesAndRewritesTheOneBetween) {
  create("SELECT TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR AS t FROM range(3) r(i)");
  append("SELECT TIMESTAMP '2025-01-02 22:00' + INTERVAL (i) HOUR AS t FROM range(4) r(i)");
  append("SELECT NULL::TIMESTAMP AS t");
  append("SELECT TIMESTAMP '2025-01-05' AS t");
  const auto dry = retain("t", "2025-01-03", "UTC", true);
  EXPECT_EQ(table().latest_version(), 3);
  const auto done = retain("t", "2025-01-03");
  EXPECT_EQ(done.files_removed, 1);
  EXPECT_EQ(done.files_rewritten, dry.files_rewritten);
  EXPECT_EQ(done.rows_removed, 5);
  EXPECT_EQ(dry.rows_removed, 5);
  EXPECT_EQ(rows_at(),
            (Strings{"2025-01-03 00:00:00", "2025-01-03 01:00:00", "2025-01-05 00:00:00", "NULL"}));
  EXPECT_EQ(retain("t", "2025-01-03").version, -1);
  EXPECT_EQ(problem_of([&] { retain("none", "2025-01-03"); }).code, Code::configuration);
}

TEST_F(RowRemovalTest, RetentionOfEveryTimeType) {
  for (const char* type : {"DATE", "TIMESTAMP", "TIMESTAMPTZ"}) {
    create("SELECT (TIMESTAMP '2025-01-01' + INTERVAL (i) DAY)::" + std::string(type) +
           " AS t FROM range(4) r(i)");
    EXPECT_EQ(retain("t", "2025-01-03").rows_removed, 2) << type;
    EXPECT_EQ(rows_at().size(), 2u) << type;
    std::filesystem::remove_all(path_);
  }
}

TEST_F(RowRemovalTest, LocalTimesCountInTheirZone) {
  create("SELECT TIMESTAMP '2025-01-03 00:30' AS t UNION ALL SELECT TIMESTAMP '2025-01-02 23:30'");
  // Midnight of the third in Berlin.
  retain("t", "2025-01-02T23:00:00Z", "Europe/Berlin");
  EXPECT_EQ(rows_at(), (Strings{"2025-01-03 00:30:00"}));
}

TEST_F(RowRemovalTest, RetentionByCalendarPartitionsTakesWholePartitionsOnly) {
  create(
      "SELECT i AS a, year(t) AS year, month(t) AS month, day(t) AS day FROM (SELECT i, "
      "TIMESTAMP '2024-12-30 12:00' + INTERVAL (i) DAY AS t FROM range(5) r(i))",
      {"year", "month", "day"});
  EXPECT_EQ(partition_time(table().snapshot()), "");
  const auto done = retain("", "2025-01-01T13:00:00Z");
  EXPECT_EQ(done.files_removed, 2);
  EXPECT_EQ(done.files_rewritten, 0);
  EXPECT_EQ(rows_at().size(), 3u);
  EXPECT_EQ(retain("", "2025-01-02T00:00:00Z", "Europe/Berlin").files_removed, 1);
}

TEST_F(RowRemovalTest, WhatPartitionsSayOfTime) {
  create("SELECT 1 AS a, 2 AS b", {"b"});
  EXPECT_FALSE(partition_time(table().snapshot()));
  std::filesystem::remove_all(path_);
  create("SELECT 1 AS a, DATE '2025-01-01' AS d, 2025 AS month", {"d", "month"});
  EXPECT_EQ(partition_time(table().snapshot()), "d");
  EXPECT_EQ(retain("d", "2025-01-02").files_removed, 1);
  EXPECT_TRUE(rows_at().empty());
}

TEST_F(RowRemovalTest, AnyFaultLosesNothingAndBlocksNothing) {
  using storage::Fault;
  create("SELECT 0 AS a");
  for (const auto fault : {Fault::before, Fault::after, Fault::torn, Fault::short_read}) {
    for (size_t n = 0;; ++n) {
      append("SELECT 1 AS a UNION ALL SELECT 0");
      const auto before =
          rows("SELECT count(*) FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) +
               ") WHERE a = 0");
      storage::FaultyFileSystem faulty(*files_);
      faulty.fail(n, fault);
      try {
        erase_rows(faulty, path_, connection_, "a = 1", false, clock_);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::unavailable || fault == Fault::short_read)
            << error.what();
      }
      erase("a = 1");
      EXPECT_EQ(
          rows("SELECT count(*) FROM (" + duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
          before);
      if (faulty.operations() <= n) break;
      ASSERT_LT(n, 80u);
    }
  }
}

}  // namespace
}  // namespace windrow::lake
