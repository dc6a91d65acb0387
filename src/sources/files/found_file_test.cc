#include "sources/files/found_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace windrow::sources {
namespace {

class FoundFiles : public testing::Test {
 protected:
  FoundFiles() {
    root_ =
        std::filesystem::temp_directory_path() / ("windrow glob [é] " + std::to_string(::getpid()));
    for (const char* name : {"data/a.json", "data/b.json", "data/.hidden.json", "data/c.csv",
                             "data/2024/x.json", "data/2025/q1/y.json", "data/odd [1].json"}) {
      std::filesystem::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name) << name;
    }
    std::filesystem::create_directory_symlink("..", root_ / "data/2025/loop");
  }
  ~FoundFiles() override { std::filesystem::remove_all(root_); }
  std::vector<std::string> names(const std::string& pattern) {
    std::vector<std::string> out;
    for (const auto& file : find_files(root_, pattern)) out.push_back(file.name);
    return out;
  }
  std::filesystem::path root_;
};

using Names = std::vector<std::string>;

TEST_F(FoundFiles, Globs) {
  EXPECT_EQ(names("data/*.json"), (Names{"a.json", "b.json", "odd [1].json"}));
  EXPECT_EQ(names("data/[ab].json"), (Names{"a.json", "b.json"}));
  EXPECT_EQ(names("data/2?24/*.json"), (Names{"2024/x.json"}));
  EXPECT_EQ(names("data/**/*.json"),
            (Names{"2024/x.json", "2025/q1/y.json", "a.json", "b.json", "odd [1].json"}));
  EXPECT_EQ(names("data/2025/**"), (Names{"q1/y.json"}));
  EXPECT_EQ(names("nothing/*.json"), Names{});
}

TEST_F(FoundFiles, APlainPath) {
  EXPECT_EQ(names("data/a.json"), Names{"a.json"});
  EXPECT_EQ(names("data/odd [1].json"), Names{"odd [1].json"});
  EXPECT_EQ(names(root_ / "data/a.json"), Names{"a.json"});
  try {
    names("data/gone.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_EQ(error.problem().message, "file \"data/gone.json\" is not there");
  }
}

TEST_F(FoundFiles, TheVersionChangesWithTheFile) {
  const auto path = root_ / "data/a.json";
  const auto version = [&] { return find_files(root_, "data/a.json")[0].version; };
  const auto time = std::filesystem::last_write_time(path);
  const auto first = version();
  EXPECT_LT(first, int64_t(1) << 53);
  std::filesystem::last_write_time(path, time + std::chrono::milliseconds(2));
  EXPECT_GT(version(), first);
  std::ofstream(path) << "another size";
  std::filesystem::last_write_time(path, time);
  EXPECT_NE(version(), first);
}

TEST(EscapeGlob, LeavesOrdinaryPathsAlone) {
  EXPECT_EQ(escape_glob("/a b/é.json"), "/a b/é.json");
  EXPECT_EQ(escape_glob("/a*[x]?"), "/a[*][[]x][?]");
}

}  // namespace
}  // namespace windrow::sources
