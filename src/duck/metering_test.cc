#include "duck/metering.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "columns/batch.h"
#include "duck/batches.h"
#include "duck/guided_parquet.h"
#include "duck/quoting.h"

namespace windrow::duck {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

nanoseconds cpu_of(const Meter& meter) { return meter.usage().cpu.value_or(nanoseconds(0)); }

/// Half a second or so of one thread's work, for each million rows.
std::string busy(int64_t rows) {
  return "SELECT max(md5(md5(md5(i::VARCHAR)))) FROM range(" + std::to_string(rows) + ") t(i)";
}

class MeteringTest : public testing::Test {
 protected:
  MeteringTest() {
    std::filesystem::create_directories(folder_);
    add_guided_parquet(database_, [](std::string_view) { return nullptr; });
  }
  ~MeteringTest() override { std::filesystem::remove_all(folder_); }

  /// `rows` rows of two columns; its path in quotes.
  std::string file(const std::string& name, int64_t rows) {
    const auto path = (folder_ / name).string();
    Connection(database_).execute("COPY (SELECT i, md5(i::VARCHAR) AS m FROM range(" +
                                  std::to_string(rows) + ") t(i)) TO " + quote_text(path) +
                                  " (FORMAT parquet)");
    return quote_text(path);
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("windrow metering " + std::to_string(::getpid()));
  Database database_{Options{.threads = 4}};
  Connection connection_{database_};
};

TEST_F(MeteringTest, TimeOnDuckDBsThreadsIsTheConnections) {
  Meter meter;
  measure(connection_, meter);
  connection_.query(busy(200'000));
  const auto first = cpu_of(meter);
  EXPECT_GT(first, milliseconds(5));
  connection_.query(busy(2'000'000));
  EXPECT_GT(cpu_of(meter) - first, 4 * first);
  EXPECT_GT(meter.usage().peak_memory.value_or(0), 0);
  EXPECT_FALSE(meter.usage().bytes_read);
}

/// What was measured is what the process used: nothing twice, and little that is not seen.
TEST_F(MeteringTest, ComesOutEvenWithTheProcess) {
  const auto process = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
  };
  Database database{Options{.threads = 1}};  // where there are more, one of them waits in a loop
  Connection connection(database);
  Meter meter;
  measure(connection, meter);
  const auto began = process();
  {
    const CpuScope cpu(&meter);
    connection.query(busy(500'000));
    connection.query(
        "SELECT count(*) FROM (SELECT DISTINCT md5(i::VARCHAR) FROM range(500000) t(i))");
    connection.query(
        "SELECT md5(i::VARCHAR) FROM range(500000) t(i) ORDER BY 1 LIMIT 1 OFFSET 400000");
  }
  const auto used = process() - began;
  EXPECT_LE(cpu_of(meter), used);
  EXPECT_GT(cpu_of(meter), used * 8 / 10);
}

/// Both share DuckDB's threads all the while.
TEST_F(MeteringTest, TwoAtOnceDoNotCountEachOther) {
  Meter alone;
  {
    Connection c(database_);
    measure(c, alone);
    const CpuScope cpu(&alone);
    c.query(busy(300'000));
  }
  Meter little, much;
  std::thread other([&] {
    Connection c(database_);
    measure(c, much);
    const CpuScope cpu(&much);
    c.query(busy(3'000'000));
  });
  measure(connection_, little);
  {
    const CpuScope cpu(&little);
    connection_.query(busy(300'000));
  }
  other.join();
  EXPECT_LT(cpu_of(little), 3 * cpu_of(alone));
  EXPECT_GT(cpu_of(much), 5 * cpu_of(little));
}

TEST_F(MeteringTest, AConnectionBesideIsMeasuredToo) {
  Meter meter;
  measure(connection_, meter);
  const auto beside = connection_.beside();
  const auto before = cpu_of(meter);
  beside->query(busy(200'000));
  EXPECT_GT(cpu_of(meter) - before, milliseconds(5));
  // One that nobody measures stays so.
  Connection other(database_);
  other.beside()->query(busy(1000));
}

/// A statement that takes its rows from another one, on whatever thread.
TEST_F(MeteringTest, AStatementInsideAnotherCountsOnce) {
  const auto process = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
  };
  Meter meter;
  measure(connection_, meter);
  const auto began = process();
  {
    const CpuScope cpu(&meter);
    const auto reader = read_batches(
        connection_.beside(), "SELECT md5(md5(i::VARCHAR)) AS m FROM range(500000) t(i)", {});
    const ReaderTable table(connection_, *reader);
    connection_.query("SELECT max(md5(m)) FROM " + table.sql());
  }
  EXPECT_LE(cpu_of(meter), process() - began);
}

TEST_F(MeteringTest, BytesAndFilesThatWereRead) {
  const auto a = file("a.parquet", 1000), b = file("b.parquet", 200'000);
  Meter meter;
  measure(connection_, meter);
  const auto scan = [](const std::string& files) {
    return " FROM windrow_parquet([" + files + "])";
  };
  connection_.query("SELECT sum(i)" + scan(a + ", " + b));
  EXPECT_EQ(meter.usage().files_read, 2);
  const auto one_column = *meter.usage().bytes_read;
  EXPECT_GT(one_column, 0);
  // DuckDB keeps what it has read: the other column comes on top.
  connection_.query("SELECT sum(length(m))" + scan(a + ", " + b));
  EXPECT_EQ(meter.usage().files_read, 2);
  const auto all = int64_t(std::filesystem::file_size(folder_ / "a.parquet") +
                           std::filesystem::file_size(folder_ / "b.parquet"));
  EXPECT_GT(*meter.usage().bytes_read, 2 * one_column);
  EXPECT_LT(*meter.usage().bytes_read, all + all / 2);
  const auto both = *meter.usage().bytes_read;
  EXPECT_THROW(connection_.query("SELECT max(nothing)" + scan(a)), SqlError);
  EXPECT_THROW(connection_.query("SELECT"), SqlError);
  connection_.describe("SELECT i" + scan(a));
  connection_.query("SELECT 1");
  EXPECT_EQ(*meter.usage().files_read, 2);
  EXPECT_LE(*meter.usage().bytes_read, both + 100'000);
}

}  // namespace
}  // namespace windrow::duck
