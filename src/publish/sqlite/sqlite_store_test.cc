#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "clients/sqlite.h"
#include "duck/duck.h"
#include "publish/sqlite/kind.h"

namespace windrow::publish {
namespace {

using clients::Sqlite;
using Values = std::vector<std::vector<clients::SqliteValue>>;

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest()
      : database_(duck::Options{}),
        connection_(database_),
        clock_(*parse_time("2025-10-17T14:00:00Z")) {
    folder_ =
        std::filesystem::temp_directory_path() / ("windrow store é " + std::to_string(::getpid()));
    path_ = folder_ / "made for it" / "serving 1.db";
    store_ = sqlite_store(path_, clock_);
  }
  ~SqliteStoreTest() override {
    std::error_code not_made;  // where a test was skipped
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, not_made);
    std::filesystem::remove_all(folder_);
  }
  static ViewBatch view(const std::string& table, const std::string& select,
                        std::vector<std::vector<std::string>> indexes = {}) {
    ViewBatch out{table, "replace", std::move(indexes), select, {}};
    out.manifest.batch_id = "b1";
    out.manifest.source_table = "gold." + table;
    out.manifest.source_version = 7;
    out.manifest.definition = "f00";
    return out;
  }
  std::vector<Manifest> publish(const std::vector<ViewBatch>& views) {
    return store_->publish(views, connection_, cancel_, {});
  }
  Values query(const std::string& sql) { return Sqlite(path_, Sqlite::Mode::existing).query(sql); }
  int64_t number(const std::string& sql) {
    return clients::integer_of(query(sql).at(0).at(0)).value_or(-1);
  }
  Error error_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return Error(Code::internal, "none");
  }

  duck::Database database_;
  duck::Connection connection_;
  FakeClock clock_;
  Cancel cancel_;
  std::filesystem::path folder_;
  std::string path_;
  std::unique_ptr<Store> store_;
};

TEST_F(SqliteStoreTest, PublishesWithAManifest) {
  EXPECT_TRUE(store_->manifests().empty());
  EXPECT_FALSE(std::filesystem::exists(path_));
  auto one =
      view("t", "SELECT i, 'n' || i AS \"odd \"\"name\" FROM range(3) r(i) ORDER BY i -- all",
           {{"i"}, {"odd \"name", "i"}});
  one.manifest.boundary = *parse_time("2025-10-17T13:00:00Z");
  const auto written = publish({one, view("empty", "SELECT 1 AS a WHERE false")});
  EXPECT_EQ(query("SELECT * FROM t"),
            (Values{{int64_t(0), "n0"}, {int64_t(1), "n1"}, {int64_t(2), "n2"}}));
  EXPECT_EQ(number("SELECT count(*) FROM empty"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 't'"),
            2);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name LIKE 'windrow_new%'"), 0);
  const auto found = store_->manifests();
  ASSERT_EQ(found.size(), 2u);
  const auto& t = found.at("t");
  EXPECT_EQ(t.rows, 3);
  EXPECT_EQ(t.batch_id, "b1");
  EXPECT_EQ(t.source_version, 7);
  EXPECT_EQ(t.boundary, one.manifest.boundary);
  EXPECT_EQ(t.published, clock_.now());
  EXPECT_EQ(t.checksum, written[0].checksum);
  EXPECT_EQ(t.checksum.size(), 64u);
  EXPECT_EQ(found.at("empty").boundary, std::nullopt);
}

TEST_F(SqliteStoreTest, LosesNoDigit) {
  auto one = view(
      "t",
      "SELECT true AS b, 1.10::DECIMAL(10,2) AS d, "
      "12345678901234567890.123456::DECIMAL(30,6) AS big, 'nan'::DOUBLE AS n, "
      "-0.0::DOUBLE AS z, DATE '2025-01-02' AS day, TIMESTAMP '2025-01-02 03:04:05.5' AS ts, "
      "TIMESTAMPTZ '2025-01-02 03:04:05+02' AS tz, [1, NULL] AS l, {'a': 'é\"'} AS s, "
      "170141183460469231731687303715884105727::HUGEINT AS h, 'infinity'::TIMESTAMPTZ AS ever, "
      "7::HUGEINT AS small, NULL::INTEGER AS missing, '\\x00\\xFF'::BLOB AS bytes, '{\"x\": "
      "1}'::JSON AS j");
  one.settings.columns = {{"big", "text"}, {"h", "TEXT"}};
  publish({one});
  EXPECT_EQ(query("SELECT b, big, n, day, ts, tz, l, s, h, small, missing, bytes, j, ever FROM t"),
            (Values{{int64_t(1), "12345678901234567890.123456", std::monostate{}, "2025-01-02",
                     "2025-01-02 03:04:05.5", "2025-01-02 01:04:05+00:00", "[1,null]",
                     "{\"a\":\"é\\\"\"}", "170141183460469231731687303715884105727", int64_t(7),
                     std::monostate{}, "00FF", "{\"x\": 1}", "infinity"}}));
  EXPECT_EQ(query("SELECT d, typeof(d), datetime(tz), z FROM t"),
            (Values{{1.1, "real", "2025-01-02 01:04:05", 0.0}}));
}

TEST_F(SqliteStoreTest, NumbersCompareAsInTheLake) {
  publish({view("t",
                "SELECT sum(v) AS revenue, sum(v::BIGINT) AS whole, sum(v::DECIMAL(10,0)) AS round "
                "FROM (SELECT i, (i * 250.75)::DECIMAL(18,2) AS v FROM range(-3, 7) r(i)) "
                "GROUP BY i")});
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE revenue > 1000"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE whole > 1000"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE round > 1000"), 3);
  EXPECT_EQ(query("SELECT revenue FROM t ORDER BY revenue LIMIT 2"), (Values{{-752.25}, {-501.5}}));
  EXPECT_EQ(query("SELECT sum(revenue / 2) FROM t"), (Values{{1880.625}}));
}

TEST_F(SqliteStoreTest, TimesSortAsInTheLake) {
  publish({view("t",
                "SELECT unnest([TIMESTAMPTZ '2025-01-02 00:00:00.5+00', '2025-01-02 00:00:00+00', "
                "'infinity', '2025-01-02 00:00:00.25+00', '-infinity', '0044-03-15 00:00:00+00', "
                "'2025-01-02 00:00:01+00']) AS at, unnest(range(7)) AS i")});
  EXPECT_EQ(query("SELECT group_concat(i, ' ') FROM (SELECT i FROM t ORDER BY at)"),
            (Values{{"4 5 1 3 0 6 2"}}));
  for (const char* odd : {"DATE '10000-01-01'", "TIMESTAMP '0044-03-15 (BC) 00:00:00'",
                          "TIMESTAMPTZ '12025-01-02 00:00:00+00'", "DATE '0044-03-15 (BC)'"}) {
    const auto error =
        error_of([&] { publish({view("t", std::string("SELECT ") + odd + " AS at")}); });
    EXPECT_EQ(error.code(), Code::data) << odd;
    EXPECT_NE(error.problem().message.find("column \"at\" of view \"t\""), std::string::npos);
  }
}

TEST_F(SqliteStoreTest, WhatCannotCompareAndKeepItsDigitsIsRefused) {
  for (const char* odd :
       {"12345678901234567.89::DECIMAL(38,2)", "-0.12345678901234567::DECIMAL(38,18)",
        "12345678901234567.00::DECIMAL(38,2)", "9223372036854775808::HUGEINT",
        "99999999999999999999::DECIMAL(38,0)", "18446744073709551615::UBIGINT"}) {
    auto one = view("t", std::string("SELECT ") + odd + " AS v");
    const auto error = error_of([&] { publish({one}); });
    EXPECT_EQ(error.code(), Code::data) << odd;
    EXPECT_NE(error.problem().hint.find("columns: {v: real}"), std::string::npos) << odd;
    one.settings.columns = {{"v", "real"}};
    publish({one});
    EXPECT_EQ(query("SELECT typeof(v) FROM t"), (Values{{"real"}}));
    one.settings.columns = {{"v", "text"}};
    publish({one});
    EXPECT_EQ(query("SELECT typeof(v) FROM t"), (Values{{"text"}}));
  }
  for (const char* fits :
       {"0.1::DECIMAL(38,18)", "1234567890123.45::DECIMAL(38,2)", "9223372036854775807::HUGEINT"}) {
    publish({view("t", std::string("SELECT ") + fits + " AS v")});
    EXPECT_EQ(query("SELECT typeof(v) <> 'text' FROM t"), (Values{{int64_t(1)}})) << fits;
  }
  EXPECT_EQ(error_of([&] { publish({view("t", "SELECT INTERVAL 2 DAY AS v")}); }).code(),
            Code::configuration);
}

TEST_F(SqliteStoreTest, DeclaredColumns) {
  auto one = view("t", "SELECT '12' AS n, 2.5::DECIMAL(4,2) AS r, 7 AS i");
  one.settings.columns = {{"n", "integer"}, {"r", "real"}, {"i", "text"}};
  publish({one});
  EXPECT_EQ(query("SELECT n, r, i FROM t"), (Values{{int64_t(12), 2.5, "7"}}));
  one.settings.columns = {{"nn", "integer"}};
  const auto unknown = error_of([&] { publish({one}); });
  EXPECT_EQ(unknown.problem().message,
            "view \"t\" has no column \"nn\", which its \"columns\" give a type");
  one.settings.columns = {{"n", "jsonb"}};
  EXPECT_EQ(error_of([&] { publish({one}); }).problem().message,
            "column \"n\" of view \"t\": SQLite's type \"jsonb\" is not one that windrow writes");
}

TEST_F(SqliteStoreTest, UniqueAndDescendingIndexes) {
  auto one = view("t", "SELECT i % 2 AS n, i FROM range(4) r(i)", {{"-i", "n"}});
  one.settings.unique = {{"i"}};
  publish({one});
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE sql LIKE '%\"i\" DESC, \"n\"%'"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM pragma_index_list('t') WHERE \"unique\""), 1);
  one.settings.unique = {{"n"}};
  EXPECT_EQ(error_of([&] { publish({one}); }).code(), Code::conflict);
}

TEST_F(SqliteStoreTest, TheChecksumIsOfTheRowsInOrder) {
  const auto sum = [&](const std::string& select) {
    return publish({view("t", select)})[0].checksum;
  };
  const auto first = sum("SELECT i FROM range(20000) t(i)");
  EXPECT_EQ(sum("SELECT i FROM range(20000) t(i)"), first);
  EXPECT_NE(sum("SELECT i FROM range(20000) t(i) ORDER BY i DESC"), first);
  EXPECT_NE(sum("SELECT 'a' AS x, 'bc' AS y"), sum("SELECT 'ab' AS x, 'c' AS y"));
}

TEST_F(SqliteStoreTest, AReaderSeesTheFormerViewsOrTheNewOnes) {
  publish({view("a", "SELECT 0 AS v FROM range(100)"), view("b", "SELECT 0 AS v")});
  std::atomic<bool> done{false};
  std::atomic<int> looks{0}, mixed{0};
  std::thread reader([&] {
    Sqlite database(path_, Sqlite::Mode::existing);
    while (!done) {
      const auto rows = database.query("SELECT count(*), min(v), max(v), (SELECT v FROM b) FROM a");
      ++looks;
      const auto& row = rows.at(0);
      if (clients::integer_of(row[0]) != 100 || row[1] != row[2] || row[1] != row[3]) ++mixed;
    }
  });
  while (looks < 5) std::this_thread::yield();
  for (int i = 1; i <= 20; ++i) {
    const auto value = std::to_string(i);
    publish({view("a", "SELECT " + value + " AS v FROM range(100)"),
             view("b", "SELECT " + value + " AS v")});
  }
  done = true;
  reader.join();
  EXPECT_EQ(mixed, 0);
}

TEST_F(SqliteStoreTest, AFailureChangesNothing) {
  publish({view("t", "SELECT 1 AS v")});
  EXPECT_THROW(
      publish({view("t", "SELECT 2 AS v"),
               view("u", "SELECT if(i = 9000, error('x')::INT, 1) AS v FROM range(10000) t(i)")}),
      Error);
  EXPECT_EQ(number("SELECT v FROM t"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name LIKE '%u'"), 0);
  EXPECT_EQ(error_of([&] { publish({view("t", "SELECT 2 AS v", {{"nope"}})}); }).problem().message,
            "index of view \"t\": there is no column \"nope\"");
  EXPECT_EQ(number("SELECT v FROM t"), 1);
  cancel_.request();
  EXPECT_EQ(error_of([&] { publish({view("t", "SELECT 2 AS v")}); }).code(), Code::canceled);
  EXPECT_EQ(number("SELECT v FROM t"), 1);
}

TEST_F(SqliteStoreTest, AKilledPublisherChangesNothing) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "fork takes more of DuckDB's locks at once than ThreadSanitizer counts";
#endif
  publish({view("t", "SELECT 1 AS v")});
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // Only SQLite here: the former process's DuckDB threads are not in this one.
    try {
      Sqlite database(path_, Sqlite::Mode::existing);
      // Far more than SQLite's cache, so that pages of the unfinished transaction are in the files.
      database.execute(
          "PRAGMA cache_size = 10; BEGIN IMMEDIATE; CREATE TABLE windrow_new_t (v); "
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
          "INSERT INTO windrow_new_t SELECT i FROM n; DROP TABLE t; ALTER TABLE windrow_new_t "
          "RENAME TO t");
      (void)!::write(ready[1], "x", 1);
      ::pause();
    } catch (...) {}
    ::_exit(1);
  }
  ::close(ready[1]);
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(number("SELECT v FROM t"), 1);
  publish({view("t", "SELECT 3 AS v")});
  EXPECT_EQ(number("SELECT v FROM t"), 3);
}

TEST_F(SqliteStoreTest, WhatOthersMadeUponAViewSurvives) {
  publish({view("t", "SELECT 1 AS v, 2 AS w")});
  query("CREATE INDEX mine ON t (w)");
  query("CREATE VIEW over AS SELECT v + w AS s FROM t");
  publish({view("t", "SELECT 10 AS v, 20 AS w")});
  EXPECT_EQ(number("SELECT s FROM over"), 30);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name = 'mine'"), 1);
  const auto error = error_of([&] { publish({view("t", "SELECT 1 AS v")}); });
  EXPECT_EQ(error.code(), Code::data);
  EXPECT_EQ(number("SELECT s FROM over"), 30);
}

TEST_F(SqliteStoreTest, TablesOfOthersAreLeftAlone) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  Sqlite(path_, Sqlite::Mode::create)
      .execute(
          "CREATE TABLE precious (a); INSERT INTO precious VALUES (1); CREATE VIEW seen AS SELECT "
          "1 AS a");
  EXPECT_TRUE(store_->manifests().empty());
  EXPECT_EQ(error_of([&] { publish({view("precious", "SELECT 2 AS a")}); }).code(), Code::data);
  EXPECT_EQ(error_of([&] { publish({view("seen", "SELECT 2 AS a")}); }).code(), Code::data);
  EXPECT_EQ(number("SELECT a FROM precious"), 1);
  EXPECT_EQ(error_of([&] { publish({view("windrow_publications", "SELECT 2 AS a")}); }).code(),
            Code::configuration);
}

TEST_F(SqliteStoreTest, ColumnsThatDifferByCase) {
  EXPECT_EQ(error_of([&] {
              publish({view("t", "SELECT * FROM (SELECT 1 AS \"Ab\") a, (SELECT 2 AS \"aB\") b")});
            })
                .problem()
                .message,
            "view \"t\" has the columns \"Ab\" and \"aB\", which SQLite takes for one");
}

TEST_F(SqliteStoreTest, MovesBoundaries) {
  publish({view("t", "SELECT 1 AS v")});
  store_->move_boundaries({{"t", *parse_time("2025-10-18")}});
  EXPECT_EQ(store_->manifests().at("t").boundary, parse_time("2025-10-18"));
  EXPECT_EQ(store_->manifests().at("t").rows, 1);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabase) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  std::ofstream(path_) << std::string(5000, 'x');
  EXPECT_EQ(error_of([&] { publish({view("t", "SELECT 1 AS v")}); }).code(), Code::corrupt);
  EXPECT_EQ(error_of([&] { store_->manifests(); }).code(), Code::corrupt);
}

TEST_F(SqliteStoreTest, AFolderThatCannotBeMade) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "made for it") << "a file";
  EXPECT_NE(error_of([&] { publish({view("t", "SELECT 1 AS v")}); })
                .problem()
                .message.find("made for it"),
            std::string::npos);
}

}  // namespace
}  // namespace windrow::publish
