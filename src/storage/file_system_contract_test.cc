#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/id.h"
#include "storage/s3_file_system.h"
#include "storage/webhdfs_file_system.h"

// What file_system.h promises, asked of every home. Local disk always; S3 where
// WINDROW_TEST_BUCKET names a bucket, HDFS where WINDROW_TEST_HDFS names a cluster
// (tests/integration/s3_test.py and hdfs_test.py start servers and do so).

namespace windrow::storage {
namespace {

struct Home {
  std::string name, root;
  std::function<std::shared_ptr<FileSystem>()> make;
};

std::vector<Home> homes() {
  std::vector<Home> out = {{"local",
                            (std::filesystem::temp_directory_path() / "windrow-contract-").string(),
                            [] { return std::shared_ptr<FileSystem>(local_file_system()); }}};
  if (const char* bucket = std::getenv("WINDROW_TEST_BUCKET")) {
    out.push_back({"s3", "s3://" + std::string(bucket) + "/contract-", [] {
                     auto options = s3_options(process_environment());
                     options.part_bytes = 5 << 20;  // the least that S3 takes
                     return s3_file_system(options, process_environment());
                   }});
  }
  if (const char* cluster = std::getenv("WINDROW_TEST_HDFS")) {
    out.push_back({"hdfs", std::string(cluster) + "/contract-", [] {
                     auto options = webhdfs_options(process_environment());
                     options.append_bytes = 5 << 20;
                     return webhdfs_file_system(options);
                   }});
  }
  return out;
}

class FileSystemContract : public ::testing::TestWithParam<Home> {
 protected:
  FileSystemContract() : files_(GetParam().make()), root_(GetParam().root + new_uuid()) {}
  ~FileSystemContract() override {
    std::vector<std::string> left;
    for (const auto& file : files_->list_tree(root_)) left.push_back(file.path);
    files_->remove_all(left);
    if (GetParam().name == "local") std::filesystem::remove_all(root_);
  }
  Code code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }
  static std::string noise(size_t bytes) {
    std::string out(bytes, '\0');
    std::minstd_rand chance(11);
    for (auto& c : out) c = char(chance());
    return out;
  }
  std::shared_ptr<FileSystem> files_;
  std::string root_;
};

TEST_P(FileSystemContract, WhatIsPutIsReadWhateverItsName) {
  for (const std::string name :
       {"plain", "a b/c", "ü€𝄞", "p=1%2F2/x", "plus+~", "quo'te\"", "&<>;@", "with:colon", "#?*[x]",
        "50%", "back\\slash", "tab\there", "$HOME,!()"}) {
    if (GetParam().name == "hdfs" && name == "with:colon") continue;  // no cluster takes it
    const std::string path = root_ + "/" + name + "/file " + name;
    const std::string at = path;
    files_->put(at, name);
    EXPECT_EQ(files_->read(at), name);
    EXPECT_TRUE(files_->stat(at)) << name;
    const std::string folder = at.substr(0, at.find_last_of('/'));
    const auto found = files_->list(folder);
    ASSERT_GE(found.size(), 1u) << name;
    EXPECT_EQ(found[0].path, at);
    files_->remove(at);
    EXPECT_FALSE(files_->stat(at)) << name;
  }
}

TEST_P(FileSystemContract, PutReplacesAndTheTagFollows) {
  const std::string path = root_ + "/f";
  files_->put(path, "one");
  const auto before = files_->stat(path);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->size, 3u);
  EXPECT_FALSE(before->folder);
  EXPECT_GT(micros(before->modified), 0);
  files_->put(path, "two");
  EXPECT_EQ(files_->read(path), "two");
  EXPECT_NE(files_->stat(path)->tag, before->tag);
  EXPECT_EQ(files_->stat(path)->tag, files_->list(root_).at(0).tag);
  files_->put(path, "");
  EXPECT_EQ(files_->read(path), "");
  EXPECT_EQ(files_->stat(path)->size, 0u);
}

TEST_P(FileSystemContract, PutIfAbsentLeavesTheOther) {
  const std::string path = root_ + "/x/file";
  EXPECT_EQ(files_->put_if_absent(path, "one"), PutOutcome::created);
  EXPECT_EQ(files_->put_if_absent(path, "two"), PutOutcome::exists);
  EXPECT_EQ(files_->read(path), "one");
}

TEST_P(FileSystemContract, ExactlyOneOfManyRacersCreates) {
  for (int round = 0; round < 5; ++round) {
    const std::string path = root_ + "/race/" + std::to_string(round);
    std::atomic<int> created = 0, unknown = 0;
    std::vector<std::thread> racers;
    for (int i = 0; i < 16; ++i) {
      racers.emplace_back([&] {
        const auto outcome = files_->put_if_absent(path, "x");
        created += outcome == PutOutcome::created;
        unknown += outcome == PutOutcome::unknown;
      });
    }
    for (auto& racer : racers) racer.join();
    ASSERT_EQ(created, 1);
    ASSERT_EQ(unknown, 0);
  }
}

TEST_P(FileSystemContract, ReadsRanges) {
  const std::string path = root_ + "/f";
  files_->put(path, "0123456789");
  EXPECT_EQ(files_->read_range(path, 3, 4), "3456");
  EXPECT_EQ(files_->read_range(path, 8, 10), "89");
  EXPECT_EQ(files_->read_range(path, 10, 1), "");
  EXPECT_EQ(files_->read_range(path, 99, 5), "");
  EXPECT_EQ(files_->read_range(path, 0, 0), "");
}

TEST_P(FileSystemContract, MissingThings) {
  EXPECT_EQ(code_of([&] { files_->read(root_ + "/none"); }), Code::not_found);
  EXPECT_FALSE(files_->stat(root_ + "/none"));
  EXPECT_TRUE(files_->list(root_ + "/none").empty());
  EXPECT_TRUE(files_->list_tree(root_ + "/none").empty());
  files_->remove(root_ + "/none");
}

TEST_P(FileSystemContract, ListsSortedAfterAName) {
  for (const char* name : {"b", "a", "c", "Z", "sub/inner", "sub.x", "sub-x", "deep/er/and/deeper"})
    files_->put(root_ + "/" + name, "12");
  const auto all = files_->list(root_);
  std::string names;
  for (const auto& entry : all)
    names += entry.path.substr(root_.size() + 1) + (entry.folder ? "/ " : " ");
  EXPECT_EQ(names, "Z a b c deep/ sub/ sub-x sub.x ");
  EXPECT_EQ(all[1].size, 2u);
  names.clear();
  for (const auto& entry : files_->list(root_, "deep", false))
    names += entry.path.substr(root_.size() + 1) + " ";
  EXPECT_EQ(names, "sub sub-x sub.x ");
  EXPECT_EQ(files_->list(root_, "b").size(), 5u);
  const auto tree = files_->list_tree(root_);
  ASSERT_EQ(tree.size(), 8u);
  EXPECT_EQ(tree[4].path, root_ + "/deep/er/and/deeper");
  EXPECT_TRUE(files_->stat(root_ + "/deep/er")->folder);
}

TEST_P(FileSystemContract, ListsMoreThanOnePage) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = w; i < 1100; i += 4) files_->put(root_ + "/" + std::to_string(10000 + i), "");
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(files_->list(root_).size(), 1100u);
  EXPECT_EQ(files_->list(root_, "11000").size(), 99u);
  EXPECT_EQ(files_->list_tree(root_).size(), 1100u);
}

TEST_P(FileSystemContract, AWriterLeavesTheWholeFileOrNothing) {
  const std::string path = root_ + "/w/file", bytes = noise(12'000'001);
  {
    const auto writer = files_->writer(path);
    writer->write(bytes);
  }
  EXPECT_TRUE(files_->list_tree(root_).empty());
  files_->put(path, "former");
  const auto writer = files_->writer(path);
  for (size_t at = 0; at < bytes.size(); at += 100'000)
    writer->write(std::string_view(bytes).substr(at, 100'000));
  EXPECT_EQ(files_->read(path), "former");
  writer->finish();
  EXPECT_EQ(files_->stat(path)->size, bytes.size());
  EXPECT_TRUE(files_->read(path) == bytes);
  EXPECT_TRUE(files_->read_range(path, 4'999'999, 6'000'000) == bytes.substr(4'999'999, 6'000'000));
  files_->writer(path)->finish();
  EXPECT_EQ(files_->read(path), "");
}

TEST_P(FileSystemContract, RemovesManyAtOnce) {
  std::vector<std::string> paths;
  for (const std::string name : {"a", "b c", "ü&<>", "tab\there", "%2F+", "d/e"})
    paths.push_back(root_ + "/" + name);
  for (const auto& path : paths) files_->put(path, "x");
  files_->put(root_ + "/stays", "x");
  paths.push_back(root_ + "/was never there");
  for (int i = 0; i < 1100; ++i) paths.push_back(root_ + "/none" + std::to_string(i));
  files_->remove_all(paths);
  files_->remove_all({});
  const auto left = files_->list_tree(root_);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].path, root_ + "/stays");
}

INSTANTIATE_TEST_SUITE_P(Homes, FileSystemContract, ::testing::ValuesIn(homes()),
                         [](const auto& home) { return home.param.name; });

}  // namespace
}  // namespace windrow::storage
