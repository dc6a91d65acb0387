#include "app/versions.h"

#include <thread>

#include "app/app_fixture.h"

namespace windrow::app {
namespace {

class VersionsTest : public ProjectTest {
 protected:
  VersionsTest() {
    write("p/windrow.yaml", "project: p\n");
    write("p/models/gold/a.sql", "SELECT 1 AS n");
    write("p/models/gold/b.sql", "SELECT 2 AS n");
    write("p/seeds/s.csv", "id\n1\n");
    root_ = (folder_ / "p").string();
  }
  std::string root_;
  std::unique_ptr<Clock> clock_ = system_clock();
};

TEST_F(VersionsTest, AreNamedByWhatTheFilesSay) {
  const auto first = version_now(root_);
  EXPECT_EQ(first->texts.size(), 4u);
  write("p/notes.md", "not of the project");
  write("p/seeds/s.csv", "id\n1\n2\n");
  EXPECT_EQ(version_now(root_)->hash, first->hash) << "data is no version";
  write("p/models/gold/b.sql", "SELECT 3 AS n");
  const auto second = version_now(root_);
  EXPECT_NE(second->hash, first->hash);
  write("p/models/gold/b.sql", "SELECT 2 AS n");
  EXPECT_EQ(version_now(root_)->hash, first->hash);
}

TEST_F(VersionsTest, AreKeptForRunsThatNeedThem) {
  const ProjectVersions versions(root_ + "/.windrow/versions");
  std::vector<std::string> hashes;
  for (int i = 0; i < 5; ++i) {
    write("p/models/gold/b.sql", "SELECT " + std::to_string(i) + " AS n");
    const auto version = version_now(root_);
    versions.keep(*version);
    versions.keep(*version);
    hashes.push_back(version->hash);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  versions.retain(2, {hashes[1]});
  EXPECT_FALSE(versions.find(hashes[0]));
  EXPECT_FALSE(versions.find(hashes[2]));
  ASSERT_TRUE(versions.find(hashes[1]));
  EXPECT_EQ(versions.find(hashes[1])->texts.at("models/gold/b.sql"), "SELECT 1 AS n");
  EXPECT_TRUE(versions.find(hashes[3]));
  EXPECT_TRUE(versions.find(hashes[4]));
  std::ofstream(root_ + "/.windrow/versions/" + hashes[4] + ".json") << "{}";
  EXPECT_FALSE(versions.find(hashes[4])) << "it is not what its name says";
  EXPECT_FALSE(versions.find(""));
}

TEST_F(VersionsTest, ARunGoesByTheOneThatItIsPinnedTo) {
  const auto then = version_now(root_);
  std::filesystem::remove(folder_ / "p/models/gold/b.sql");
  write("p/models/gold/a.sql", "SELECT 'new' AS n");
  write("p/models/gold/c.sql", "SELECT 3 AS n");
  const auto app = open("p", *clock_);
  app->reload(version_now(root_));
  RunOptions pinned;
  pinned.version = then;
  pinned.id = "the-run";
  pinned.schedule = "nightly";
  const auto result = app->start(pinned, {})->wait();
  EXPECT_EQ(result.run, "the-run");
  EXPECT_EQ(result.tasks.size(), 3u);
  EXPECT_EQ(ask(*app, "SELECT n FROM gold.a"), "1");
  EXPECT_EQ(app->history()->run("the-run")->project_version, then->hash);
  EXPECT_EQ(app->history()->run("the-run")->schedule, "nightly");
  EXPECT_EQ(app->start({}, {})->wait().tasks.size(), 3u);
  EXPECT_EQ(ask(*app, "SELECT n FROM gold.a"), "new");
  EXPECT_EQ(ask(*app, "SELECT n FROM gold.c"), "3");
}

TEST_F(VersionsTest, AnEditThatDoesNotBindIsRefused) {
  const auto app = open("p", *clock_);
  app->reload(version_now(root_));
  write("p/models/gold/b.sql", "SELECT nothing FROM gold.a");
  EXPECT_THROW(app->reload(version_now(root_)), Error);
  EXPECT_EQ(app->start({}, {})->wait().status, "done");
}

TEST_F(VersionsTest, ARunMayHaveVariablesOfItsOwn) {
  write("p/windrow.yaml", "project: p\nvars: {n: {type: int, default: 1}}\n");
  write("p/models/gold/a.sql", "SELECT $n AS n");
  const auto app = open("p", *clock_);
  RunOptions options;
  options.variables["n"] = "7";
  EXPECT_EQ(app->start(options, {})->wait().status, "done");
  EXPECT_EQ(ask(*app, "SELECT n FROM gold.a"), "7");
}

TEST_F(VersionsTest, TheEndOfARunIsTold) {
  const auto app = open("p", *clock_);
  std::promise<void> told;
  const auto run = app->start({}, {});
  run->when_ended([&] { told.set_value(); });
  told.get_future().wait();
  EXPECT_EQ(run->wait().status, "done");
  bool at_once = false;
  run->when_ended([&] { at_once = true; });
  EXPECT_TRUE(at_once);
}

}  // namespace
}  // namespace windrow::app
