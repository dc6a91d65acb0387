#include "history/backfills.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "history/forget.h"

namespace windrow::history {
namespace {

class BackfillsTest : public testing::Test {
 protected:
  BackfillsTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("windrow backfills " + std::to_string(::getpid()));
    path_ = folder_ / "state/history.db";
  }
  ~BackfillsTest() override { std::filesystem::remove_all(folder_); }
  static Backfill backfill(const std::string& id, const std::string& name, int64_t created) {
    return {id, name, "running", "", "{}", "{}", "[]", time_from_micros(created), {}};
  }
  static void any(const std::vector<Backfill>&) {}
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(BackfillsTest, AreKept) {
  {
    Backfills all(path_, "dev");
    all.add(backfill("a1", "spring", 1), any);
    all.add(backfill("a2", "", 2), any);
    all.progress("a1", "{\"done\": 1}", "[1]");
  }
  Backfills all(path_, "dev");
  ASSERT_EQ(all.all(10).size(), 2u);
  EXPECT_EQ(all.all(10)[0].id, "a2");
  EXPECT_EQ(all.named("spring")[0].progress, "{\"done\": 1}");
  EXPECT_EQ(all.find("a1")->failures, "[1]");
  EXPECT_FALSE(all.find("a")) << "the whole id";
  EXPECT_FALSE(all.find("spring"));
  EXPECT_EQ(all.named("a1").size(), 1u);
  EXPECT_EQ(all.named("a").size(), 2u) << "whoever asks says which";
  EXPECT_TRUE(all.named("").empty());
  EXPECT_TRUE(all.named("b").empty());
  all.add(backfill("a", "", 3), any);
  EXPECT_EQ(all.named("a").size(), 1u) << "one is called exactly so";
  EXPECT_TRUE(Backfills(path_, "prod").all(10).empty());
}

TEST_F(BackfillsTest, OneIsAddedOnlyWhereNothingSpeaksAgainstIt) {
  Backfills all(path_, "dev");
  all.add(backfill("a1", "", 1), [](const auto& running) { EXPECT_TRUE(running.empty()); });
  EXPECT_THROW(all.add(backfill("a2", "", 2),
                       [](const auto& running) {
                         EXPECT_EQ(running.size(), 1u);
                         throw Error(Code::conflict, "no");
                       }),
               Error);
  EXPECT_EQ(all.running().size(), 1u);
}

TEST_F(BackfillsTest, MoveFromOneStateToAnother) {
  Backfills all(path_, "dev");
  all.add(backfill("a1", "", 1), any);
  EXPECT_TRUE(all.move("a1", "running", "paused", "by hand", {}));
  EXPECT_FALSE(all.move("a1", "running", "done", "", time_from_micros(5)));
  EXPECT_EQ(all.find("a1")->reason, "by hand");
  EXPECT_TRUE(all.move("a1", "running paused", "canceled", "", time_from_micros(5)));
  EXPECT_EQ(*all.find("a1")->ended, time_from_micros(5));
}

TEST_F(BackfillsTest, ThoseThatHaveEndedAreForgottenOneDay) {
  Backfills all(path_, "dev");
  all.add(backfill("running", "", 0), any);
  for (int i = 1; i <= 210; ++i) {
    const auto id = std::to_string(1000 + i);
    all.add(backfill(id, "", i), any);
    all.move(id, "running", "done", "", time_from_micros(i));
  }
  EXPECT_LE(all.all(1000).size(), 202u);
  EXPECT_TRUE(all.find("running"));
  EXPECT_TRUE(all.find("1210"));
  EXPECT_FALSE(all.find("1001"));
}

TEST_F(BackfillsTest, AnErasedKeyIsInNoReason) {
  Backfills all(path_, "dev");
  all.add(backfill("a1", "", 1), any);
  all.progress("a1", "{}",
               "[{\"message\": \"id 8 comes twice\", \"from\": 8}, {\"message\": \"8\"}]");
  EXPECT_TRUE(all.move("a1", "running", "paused", "silver.a failed: id 8 comes twice", {}));
  EXPECT_EQ(forget(path_, {{"id", "8"}}, true), 2);
  EXPECT_EQ(forget(path_, {{"id", "8"}}, false), 2);
  EXPECT_EQ(forget(path_, {{"id", "8"}}, false), 0);
  EXPECT_EQ(all.find("a1")->reason, "silver.a failed: id … comes twice");
  EXPECT_EQ(all.find("a1")->failures,
            "[{\"message\":\"id … comes twice\",\"from\":8},{\"message\":\"8\"}]");
}

}  // namespace
}  // namespace windrow::history
