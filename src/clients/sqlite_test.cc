#include "clients/sqlite.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace windrow::clients {
namespace {

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    folder_ =
        std::filesystem::temp_directory_path() / ("windrow sqlite é " + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "x.db";
  }
  ~SqliteTest() override { std::filesystem::remove_all(folder_); }
  Code code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(SqliteTest, KeepsValuesAsTheyAre) {
  Sqlite db(path_, Sqlite::Mode::create);
  db.execute("CREATE TABLE t (a, b, c, d)");
  const std::string bytes("x\0é", 4);
  db.query("INSERT INTO t VALUES (?, ?, ?, ?)", {int64_t(-1), 0.5, bytes, std::monostate{}});
  const auto rows = db.query("SELECT * FROM t");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0], (std::vector<SqliteValue>{int64_t(-1), 0.5, bytes, std::monostate{}}));
}

TEST_F(SqliteTest, RollsBackWhatIsNotCommitted) {
  Sqlite db(path_, Sqlite::Mode::create);
  db.make_durable_and_concurrent();
  db.execute("CREATE TABLE t (a PRIMARY KEY)");
  {
    SqliteTransaction lost(db);
    db.execute("INSERT INTO t VALUES (1)");
  }
  SqliteTransaction kept(db);
  db.execute("INSERT INTO t VALUES (2)");
  kept.commit();
  EXPECT_EQ(db.query("SELECT a FROM t").size(), 1u);
  EXPECT_EQ(code_of([&] { db.execute("INSERT INTO t VALUES (2)"); }), Code::conflict);
}

TEST_F(SqliteTest, TellsWhatIsWrongWithAFile) {
  EXPECT_EQ(code_of([&] { Sqlite(path_, Sqlite::Mode::existing); }), Code::permission);
  std::ofstream(path_) << std::string(5000, 'x');
  Sqlite broken(path_, Sqlite::Mode::existing);
  EXPECT_EQ(code_of([&] { broken.query("SELECT * FROM sqlite_master"); }), Code::corrupt);
}

TEST_F(SqliteTest, ABusyFileIsUnavailable) {
  Sqlite one(path_, Sqlite::Mode::create),
      two(path_, Sqlite::Mode::existing, std::chrono::milliseconds(1));
  one.execute("CREATE TABLE t (a)");
  SqliteTransaction held(one);
  EXPECT_EQ(code_of([&] { SqliteTransaction other(two); }), Code::unavailable);
}

}  // namespace
}  // namespace windrow::clients
