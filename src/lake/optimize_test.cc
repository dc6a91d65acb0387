#include "lake/optimize.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "duck/duck.h"
#include "lake/history_archive.h"
#include "lake/log.h"
#include "lake/statistics.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

class OptimizeTest : public TableFixture {
 protected:
  Optimized run(OptimizeOptions options = {}) {
    clock_.advance(std::chrono::minutes(1));
    return optimize(*files_, path_, connection_, options, clock_);
  }
  std::vector<Add> files() { return table().snapshot({}, &connection_).files; }
  /// Files of the table's folder, without its log.
  size_t on_disk() {
    size_t count = 0;
    for (const auto& file : files_->list_tree(path_))
      count += file.path.ends_with(".parquet") && file.path.find("_delta_log") == std::string::npos;
    return count;
  }
};

TEST_F(OptimizeTest, PacksSmallFilesAndKeepsEveryRow) {
  create("SELECT 0 AS a, 'x' AS b, -0.0::DOUBLE AS d");
  for (int i = 1; i < 6; ++i)
    append("SELECT " + std::to_string(i) + " AS a, NULL::VARCHAR AS b, 'nan'::DOUBLE AS d");
  const auto before = rows_at();
  const auto done = run();
  EXPECT_EQ(done.version, 6);
  EXPECT_EQ(done.removed.files, 6);
  EXPECT_EQ(done.added.files, 1);
  EXPECT_EQ(done.considered, 6);
  EXPECT_EQ(rows_at(), before);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(table().snapshot().rows(), 6);

  const auto commit = table().commits(5, 6).front();
  EXPECT_FALSE(commit.changes_data());
  EXPECT_EQ(commit.info->operation, "OPTIMIZE");
  EXPECT_EQ(provenance_of(*commit.info)->kind, kMaintenanceKind);
  const auto info = nlohmann::json::parse(commit.info->json);
  EXPECT_EQ(info["operationParameters"],
            nlohmann::json::parse(
                R"({"predicate": "[]", "zOrderBy": "[]", "clusterBy": "[]", "auto": false})"));
  const auto& metrics = info["operationMetrics"];
  EXPECT_EQ(metrics["numAddedFiles"], "1");
  EXPECT_EQ(metrics["numRemovedFiles"], "6");
  EXPECT_EQ(metrics["minFileSize"], std::to_string(files()[0].size));
  EXPECT_EQ(metrics["numDeletionVectorsRemoved"], "0");
  // A second run finds nothing, and time travel goes on.
  EXPECT_EQ(run().version, -1);
  EXPECT_EQ(table().latest_version(), 6);
  EXPECT_EQ(rows_at(5), before);
}

TEST_F(OptimizeTest, AnEmptyTableAndOneFileNeedNothing) {
  create("SELECT 1 AS a WHERE false");
  EXPECT_EQ(run().version, -1);
  append("SELECT 1 AS a");
  EXPECT_EQ(run().version, -1);
}

TEST_F(OptimizeTest, PartitionsStayApartAndOnlyChosenOnesAreTouched) {
  const auto rows = [](int i) {
    return "SELECT * FROM (VALUES (" + std::to_string(i) +
           ", 'a b/=%é'), (1, NULL), (2, 'z')) t(a, p)";
  };
  create(rows(0), {"p"});
  for (int i = 3; i < 6; ++i) append(rows(i));
  const auto before = rows_at();
  EXPECT_EQ(files().size(), 12u);
  auto done = run({.where = "p = 'z'"});
  EXPECT_EQ(done.partitions, 1);
  EXPECT_EQ(done.removed.files, 4);
  EXPECT_EQ(files().size(), 9u);
  EXPECT_EQ(rows_at(), before);
  done = run();
  EXPECT_EQ(done.partitions, 2);
  EXPECT_EQ(files().size(), 3u);
  EXPECT_EQ(rows_at(), before);
  // New files lie beside the old ones, so that folders still say their partition.
  for (const auto& add : files()) EXPECT_NE(add.path.find("p="), std::string::npos) << add.path;
  for (const char* wrong : {"a = 1", "p = ", "nothing = 1"}) {
    const auto problem = problem_of([&] { run({.where = wrong}); });
    EXPECT_EQ(problem.code, Code::usage) << wrong;
    EXPECT_EQ(problem.hint, "it may only use partition columns: \"p\"");
  }
}

TEST_F(OptimizeTest, BinsAreOfOnePartitionAndNotTooLarge) {
  const auto file = [](const std::string& path, int64_t size, int64_t age, const char* p) {
    Add add;
    add.path = path;
    add.size = size;
    add.modification_time = age;
    add.partition_values["p"] = p;
    return add;
  };
  const auto bins = bins_of({file("a", 40, 3, "x"), file("b", 40, 1, "x"), file("c", 40, 2, "x"),
                             file("d", 80, 4, "x"), file("e", 40, 0, "y"), file("f", 1, 9, "x")},
                            100);
  ASSERT_EQ(bins.size(), 2u);
  const auto names = [](const Bin& bin) {
    std::string out;
    for (const auto& add : bin) out += add.path;
    return out;
  };
  EXPECT_EQ(names(bins[0]), "bc");  // in the order of their age; d is nearly full, e alone
  EXPECT_EQ(names(bins[1]), "af");
  EXPECT_TRUE(bins_of({}, 100).empty());
}

TEST_F(OptimizeTest, ZOrderMakesFilesNarrowInBothColumns) {
  connection_.execute("SELECT setseed(0.5)");
  const std::string rows =
      "SELECT (i * 7919 % 1000)::BIGINT AS x, (i * 104729 % 997)::INTEGER AS y, "
      "md5(i::VARCHAR) AS filler FROM range(60000) t(i)";
  create(rows);
  append("SELECT NULL::BIGINT AS x, NULL::INTEGER AS y, 'null' AS filler");
  const auto before = this->rows("SELECT count(*), sum(hash(COLUMNS(*))) FROM (" +
                                 duck_sql(scan(table().snapshot({}, &connection_))) + ")");
  const auto done = run({.target_bytes = 100'000, .zorder = {"x", "y"}});
  EXPECT_EQ(done.removed.files, 2);
  ASSERT_GE(files().size(), 8u);
  EXPECT_EQ(this->rows("SELECT count(*), sum(hash(COLUMNS(*))) FROM (" +
                       duck_sql(scan(table().snapshot({}, &connection_))) + ")"),
            before);
  const auto now = table().snapshot({}, &connection_);
  for (const char* column : {"x", "y"})
    EXPECT_LE(files_overlapping(now, column, "100", "101").size() * 3, files().size() * 2);
  const auto info = nlohmann::json::parse(table().commits(1, 2).front().info->json);
  EXPECT_EQ(info["operationParameters"]["zOrderBy"], R"(["x","y"])");
}

TEST_F(OptimizeTest, ZOrderOfEveryTypeThatHasAnOrder) {
  create(
      "SELECT 'é' || i AS s, i::DECIMAL(10, 2) AS d, DATE '2025-01-01' + i::INTEGER AS day, "
      "TIMESTAMPTZ '2025-01-01' + INTERVAL (i) HOUR AS t, CASE i WHEN 3 THEN 'nan'::DOUBLE WHEN 4 "
      "THEN -0.0 "
      "ELSE i::DOUBLE END AS f, i::SMALLINT AS n, {'a': i} AS st FROM range(50) r(i)");
  append(
      "SELECT 'e''' AS s, NULL::DECIMAL(10, 2) AS d, NULL::DATE AS day, NULL::TIMESTAMPTZ AS t, "
      "-0.0::DOUBLE AS f, NULL::SMALLINT AS n, {'a': 1::BIGINT} AS st");
  const auto before = rows_at();
  run({.zorder = {"s", "d", "day", "t", "f", "n"}});
  EXPECT_EQ(rows_at(), before);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(problem_of([&] { run({.zorder = {"st"}}); }).code, Code::usage);
  EXPECT_EQ(problem_of([&] { run({.zorder = {"none"}}); }).message,
            "Z-order by \"none\", which the table does not have");
}

TEST_F(OptimizeTest, AnAppendMeanwhileDoesNotConflict) {
  create("SELECT 0 AS a");
  append("SELECT 1 AS a");
  storage::FaultyFileSystem watched(*files_);
  bool done = false;
  watched.before_each([&](const std::string& line) {
    if (done || !line.starts_with("put_if_absent")) return;
    done = true;
    append("SELECT 2 AS a");
  });
  const auto result = optimize(watched, path_, connection_, {}, clock_);
  EXPECT_EQ(result.version, 3);
  EXPECT_EQ(result.bins_dropped, 0);
  EXPECT_EQ(rows_at(), (Strings{"0", "1", "2"}));
}

TEST_F(OptimizeTest, ABinWhoseFileWasRemovedIsDroppedAndPackedAnew) {
  create("SELECT * FROM (VALUES (0, 'x'), (1, 'y')) t(a, p)", {"p"});
  for (int i = 2; i < 5; ++i)
    append("SELECT * FROM (VALUES (" + std::to_string(i) + ", 'x'), (1, 'y')) t(a, p)");
  storage::FaultyFileSystem watched(*files_);
  bool done = false;
  watched.before_each([&](const std::string& line) {
    if (done || !line.starts_with("put_if_absent")) return;
    done = true;
    const auto now = table().snapshot({}, &connection_);
    CommitRequest request;
    request.operation = "DELETE";
    request.read_version = now.version;
    request.reads = Reads::own_removes;
    for (const auto& add : now.files) {
      if (request.removes.empty() && add.partition_values.at("p") == "x")
        request.removes.push_back(remove_of(add, clock_.now()));
    }
    commit(request);
  });
  const auto result = optimize(watched, path_, connection_, {}, clock_);
  EXPECT_EQ(result.bins_dropped, 1);
  EXPECT_EQ(result.commits, 2);
  EXPECT_EQ(files().size(), 2u);
  EXPECT_EQ(rows_at().size(), 7u);
  // What was written for the dropped bin is gone: old files, one of each partition, none else.
  EXPECT_EQ(on_disk(), 10u);
}

TEST_F(OptimizeTest, AnyFaultLosesNothingAndBlocksNothing) {
  using storage::Fault;
  create("SELECT 0 AS a");
  int64_t rows = 1;
  for (const auto fault : {Fault::before, Fault::after, Fault::torn, Fault::short_read}) {
    for (size_t n = 0;; ++n) {
      append("SELECT 1 AS a");
      append("SELECT 2 AS a");
      rows += 2;
      storage::FaultyFileSystem faulty(*files_);
      faulty.fail(n, fault);
      try {
        optimize(faulty, path_, connection_, {}, clock_);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::unavailable || fault == Fault::short_read)
            << error.what();
      }
      EXPECT_EQ(int64_t(rows_at().size()), rows) << n;
      run();
      EXPECT_EQ(files().size(), 1u);
      EXPECT_EQ(int64_t(rows_at().size()), rows) << n;
      if (faulty.operations() <= n) break;
      ASSERT_LT(n, 80u);
    }
  }
}

}  // namespace
}  // namespace windrow::lake
