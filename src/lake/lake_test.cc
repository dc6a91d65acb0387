#include "lake/lake.h"

#include <filesystem>

#include "base/clock.h"
#include "lake/log.h"
#include "lake/log_cleaning.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

/// A home that cannot move folders: local disk under a scheme.
class Elsewhere final : public storage::FileSystem {
 public:
  static constexpr const char* kScheme = "far://";
  explicit Elsewhere(storage::FileSystem& real) : real_(real) {}

  std::string read(const std::string& path) override { return real_.read(at(path)); }
  std::string read_range(const std::string& path, uint64_t offset, uint64_t length) override {
    return real_.read_range(at(path), offset, length);
  }
  std::optional<storage::FileInfo> stat(const std::string& path) override {
    auto info = real_.stat(at(path));
    if (info) info->path = path;
    return info;
  }
  std::vector<storage::FileInfo> list(const std::string& folder, const std::string& after,
                                      bool details) override {
    return far(real_.list(at(folder), after, details));
  }
  std::vector<storage::FileInfo> list_tree(const std::string& folder) override {
    return far(real_.list_tree(at(folder)));
  }
  void put(const std::string& path, std::string_view bytes) override { real_.put(at(path), bytes); }
  std::unique_ptr<storage::Writer> writer(const std::string& path) override {
    return real_.writer(at(path));
  }
  storage::PutOutcome put_if_absent(const std::string& path, std::string_view bytes) override {
    return real_.put_if_absent(at(path), bytes);
  }
  void remove(const std::string& path) override { std::filesystem::remove(at(path)); }
  void make_folder(const std::string& path) override { real_.make_folder(at(path)); }
  void sync(const std::vector<std::string>&) override {}
  std::optional<uint64_t> space_left(const std::string&) override { return {}; }

 private:
  static std::string at(const std::string& path) {
    return path.starts_with(kScheme) ? path.substr(6) : path;
  }
  static std::vector<storage::FileInfo> far(std::vector<storage::FileInfo> found) {
    for (auto& each : found) each.path = kScheme + each.path;
    return found;
  }
  storage::FileSystem& real_;
};

class LakeTest : public TableFixture {
 protected:
  Lake open(const std::string& project = "p", const std::string& environment = "dev",
            bool create = true) {
    return Lake::open(*files_, folder_ + "/lake", project, environment, create, clock_.now());
  }
};

TEST_F(LakeTest, IsMadeOnceAndBelongsToOneProject) {
  EXPECT_EQ(problem_of([&] { open("p", "dev", false); }).code, Code::not_found);
  const Identity made = open().identity();
  EXPECT_EQ(open("p", "dev", false).identity(), made);
  const Problem other = problem_of([&] { open("q"); });
  EXPECT_EQ(other.code, Code::configuration);
  EXPECT_NE(other.message.find("project \"p\""), std::string::npos);
  EXPECT_EQ(problem_of([&] { open("p", "prod"); }).code, Code::configuration);
}

TEST_F(LakeTest, RefusesFoldersOfOthersAndNewerLakes) {
  files_->put(folder_ + "/lake/readme.txt", "x");
  EXPECT_EQ(problem_of([&] { open(); }).code, Code::configuration);
  files_->put(folder_ + "/lake/_windrow/lake.json", R"({"windrow":2,"id":"x"})");
  EXPECT_EQ(problem_of([&] { open(); }).code, Code::unsupported);
  files_->put(folder_ + "/lake/_windrow/lake.json", "{");
  EXPECT_EQ(problem_of([&] { open(); }).code, Code::corrupt);
}

TEST_F(LakeTest, NamesTables) {
  Lake lake = open();
  EXPECT_EQ(lake.table_path("silver.movies"), folder_ + "/lake/silver/movies");
  for (const char* bad :
       {"movies", ".movies", "silver.", "silver.a/b", "../x.y", "_windrow.x", ""}) {
    EXPECT_EQ(problem_of([&] { lake.table_path(bad); }).code, Code::usage) << bad;
  }
  EXPECT_TRUE(lake.tables().empty());
  for (const char* asset : {"silver.movies", "bronze.raw", "bronze.äöü"}) {
    path_ = lake.table_path(asset);
    create("SELECT 1 AS a");
  }
  files_->make_folder(folder_ + "/lake/gold/nothing");
  EXPECT_EQ(lake.tables(), (Strings{"bronze.raw", "bronze.äöü", "silver.movies"}));
}

TEST_F(LakeTest, ATableGoesOnUnderAnotherName) {
  Lake lake = open();
  path_ = lake.table_path("silver.m");
  create("SELECT 1 AS a");
  append("SELECT 2 AS a");
  const auto before = lake.table("silver.m").identity();
  EXPECT_FALSE(lake.may_take_over("silver.none", "gold.n"));
  EXPECT_TRUE(lake.may_take_over("silver.m", "gold.n"));
  lake.take_over("silver.m", "gold.n");
  EXPECT_EQ(lake.table("gold.n").identity(), before);
  EXPECT_EQ(lake.tables(), Strings{"gold.n"});
  EXPECT_FALSE(lake.may_take_over("silver.m", "gold.n"));
  lake.take_over("silver.m", "gold.n");  // as by a run that was slower
  EXPECT_EQ(problem_of([&] { lake.take_over("silver.none", "gold.x"); }).code, Code::not_found);
  create("SELECT 9 AS a");
  EXPECT_FALSE(lake.may_take_over("silver.m", "gold.n"));  // both are there: nobody's to decide
  lake.drop("silver.m");
  lake.drop("silver.m");
  EXPECT_EQ(lake.tables(), Strings{"gold.n"});
}

/// Killed at any step, whether or not that one still happened: whoever asks again ends it, and
/// until then it is known that it is not whole.
TEST_F(LakeTest, WhatIsCopiedToAnotherNameEndsWhole) {
  for (const auto fault : {storage::Fault::before, storage::Fault::after}) {
    for (size_t n = 0;; ++n) {
      std::filesystem::remove_all(folder_ + "/lake");
      Elsewhere elsewhere(*files_);
      storage::FaultyFileSystem faulty(elsewhere);
      Lake lake = Lake::open(faulty, Elsewhere::kScheme + folder_ + "/lake", "p", "dev", true, {});
      path_ = folder_ + "/lake/silver/m";
      create("SELECT 1 AS a");
      append("SELECT 2 AS a");
      faulty.fail(n, fault, Code::unavailable, true);
      bool killed = false;
      try {
        lake.take_over("silver.m", "gold.n");
      } catch (const Error&) {
        killed = true;
      }
      faulty.heal();
      if (!killed) break;
      // Either it is to be gone on with, or there was nothing left to do.
      if (lake.may_take_over("silver.m", "gold.n")) {
        lake.take_over("silver.m", "gold.n");
      } else {
        EXPECT_TRUE(lake.table("gold.n").exists()) << n;
      }
      EXPECT_EQ(lake.tables(), Strings{"gold.n"}) << n;
      EXPECT_FALSE(lake.may_take_over("silver.m", "gold.n")) << n;
      path_ = folder_ + "/lake/gold/n";
      EXPECT_EQ(rows_at(), (Strings{"1", "2"})) << n;
      ASSERT_LT(n, 200u);
    }
  }
}

TEST_F(LakeTest, KeepsDefinitions) {
  Lake lake = open();
  lake.keep_definition("abc", "SELECT 1");
  lake.keep_definition("abc", "SELECT 1");
  EXPECT_EQ(lake.definition("abc"), "SELECT 1");
  EXPECT_FALSE(lake.definition("none"));
  EXPECT_FALSE(lake.definition("../lake.json"));
}

class LogCleaningTest : public TableFixture {
 protected:
  void build(int commits) {
    auto request = creation("SELECT 0 AS a");
    request.provenance = Provenance{.asset = "a.t", .kind = "table", .run = "run-0"};
    commit(request);
    for (int i = 1; i < commits; ++i) {
      clock_.advance(std::chrono::hours(1));
      request = appending("SELECT " + std::to_string(i) + " AS a");
      request.provenance = Provenance{.asset = "a.t", .kind = i == 5 ? "append" : "maintenance"};
      commit(request);
    }
  }
};

TEST_F(LogCleaningTest, NothingThatCountsIsLost) {
  build(23);
  const auto before = table().provenance();
  const auto history = table().history();
  EXPECT_EQ(before.last_version, 5);
  EXPECT_EQ(clean_log(*files_, path_, Time{}).files_removed, 0);
  const auto cleaned = clean_log(*files_, path_, clock_.now() - std::chrono::hours(1));
  EXPECT_EQ(cleaned.first_kept, 20);
  EXPECT_EQ(cleaned.files_removed, 21);
  const auto after = table().provenance();
  EXPECT_EQ(after.last, before.last);
  EXPECT_EQ(after.last_version, 5);
  EXPECT_FALSE(after.history_lost);
  EXPECT_EQ(rows_at().size(), 23u);
  EXPECT_EQ(table().snapshot(20).files.size(), 21u);
  ASSERT_EQ(table().history().size(), history.size());
  EXPECT_EQ(table().history()[20].parameters_json, history[20].parameters_json);
  EXPECT_EQ(table().history()[20].timestamp, history[20].timestamp);
  // A second time, over what has come since.
  for (int i = 0; i < 10; ++i) append("SELECT 1 AS a");
  clean_log(*files_, path_, clock_.now() + std::chrono::hours(1));
  EXPECT_EQ(table().provenance().last_version, 5);
  EXPECT_EQ(table().history().size(), 33u);
}

TEST_F(LogCleaningTest, UnfinishedWritesGoWhenTheyAreOld) {
  build(1);
  files_->put(log_file(".tmp-x"), "half");
  clean_log(*files_, path_, system_clock()->now());
  EXPECT_TRUE(files_->stat(log_file(".tmp-x")));
  clean_log(*files_, path_, system_clock()->now() + std::chrono::hours(48));
  EXPECT_FALSE(files_->stat(log_file(".tmp-x")));
}

TEST_F(LogCleaningTest, CleanedByAnotherProgram) {
  build(12);
  for (int i = 0; i <= 9; ++i) files_->remove(commit_file(path_, i));
  const auto state = table().provenance();
  EXPECT_TRUE(state.history_lost);
  EXPECT_FALSE(state.last);
  EXPECT_EQ(rows_at().size(), 12u);
}

TEST_F(LogCleaningTest, ForeignCommitsAreNamed) {
  build(3);
  append("SELECT 7 AS a");
  append("SELECT 8 AS a");
  const auto state = table().provenance();
  EXPECT_EQ(state.last_version, 0);
  EXPECT_EQ(state.foreign_versions, (std::vector<int64_t>{3, 4}));
}

TEST_F(LogCleaningTest, EveryOperationMayFail) {
  build(12);
  for (size_t n = 0;; ++n) {
    storage::FaultyFileSystem faulty(*files_);
    faulty.fail(n, n % 2 == 0 ? storage::Fault::before : storage::Fault::after, Code::unavailable,
                true);
    bool failed = false;
    try {
      clean_log(faulty, path_, clock_.now());
    } catch (const Error&) {
      failed = true;
    }
    EXPECT_EQ(table().provenance().last_version, 5);
    EXPECT_FALSE(table().provenance().history_lost);
    EXPECT_EQ(rows_at().size(), 12u);
    EXPECT_EQ(table().history().size(), 12u);
    if (!failed) break;
  }
  EXPECT_FALSE(files_->stat(commit_file(path_, 9)));
}

}  // namespace
}  // namespace windrow::lake
