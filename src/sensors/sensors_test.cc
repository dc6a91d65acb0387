#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sensors/look.h"
#include "sensors/pace.h"

namespace windrow::sensors {
namespace {

using namespace std::chrono_literals;

const Time kNow = *parse_time("2026-01-01T00:00:00Z");

Sight of(const std::vector<std::string>& names) {
  Sight out;
  for (const auto& name : names) out.things.push_back(thing(name, name));
  return out;
}

TEST(Seen, IsWhatWasThereAndWhatIsNewIsATurn) {
  Seen seen;
  EXPECT_EQ(seen.token(), "");
  seen = after(seen, of({}), kNow);
  EXPECT_EQ(seen.token(), "") << "nothing is no news";

  ASSERT_TRUE(is_new(seen, of({"a", "b"})));
  seen = after(seen, of({"a", "b"}), kNow);
  const auto first = seen.token();
  EXPECT_EQ(first, std::to_string(micros(kNow)));
  EXPECT_EQ(seen.text, "a, b");
  EXPECT_EQ(seen.at, kNow);

  EXPECT_FALSE(is_new(seen, of({"b", "a"})));
  EXPECT_EQ(after(seen, of({"b", "a"}), kNow + 1s), seen) << "nothing has changed";

  seen = after(seen, of({"b"}), kNow + 2s);
  EXPECT_EQ(seen.token(), first) << "that one is gone is no news";
  EXPECT_EQ(seen.marks.size(), 1u);

  seen = after(seen, of({"a", "b"}), kNow + 3s);
  EXPECT_NE(seen.token(), first) << "what has come back is";
  EXPECT_EQ(seen.text, "a");
}

TEST(Seen, TurnsGrowThoughTheClockGoesBack) {
  const auto one = after({}, of({"a"}), kNow);
  const auto two = after(one, of({"b"}), kNow - 1h);
  EXPECT_EQ(two.turn, one.turn + 1);
}

TEST(Seen, NamesAFewOfMany) {
  EXPECT_EQ(after({}, of({"a", "b", "c", "d", "e"}), kNow).text, "a, b, c and 2 more");
}

TEST(Seen, IsKeptAsText) {
  auto seen = after({}, of({"a", "ü", "\xff"}), kNow);
  const auto back = read_seen(text(seen));
  EXPECT_EQ(back.marks, seen.marks);
  EXPECT_EQ(back.turn, seen.turn);
  EXPECT_EQ(back.at, seen.at);
  EXPECT_EQ(read_seen(text(Seen{})), Seen{});
  for (const auto* broken :
       {"", "{}", "[", R"({"turn": 1, "text": "", "marks": "zzzzzzzzzzzzzzzz"})"})
    EXPECT_EQ(read_seen(broken), Seen{}) << broken;
}

TEST(Pace, IsQuickWhileThingsComeAndSlowsDownToItsBound) {
  Pace pace;
  EXPECT_EQ(pace.looked(false, 1ms, 30s, false, {}), 1s) << "the first look";
  EXPECT_EQ(pace.looked(false, 1ms, 30s, false, {}), 1500ms);
  Pace::Duration gap{};
  for (int i = 0; i < 20; ++i) gap = pace.looked(false, 1ms, 30s, false, {});
  EXPECT_EQ(gap, 30s);
  EXPECT_EQ(pace.looked(true, 1ms, 30s, false, {}), 1s);
}

TEST(Pace, IsSlowWhereChangesAreToldAndQuickBeforeSomethingComes) {
  Pace pace;
  EXPECT_EQ(pace.looked(true, 1ms, 30s, true, {}), 30s);
  EXPECT_EQ(pace.looked(true, 1ms, 30s, true, 300ms), 300ms);
  EXPECT_EQ(pace.looked(true, 2s, 30s, true, 300ms), 20s) << "a tenth of the time";
}

TEST(Pace, LeavesWhatFailsAloneForEverLonger) {
  Pace pace;
  EXPECT_EQ(pace.failed(30s), 2s);
  EXPECT_EQ(pace.failed(30s), 4s);
  Pace::Duration gap{};
  for (int i = 0; i < 100; ++i) gap = pace.failed(30s);
  EXPECT_EQ(gap, 5min);
  EXPECT_EQ(pace.looked(false, 1ms, 30s, false, {}), 1s);
  EXPECT_EQ(pace.failed(30s), 2s);
}

class Files : public ::testing::Test {
 protected:
  Files() : files_(storage::local_file_system()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "windrow_XXXXXX").string();
    project_.root = ::mkdtemp(pattern.data());
    sensor_.at_rest = 0s;
  }
  ~Files() override { std::filesystem::remove_all(project_.root); }
  void write(const std::string& name) {
    const auto path = project_.root + "/" + name;
    std::filesystem::create_directories(path.substr(0, path.rfind('/')));
    std::ofstream(path) << "x";
  }
  Sight see(const std::string& pattern) {
    sensor_.subject.value = pattern;
    Cancel cancel;
    return look(sensor_, {project_, "dev", *files_, clock_, secrets_, {}}, cancel);
  }
  std::string names(const std::string& pattern) {
    std::vector<std::string> all;
    for (const auto& each : see(pattern).things) all.push_back(each.name);
    std::sort(all.begin(), all.end());
    std::string out;
    for (const auto& each : all) out += (out.empty() ? "" : " ") + each;
    return out;
  }

  project::Project project_;
  project::Sensor sensor_;
  std::unique_ptr<storage::FileSystem> files_;
  FakeClock clock_{std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now())};
  Secrets secrets_;
};

TEST_F(Files, AreThoseThatFitThePattern) {
  for (const char* name : {"in/a.csv", "in/b.csv", "in/.hidden.csv", "in/c.txt", "in/x/d.csv",
                           "in/x/y/e.csv", "in/.z/f.csv", "in/g[1].csv"})
    write(name);
  EXPECT_EQ(names("in/*.csv"), "a.csv b.csv g[1].csv");
  EXPECT_EQ(names("in/[ab].csv"), "a.csv b.csv");
  EXPECT_EQ(names("in/[!a].csv"), "b.csv");
  EXPECT_EQ(names("in/g\\[1\\].csv"), "g[1].csv");
  EXPECT_EQ(names("in/a.csv"), "a.csv");
  EXPECT_EQ(names("in/**/*.csv"), "a.csv b.csv d.csv e.csv g[1].csv");
  EXPECT_EQ(names("in/*/*.csv"), "d.csv");
  EXPECT_EQ(names(project_.root + "/in/x/**"), "d.csv e.csv");
  EXPECT_EQ(names("nowhere/*.csv"), "");
}

TEST_F(Files, OfAnyFoldersAreNotThoseBehindLinks) {
  write("in/x/a.csv");
  write("elsewhere/b.csv");
  std::filesystem::create_directory_symlink("..", project_.root + "/in/x/round");
  std::filesystem::create_directory_symlink("../elsewhere", project_.root + "/in/out");
  std::filesystem::create_symlink("../elsewhere/b.csv", project_.root + "/in/c.csv");
  EXPECT_EQ(names("in/**/*.csv"), "a.csv c.csv") << "a file may be a link";
  EXPECT_EQ(names("in/*/*.csv"), "a.csv b.csv") << "what is named as a folder may be one";
}

TEST_F(Files, SayWhichFoldersTellOfThem) {
  EXPECT_EQ(see("in/x/*.csv").folders, std::vector{project_.root}) << "where it may come to be";
  write("in/x/a.csv");
  EXPECT_EQ(see("in/x/*.csv").folders, std::vector{project_.root + "/in/x"});
  EXPECT_EQ(see("in/x/b.csv").folders, std::vector{project_.root + "/in/x"});
  EXPECT_EQ(see("in/**/*.csv").folders,
            (std::vector{project_.root + "/in", project_.root + "/in/x"}));
}

TEST_F(Files, CountOnceTheyAreAtRest) {
  write("in/a.csv");
  sensor_.at_rest = 10s;
  auto sight = see("in/*");
  EXPECT_TRUE(sight.things.empty());
  EXPECT_EQ(sight.text, "0 files, 1 file not at rest yet");
  ASSERT_TRUE(sight.again.has_value());
  EXPECT_LE(*sight.again, 11s);
  clock_.advance(11s);
  sight = see("in/*");
  EXPECT_EQ(sight.text, "1 file");
  const auto seen = after({}, sight, kNow);
  std::ofstream(project_.root + "/in/a.csv") << "longer";
  clock_.advance(11s);
  EXPECT_TRUE(is_new(seen, see("in/*"))) << "another content";
}

}  // namespace
}  // namespace windrow::sensors
