#include "storage/folder_watch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace windrow::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class Watched : public ::testing::Test {
 protected:
  Watched() {
    std::string pattern = (fs::temp_directory_path() / "windrow_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    watch_.add(root_);
  }
  ~Watched() override { fs::remove_all(root_); }
  /// What changed, before a change that is always told.
  std::string changes() {
    std::ofstream(root_ + "/end") << "x";
    std::string out;
    Cancel cancel;
    const bool told = watch_.wait(
        milliseconds(20),
        [&](const std::string& folder, const std::string& name) {
          if (name != "end") out += (folder + "/" + name).substr(root_.size() + 1) + " ";
          return name == "end";
        },
        cancel);
    EXPECT_TRUE(told);
    return out;
  }
  std::string root_;
  FolderWatch watch_;
};

TEST_F(Watched, TellsOfFilesThatAreWrittenAndOfNewNames) {
  std::ofstream(root_ + "/a") << "x";
  EXPECT_EQ(changes(), "a a ");  // it came, it was closed
  fs::rename(root_ + "/a", root_ + "/b");
  EXPECT_EQ(changes(), "a b ");
  fs::remove(root_ + "/b");
  EXPECT_EQ(changes(), "b ");
}

TEST_F(Watched, TellsOfFoldersThatWereAddedAndFollowsTheirNames) {
  fs::create_directory(root_ + "/in");
  watch_.add(root_ + "/in");
  watch_.add(root_ + "/in");
  watch_.add(root_ + "/not there");
  EXPECT_EQ(changes(), "in ");
  std::ofstream(root_ + "/in/f") << "x";
  EXPECT_EQ(changes(), "in/f in/f ");
  fs::rename(root_ + "/in", root_ + "/out");
  changes();
  std::ofstream(root_ + "/out/f") << "y";
  EXPECT_EQ(changes(), "");
  watch_.add(root_ + "/out");
  std::ofstream(root_ + "/out/f") << "z";
  EXPECT_EQ(changes(), "out/f ");
}

TEST_F(Watched, GathersABurst) {
  std::jthread writer([&] {
    for (int i = 0; i < 5; ++i) {
      std::ofstream(root_ + "/f") << i;
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  Cancel cancel;
  int seen = 0;
  EXPECT_TRUE(watch_.wait(
      milliseconds(200), [&](const auto&, const auto&) { return ++seen > 0; }, cancel));
  EXPECT_EQ(seen, 6);
}

TEST_F(Watched, EndsWhereItIsAskedTo) {
  Cancel cancel;
  std::jthread stop([&] {
    std::this_thread::sleep_for(milliseconds(20));
    cancel.request();
  });
  EXPECT_FALSE(watch_.wait(
      milliseconds(20), [](const auto&, const auto&) { return true; }, cancel));
}

}  // namespace
}  // namespace windrow::storage
