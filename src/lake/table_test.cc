#include "lake/table.h"

#include <fstream>
#include <map>
#include <random>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/checkpoint.h"
#include "lake/log.h"
#include "lake/point_in_time.h"
#include "lake/replay.h"
#include "lake/table_fixture.h"
#include "lake/table_schema.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

class TableTest : public TableFixture {};

TEST_F(TableTest, CreatesAppendsAndTravelsInTime) {
  EXPECT_FALSE(table().exists());
  EXPECT_EQ(problem_of([&] { table().snapshot(); }).code, Code::not_found);
  EXPECT_EQ(create("SELECT 1 AS a, 'x' AS b"), 0);
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(append("SELECT 2 AS a, 'y' AS b"), 1);
  EXPECT_EQ(rows_at(), (Strings{"1|x", "2|y"}));
  EXPECT_EQ(rows_at(0), (Strings{"1|x"}));
  const Snapshot snapshot = table().snapshot();
  EXPECT_EQ(snapshot.rows(), 2);
  EXPECT_GT(snapshot.bytes(), 0);
  EXPECT_EQ(snapshot.timestamp, clock_.now());
  EXPECT_EQ(snapshot.protocol, (Protocol{1, 2, {}, {}}));
  EXPECT_EQ(snapshot.metadata.configuration.at("delta.enableExpiredLogCleanup"), "false");
  EXPECT_EQ(table().version_at(clock_.now()), 1);
  EXPECT_EQ(table().version_at(clock_.now() - std::chrono::microseconds(1)), 0);
  const Problem early = problem_of([&] { table().version_at(Time{}); });
  EXPECT_EQ(early.code, Code::not_found);
  EXPECT_NE(early.hint.find("2025-10-17T14:00:00Z"), std::string::npos);
  const Problem late = problem_of([&] { table().snapshot(7); });
  EXPECT_EQ(late.code, Code::not_found);
  EXPECT_EQ(late.hint, "there are versions 0 to 1");
  const Problem named = problem_of([&] { version_at(table(), Time{}, "gold.x"); });
  EXPECT_EQ(named.code, Code::not_found);
  EXPECT_TRUE(named.message.starts_with(
      "\"gold.x\" did not exist at 1970-01-01T00:00:00Z: its first version is of 20"))
      << named.message;
  EXPECT_EQ(version_at(table(), clock_.now(), "gold.x"), table().version_at(clock_.now()));
}

TEST_F(TableTest, AnEmptyTableHasNoRowsAndItsColumns) {
  auto request = creation("SELECT 1::DECIMAL(10,2) AS a, {'x': 1} AS s WHERE false");
  EXPECT_TRUE(request.adds.empty());
  commit(request);
  const std::string select = duck_sql(scan(table().snapshot()));
  EXPECT_TRUE(rows(select).empty());
  EXPECT_EQ(connection_.describe(select)[1].type, "STRUCT(x INTEGER)");
}

TEST_F(TableTest, ReadsFromCheckpointsAlone) {
  create("SELECT 0 AS a, TIMESTAMP '2025-01-01' AS t");
  for (int i = 1; i <= 21; ++i)
    append("SELECT " + std::to_string(i) + " AS a, TIMESTAMP '2025-01-01' AS t");
  const LogListing listing = list_log(*files_, path_);
  ASSERT_EQ(listing.checkpoints.size(), 2u);
  const Snapshot before = table().snapshot();
  for (int i = 0; i <= 19; ++i) files_->remove(commit_file(path_, i));
  const Snapshot after = table().snapshot({}, &connection_);
  EXPECT_EQ(after.files.size(), 22u);
  EXPECT_EQ(after.metadata, before.metadata);
  EXPECT_EQ(after.protocol, before.protocol);
  EXPECT_EQ(after.protocol.min_reader_version, 3);
  EXPECT_EQ(after.files[3].stats, before.files[3].stats);
  EXPECT_EQ(after.files[3].tags, before.files[3].tags);
  EXPECT_EQ(after.timestamp, before.timestamp);
  EXPECT_EQ(table().snapshot(20).files.size(), 21u);
  EXPECT_EQ(table().snapshot(10).files.size(), 11u);
  EXPECT_EQ(problem_of([&] { table().snapshot(9); }).code, Code::not_found);
  EXPECT_EQ(problem_of([&] { table().commits(5, 8); }).code, Code::history_lost);
  EXPECT_NE(files_->read(log_file("_last_checkpoint")).find("\"version\":20"), std::string::npos);
}

TEST_F(TableTest, TheSchemaOfAVersionIsThatOfItsSnapshot) {
  create("SELECT 0 AS a");
  for (int i = 1; i <= 23; ++i) {
    if (i == 5 || i == 12) {
      auto request = appending("SELECT 1 AS a");
      const Schema schema = schema_of(i == 5 ? "SELECT 1 AS a, 'x' AS b"
                                             : "SELECT 1 AS a, 'x' AS b, {'é': [1.5]} AS c");
      request.metadata = request.base->metadata;
      request.metadata->schema_string = to_json(schema);
      commit(request);
    } else {
      append("SELECT " + std::to_string(i) + " AS a");
    }
  }
  const auto same = [&](int64_t from) {
    for (int64_t version = from; version <= 23; ++version) {
      EXPECT_EQ(schema_at(*files_, path_, version, connection_),
                table().snapshot(version, &connection_).schema)
          << version;
    }
  };
  same(0);
  for (const int64_t missing : {24, -1, 0}) {
    if (missing == 0) files_->remove(commit_file(path_, 0));
    EXPECT_EQ(problem_of([&] { schema_at(*files_, path_, missing, connection_); }).message,
              problem_of([&] { table().snapshot(missing, &connection_); }).message);
  }
  for (int i = 0; i <= 10; ++i) files_->remove(commit_file(path_, i));
  same(10);
  files_->put(log_file("00000000000000000020.checkpoint.parquet"), "PAR1 no");
  same(10);
}

TEST_F(TableTest, ABrokenCheckpointIsPassedOver) {
  create("SELECT 0 AS a");
  for (int i = 1; i <= 10; ++i) append("SELECT " + std::to_string(i) + " AS a");
  files_->put(log_file("00000000000000000010.checkpoint.parquet"), "PAR1 no");
  files_->put(log_file("_last_checkpoint"), "{\"version\":99,");
  EXPECT_EQ(rows_at().size(), 11u);
  files_->remove(commit_file(path_, 0));
  EXPECT_EQ(problem_of([&] { table().snapshot(); }).code, Code::corrupt);
}

TEST_F(TableTest, ReadsCheckpointsInPartsAndWithoutSomeColumns) {
  create("SELECT 0 AS a");
  append("SELECT 1 AS a");
  const Snapshot before = table().snapshot();
  write_checkpoint(*files_, before, clock_.now(), connection_);
  const std::string whole = log_file("00000000000000000001.checkpoint.parquet");
  // Other writers: two parts, no txn, no remove, no tags; one more column that nobody knows.
  for (const int part : {1, 2}) {
    connection_.execute(
        "COPY (SELECT protocol, metaData, CASE WHEN add IS NOT NULL THEN struct_pack(path := "
        "add.path, "
        "partitionValues := add.partitionValues, size := add.size, modificationTime := "
        "add.modificationTime, "
        "dataChange := false, stats_parsed := struct_pack(numRecords := 1::BIGINT, t := "
        "TIMESTAMP_NS '2025-01-01')) END AS add, 7 AS strange FROM read_parquet(" +
        duck::quote_text(whole) + ") WHERE (add IS NULL) = " + (part == 1 ? "true" : "false") +
        ") TO " +
        duck::quote_text(log_file("00000000000000000001.checkpoint.000000000" +
                                  std::to_string(part) + ".0000000002.parquet")));
  }
  files_->remove(whole);
  files_->remove(commit_file(path_, 0));
  const Snapshot after = table().snapshot({}, &connection_);
  EXPECT_EQ(after.files.size(), 2u);
  EXPECT_EQ(after.rows(), 2);
  EXPECT_EQ(after.metadata.id, before.metadata.id);
  // A part is missing: it is no checkpoint.
  files_->remove(log_file("00000000000000000001.checkpoint.0000000002.0000000002.parquet"));
  EXPECT_EQ(problem_of([&] { table().snapshot(); }).code, Code::corrupt);
}

TEST_F(TableTest, CheckpointsKeepEverythingThatCounts) {
  auto request = creation("SELECT 1 AS a, 'odd ,=/%é\"' AS p", {"p"});
  request.metadata->configuration["odd \"key"] = "odd 'value'\n";
  request.metadata->description = "ü";
  request.txns.push_back({"app", 7, 3});
  commit(request);
  const Add old = table().snapshot().files.at(0);
  request = appending("SELECT 2 AS a, NULL::VARCHAR AS p");
  request.removes.push_back(remove_of(old, clock_.now()));
  request.reads = Reads::own_removes;
  commit(request);
  Snapshot before = table().snapshot();
  write_checkpoint(*files_, before, clock_.now(), connection_);
  files_->remove(commit_file(path_, 0));
  Snapshot after = table().snapshot({}, &connection_);
  EXPECT_EQ(after.metadata, before.metadata);
  EXPECT_EQ(after.txns, before.txns);
  ASSERT_EQ(after.tombstones.size(), 1u);
  EXPECT_EQ(after.tombstones[0].path, old.path);
  EXPECT_EQ(after.tombstones[0].partition_values, old.partition_values);
  ASSERT_EQ(after.files.size(), 1u);
  EXPECT_EQ(after.files[0].partition_values, before.files[0].partition_values);
  EXPECT_FALSE(after.files[0].partition_values.at("p"));
  // A week later the tombstone is no longer kept.
  write_checkpoint(*files_, before, clock_.now() + std::chrono::hours(24 * 8), connection_);
  EXPECT_TRUE(table().snapshot({}, &connection_).tombstones.empty());
}

TEST_F(TableTest, AGapIsCorrupt) {
  create("SELECT 0 AS a");
  for (int i = 1; i <= 3; ++i) append("SELECT " + std::to_string(i) + " AS a");
  files_->remove(commit_file(path_, 2));
  const Problem problem = problem_of([&] { table().latest_version(); });
  EXPECT_EQ(problem.code, Code::corrupt);
  EXPECT_NE(problem.message.find("version 2 is missing"), std::string::npos);
  EXPECT_EQ(rows_at(1).size(), 2u);
}

TEST_F(TableTest, RefusesUnknownReaderFeaturesByName) {
  auto request = creation("SELECT 1 AS a");
  request.protocol =
      Protocol{3, 7, {"variantType", "catalogManaged"}, {"variantType", "catalogManaged"}};
  EXPECT_EQ(problem_of([&] { commit(request); }).code, Code::unsupported);
  EXPECT_FALSE(table().exists());
  files_->put(
      commit_file(path_, 0),
      R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["variantType"],)"
      R"("writerFeatures":["variantType"]}})"
      "\n"
      R"({"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":)"
      R"("{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{}}})");
  const Problem problem = problem_of([&] { table().snapshot(); });
  EXPECT_EQ(problem.code, Code::unsupported);
  EXPECT_NE(problem.message.find("variantType"), std::string::npos);
}

TEST_F(TableTest, HistoryIsNewestFirst) {
  create("SELECT 1 AS a");
  auto request = appending("SELECT 2 AS a");
  request.operation_metrics["numOutputRows"] = "1";
  commit(request);
  const auto history = table().history();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].version, 1);
  EXPECT_EQ(history[0].operation, "WRITE");
  EXPECT_EQ(history[0].parameters_json, R"({"mode":"Append"})");
  EXPECT_EQ(history[0].metrics_json, R"({"numOutputRows":"1"})");
  EXPECT_TRUE(history[0].engine_info.starts_with("Windrow/"));
  EXPECT_EQ(table().history(1).size(), 1u);
}

TEST_F(TableTest, IdentityAndProvenanceCostOneListingAndOneRead) {
  auto request = creation("SELECT 1 AS a");
  request.provenance = Provenance{.asset = "a.t", .kind = "table"};
  commit(request);
  for (int i = 0; i < 12; ++i) {
    request = appending("SELECT 2 AS a");
    request.provenance = Provenance{.asset = "a.t", .kind = "append"};
    commit(request);
  }
  const std::string id = table().snapshot().metadata.id;
  storage::FaultyFileSystem counting(*files_);
  const Table counted(counting, path_);
  EXPECT_EQ(counted.identity(), (InputVersion{id, 12}));
  EXPECT_EQ(counting.operations(), 2u);
  EXPECT_EQ(counted.provenance().last_version, 12);
  EXPECT_EQ(counting.operations(), 4u);
  const auto state = counted.state();
  EXPECT_EQ(counting.operations(), 6u);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->identity, (InputVersion{id, 12}));
  // The clock stands still: each commit is a millisecond after the one before.
  EXPECT_EQ(state->committed, clock_.now() + std::chrono::milliseconds(12));
  EXPECT_EQ(state->provenance.last->kind, "append");
  EXPECT_FALSE(Table(*files_, folder_ + "/nowhere").state());
}

TEST(Replay, FilesOfOneCommitAreInTheOrderOfTheirPathsAndTheLastOfAPathCounts) {
  std::mt19937 random(17);
  for (int round = 0; round < 200; ++round) {
    Commit commit;
    commit.protocol = Protocol();
    commit.metadata = Metadata();
    commit.metadata->schema_string = R"({"type":"struct","fields":[]})";
    std::map<std::string, int64_t> expected;
    const std::string beginning(random() % 20, 'p');
    for (int i = 0; i < int(random() % 400); ++i) {
      std::string path = beginning;
      for (int n = int(random() % 24); n > 0; --n) path += "ab\xfe\0"[random() % (round % 4 + 1)];
      commit.adds.emplace_back().path = path;
      commit.adds.back().size = i;
      expected[path] = i;
    }
    Replay at_once("t"), one_more("t");
    at_once.apply(commit);
    one_more.apply(commit);
    Commit next;
    next.adds.emplace_back().path = "zz";
    one_more.apply(next);
    next.adds.clear();
    next.removes.emplace_back().path = "zz";
    one_more.apply(next);
    for (Replay* replay : {&at_once, &one_more}) {
      const Snapshot snapshot = replay->done(0, {});
      ASSERT_EQ(snapshot.files.size(), expected.size());
      auto next_expected = expected.begin();
      for (const auto& file : snapshot.files) {
        EXPECT_EQ(file.path, next_expected->first);
        EXPECT_EQ(file.size, next_expected++->second);
      }
    }
  }
}

TEST_F(TableTest, AHundredThousandFiles) {
  auto request = creation("SELECT 1 AS a WHERE false");
  commit(request);
  Snapshot big = table().snapshot();
  Add add;
  add.data_change = false;
  add.stats = R"({"numRecords":1,"minValues":{"a":1},"maxValues":{"a":1},"nullCount":{"a":0}})";
  for (int i = 0; i < 100'000; ++i) {
    add.path = "part-" + std::to_string(100'000 + i) + ".parquet";
    big.files.push_back(add);
  }
  write_checkpoint(*files_, big, clock_.now(), connection_);
  files_->remove(commit_file(path_, 0));
  EXPECT_TRUE(table().snapshot({}, &connection_).files ==
              big.files);  // not EXPECT_EQ: it would print them
}

}  // namespace
}  // namespace windrow::lake
