#include <fstream>

#include "lake/alter.h"
#include "lake/change_data.h"
#include "lake/copies.h"
#include "lake/deletion_vector.h"
#include "lake/dml.h"
#include "lake/net_changes.h"
#include "lake/optimize.h"
#include "lake/protocol.h"
#include "lake/rewrite_fixture.h"
#include "lake/row_delta.h"
#include "lake/row_removal.h"
#include "lake/statistics.h"
#include "lake/vacuum.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

/// A table whose files get deletion vectors instead of being written anew: one file of a hundred
/// rows with ids from 0 and a time every hour.
class Thinning : public Rewrite {
 protected:
  Thinning() {
    vectors_ = {true, 1, 0};
    append(
        "SELECT i AS id, i % 7 AS v, 'name ' || i AS name, TIMESTAMP '2025-01-01' + INTERVAL 1 "
        "HOUR "
        "* i AS \"at\" FROM range(100) r(i)");
  }
  Snapshot now() { return table().snapshot({}, &connection_); }
  Staged remove(const std::string& condition) {
    return apply([&](const StageContext& c) { return stage_delete(c, condition); });
  }
  void set(const std::string& property, const std::string& value) {
    alter(*files_, path_, connection_, {SetProperty{property, value}}, clock_);
  }
  std::string ids(const std::string& more = "true") {
    return rows("SELECT count(*), sum(id) FROM (" + duck_sql(scan(now())) + ") WHERE " + more);
  }
  std::vector<std::string> vector_files() {
    std::vector<std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      if (file.path().extension() == ".bin") out.push_back(file.path());
    }
    return out;
  }
};

TEST_F(Thinning, TheFirstVectorSwitchesThemOn) {
  EXPECT_EQ(now().protocol.reader_features, std::vector<std::string>{"timestampNtz"});
  const auto staged = remove("id IN (3, 4)");
  EXPECT_EQ(staged.metrics.at("numDeletionVectorsAdded"), "1");
  EXPECT_EQ(staged.metrics.at("numDeletedRows"), "2");
  EXPECT_EQ(staged.metrics.at("numRemovedFiles"), "0");
  const auto after = now();
  EXPECT_EQ(after.protocol.reader_features,
            (std::vector<std::string>{"timestampNtz", "deletionVectors"}));
  EXPECT_TRUE(switched_on(after.metadata, "delta.enableDeletionVectors"));
  ASSERT_EQ(after.files.size(), 1u);
  EXPECT_NE(after.files[0].stats.find("\"tightBounds\":false"), std::string::npos);
  EXPECT_NE(after.files[0].stats.find("\"numRecords\":100"), std::string::npos);
  EXPECT_EQ(after.rows(), 98);
  EXPECT_EQ(after.files[0].deletion_vector->storage_type, "i");  // small
  EXPECT_EQ(ids(), rows("SELECT 98, 4950 - 7"));
  EXPECT_EQ(remove("id = 5").metrics.at("numDeletionVectorsUpdated"), "1");
  EXPECT_EQ(now().files[0].deletion_vector->cardinality, 3);
  EXPECT_EQ(data_files(), 1u);
}

TEST_F(Thinning, WhoFollowsRowsReadsWhatAVectorHides) {
  const auto since = [&](int64_t from, const std::string& gone, const std::string& come) {
    const auto delta = row_delta(table(), from, now().version, connection_);
    EXPECT_EQ(delta.unusable, "");
    const auto sums = [&](const Relation& side) {
      return side.empty() ? rows("SELECT 0, NULL")
                          : rows("SELECT count(*), sum(id) FROM (" + duck_sql(side) + ")");
    };
    EXPECT_EQ(sums(delta.removed), rows("SELECT " + gone));
    EXPECT_EQ(sums(delta.added), rows("SELECT " + come));
    return std::pair{delta.removed_rows, delta.added_rows};
  };
  const auto first = now().version;
  remove("id IN (3, 4)");  // switches vectors on, which is no change of columns
  EXPECT_EQ(since(first, "2, 7", "0, NULL"), std::pair(int64_t(2), int64_t(0)));
  const auto second = now().version;
  remove("id = 5");
  append("SELECT 200 AS id, 1 AS v, 'n' AS name, TIMESTAMP '2025-02-01' AS \"at\"");
  EXPECT_EQ(since(second, "1, 5", "1, 200"), std::pair(int64_t(1), int64_t(1)));
  EXPECT_EQ(since(first, "3, 12", "1, 200"), std::pair(int64_t(3), int64_t(1)));
  const auto third = now().version;
  vectors_ = {false, 0, 0};
  remove("id < 10");  // the file is written anew
  EXPECT_EQ(since(third, "97, 4950 - 12", "90, 4950 - 45"), std::pair(int64_t(97), int64_t(90)));
  set("delta.appendOnly", "true");
  EXPECT_EQ(row_delta(table(), third, now().version, connection_).unusable,
            "its columns or properties were changed");
}

TEST_F(Thinning, TheRuleChoosesFileByFile) {
  vectors_ = {true, 0.25, 0};
  remove("id < 25");
  EXPECT_EQ(thinned(), 1u);
  remove("id < 26");  // more than a quarter would be hidden
  EXPECT_EQ(thinned(), 0u);
  EXPECT_EQ(data_files(), 2u);
  vectors_.spared_bytes_least = 1 << 20;  // the file is smaller than that
  remove("id = 30");
  EXPECT_EQ(thinned(), 0u);
  vectors_ = {true, 1, 0};
  remove("id = 31");
  EXPECT_EQ(thinned(), 1u);
  EXPECT_EQ(remove("true").metrics.at("numRemovedFiles"), "1");  // no row stays: no vector
  EXPECT_TRUE(now().files.empty());
}

TEST_F(Thinning, TablesThatTakeNoneAreWrittenAnew) {
  set("delta.enableDeletionVectors", "false");
  remove("id = 1");
  EXPECT_EQ(thinned(), 0u);
  set("delta.enableDeletionVectors", "true");
  remove("id = 2");
  EXPECT_EQ(thinned(), 1u);
  vectors_.allowed = false;  // the project's word counts for tables that take some, too
  remove("id = 4");
  EXPECT_EQ(thinned(), 0u);
  EXPECT_EQ(ids(), rows("SELECT 97, 4950 - 7"));
}

TEST_F(Thinning, ATableWithAColumnOfThatNameIsWrittenAnew) {
  replace_schema_ = true;
  apply([&](const StageContext& c) {
    return stage_replace(c, "SELECT i AS file_row_number, i AS id FROM range(9) r(i)", {});
  });
  replace_schema_ = false;
  remove("id = 1");
  EXPECT_EQ(thinned(), 0u);
  EXPECT_EQ(ids(), rows("SELECT 8, 35"));
}

TEST_F(Thinning, ManyVectorsLieInOneFile) {
  for (int i = 1; i < 5; ++i)
    append(
        "SELECT " + std::to_string(i * 1000) +
        " + i AS id, 0 AS v, 'x' AS name, TIMESTAMP '2025-01-01' AS \"at\" FROM range(5000) r(i)");
  const auto staged = remove("hash(id) % 3 = 0");
  EXPECT_EQ(thinned(), 5u);
  ASSERT_EQ(vector_files().size(), 1u);
  EXPECT_EQ(std::count(staged.written_paths.begin(), staged.written_paths.end(), vector_files()[0]),
            1);
  EXPECT_EQ(ids("hash(id) % 3 = 0"), rows("SELECT 0, NULL"));
  const std::string before = rows();
  remove("hash(id) % 3 = 1");  // vectors grow into a new file
  EXPECT_EQ(vector_files().size(), 2u);
  EXPECT_EQ(ids("hash(id) % 3 <> 2"), rows("SELECT 0, NULL"));
  EXPECT_EQ(rows(duck_sql(scan(table().snapshot(now().version - 1, &connection_)))), before);

  // What versions within the retention need stays.
  VacuumOptions options{std::chrono::hours(1), true, false};
  clock_.advance(std::chrono::hours(24 * 365 * 5));  // later than any file's time
  EXPECT_EQ(vacuum(*files_, path_, connection_, options, clock_).files.size(), 1u);
  EXPECT_EQ(vector_files().size(), 1u);
  EXPECT_EQ(ids("hash(id) % 3 <> 2"), rows("SELECT 0, NULL"));
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_EQ(thinned(), 0u);
  EXPECT_EQ(ids("hash(id) % 3 <> 2"), rows("SELECT 0, NULL"));
}

TEST_F(Thinning, ChangesAreExactlyTheRows) {
  set("delta.enableChangeDataFeed", "true");
  const auto from = now().version;
  merge("SELECT * REPLACE (100 AS v) FROM (" + duck_sql(scan(now())) + ") WHERE id IN (7, 8)",
        {{"id"}, "", "SELECT 9 AS id"});
  apply([&](const StageContext& c) { return stage_update(c, {{"v", "v + 1"}}, "id = 10"); });
  remove("id = 11");
  EXPECT_EQ(thinned(), 1u);
  const auto kinds = [&](const std::string& changes) {
    return rows("SELECT _change_type, id, v FROM (" + changes + ")");
  };
  EXPECT_EQ(kinds(duck_sql(change_feed(table(), from, now().version, connection_))),
            "delete,11,4 delete,9,2 update_postimage,10,4 update_postimage,7,100 "
            "update_postimage,8,100 update_preimage,10,3 update_preimage,7,0 update_preimage,8,1 ");
  const auto then = table().snapshot(from, &connection_);
  EXPECT_EQ(kinds(duck_sql(net_changes(&then, now(), {"id"}))),
            kinds(duck_sql(change_feed(table(), from, now().version, connection_))));
  const auto both = row_changes(table(), from, now().version, connection_);
  EXPECT_EQ(rows("SELECT id FROM (" + duck_sql(both.removed) + ")"), "10 11 7 8 9 ");
  EXPECT_EQ(rows("SELECT id FROM (" + duck_sql(both.added) + ")"), "10 7 8 ");
  EXPECT_EQ(changed(from, now().version, "\"at\" + INTERVAL 0 HOUR").intervals.text(),
            changed(from, now().version, "\"at\"").intervals.text());
  // The former state comes back, vectors included.
  const auto version = now().version;
  restore(*files_, path_, connection_, from, {}, clock_);
  EXPECT_EQ(ids(), rows("SELECT 100, 4950"));
  const auto back = row_changes(table(), version, now().version, connection_);
  EXPECT_EQ(rows("SELECT id FROM (" + duck_sql(back.added) + ")"), "10 11 7 8 9 ");
}

TEST_F(Thinning, RowsKeepTheirIds) {
  set("delta.enableRowTracking", "true");
  const auto with_ids = [&](const std::string& which) {
    const auto snapshot = now();
    return rows("SELECT id, v, \"windrow row id\" FROM (" +
                duck_sql(scan(snapshot, snapshot.files, Scan::Extra::row_ids)) + ") WHERE " +
                which);
  };
  const std::string all = with_ids("id > 20");
  remove("id = 3");
  merge("SELECT 5 AS id, 50 AS v, 'x' AS name, TIMESTAMP '2025-01-01' AS \"at\"", {{"id"}, "", ""});
  apply([&](const StageContext& c) { return stage_update(c, {{"v", "60"}}, "id = 6"); });
  apply([&](const StageContext& c) {
    return stage_merge_clauses(
        c, "SELECT 7 AS id, 70 AS v UNION ALL SELECT 1000, 0", {}, "t.id = s.id",
        {{MergeClause::When::matched, MergeClause::Then::update, "", {{"v", "s.v"}}},
         {MergeClause::When::not_matched, MergeClause::Then::insert, "", {}}});
  });
  EXPECT_EQ(thinned(), 1u);
  EXPECT_EQ(with_ids("id IN (3, 5, 6, 7)"), "5,50,5 6,60,6 7,70,7 ");
  EXPECT_EQ(with_ids("id > 20 AND id < 1000"), all);
}

TEST_F(Thinning, MergesByClausesHideWhatTheyChange) {
  const auto clauses = [&](const std::string& select, std::vector<MergeClause> list) {
    return apply([&](const StageContext& c) {
      return stage_merge_clauses(c, select, {}, "t.id = s.id", list);
    });
  };
  using enum MergeClause::When;
  using Then = MergeClause::Then;
  const auto staged = clauses("SELECT i AS id, 500 AS v FROM range(95, 105) r(i)",
                              {{matched, Then::remove, "s.id = 95", {}},
                               {matched, Then::update, "", {{"v", "s.v"}}},
                               {not_matched, Then::insert, "", {}},
                               {not_matched_by_source, Then::remove, "t.id < 5", {}}});
  EXPECT_EQ(thinned(), 1u);
  EXPECT_EQ(staged.metrics.at("numTargetRowsCopied"), "0");
  EXPECT_EQ(staged.metrics.at("numTargetRowsUpdated"), "4");
  EXPECT_EQ(staged.metrics.at("numTargetRowsDeleted"), "6");
  EXPECT_EQ(ids("v = 500"), rows("SELECT 9, 96 + 97 + 98 + 99 + 100 + 101 + 102 + 103 + 104"));
  EXPECT_EQ(ids("v <> 500"), rows("SELECT 90, sum(i) FROM range(5, 95) r(i)"));
  EXPECT_NE(code_of([&] {
              clauses("SELECT 50 AS id, i AS v FROM range(2) r(i)",
                      {{matched, Then::update, "", {{"v", "s.v"}}}});
            }).find("another one matches too"),
            std::string::npos);
}

TEST_F(Thinning, ErasureAndRetentionRemoveWhatIsHidden) {
  remove("id = 50");
  const auto erased = erase_rows(*files_, path_, connection_, "name = 'name 50'", false, clock_);
  EXPECT_EQ(erased.rows_hidden, 1);
  EXPECT_EQ(thinned(), 0u);
  remove("id = 2");
  RetentionRule rule{"at", *parse_time("2025-01-01T03:00:00Z")};
  auto gone = apply_retention(*files_, path_, connection_, rule, false, clock_);
  EXPECT_EQ(gone.rows_removed, 2);
  EXPECT_EQ(gone.rows_hidden, 1);
  EXPECT_EQ(thinned(), 0u);
  remove("id = 3");
  rule.keep_from = *parse_time("2025-01-01T04:00:00Z");  // only the hidden row is too old
  gone = apply_retention(*files_, path_, connection_, rule, false, clock_);
  EXPECT_EQ(gone.rows_removed, 0);
  EXPECT_EQ(gone.rows_hidden, 1);
  EXPECT_EQ(thinned(), 0u);
  EXPECT_EQ(ids(), rows("SELECT 95, 4950 - 50 - 6"));
}

TEST_F(Thinning, TwoWhoDeleteFromOneFileMeet) {
  const auto first = context(), second = context();
  auto ours = request_of(stage_delete(first, "id = 1"), {});
  auto theirs = request_of(stage_delete(second, "id = 2"), {});
  committed_version(table().commit(std::move(theirs), clock_), "t");
  EXPECT_TRUE(std::holds_alternative<Conflicted>(table().commit(std::move(ours), clock_)));
  // And with vectors that are there already.
  const auto third = context(), fourth = context();
  ours = request_of(stage_delete(third, "id = 3"), {});
  theirs = request_of(stage_delete(fourth, "id = 4"), {});
  committed_version(table().commit(std::move(theirs), clock_), "t");
  EXPECT_TRUE(std::holds_alternative<Conflicted>(table().commit(std::move(ours), clock_)));
  EXPECT_EQ(ids("id < 5"), rows("SELECT 3, 0 + 1 + 3"));
}

TEST_F(Thinning, APackedFileMeetsItsNewVector) {
  append("SELECT 100 AS id, 0 AS v, 'x' AS name, TIMESTAMP '2025-01-01' AS \"at\"");
  const auto c = context();
  auto staged = stage_delete(c, "id = 1");
  optimize(*files_, path_, connection_, {}, clock_);
  EXPECT_TRUE(std::holds_alternative<Conflicted>(
      table().commit(request_of(std::move(staged), {}), clock_)));
}

TEST_F(Thinning, AClonesVectorsAreItsSources) {
  append(
      "SELECT 1000 + i AS id, 0 AS v, 'x' AS name, TIMESTAMP '2025-01-01' AS \"at\" FROM "
      "range(9000) r(i)");
  remove("hash(id) % 3 = 0");
  ASSERT_EQ(vector_files().size(), 1u);
  const std::string copy = folder_ / "silver/copy", before = rows();
  clone(*files_, path_, copy, connection_, {}, clock_);
  const auto there = Table(*files_, copy).snapshot({}, &connection_);
  EXPECT_EQ(rows(duck_sql(scan(there))), before);
  StageContext c = context();
  c.table_path = copy;
  c.current = there;
  committed_version(
      Table(*files_, copy).commit(request_of(stage_delete(c, "hash(id) % 3 = 1"), {}), clock_),
      "copy");
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(rows("SELECT count(*) FROM (" +
                 duck_sql(scan(Table(*files_, copy).snapshot({}, &connection_))) +
                 ") WHERE hash(id) % 3 <> 2"),
            "0 ");
}

/// Whatever call of the storage fails, the table is as it was or as it should be, and a change
/// that is known not to have come about leaves no file.
TEST_F(Thinning, EachFailureLeavesTheOldOrTheNewTable) {
  append(
      "SELECT 1000 + i AS id, 0 AS v, 'x' AS name, TIMESTAMP '2025-01-01' AS \"at\" FROM "
      "range(9000) r(i)");
  remove("id = 99");
  const std::string before = rows();
  const auto version = now().version;
  const std::string after = rows("FROM (" + duck_sql(scan(now())) + ") WHERE hash(id) % 3 <> 0");
  const size_t files = data_files();
  for (const auto fault : {storage::Fault::before, storage::Fault::after}) {
    for (const auto code : {Code::full, Code::unavailable}) {
      for (int n = 0; n < 200; ++n) {
        storage::FaultyFileSystem faulty(*files_);
        StageContext c{engine_, faulty, path_,           "t",          now(),
                       {},      true,   replace_schema_, clock_.now(), {}};
        c.vectors = vectors_;
        faulty.fail(n, fault, code);
        bool known_failed = false;
        try {
          auto staged = stage_delete(c, "hash(id) % 3 = 0");
          const Staged kept = staged;
          try {
            const auto outcome =
                Table(faulty, path_).commit(request_of(std::move(staged), {}), clock_);
            known_failed = std::holds_alternative<Conflicted>(outcome);
          } catch (const Error&) {
            known_failed = true;
          }
          faulty.heal();
          if (known_failed) discard(faulty, kept);
        } catch (const Error&) {
          known_failed = true;
        }
        faulty.heal();
        const std::string found = rows();
        ASSERT_TRUE(found == before || found == after) << n;
        if (known_failed) {
          EXPECT_EQ(found, before) << n;
          EXPECT_TRUE(vector_files().empty()) << n;
          EXPECT_EQ(data_files(), files) << n;
        }
        const bool never = faulty.operations() <= size_t(n);
        if (found == after) restore(*files_, path_, connection_, version, {}, clock_);
        for (const auto& path : vector_files()) std::filesystem::remove(path);
        if (never) break;
      }
    }
  }
}

TEST_F(Thinning, AMergeIsBoundByItsTimes) {
  for (int day = 5; day < 9; ++day) {
    append("SELECT 1000 * " + std::to_string(day) +
           " + i AS id, 0 AS v, 'x' AS name, TIMESTAMP '2025-01-0" + std::to_string(day) +
           "' + INTERVAL 1 MINUTE * i AS \"at\" FROM range(1000) r(i)");
  }
  MergeOptions options{{"id"}, "", ""};
  options.within = MergeOptions::Within{"at", std::chrono::hours(2)};
  const auto row = [](const std::string& id, const std::string& at) {
    return "SELECT " + id + "::BIGINT AS id, 77::BIGINT AS v, 'y' AS name, " + at + " AS \"at\"";
  };
  merge(row("7060", "TIMESTAMP '2025-01-07 02:30'"), options);
  EXPECT_EQ(ids("v = 77"), rows("SELECT 1, 7060"));
  EXPECT_EQ(ids("id = 7060"), rows("SELECT 1, 7060"));
  // A file that is looked at, and a row too far away.
  EXPECT_NE(code_of([&] {
              merge(row("7061", "TIMESTAMP '2025-01-07 09:00'"), options);
            }).find("1 rows have the key of one that is further away"),
            std::string::npos);
  // One that is not looked at: the declaration was wrong, and the key is there twice.
  merge(row("6060", "TIMESTAMP '2025-01-08 02:00'"), options);
  EXPECT_EQ(ids("id = 6060"), rows("SELECT 2, 12120"));
  EXPECT_NE(
      code_of([&] { merge(row("1", "NULL::TIMESTAMP"), options); }).find("which is NULL in 1"),
      std::string::npos);
  options.within->column = "name";
  EXPECT_NE(code_of([&] {
              merge(row("1", "TIMESTAMP '2025-01-08'"), options);
            }).find("within times of \"name\", which its rows have as string"),
            std::string::npos);
}

TEST_F(Thinning, StatisticsOfOthersBecomeLoose) {
  EXPECT_EQ(loose_stats(R"({"numRecords":1})"), R"({"tightBounds":false,"numRecords":1})");
  EXPECT_EQ(loose_stats(R"({"numRecords":1,"tightBounds":true})"),
            R"({"numRecords":1,"tightBounds":false})");
  EXPECT_EQ(loose_stats(R"({"tightBounds":false})"), R"({"tightBounds":false})");
  EXPECT_EQ(loose_stats("{}"), R"({"tightBounds":false})");
  EXPECT_EQ(loose_stats(R"({"minValues":{"tightBounds":"a"}})"),
            R"({"tightBounds":false,"minValues":{"tightBounds":"a"}})");
}

}  // namespace
}  // namespace windrow::lake
