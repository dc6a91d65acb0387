#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "sql/sql_fixture.h"

namespace windrow::sql {
namespace {

class CacheFile : public testing::Test {
 protected:
  CacheFile() {
    folder_ = std::filesystem::temp_directory_path() / ("windrow ü " + std::to_string(::getpid()));
    path_ = (folder_ / "sql.cache").string();
  }
  ~CacheFile() override { std::filesystem::remove_all(folder_); }
  void fill() {
    Cache cache(path_);
    for (int i = 0; i < 100; ++i)
      cache.put(sha256(std::to_string(i)), "value\n" + std::to_string(i));
    cache.save();
  }
  std::string value(int i) {
    const Cache cache(path_);
    return std::string(cache.find(sha256(std::to_string(i))).value_or("none"));
  }
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(CacheFile, KeepsWhatItWasGiven) {
  EXPECT_EQ(value(7), "none");
  fill();
  EXPECT_EQ(value(7), "value\n7");
  {
    Cache more(path_);
    more.put(sha256("more"), "");
    more.save();
  }
  EXPECT_EQ(value(99), "value\n99");
  EXPECT_EQ(Cache(path_).find(sha256("more")), "");
}

TEST_F(CacheFile, TakesADamagedFileForNone) {
  fill();
  const auto size = std::filesystem::file_size(path_);
  for (const size_t at : {size_t(3), size / 2, size - 3}) {
    fill();
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(std::streamoff(at));
    file.put('\x01');
    file.close();
    EXPECT_EQ(value(7), "none") << at;
    std::filesystem::remove(path_);
  }
  fill();
  std::filesystem::resize_file(path_, size - 100);
  EXPECT_EQ(value(7), "none");
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(value(7), "none");
}

TEST_F(CacheFile, CannotBeWrittenIsNoError) {
  std::filesystem::create_directories(path_);  // a folder stands in its place
  fill();
  EXPECT_EQ(value(7), "none");
}

TEST_F(Sql, TheCacheGivesWhatParsingGives) {
  Cache cache("");
  const std::string text =
      "SELECT *, $n AS \"ü\" FROM silver.events e JOIN silver.kinds USING (kind)\nWHERE e.\"at\" "
      ">= $start "
      "AND e.\"at\" < $end";
  EXPECT_FALSE(known_select(text, {}, cache));
  const auto first = parse_select(connection_, text, {"a.sql", 1, 1}, &cache);
  const auto again = known_select(text, {"b.sql", 5, 3}, cache);
  const auto fresh = parse_select(connection_, text, {"b.sql", 5, 3});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->meaning, fresh.meaning);
  EXPECT_EQ(again->star, fresh.star);
  ASSERT_EQ(again->tables.size(), 2u);
  ASSERT_EQ(again->intervals.size(), 2u);
  ASSERT_EQ(again->parameters.size(), 3u);
  EXPECT_EQ(again->tables[1].name, "silver.kinds");
  EXPECT_EQ(again->tables[1].place, fresh.tables[1].place);
  EXPECT_EQ(again->parameters[2].place, fresh.parameters[2].place);
  EXPECT_EQ(again->intervals[0].expression, fresh.intervals[0].expression);
  EXPECT_EQ(again->intervals[0].exact, fresh.intervals[0].exact);
  EXPECT_EQ(again->intervals[0].place, fresh.intervals[0].place);
  EXPECT_THROW(parse_select(connection_, "SELECT now()", {"m.sql", 1, 1}, &cache), Error);
  EXPECT_THROW(parse_select(connection_, "SELECT now()", {"m.sql", 1, 1}, &cache), Error);
}

TEST_F(Sql, RemembersColumnsByAllTheyFollowFrom) {
  Cache cache("");
  const auto select = parse("SELECT *, $x AS x FROM silver.kinds");
  const auto names = [&](const Parameters& parameters) {
    std::string out;
    for (const auto& c : windrow::sql::bind(connection_, select, catalog_, parameters, &cache))
      out += c.name + " " + c.type + ", ";
    return out;
  };
  EXPECT_EQ(names({{"x", int64_t(1)}}), "kind VARCHAR, label VARCHAR, x BIGINT, ");
  EXPECT_EQ(names({{"x", int64_t(1)}}), "kind VARCHAR, label VARCHAR, x BIGINT, ");
  EXPECT_EQ(names({{"x", std::string("a")}}), "kind VARCHAR, label VARCHAR, x VARCHAR, ");
  catalog_["silver.kinds"][1].type = "DATE";
  EXPECT_EQ(names({{"x", int64_t(1)}}), "kind VARCHAR, label DATE, x BIGINT, ");
}

}  // namespace
}  // namespace windrow::sql
