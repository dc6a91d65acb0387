#include "storage/folders.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/id.h"

namespace windrow::storage {
namespace {

class FoldersTest : public ::testing::Test {
 protected:
  ~FoldersTest() override { std::filesystem::remove_all(root_); }

  std::string root_ =
      (std::filesystem::temp_directory_path() / ("windrow folders é " + new_uuid())).string();
  std::unique_ptr<FileSystem> files_ = local_file_system();
};

TEST_F(FoldersTest, MovesOnDiskInOneStepAndOverNothing) {
  files_->put(root_ + "/a/t/x", "1");
  files_->put(root_ + "/a/t/deep/y", "2");
  move_folder(*files_, root_ + "/a/t", root_ + "/b/c/t", "deep");
  EXPECT_EQ(files_->read(root_ + "/b/c/t/deep/y"), "2");
  EXPECT_FALSE(files_->stat(root_ + "/a/t"));
  files_->put(root_ + "/a/t/x", "3");
  for (const auto& [from, code] : {std::pair{"/a/t", Code::conflict}, {"/none", Code::not_found}}) {
    try {
      move_folder(*files_, root_ + from, root_ + "/b/c/t");
      FAIL() << from;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
    }
  }
  EXPECT_EQ(files_->read(root_ + "/b/c/t/x"), "1");
}

TEST_F(FoldersTest, RemovesAFolderButNotWhatALinkLeadsTo) {
  files_->put(root_ + "/t/log/0", "1");
  files_->put(root_ + "/t/data", "2");
  files_->put(root_ + "/other/kept", "3");
  std::filesystem::create_directory_symlink(root_ + "/other", root_ + "/t/inside");
  remove_folder(*files_, root_ + "/t", "log");
  EXPECT_FALSE(files_->stat(root_ + "/t"));
  std::filesystem::create_directory_symlink(root_ + "/other", root_ + "/t");
  remove_folder(*files_, root_ + "/t");
  EXPECT_FALSE(files_->stat(root_ + "/t"));
  EXPECT_EQ(files_->read(root_ + "/other/kept"), "3");
  remove_folder(*files_, root_ + "/none");
}

}  // namespace
}  // namespace windrow::storage
