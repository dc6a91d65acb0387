#include "storage/private_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace windrow::storage {
namespace {

class PrivateFile : public ::testing::Test {
 protected:
  PrivateFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "windrow_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~PrivateFile() override { std::filesystem::remove_all(root_); }
  unsigned mode(const std::string& path) const {
    struct stat found {};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    return found.st_mode & 0777;
  }
  std::string root_;
};

TEST_F(PrivateFile, IsMadeForItsOwnerAlone) {
  make_private_folder(root_ + "/above/state");
  EXPECT_EQ(mode(root_ + "/above/state"), 0700u);
  EXPECT_EQ(mode(root_ + "/above"), 0700u);
  make_private_file(root_ + "/above/state/history");
  EXPECT_EQ(mode(root_ + "/above/state/history"), 0600u);
}

TEST_F(PrivateFile, IsNarrowedWhereItIsThereAndKeepsWhatItHolds) {
  const std::string folder = root_ + "/state", file = folder + "/history";
  std::filesystem::create_directories(folder);
  std::ofstream(file) << "kept";
  ::chmod(folder.c_str(), 0755);
  ::chmod(file.c_str(), 0644);
  make_private_folder(folder);
  EXPECT_EQ(mode(folder), 0755u);  // it may be for others too
  make_private_file(file);
  EXPECT_EQ(mode(file), 0600u);
  EXPECT_EQ(std::filesystem::file_size(file), 4u);
}

TEST_F(PrivateFile, IsNotLookedForBehindALink) {
  const std::string other = root_ + "/other";
  std::ofstream(other) << "not ours to change";
  ::chmod(other.c_str(), 0644);
  std::filesystem::create_symlink(other, root_ + "/history");
  make_private_file(root_ + "/history");
  EXPECT_EQ(mode(other), 0644u);
}

/// POSIX takes them all away when any descriptor of the file is closed.
TEST_F(PrivateFile, KeepsTheLocksThatThisProcessHas) {
  const std::string file = root_ + "/history";
  make_private_file(file);
  const int held = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(held, F_SETLK, &lock), 0);
  ::chmod(file.c_str(), 0644);
  make_private_file(file);
  EXPECT_EQ(mode(file), 0600u);
  const pid_t child = ::fork();
  if (child == 0) {
    const int other = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    ::_exit(::fcntl(other, F_SETLK, &lock) == 0 ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "another process could lock it";
  ::close(held);
}

}  // namespace
}  // namespace windrow::storage
