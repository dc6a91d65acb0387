#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "clients/sqlite.h"
#include "publish/store.h"

namespace windrow::publish {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() : database_(duck::Options{}), connection_(database_) {
    folder_ = std::filesystem::temp_directory_path() / ("windrow publish é " + std::to_string(::getpid()));
    path_ = folder_ / "deep/serving.db";
    store_ = sqlite_store(path_, clock_);
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }
  static ViewBatch view(const std::string& table, const std::string& select, int64_t version = 1) {
    ViewBatch out;
    out.table = table;
    out.select = select;
    out.indexes = {{"a"}};
    out.manifest.view = table;
    out.manifest.batch_id = "batch" + std::to_string(version);
    out.manifest.source_table = "gold." + table;
    out.manifest.source_version = version;
    return out;
  }
  std::string read(const std::string& sql) {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    std::string out;
    for (const auto& row : db.query(sql)) {
      for (const auto& value : row) out += clients::text_of(value) + ",";
      out += " ";
    }
    return out;
  }
  FakeClock clock_{time_from_micros(1'760'000'000'000'000)};
  duck::Database database_;
  duck::Connection connection_;
  std::filesystem::path folder_;
  std::string path_;
  std::unique_ptr<Store> store_;
  Cancel cancel_;
};

TEST_F(SqliteStoreTest, SwapsViewsWithTheirManifests) {
  EXPECT_TRUE(store_->manifests().empty());
  auto first = view("x", "SELECT 1 AS a, 'é' AS b, 1.10::DECIMAL(9,2) AS c, NULL AS d, true AS e, 'nan'::DOUBLE AS f, DATE '2025-01-02' AS g, [1] AS h");
  first.manifest.boundary = parse_time("2025-01-01");
  const auto written = store_->publish({first, view("empty", "SELECT 1 AS a WHERE false")}, connection_, cancel_, {});
  EXPECT_EQ(written[0].rows, 1);
  EXPECT_EQ(read("SELECT * FROM x"), "1,é,1.10,,1,,2025-01-02,[1], ");
  EXPECT_EQ(read("SELECT count(*) FROM empty"), "0, ");
  EXPECT_EQ(store_->manifests().at("x").boundary, parse_time("2025-01-01"));
  EXPECT_EQ(store_->manifests().at("x").checksum, written[0].checksum);
  store_->move_boundaries({{"x", *parse_time("2025-02-01")}});
  EXPECT_EQ(store_->manifests().at("x").boundary, parse_time("2025-02-01"));
  store_->publish({view("x", "SELECT 2 AS a", 2)}, connection_, cancel_, {});
  EXPECT_EQ(read("SELECT * FROM x"), "2, ");
  EXPECT_EQ(read("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'x'"), "1, ");
  EXPECT_EQ(store_->manifests().at("x").source_version, 2);
}

TEST_F(SqliteStoreTest, AFailureChangesNothing) {
  store_->publish({view("x", "SELECT 1 AS a"), view("y", "SELECT 1 AS a")}, connection_, cancel_, {});
  EXPECT_THROW(store_->publish({view("x", "SELECT 2 AS a", 2), view("y", "SELECT error('no') AS a", 2)}, connection_, cancel_, {}), Error);
  EXPECT_EQ(read("SELECT x.a, y.a FROM x, y"), "1,1, ");
  EXPECT_EQ(store_->manifests().at("x").source_version, 1);
  EXPECT_EQ(read("SELECT count(*) FROM sqlite_master WHERE name LIKE 'windrow_new%'"), "0, ");
}

TEST_F(SqliteStoreTest, ViewsOfOthersSurvive) {
  store_->publish({view("x", "SELECT 1 AS a")}, connection_, cancel_, {});
  {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    db.execute("CREATE VIEW mine AS SELECT a * 10 AS ten FROM x");
  }
  store_->publish({view("x", "SELECT 2 AS a", 2)}, connection_, cancel_, {});
  EXPECT_EQ(read("SELECT ten FROM mine"), "20, ");
}

TEST_F(SqliteStoreTest, ReadersNeverSeeAMixture) {
  store_->publish({view("x", "SELECT 0 AS a FROM range(500)"), view("y", "SELECT 0 AS a FROM range(500)")}, connection_, cancel_, {});
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0};
  std::thread reader([&] {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    while (!stop) {
      const auto row = db.query("SELECT (SELECT count(*) FROM x), (SELECT min(a) FROM x), (SELECT max(a) FROM x), "
                                "(SELECT min(a) FROM y), (SELECT count(*) FROM y)")[0];
      EXPECT_EQ(clients::text_of(row[0]), "500");
      EXPECT_EQ(clients::text_of(row[1]), clients::text_of(row[2]));
      EXPECT_EQ(clients::text_of(row[1]), clients::text_of(row[3]));
      EXPECT_EQ(clients::text_of(row[4]), "500");
      ++looks;
    }
  });
  for (int i = 1; i <= 50; ++i) {
    const std::string select = "SELECT " + std::to_string(i) + " AS a FROM range(500)";
    store_->publish({view("x", select, i), view("y", select, i)}, connection_, cancel_, {});
  }
  stop = true;
  reader.join();
  EXPECT_GT(looks, 0);
}

TEST_F(SqliteStoreTest, ABrokenFileIsNamed) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  { std::FILE* f = std::fopen(path_.c_str(), "w"); std::fputs(std::string(4096, 'x').c_str(), f); std::fclose(f); }
  try {
    store_->manifests();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::corrupt);
    EXPECT_NE(std::string(error.what()).find(path_), std::string::npos);
  }
}

}  // namespace
}  // namespace windrow::publish
