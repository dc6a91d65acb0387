#include "tasks/stream/progress.h"

#include <gtest/gtest.h>

namespace windrow::tasks {
namespace {

using Moved = StreamProgress::Moved;
using clients::KafkaPartition;

const KafkaPartition kFirst{"t", 0}, kSecond{"t", 1};

TEST(StreamProgress, TheLogHasMovedByUsOrByOthersOrNot) {
  StreamProgress progress;
  progress.begin(kFirst, 10, 10);
  progress.begin(kSecond, 0, std::nullopt);
  const clients::KafkaOffsets next{{kFirst, 15}, {kSecond, 3}};
  EXPECT_EQ(progress.moved(next, {{kFirst, 10}}), Moved::no);
  EXPECT_EQ(progress.moved(next, {{kFirst, 15}, {kSecond, 3}}), Moved::by_us);
  EXPECT_EQ(progress.moved(next, {{kFirst, 15}}), Moved::by_others) << "one of two";
  EXPECT_EQ(progress.moved(next, {{kFirst, 12}}), Moved::by_others);
  EXPECT_EQ(progress.moved(next, {{kFirst, 10}, {kSecond, 0}}), Moved::by_others);
  EXPECT_EQ(progress.moved(next, {}), Moved::by_others) << "the table was made anew";
}

TEST(StreamProgress, OnlyWhatWaitsIsAskedFor) {
  StreamProgress progress;
  progress.begin(kFirst, 10, 10);
  progress.begin(kSecond, 5, 5);
  EXPECT_EQ(progress.moved({{kFirst, 15}}, {{kFirst, 10}, {kSecond, 7}}), Moved::no);
}

TEST(StreamProgress, ACommitMovesWhatTheLogMustSayNext) {
  StreamProgress progress;
  progress.begin(kFirst, 10, std::nullopt);
  progress.committed({{kFirst, 15}});
  EXPECT_EQ(progress.base(kFirst), 15);
  EXPECT_EQ(progress.positions().at(kFirst), 15);
}

TEST(StreamProgress, EndsAreReachedWithWhatWaits) {
  StreamProgress progress;
  progress.set_ends({{kFirst, 20}, {kSecond, 5}});
  progress.begin(kFirst, 10, 10);
  EXPECT_TRUE(progress.short_of_ends({}));
  EXPECT_TRUE(progress.short_of_ends({{kFirst, 19}}));
  EXPECT_FALSE(progress.short_of_ends({{kFirst, 20}}));
  EXPECT_EQ(progress.ends_of_others(), (clients::KafkaOffsets{{kSecond, 5}}));
  progress.begin(kSecond, 5, 5);
  EXPECT_FALSE(progress.short_of_ends({{kFirst, 20}}));
  EXPECT_TRUE(progress.ends_of_others().empty());
  EXPECT_FALSE(progress.beyond_end(kFirst, 19));
  EXPECT_TRUE(progress.beyond_end(kFirst, 20));
}

TEST(StreamProgress, APartitionThatCameLaterHasNoEnd) {
  StreamProgress progress;
  progress.set_ends({{kFirst, 0}});
  progress.begin(kFirst, 0, 0);
  progress.begin(kSecond, 0, 0);
  EXPECT_FALSE(progress.short_of_ends({}));
}

TEST(StreamProgress, LagIsWhatIsKnownOfTheEnds) {
  StreamProgress progress;
  progress.begin(kFirst, 10, 10);
  progress.begin(kSecond, 7, 7);
  const auto known = [](const KafkaPartition& each) {
    return each == kFirst ? std::optional<int64_t>(14) : std::nullopt;
  };
  EXPECT_EQ(progress.lag(known), 4);
  progress.begin(kFirst, 20, 20);
  EXPECT_EQ(progress.lag(known), 0) << "the end was known before these came";
  progress.begin(kFirst, 10, 10);
  progress.give_up({kFirst});
  EXPECT_EQ(progress.lag(known), 0);
  EXPECT_FALSE(progress.reads(kFirst));
}

}  // namespace
}  // namespace windrow::tasks
