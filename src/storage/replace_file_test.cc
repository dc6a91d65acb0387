#include "storage/replace_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace windrow::storage {
namespace {

namespace fs = std::filesystem;

class ReplaceFile : public ::testing::Test {
 protected:
  ReplaceFile() {
    std::string pattern = (fs::temp_directory_path() / "windrow_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ReplaceFile() override { fs::remove_all(root_); }
  std::string put(const std::string& name, const std::string& text) const {
    const std::string path = root_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  static std::string content(const std::string& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(root_), fs::directory_iterator());
  }
  std::string root_;
};

TEST_F(ReplaceFile, KeepsRights) {
  const auto path = put("run.yaml", "old");
  ::chmod(path.c_str(), 0751);
  replace_file(path, "old", "new");
  EXPECT_EQ(content(path), "new");
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0751u);
  EXPECT_EQ(files(), 1);
}

TEST_F(ReplaceFile, FollowsALink) {
  const auto path = put("real", "old");
  fs::create_symlink(path, root_ + "/link");
  replace_file(root_ + "/link", "old", "new");
  EXPECT_EQ(content(path), "new");
  EXPECT_TRUE(fs::is_symlink(root_ + "/link"));
}

TEST_F(ReplaceFile, LeavesWhatSomebodyElseHasChanged) {
  const auto path = put("f", "theirs");
  EXPECT_THROW(replace_file(path, "old", "new"), Error);
  EXPECT_EQ(content(path), "theirs");
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace windrow::storage
