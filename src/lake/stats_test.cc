#include "lake/stats.h"

#include "base/clock.h"
#include "lake/copies.h"
#include "lake/optimize.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

using std::chrono::hours;

class StatsTest : public TableFixture {};

Time day(int n) { return Time(hours(24 * n)); }

TEST(Growth, IsTheLineOfLeastSquares) {
  EXPECT_FALSE(growth_of({}));
  EXPECT_FALSE(growth_of({{day(0), 5}}));
  EXPECT_FALSE(growth_of({{day(0), 5}, {day(0) + hours(23), 9}}));
  EXPECT_DOUBLE_EQ(growth_of({{day(0), 5}, {day(2), 25}})->bytes_per_day, 10);
  // By hand: x 0 1 2 3, y 1 3 2 5 has the slope 1.1.
  EXPECT_DOUBLE_EQ(growth_of({{day(0), 1}, {day(1), 3}, {day(2), 2}, {day(3), 5}})->bytes_per_day,
                   1.1);
  EXPECT_DOUBLE_EQ(*days_until(1000, 100, {9, 4}), 100);
  EXPECT_EQ(*days_until(1000, 1000, {-1, 4}), 0);
  EXPECT_FALSE(days_until(1000, 100, {0, 4}));
}

TEST_F(StatsTest, CountsWhatIsThere) {
  create("SELECT 1 AS a, 'x' AS p UNION ALL SELECT 2, NULL", {"p"});
  for (int i = 0; i < 2; ++i) {
    clock_.advance(hours(24));
    append("SELECT 1 AS a, 'x' AS p");
  }
  auto stats = table_stats(*files_, path_, connection_);
  EXPECT_EQ(stats.version, 2);
  EXPECT_EQ(stats.files, 4);
  EXPECT_EQ(stats.rows, 4);
  EXPECT_EQ(stats.partitions, 2);
  EXPECT_EQ(stats.small_files, 3);
  EXPECT_EQ(stats.tombstones, 0);
  EXPECT_EQ(stats.versions, 3);
  ASSERT_EQ(stats.sizes.size(), 3u);
  EXPECT_EQ(stats.sizes.back().bytes, stats.bytes);
  EXPECT_EQ(stats.sizes.front().bytes, table().snapshot(0).bytes());
  const double each = double(stats.bytes - stats.sizes[1].bytes);
  EXPECT_NEAR(stats.growth->bytes_per_day, each, 1e-3 * each);
  const int64_t before = stats.bytes;
  optimize(*files_, path_, connection_, {}, clock_);
  stats = table_stats(*files_, path_, connection_);
  EXPECT_EQ(stats.small_files, 0);
  EXPECT_EQ(stats.tombstones, 3);
  EXPECT_EQ(stats.sizes[stats.sizes.size() - 2].bytes, before);
}

TEST_F(StatsTest, AnEmptyTable) {
  create("SELECT 1 AS a WHERE false");
  const auto stats = table_stats(*files_, path_, connection_);
  EXPECT_EQ(stats.rows, 0);
  EXPECT_FALSE(stats.growth);
}

class CopiesTest : public TableFixture {
 protected:
  std::string other_ = folder_ + "/the clone";
};

TEST_F(CopiesTest, AShallowCloneReadsTheSourcesFilesAndGoesItsOwnWay) {
  auto request = creation("SELECT 1 AS a, 'é /%' AS p", {"p"});
  request.txns = {{"app", 3, 0}};
  commit(request);
  append("SELECT 2 AS a, NULL AS p");
  append("SELECT 3 AS a, 'later' AS p");
  const auto made = clone(*files_, path_, other_, connection_, 1, clock_);
  EXPECT_EQ(made.source_version, 1);
  EXPECT_EQ(made.files, 2);
  Table copy(*files_, other_);
  const auto snapshot = copy.snapshot({}, &connection_);
  EXPECT_EQ(rows("FROM (" + duck_sql(scan(snapshot)) + ") ORDER BY a"),
            (Strings{"1|é /%", "2|NULL"}));
  EXPECT_NE(snapshot.metadata.id, table().snapshot().metadata.id);
  EXPECT_EQ(snapshot.txns.at("app").version, 3);
  for (const auto& add : snapshot.files) EXPECT_TRUE(add.path.starts_with("file:///")) << add.path;
  EXPECT_EQ(copy.history()[0].operation, "CLONE");
  EXPECT_EQ(problem_of([&] { clone(*files_, path_, other_, connection_, {}, clock_); }).code,
            Code::usage);
  // Packed, its rows are in files of its own; the source is as it was.
  append("SELECT 4 AS a, 'x' AS p");
  const auto before = rows_at();
  optimize(*files_, other_, connection_, {}, clock_);
  EXPECT_EQ(rows_at(), before);
  // A clone of a clone names the same files.
  clone(*files_, other_, folder_ + "/second", connection_, {}, clock_);
  EXPECT_EQ(Table(*files_, folder_ + "/second").snapshot({}, &connection_).files, snapshot.files);
}

TEST_F(CopiesTest, RestoreBringsFilesSchemaAndPropertiesBack) {
  create("SELECT 1 AS a");
  append("SELECT 2 AS a");
  auto change = appending("SELECT 3 AS a WHERE false");
  change.metadata = table().snapshot().metadata;
  change.metadata->configuration["delta.targetFileSize"] = "1mb";
  commit(change);
  const auto done = restore(*files_, path_, connection_, 0, {}, clock_);
  EXPECT_EQ(done.version, 3);
  EXPECT_EQ(done.files_removed, 1);
  EXPECT_EQ(rows_at(), (Strings{"1"}));
  EXPECT_FALSE(table().snapshot().metadata.configuration.contains("delta.targetFileSize"));
  EXPECT_TRUE(table().commits(2, 3).front().changes_data());
  EXPECT_EQ(restore(*files_, path_, connection_, 0, {}, clock_).version, -1);
  EXPECT_EQ(restore(*files_, path_, connection_, 1, {}, clock_).files_added, 1);
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
}

TEST_F(CopiesTest, RestoreRefusesWhereFilesAreGone) {
  create("SELECT 1 AS a");
  append("SELECT 2 AS a");
  const auto old = table().snapshot();
  optimize(*files_, path_, connection_, {}, clock_);
  files_->remove(old.file_path(old.files[0]));
  const auto problem = problem_of([&] { restore(*files_, path_, connection_, 1, {}, clock_); });
  EXPECT_EQ(problem.code, Code::not_found);
  EXPECT_NE(problem.message.find(old.file_path(old.files[0])), std::string::npos);
  EXPECT_EQ(table().latest_version(), 2);
}

}  // namespace
}  // namespace windrow::lake
