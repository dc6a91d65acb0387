#include "lake/vacuum.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/history_archive.h"
#include "lake/optimize.h"
#include "lake/partition_path.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

namespace windrow::lake {
namespace {

using std::chrono::hours;

class VacuumTest : public TableFixture {
 protected:
  Vacuumed run(VacuumOptions options = {}) {
    return vacuum(*files_, path_, connection_, options, clock_);
  }
  /// The clock is a false one, files' times are the system's: this is how they meet.
  void age_files(hours by) {
    const auto now = clock_.now() - by;
    for (const auto& file : std::filesystem::recursive_directory_iterator(path_)) {
      timespec times[2];
      times[0].tv_sec = times[1].tv_sec = micros(now) / 1'000'000;
      times[0].tv_nsec = times[1].tv_nsec = 0;
      ::utimensat(AT_FDCWD, file.path().c_str(), times, 0);
    }
  }
  void touch(const std::string& name) {
    const std::string path = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << "x";
  }
  bool there(const std::string& name) { return std::filesystem::exists(path_ + "/" + name); }
  std::vector<std::string> names(const Vacuumed& done) {
    std::vector<std::string> out;
    for (const auto& file : done.files) out.push_back(file.path.substr(path_.size() + 1));
    std::sort(out.begin(), out.end());
    return out;
  }
  /// A table of two small files that were packed into one: the two are not needed any more.
  std::vector<std::string> packed() {
    create("SELECT 0 AS a");
    append("SELECT 1 AS a");
    std::vector<std::string> old;
    for (const auto& add : table().snapshot().files) old.push_back(uri_decoded(add.path));
    optimize(*files_, path_, connection_, {}, clock_);
    return old;
  }
};

TEST_F(VacuumTest, WhatLiesBehindALinkIsNotTheTables) {
  create("SELECT 0 AS a");
  const std::string outside = folder_ + "/outside";
  std::filesystem::create_directories(outside + "/below");
  for (const char* name : {"/mine.parquet", "/below/mine.parquet"})
    std::ofstream(outside + name) << "x";
  std::filesystem::create_directory_symlink(outside, path_ + "/link");
  std::filesystem::create_directories(path_ + "/p=1");
  std::filesystem::create_directory_symlink(outside, path_ + "/p=1/link");
  age_files(hours(400));
  for (const auto& file : std::filesystem::recursive_directory_iterator(outside))
    std::filesystem::last_write_time(
        file, std::filesystem::file_time_type::clock::now() - hours(24 * 1000));
  EXPECT_EQ(names(run()), (Strings{}));
  EXPECT_TRUE(purge(*files_, path_, connection_,
                    {path_ + "/link/mine.parquet", path_ + "/p=1/link/below/mine.parquet"}, clock_)
                  .files.empty());
  EXPECT_TRUE(std::filesystem::exists(outside + "/mine.parquet"));
  EXPECT_TRUE(std::filesystem::exists(outside + "/below/mine.parquet"));
}

TEST_F(VacuumTest, RemovesOnlyWhatNoVersionInsideTheRetentionNeeds) {
  const auto old = packed();
  age_files(hours(400));
  EXPECT_TRUE(run().files.empty());  // removed from the table just now: version 1 needs them
  clock_.advance(hours(169));
  const auto dry = run({.dry_run = true});
  EXPECT_EQ(names(dry), old);
  EXPECT_GT(dry.bytes, 0);
  EXPECT_TRUE(there(old[0]));
  EXPECT_EQ(table().latest_version(), 2);

  const auto done = run();
  EXPECT_EQ(names(done), old);
  EXPECT_EQ(done.bytes, dry.bytes);
  EXPECT_EQ(done.version, 4);
  EXPECT_FALSE(there(old[0]));
  EXPECT_EQ(rows_at(), (Strings{"0", "1"}));
  EXPECT_TRUE(run().files.empty());
  EXPECT_EQ(table().latest_version(), 4);  // nothing to do commits nothing

  const auto commits = table().commits(2, 4);
  const auto start = nlohmann::json::parse(commits[0].info->json),
             end = nlohmann::json::parse(commits[1].info->json);
  EXPECT_EQ(start["operation"], "VACUUM START");
  EXPECT_EQ(start["operationParameters"],
            nlohmann::json::parse(
                R"({"retentionCheckEnabled": true, "defaultRetentionMillis": 604800000})"));
  EXPECT_EQ(start["operationMetrics"],
            (nlohmann::json{{"numFilesToDelete", "2"},
                            {"sizeOfDataToDelete", std::to_string(done.bytes)}}));
  EXPECT_EQ(end["operation"], "VACUUM END");
  EXPECT_EQ(end["operationParameters"], (nlohmann::json{{"status", "COMPLETED"}}));
  EXPECT_EQ(end["operationMetrics"],
            (nlohmann::json{{"numDeletedFiles", "2"}, {"numVacuumedDirectories", "1"}}));
  for (const auto& commit : commits) {
    EXPECT_FALSE(commit.changes_data());
    EXPECT_EQ(provenance_of(*commit.info)->kind, kMaintenanceKind);
  }
}

TEST_F(VacuumTest, YoungFilesHiddenFoldersAndOtherPeoplesStay) {
  create("SELECT 0 AS a, 1 AS _p", {"_p"});
  for (const char* name :
       {"staged.parquet", ".tmp-abc", "_p=1/.tmp-def", "_p=1/orphan.parquet",
        "_change_data/c.parquet", "_windrow/history/x.json", "_delta_log/_sidecars/s.parquet",
        "_delta_log/.tmp-1", "_spark_metadata/0", ".hidden/f", "_p=1/_temporary/f"})
    touch(name);
  age_files(hours(200));
  touch("just now.parquet");
  touch("_p=1/.tmp-now");
  timespec now[2];
  now[0].tv_sec = now[1].tv_sec = micros(clock_.now()) / 1'000'000 - 3600;
  now[0].tv_nsec = now[1].tv_nsec = 0;
  for (const char* name : {"just now.parquet", "_p=1/.tmp-now"})
    ::utimensat(AT_FDCWD, (path_ + "/" + name).c_str(), now, 0);
  EXPECT_EQ(names(run()), (Strings{".tmp-abc", "_change_data/c.parquet", "_p=1/.tmp-def",
                                   "_p=1/orphan.parquet", "staged.parquet"}));
  EXPECT_TRUE(there("just now.parquet"));
  EXPECT_TRUE(there("_p=1/.tmp-now"));
  EXPECT_TRUE(there("_delta_log/.tmp-1"));
  EXPECT_TRUE(there("_spark_metadata/0"));
  EXPECT_EQ(rows_at(), (Strings{"0|1"}));
}

TEST_F(VacuumTest, LessThanTheTablesRetentionNeedsForce) {
  const auto old = packed();
  age_files(hours(2));
  clock_.advance(hours(3));
  const auto problem = problem_of([&] { run({.retention = hours(1)}); });
  EXPECT_EQ(problem.code, Code::usage);
  EXPECT_NE(problem.message.find("1h is less than the 7d"), std::string::npos) << problem.message;
  EXPECT_EQ(names(run({.retention = hours(1), .force = true})), old);
}

TEST_F(VacuumTest, ALongerRetentionReadsTheLogWhereTombstonesAreGone) {
  const auto old = packed();
  // A checkpoint that has dropped the tombstones, for they are older than the table's retention.
  clock_.advance(hours(24 * 20));
  for (int i = 0; i < 10; ++i) append("SELECT 9 AS a");
  age_files(hours(24 * 25));
  EXPECT_TRUE(table().snapshot({}, &connection_).tombstones.empty());
  EXPECT_TRUE(run({.retention = hours(24 * 21)}).files.empty());
  EXPECT_EQ(names(run({.retention = hours(24 * 19)})), old);
}

TEST_F(VacuumTest, FilesOfAnotherTableAreNeverTouched) {
  create("SELECT 0 AS a");
  const std::string other = folder_ + "/other.parquet";
  connection_.execute("COPY (SELECT 5 AS a) TO " + duck::quote_text(other));
  files_->put(folder_ + "/_windrow/external_files", other + "\n");
  auto request = appending("SELECT 1 AS a WHERE false");
  Add lent;
  lent.path = "file://" + uri_encoded(other);
  lent.size = int64_t(std::filesystem::file_size(other));
  request.adds = {lent};
  commit(request);
  EXPECT_EQ(rows_at(), (Strings{"0", "5"}));
  auto removal = appending("SELECT 1 AS a WHERE false");
  removal.reads = Reads::own_removes;
  removal.removes = {remove_of(lent, clock_.now())};
  commit(removal);
  clock_.advance(hours(1000));
  age_files(hours(900));
  EXPECT_TRUE(run().files.empty());
  EXPECT_TRUE(purge(*files_, path_, connection_, {other}, clock_).files.empty());
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST_F(VacuumTest, WhatIsBroughtBackMeanwhileStays) {
  const auto old = packed();
  clock_.advance(hours(200));
  age_files(hours(190));
  storage::FaultyFileSystem watched(*files_);
  bool done = false;
  watched.before_each([&](const std::string& line) {
    if (done || !line.starts_with("put_if_absent")) return;
    done = true;
    const auto now = table().snapshot({}, &connection_), then = table().snapshot(1, &connection_);
    CommitRequest request;
    request.operation = "RESTORE";
    request.read_version = now.version;
    request.adds = then.files;
    for (const auto& add : now.files) request.removes.push_back(remove_of(add, clock_.now()));
    commit(request);
  });
  EXPECT_TRUE(vacuum(watched, path_, connection_, {}, clock_).files.empty());
  EXPECT_EQ(rows_at(), (Strings{"0", "1"}));
}

TEST_F(VacuumTest, AnyFaultLosesNothingAndBlocksNothing) {
  using storage::Fault;
  packed();
  for (const auto fault : {Fault::before, Fault::after, Fault::torn, Fault::short_read}) {
    for (size_t n = 0;; ++n) {
      touch("orphan 1.parquet");
      touch("orphan 2.parquet");
      clock_.advance(hours(200));
      age_files(hours(190));
      storage::FaultyFileSystem faulty(*files_);
      faulty.fail(n, fault);
      try {
        vacuum(faulty, path_, connection_, {}, clock_);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::unavailable || fault == Fault::short_read)
            << error.what();
      }
      EXPECT_EQ(rows_at(), (Strings{"0", "1"}));
      run();
      EXPECT_FALSE(there("orphan 1.parquet"));
      EXPECT_FALSE(there("orphan 2.parquet"));
      EXPECT_EQ(rows_at(), (Strings{"0", "1"}));
      if (faulty.operations() <= n) break;
      ASSERT_LT(n, 80u);
    }
  }
}

}  // namespace
}  // namespace windrow::lake
