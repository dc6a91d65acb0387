#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/id.h"
#include "storage/file_system.h"

namespace windrow::storage {
namespace {

class LocalFileSystemTest : public ::testing::Test {
 protected:
  ~LocalFileSystemTest() override { std::filesystem::remove_all(folder_); }
  Code code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }
  size_t entries(const std::string& folder) {
    return size_t(std::distance(std::filesystem::directory_iterator(folder), {}));
  }

  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow storage é " + new_uuid())).string();
  std::unique_ptr<FileSystem> files_ = local_file_system();
};

TEST_F(LocalFileSystemTest, PutMakesFoldersReplacesWholeAndLeavesNothingElse) {
  const std::string path = folder_ + "/a b/ü%20=/file";
  files_->put(path, "first, longer");
  files_->put(path, "second");
  EXPECT_EQ(files_->read(path), "second");
  EXPECT_EQ(entries(folder_ + "/a b/ü%20="), 1u);
}

TEST_F(LocalFileSystemTest, PutIfAbsentLeavesTheOther) {
  const std::string path = folder_ + "/x/file";
  EXPECT_EQ(files_->put_if_absent(path, "one"), PutOutcome::created);
  EXPECT_EQ(files_->put_if_absent(path, "two"), PutOutcome::exists);
  EXPECT_EQ(files_->read(path), "one");
  EXPECT_EQ(entries(folder_ + "/x"), 1u);
}

TEST_F(LocalFileSystemTest, ExactlyOneOfManyRacersCreates) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = folder_ + "/race/" + std::to_string(round);
    std::atomic<int> created = 0;
    std::atomic<int> winner = -1;
    std::vector<std::thread> racers;
    for (int i = 0; i < 8; ++i) {
      racers.emplace_back([&, i] {
        if (local_file_system()->put_if_absent(path, std::to_string(i)) == PutOutcome::created) {
          ++created;
          winner = i;
        }
      });
    }
    for (auto& racer : racers) racer.join();
    ASSERT_EQ(created, 1);
    ASSERT_EQ(files_->read(path), std::to_string(winner));
  }
  EXPECT_EQ(entries(folder_ + "/race"), 20u);
}

TEST_F(LocalFileSystemTest, ReadsRanges) {
  const std::string path = folder_ + "/f";
  files_->put(path, std::string("0123456789", 10));
  EXPECT_EQ(files_->read_range(path, 3, 4), "3456");
  EXPECT_EQ(files_->read_range(path, 8, 10), "89");
  EXPECT_EQ(files_->read_range(path, 10, 1), "");
  EXPECT_EQ(files_->read_range(path, 99, UINT64_MAX), "");
  files_->put(path, "");
  EXPECT_EQ(files_->read(path), "");
}

TEST_F(LocalFileSystemTest, MissingThings) {
  EXPECT_EQ(code_of([&] { files_->read(folder_ + "/none"); }), Code::not_found);
  EXPECT_EQ(code_of([&] { files_->sync({folder_ + "/none"}); }), Code::not_found);
  EXPECT_FALSE(files_->stat(folder_ + "/none"));
  EXPECT_TRUE(files_->list(folder_ + "/none").empty());
  EXPECT_TRUE(files_->list_tree(folder_ + "/none").empty());
  files_->remove(folder_ + "/none");
  EXPECT_GT(files_->space_left(folder_ + "/none/deeper").value_or(0), 0u);
}

TEST_F(LocalFileSystemTest, ListsSortedAfterAName) {
  for (const char* name : {"b", "a", "c", "Z", "sub/inner"})
    files_->put(folder_ + "/" + name, "12");
  const auto all = files_->list(folder_);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].path, folder_ + "/Z");
  EXPECT_EQ(all[1].size, 2u);
  EXPECT_TRUE(all[4].folder);
  EXPECT_GT(micros(all[1].modified), 0);
  const auto later = files_->list(folder_, "a", false);
  ASSERT_EQ(later.size(), 3u);
  EXPECT_EQ(later[0].path, folder_ + "/b");
  EXPECT_TRUE(later[2].folder);
  EXPECT_EQ(files_->list_tree(folder_).size(), 5u);
  EXPECT_EQ(files_->list_tree(folder_).back().path, folder_ + "/sub/inner");
}

TEST_F(LocalFileSystemTest, SyncsFilesOfOthers) {
  std::filesystem::create_directories(folder_ + "/year=2025/month=1");
  const std::string path = folder_ + "/year=2025/month=1/x.parquet";
  std::ofstream(path) << "x";
  files_->sync({path});
  files_->sync({});
}

TEST_F(LocalFileSystemTest, AFileInTheWayIsNoFolder) {
  files_->put(folder_ + "/f", "x");
  EXPECT_EQ(code_of([&] { files_->put(folder_ + "/f/g", "x"); }), Code::not_found);
  EXPECT_EQ(code_of([&] { files_->make_folder(folder_ + "/f"); }), Code::not_found);
  EXPECT_EQ(code_of([&] { files_->read(folder_); }), Code::usage);
}

TEST_F(LocalFileSystemTest, RenamesOverAFolderFailAndLeaveNothing) {
  files_->make_folder(folder_ + "/d/e");
  EXPECT_NE(code_of([&] { files_->put(folder_ + "/d", "x"); }), Code::internal);
  EXPECT_EQ(entries(folder_), 1u);
}

TEST_F(LocalFileSystemTest, AFullDiskIsCalledSoAndLeavesNothing) {
  // No small disk can be mounted in a test; a limit on file size fails the same write with EFBIG.
  files_->make_folder(folder_);
  const auto fill = [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{16, 16};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Code code = code_of([&] { files_->put(folder_ + "/big", std::string(100, 'x')); });
    _exit(code == Code::full && entries(folder_) == 0 ? 0 : 1);
  };
  EXPECT_EXIT(fill(), ::testing::ExitedWithCode(0), "");
}

TEST_F(LocalFileSystemTest, AWriterLeavesTheWholeFileOrNothing) {
  const std::string path = folder_ + "/new folder/file";
  {
    const auto writer = files_->writer(path);
    writer->write("some");
  }
  EXPECT_EQ(entries(folder_ + "/new folder"), 0u);
  files_->put(path, "former");
  const auto writer = files_->writer(path);
  writer->write("ab");
  writer->write("");
  writer->write("cd");
  EXPECT_EQ(files_->read(path), "former");
  writer->finish();
  EXPECT_EQ(files_->read(path), "abcd");
  EXPECT_EQ(entries(folder_ + "/new folder"), 1u);
  files_->writer(path)->finish();
  EXPECT_EQ(files_->read(path), "");
}

TEST_F(LocalFileSystemTest, TheTagChangesWithTheContent) {
  const std::string path = folder_ + "/f";
  files_->put(path, "one");
  const std::string first = files_->stat(path)->tag;
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(files_->list(folder_).at(0).tag, first);
  files_->put(path, "two");  // as long, perhaps within one tick of the clock: another inode
  EXPECT_NE(files_->stat(path)->tag, first);
}

}  // namespace
}  // namespace windrow::storage
