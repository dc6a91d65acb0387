#include "tasks/balance.h"

#include <gtest/gtest.h>

namespace windrow::tasks {
namespace {

sources::Batch two_files() {
  sources::Batch batch;
  batch.what = "2 files, 1.0 kB";
  batch.held = {{"a.csv", {10, 0}}, {"b.csv", {5, 1}}};
  return batch;
}

TEST(Balance, EveryRecordIsARowOrSetAsideOrPassedOver) {
  EXPECT_EQ(missing(two_files(), 14, {}), 0);
  EXPECT_EQ(missing(two_files(), 12, {{"a.csv", 2}}), 0);
  EXPECT_EQ(missing(two_files(), 12, {}), 2);
  EXPECT_EQ(missing(two_files(), 15, {}), -1);
}

TEST(Balance, FilesThatAreSetAsideWholeAreNotCounted) {
  EXPECT_EQ(missing(two_files(), 14, {{"broken.gz", 1}}), 0);
}

TEST(Balance, ABatchMayBeCountedAsOne) {
  sources::Batch batch;
  batch.what = "3 events";
  batch.held = {{"", {3, 0}}};
  EXPECT_EQ(missing(batch, 1, {{"7", 1}, {"8", 1}}), 0);
  EXPECT_EQ(uneven("bronze.s", batch, 1, {{"7", 1}}, {}).problem().message,
            "source \"bronze.s\" does not come out even: 3 events holds 3 records, but 1 were read "
            "and 1 set aside");
}

TEST(Balance, TheFileIsNamedWithBothCounts) {
  const auto error = uneven("bronze.sales", two_files(), 12, {{"a.csv", 1}},
                            CountByOrigin{{"a.csv", 9}, {"b.csv", 3}});
  EXPECT_EQ(error.problem().message,
            "source \"bronze.sales\" does not come out even: \"b.csv\" holds 5 records, but 3 were "
            "read and 0 set aside (1 are passed over by rule)");
}

TEST(Balance, WhereRowsCannotBeToldByFileTheBatchIsNamed) {
  EXPECT_EQ(uneven("bronze.sales", two_files(), 12, {{"a.csv", 1}}, {}).problem().message,
            "source \"bronze.sales\" does not come out even: 2 files, 1.0 kB holds 15 records, but "
            "12 were read and 1 set aside (1 are passed over by rule)");
  auto one = two_files();
  one.held.erase("a.csv");
  EXPECT_NE(uneven("bronze.sales", one, 3, {}, {}).problem().message.find("\"b.csv\" holds 5"),
            std::string::npos);
}

TEST(Balance, OnlyAFewFilesAreNamed) {
  sources::Batch batch;
  CountByOrigin none;
  for (int i = 0; i < 9; ++i) batch.held[std::to_string(i)] = {1, 0};
  const auto text = uneven("bronze.sales", batch, 0, {}, none).problem().message;
  EXPECT_NE(text.find("and 6 more"), std::string::npos) << text;
}

}  // namespace
}  // namespace windrow::tasks
