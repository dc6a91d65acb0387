#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/partition_path.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

class ScanTest : public TableFixture {
 protected:
  ScanTest() { attach(database_, *files_); }
};

TEST_F(ScanTest, PartitionsWithOddValues) {
  const std::string select =
      "SELECT * FROM (VALUES (1, 'a b'), (2, 'ü/=%20+'), (3, NULL), (4, '2025'), (5, 'x''\"y'), "
      "(6, "
      "'{a}&?#:;'), "
      "(7, '__no__'), (8, 'NULL'), (9, 'Null')) t(a, \"p %=\")";
  create(select, {"p %="});
  const Snapshot snapshot = table().snapshot();
  EXPECT_EQ(snapshot.files.size(), 9u);
  EXPECT_EQ(rows_at(), rows(select + " ORDER BY ALL"));
  EXPECT_EQ(connection_.describe(duck_sql(scan(snapshot)))[1].name, "p %=");
  EXPECT_EQ(rows("SELECT a FROM (" + duck_sql(scan(snapshot)) + ") WHERE \"p %=\" = '2025'"),
            (Strings{"4"}));
}

TEST_F(ScanTest, TheEmptyTextIsNull) {
  create("SELECT 1 AS a, '' AS p UNION ALL SELECT 2, 'x'", {"p"});
  EXPECT_EQ(rows_at(), (Strings{"1|NULL", "2|x"}));
}

TEST_F(ScanTest, PartitionTypes) {
  const std::string select =
      "SELECT 1 AS a, DATE '2025-01-02' AS d, 7::SMALLINT AS s, true AS b, 1.50::DECIMAL(9,2) AS "
      "e, "
      "TIMESTAMP '2025-01-02 03:04:05.678' AS n, TIMESTAMPTZ '2025-01-02 03:04:05+00' AS z, "
      "-0.5::DOUBLE AS "
      "f";
  create(select, {"d", "s", "b", "e", "n", "z", "f"});
  EXPECT_EQ(rows_at(), rows(select));
  const auto values = table().snapshot().files[0].partition_values;
  EXPECT_EQ(values.at("b"), "true");
  EXPECT_EQ(values.at("n"), "2025-01-02 03:04:05.678000");
  EXPECT_EQ(values.at("z"), "2025-01-02T03:04:05.000000Z");
  connection_.execute("SET TimeZone = 'Asia/Tokyo'");
  EXPECT_EQ(rows("SELECT epoch(z)::BIGINT FROM (" + duck_sql(scan(table().snapshot())) + ")"),
            (Strings{"1735787045"}));
}

TEST_F(ScanTest, DatePartitionsPruneAndKeepTheirTypes) {
  const std::string select =
      "SELECT i AS a, DATE '2025-01-01' + i::INTEGER % 10 AS d, (i % 3)::BIGINT AS n "
      "FROM range(1000) t(i)";
  create(select, {"d", "n"});
  const Snapshot snapshot = table().snapshot();
  EXPECT_EQ(rows("SELECT count(*), sum(a)::BIGINT FROM (" + duck_sql(scan(snapshot)) +
                 ") WHERE d = DATE '2025-01-03' AND n = 1"),
            rows("SELECT count(*), sum(a)::BIGINT FROM (" + select +
                 ") WHERE d = DATE '2025-01-03' AND n = 1"));
  EXPECT_EQ(files_overlapping(snapshot, "d", "2025-01-03", "2025-01-05").size(), 6u);
  EXPECT_EQ(connection_.describe(duck_sql(scan(snapshot)))[2].type, "BIGINT");
}

TEST_F(ScanTest, ColumnsThatCameLaterAreNull) {
  create("SELECT 1 AS a, 'x' AS p", {"p"});
  auto request = appending("SELECT 2 AS a, 'y' AS p, 2.5::DOUBLE AS b");
  request.metadata = table().snapshot().metadata;
  request.metadata->schema_string =
      to_json(schema_of("SELECT 1 AS a, 'x' AS p, 2.5::DOUBLE AS b, [1] AS never"));
  commit(request);
  EXPECT_EQ(rows_at(), (Strings{"1|x|NULL|NULL", "2|y|2.5|NULL"}));
}

TEST_F(ScanTest, FilesOfOthers) {
  create("SELECT 1 AS a, 'x' AS p", {"p"});
  // No tags, no statistics, the path says nothing of the partition, the columns differ from file to
  // file, and the partition column lies in a file as well.
  auto request = appending("SELECT 1 AS a, 'x' AS p WHERE false");
  for (const auto& [name, select] : std::vector<std::pair<std::string, std::string>>{
           {"one.parquet", "SELECT 'wrong' AS P, 2::SMALLINT AS a"},
           {"two file.parquet", "SELECT 3 AS other"}}) {
    connection_.execute("COPY (" + select + ") TO " + duck::quote_text(path_ + "/" + name) +
                        " (FORMAT parquet)");
    Add add;
    add.path = uri_encoded(name);
    add.partition_values["p"] =
        name == "one.parquet" ? std::optional<std::string>("o'ne") : std::nullopt;
    request.adds.push_back(add);
  }
  commit(request);
  EXPECT_EQ(rows_at(), (Strings{"1|x", "2|o'ne", "NULL|NULL"}));
  EXPECT_EQ(table().snapshot().rows(), -1);
}

TEST_F(ScanTest, AFolderAboveThatLooksLikeAPartition) {
  path_ = folder_ + "/year=1999/t";
  create("SELECT 1 AS a, 2025 AS year", {"year"});
  EXPECT_EQ(rows_at(), (Strings{"1|2025"}));
  path_ = folder_ + "/year=1999/u";
  create("SELECT 1 AS a, 2025 AS year");
  EXPECT_EQ(rows_at(), (Strings{"1|2025"}));
}

TEST_F(ScanTest, NestedValuesComeBack) {
  const std::string select =
      "SELECT {'a': 1, 'b': [1, NULL]} AS s, MAP {'k': {'x': 1.5}} AS m, 'nan'::DOUBLE AS n, "
      "'-0.0'::DOUBLE "
      "AS z, "
      "'\\x00\\xFF'::BLOB AS b";
  create(select);
  EXPECT_EQ(rows("SELECT s::VARCHAR, m::VARCHAR, n, z::VARCHAR, b::VARCHAR FROM (" +
                 duck_sql(scan(table().snapshot())) + ")"),
            rows("SELECT s::VARCHAR, m::VARCHAR, n, z::VARCHAR, b::VARCHAR FROM (" + select + ")"));
}

TEST_F(ScanTest, RowsAreHiddenWhereAFileHasMoreThanIsFoundById) {
  auto request = creation("SELECT 1 AS id");
  auto schema = nlohmann::json::parse(request.metadata->schema_string);
  schema["fields"][0]["metadata"] = {{"delta.columnMapping.id", 1},
                                     {"delta.columnMapping.physicalName", "col-1"}};
  request.metadata->schema_string = schema.dump();
  request.metadata->configuration["delta.columnMapping.mode"] = "id";
  request.protocol =
      Protocol{3, 7, {"columnMapping", "deletionVectors"}, {"columnMapping", "deletionVectors"}};
  columns::WriteOptions options;
  options.folder = path_;
  options.field_ids = "\"col-1\": 1";
  const auto files = duck::write_parquet(
      connection_, "SELECT i AS \"col-1\", i AS more FROM range(32) r(i)", {}, options);
  request.adds = adds_from_written(path_, {}, files, clock_.now());
  request.adds[0].deletion_vector =
      DeletionVector{"i", "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 44, 6};
  commit(std::move(request));
  EXPECT_EQ(rows("SELECT count(*), min(id) FILTER (id > 2) FROM (" +
                 duck_sql(scan(table().snapshot())) + ")"),
            Strings{"26|5"});
}

TEST_F(ScanTest, FiltersReachTheFiles) {
  create("SELECT i AS a, i * 2 AS b FROM range(100000) t(i)");
  const std::string plan =
      rows("EXPLAIN SELECT b FROM (" + duck_sql(scan(table().snapshot())) + ") WHERE a = 5").at(0);
  EXPECT_NE(plan.find("Filters"), std::string::npos) << plan;
}

}  // namespace
}  // namespace windrow::lake
