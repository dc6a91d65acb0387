#include "duck/duck.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "duck/parquet_writer.h"

namespace windrow::duck {
namespace {

class Duck : public testing::Test {
 protected:
  Duck() : database_(Options{}), connection_(database_) {
    folder_ =
        std::filesystem::temp_directory_path() / ("windrow duck Ünï " + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Duck() override { std::filesystem::remove_all(folder_); }
  Database database_;
  Connection connection_;
  std::filesystem::path folder_;
};

TEST_F(Duck, GivesCells) {
  const auto rows = connection_.query(
      "SELECT 1::TINYINT a, 2.5::DOUBLE b, 'é' c, NULL d, true e, 1.10::DECIMAL(5,2) f, sum(3) g, "
      "[1,2] h,"
      " TIMESTAMP '2025-10-17 14:00:00' i");
  ASSERT_EQ(rows.rows.size(), 1u);
  const auto& r = rows.rows[0];
  EXPECT_EQ(std::get<int64_t>(r[0]), 1);
  EXPECT_EQ(std::get<double>(r[1]), 2.5);
  EXPECT_EQ(std::get<std::string>(r[2]), "é");
  EXPECT_EQ(cell_text(r[3]), "NULL");
  EXPECT_TRUE(std::get<bool>(r[4]));
  EXPECT_EQ(cell_text(r[5]), "1.10");
  EXPECT_EQ(std::get<int64_t>(r[6]), 3);
  EXPECT_EQ(cell_text(r[7]), "[1, 2]");
  EXPECT_EQ(cell_text(r[8]), "2025-10-17 14:00:00");
  EXPECT_EQ(rows.columns[6].type, "HUGEINT");
}

TEST_F(Duck, BindsNamedParameters) {
  EXPECT_EQ(cell_text(connection_.value("SELECT $b || $a", {{"a", "x"}, {"b", "y"}})), "yx");
  EXPECT_EQ(cell_text(connection_.value("SELECT $t + INTERVAL 1 DAY",
                                        {{"t", {"2025-01-01", "TIMESTAMP"}}})),
            "2025-01-02 00:00:00");
  EXPECT_THROW(connection_.value("SELECT $missing"), SqlError);
}

TEST_F(Duck, ErrorsPointIntoTheText) {
  try {
    connection_.query("SELECT 1,\n nope FROM (SELECT 1 AS a)");
    FAIL();
  } catch (const SqlError& error) {
    ASSERT_TRUE(error.position());
    EXPECT_EQ(*error.position(), 11u);
    EXPECT_EQ(error.kind(), "Binder");
  }
  try {
    connection_.query("SELEC 1");
    FAIL();
  } catch (const SqlError& error) {
    EXPECT_EQ(error.position(), 0u);
    EXPECT_EQ(error.code(), Code::configuration);
  }
}

TEST_F(Duck, DescribesWithoutRunning) {
  const auto columns =
      connection_.describe("SELECT $a AS a, error('ran') AS b", {{"a", int64_t(5)}});
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[0].type, "BIGINT");
}

TEST_F(Duck, StopsWithinASecond) {
  Cancel cancel;
  auto stop = connection_.stop_on(cancel);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel.request();
  });
  try {
    connection_.query("SELECT count(*) FROM range(100000000000) a");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
  later.join();
  EXPECT_EQ(cell_text(connection_.value("SELECT 42")), "42");
}

TEST_F(Duck, ARequestBetweenTwoQueriesStopsTheNextOne) {
  Cancel cancel;
  auto stop = connection_.stop_on(cancel);
  Connection moved = std::move(connection_);
  cancel.request();
  try {
    moved.query("SELECT 1");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
  EXPECT_EQ(cell_text(moved.value("SELECT 42")), "42");
  connection_ = Connection(database_);
}

TEST_F(Duck, SaysWhenMemoryIsNotEnough) {
  Options options;
  options.memory_bytes = 16 << 20;
  Database small(options);
  Connection connection(small);
  try {
    connection.query(
        "SELECT length(string_agg(md5(i::VARCHAR), '')) FROM range(3000000) t(i) GROUP BY i % 7");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::full);
    EXPECT_EQ(error.problem().message.find("Possible solutions"), std::string::npos);
    EXPECT_NE(error.problem().hint.find("engine.memory"), std::string::npos);
  }
  EXPECT_EQ(cell_text(connection.value("SELECT 42")), "42");
}

TEST_F(Duck, WritesManyPartitionsWithLittleMemory) {
  Options options;
  options.memory_bytes = 128 << 20;
  options.spill_folder = folder_ / "spill";
  options.threads = 2;  // with more of them DuckDB now and then finds nothing left to spill
  Database small(options);
  Connection connection(small);
  columns::WriteOptions write;
  write.folder = folder_ / "many";
  write.partition_by = {"p"};
  const auto files =
      write_parquet(connection,
                    "SELECT i AS id, repeat(md5(i::VARCHAR), 8) AS text, (hash(i) % 50)::INT AS p "
                    "FROM range(300000) t(i)",
                    {}, write);
  int64_t rows = 0;
  std::set<std::string> partitions;
  for (const auto& file : files) {
    rows += file.rows;
    partitions.insert(file.partition_values.at("p").value());
  }
  EXPECT_EQ(rows, 300000);
  EXPECT_EQ(partitions.size(), 50u);
}

TEST_F(Duck, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder_ / "file") << "x";
  columns::WriteOptions options;
  options.folder = folder_ / "file" / "below";
  EXPECT_THROW(write_parquet(connection_, "SELECT 1 AS a", {}, options), Error);
}

TEST_F(Duck, AStoppedWriteLeavesNoFiles) {
  Cancel cancel;
  auto stop = connection_.stop_on(cancel);
  columns::WriteOptions options;
  options.folder = folder_ / "stopped";
  options.partition_by = {"p"};
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    cancel.request();
  });
  EXPECT_THROW(
      write_parquet(connection_, "SELECT i AS id, i % 9 AS p FROM range(100000000000) t(i)", {},
                    options),
      Error);
  later.join();
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.folder))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 0u);
}

TEST_F(Duck, WritesParquetWithStatistics) {
  columns::WriteOptions options;
  options.folder = folder_ / "plain";
  const auto files = write_parquet(connection_,
                                   "SELECT i AS id, 'n' || i AS name, if(i = 3, NULL, i * $f) AS "
                                   "v, {'a': i} AS st FROM range(10) t(i)",
                                   {{"f", 0.5}}, options);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].rows, 10);
  EXPECT_EQ(files[0].bytes, int64_t(std::filesystem::file_size(files[0].path)));
  const auto find = [&](const std::vector<std::string>& path) {
    for (const auto& c : files[0].columns) {
      if (c.path == path) return c;
    }
    ADD_FAILURE() << path[0];
    return columns::ColumnStatistics{};
  };
  EXPECT_EQ(find({"id"}).min, "0");
  EXPECT_EQ(find({"id"}).max, "9");
  EXPECT_EQ(find({"v"}).null_count, 1);
  EXPECT_EQ(find({"st", "a"}).max, "9");
}

TEST_F(Duck, WritesPartitionsWithOddValues) {
  columns::WriteOptions options;
  options.folder = folder_ / "parted";
  options.partition_by = {"p", "q"};
  const auto files = write_parquet(
      connection_,
      "SELECT * FROM (VALUES (1, 'a/b=c %', 1), (2, NULL, 2), (3, 'ü', 3), (4, 'ü', 3))"
      " t(id, p, q)",
      {}, options);
  ASSERT_EQ(files.size(), 3u);
  int64_t rows = 0;
  std::set<std::string> values;
  for (const auto& file : files) {
    rows += file.rows;
    EXPECT_TRUE(std::filesystem::exists(file.path)) << file.path;
    values.insert(file.partition_values.at("p").value_or("<null>"));
  }
  EXPECT_EQ(rows, 4);
  EXPECT_EQ(values, (std::set<std::string>{"a/b=c %", "<null>", "ü"}));
}

TEST_F(Duck, WritesPartitionsIntoAFolderWhoseNameEndsBeyondAscii) {
  columns::WriteOptions options;
  options.folder = folder_ / "t é";
  options.partition_by = {"p"};
  const auto files = write_parquet(connection_, "SELECT 1 AS a, 'é' AS p", {}, options);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_TRUE(files[0].path.starts_with(options.folder + "/p=")) << files[0].path;
  EXPECT_TRUE(std::filesystem::exists(files[0].path)) << files[0].path;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "t "));
}

TEST_F(Duck, AnEmptyResultWritesNoFile) {
  columns::WriteOptions options;
  options.folder = folder_ / "empty";
  EXPECT_TRUE(write_parquet(connection_, "SELECT 1 AS a WHERE false", {}, options).empty());
  options.partition_by = {"a"};
  EXPECT_TRUE(write_parquet(connection_, "SELECT 1 AS a, 2 AS b WHERE false", {}, options).empty());
  EXPECT_TRUE(!std::filesystem::exists(folder_ / "empty") ||
              std::filesystem::is_empty(folder_ / "empty"));
}

TEST_F(Duck, WideRowsAreWrittenInSmallerGroups) {
  Options small;
  small.memory_bytes = 200'000'000;
  small.threads = 2;
  Database database(small);
  Connection connection(database);
  columns::WriteOptions options;
  options.folder = folder_ / "wide";
  int64_t rows = 0;
  for (const auto& file : write_parquet(
           connection, "SELECT i AS id, repeat(md5(i::VARCHAR), 60) AS t FROM range(150000) r(i)",
           {}, options))
    rows += file.rows;
  EXPECT_EQ(rows, 150'000);
}

TEST_F(Duck, AFailedWriteLeavesNoFiles) {
  columns::WriteOptions options;
  options.folder = folder_ / "failed";
  EXPECT_THROW(
      write_parquet(connection_,
                    "SELECT if(i = 900000, error('x')::INT, i::INT) AS a FROM range(1000000) t(i)",
                    {}, options),
      Error);
  size_t files = 0;
  if (std::filesystem::exists(options.folder)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options.folder)) {
      files += entry.is_regular_file();
    }
  }
  EXPECT_EQ(files, 0u);
}

}  // namespace
}  // namespace windrow::duck
