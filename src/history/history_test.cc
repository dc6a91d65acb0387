#include "history/history.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "clients/sqlite.h"
#include "history/forget.h"

namespace windrow::history {
namespace {

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    folder_ =
        std::filesystem::temp_directory_path() / ("windrow history " + std::to_string(::getpid()));
    path_ = folder_ / "state/history.db";
  }
  ~HistoryTest() override { std::filesystem::remove_all(folder_); }
  static history::Run run(const std::string& id, int64_t at) {
    history::Run r;
    r.id = id;
    r.started = time_from_micros(at);
    r.status = "running";
    return r;
  }
  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(HistoryTest, RemembersRunsAndTasks) {
  History history(path_);
  history.begin(run("a", 1));
  auto b = run("b", 2);
  history.begin(b);
  Task task;
  task.run = "b";
  task.asset = "gold.x";
  task.status = "failed";
  task.error = "broken \"é\"";
  task.quality_score = 0.5;
  task.usage.cpu = std::chrono::milliseconds(1500);
  task.usage.bytes_written = 0;
  history.add(task);
  history.add(Check{"b", "gold.x", "x is unique", "block", false, 2, 10, "m", "{}"});
  b.ended = time_from_micros(9);
  b.status = "failed";
  b.usage.peak_memory = 5;
  history.end(b);
  ASSERT_EQ(history.runs(10).size(), 2u);
  EXPECT_EQ(history.runs(1)[0].id, "b");
  EXPECT_EQ(history.run("")->status, "failed");
  EXPECT_FALSE(history.run("a")->ended);
  EXPECT_FALSE(history.run("zzz"));
  ASSERT_EQ(history.tasks("b").size(), 1u);
  EXPECT_EQ(history.tasks("b")[0].error, task.error);
  EXPECT_EQ(history.tasks("b")[0].quality_score, 0.5);
  EXPECT_EQ(history.tasks("b")[0].usage, task.usage);
  EXPECT_EQ(history.run("b")->usage, b.usage);
  EXPECT_EQ(history.run("a")->usage, Usage{});
  EXPECT_EQ(history.checks("b")[0].failing, 2);
  history.keep(1);
  EXPECT_EQ(history.runs(10).size(), 1u);
  EXPECT_EQ(history.tasks("b").size(), 1u);
}

TEST_F(HistoryTest, WhatRunsOftenPushesNothingOutThatRunsSeldom) {
  History history(path_);
  const auto of = [&](const std::string& id, int64_t at, const std::string& schedule,
                      const std::string& command) {
    auto one = run(id, at);
    one.schedule = schedule;
    one.command = command;
    history.begin(one);
  };
  for (int i = 0; i < 3; ++i) of("month " + std::to_string(i), i, "closing", "windrow serve");
  of("by hand", 5, "", "windrow run");
  for (int i = 0; i < 400; ++i)
    of("part " + std::to_string(i), 10 + i, "", "windrow backfill 2020-01-01 2026-01-01");
  history.keep(100);
  const auto kept = history.runs(1000);
  EXPECT_EQ(kept.size(), 104u);
  EXPECT_TRUE(history.run("month 0") && history.run("by hand") && history.run("part 300"));
  EXPECT_FALSE(history.run("part 299"));
  // Of many that were seldom only as many again.
  for (int i = 0; i < 300; ++i) of("other " + std::to_string(i), 1000 + i, "", std::to_string(i));
  for (int i = 0; i < 3; ++i) history.keep(100);  // it is not done each time
  EXPECT_EQ(history.runs(1000).size(), 100u);
}

TEST_F(HistoryTest, TwoWritersAtOnce) {
  History one(path_), two(path_);
  std::thread other([&] {
    for (int i = 0; i < 200; ++i) two.begin(run("two" + std::to_string(i), i));
    two.flush();
  });
  for (int i = 0; i < 200; ++i) one.begin(run("one" + std::to_string(i), i));
  one.flush();
  other.join();
  EXPECT_EQ(one.runs(1000).size(), 400u);
}

TEST_F(HistoryTest, ForgetsWhatIsToldOfAPersonsRows) {
  {
    History history(path_);
    history.begin(run("a", 1));
    const std::string told =
        "email has an @: 2 of 812 rows: \"email\" has none: 'bob.example', 'eve'";
    Task task;
    task.run = "a";
    task.asset = "silver.people";
    task.error = "does not pass its checks: " + told;
    task.warnings = "[\"email has an @: 'bob.example'\"]";
    history.add(task);
    history.add(Check{
        "a", "silver.people", "email has an @", "warn", false, 2, 812, told,
        R"({"columns":["id","email","n"],"rows":[["8","bob.example","2"],["9","eve","2"]]})"});
    history.flush();
    EXPECT_EQ(forget(path_, {{"ID", "8"}}, true), 1);
    EXPECT_EQ(history.tasks("a")[0].error, task.error);
    EXPECT_EQ(forget(path_, {{"ID", "8"}}, false), 1);
    const std::string left = "email has an @: 2 of 812 rows: \"email\" has none: '…', 'eve'";
    EXPECT_EQ(history.checks("a")[0].message, left);
    EXPECT_EQ(history.checks("a")[0].sample,
              R"({"columns":["id","email","n"],"rows":[["9","eve","2"]]})");
    EXPECT_EQ(history.tasks("a")[0].error, "does not pass its checks: " + left);
    EXPECT_EQ(history.tasks("a")[0].warnings, "[\"email has an @: '…'\"]");
    EXPECT_EQ(forget(path_, {{"ID", "8"}}, true), 0);
  }
  std::string bytes;
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "state")) {
    std::ifstream stream(file.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(stream), {});
  }
  EXPECT_EQ(bytes.find("bob.example"), std::string::npos);
}

Task task(const std::string& run, const std::string& asset) {
  Task out;
  out.run = run;
  out.asset = asset;
  return out;
}

TEST_F(HistoryTest, ARecordThatCannotBeWrittenTakesNoOtherWithIt) {
  History history(path_);
  history.flush();
  {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    db.execute(
        "CREATE TRIGGER bad BEFORE INSERT ON tasks WHEN NEW.asset = 'gold.bad' "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END");
  }
  history.begin(run("a", 1));
  for (const char* asset : {"gold.x", "gold.bad", "gold.y"}) history.add(task("a", asset));
  history.flush();
  EXPECT_EQ(history.tasks("a").size(), 2u);
  EXPECT_EQ(history.lost().records, 1);
  EXPECT_NE(history.lost().why.find("not this one"), std::string::npos) << history.lost().why;
}

TEST_F(HistoryTest, GoesOnAfterWritesThatFailed) {
  History history(path_);
  history.begin(run("a", 1));
  history.flush();
  {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    db.execute("ALTER TABLE tasks RENAME TO away");
  }
  history.add(task("a", "gold.x"));
  history.flush();
  EXPECT_EQ(history.lost().records, 1);
  EXPECT_EQ(history.runs(10).size(), 1u);
  {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    db.execute("ALTER TABLE away RENAME TO tasks");
  }
  history.add(task("a", "gold.y"));
  history.begin(run("b", 2));
  EXPECT_EQ(history.tasks("a").size(), 1u);
  EXPECT_EQ(history.runs(10).size(), 2u);
  EXPECT_EQ(history.lost().records, 1);
}

TEST_F(HistoryTest, OneAssetOverTime) {
  History history(path_);
  for (int i = 0; i < 5; ++i) {
    const auto id = "r" + std::to_string(i);
    auto r = run(id, i);
    r.environment = i % 2 == 0 ? "dev" : "prod";
    history.begin(r);
    for (const char* asset : {"gold.x", "gold.y"}) {
      Task task;
      task.run = id;
      task.asset = asset;
      task.status = "done";
      task.warnings = R"(["w)" + std::to_string(i) + R"("])";
      history.add(task);
    }
  }
  const auto all = history.tasks_of("gold.x", "", 10);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].run, "r4");
  EXPECT_EQ(all[0].warnings, R"(["w4"])");
  ASSERT_EQ(history.tasks_of("gold.x", "prod", 10).size(), 2u);
  EXPECT_EQ(history.tasks_of("gold.x", "prod", 1)[0].run, "r3");
  EXPECT_TRUE(history.tasks_of("gold.z", "", 1).empty());
}

/// A file of an older format with one run of one task: before tasks had warnings (1), a usage (2),
/// or runs a schedule (3).
void make_older_file(const std::string& path, int format) {
  const bool warnings = format > 1;
  const std::string usage = format > 2 ? ", cpu INTEGER, peak_memory INTEGER, bytes_read INTEGER, "
                                         "files_read INTEGER, bytes_written INTEGER, "
                                         "files_written INTEGER"
                                       : "";
  clients::Sqlite db(path, clients::Sqlite::Mode::create);
  db.execute(
      "CREATE TABLE runs (id TEXT PRIMARY KEY, environment TEXT, command TEXT, version TEXT, "
      "retry_of TEXT, started INTEGER, ended INTEGER, status TEXT, tasks INTEGER, failed INTEGER" +
      usage +
      ");"
      "CREATE TABLE tasks (run TEXT, asset TEXT, kind TEXT, status TEXT, attempts INTEGER, started "
      "INTEGER, ended INTEGER, rows INTEGER, version INTEGER, intervals INTEGER, rejected INTEGER, "
      "quality_score REAL, reasons TEXT, error_code TEXT, error TEXT, hint TEXT, caused_by TEXT, " +
      std::string(warnings ? "warnings TEXT, " : "") +
      (usage.empty() ? "" : usage.substr(2) + ", ") +
      "PRIMARY KEY (run, asset)) WITHOUT ROWID;"
      "CREATE TABLE checks (run TEXT, asset TEXT, description TEXT, severity TEXT, passed INTEGER, "
      "failing INTEGER, total INTEGER, message TEXT, sample TEXT);"
      "INSERT INTO runs VALUES ('old', 'dev', 'run', '1', '', 1, 2, 'done', 1, 0" +
      (usage.empty() ? "" : ", 1, 2, 3, 4, 5, 6") +
      ");"
      "INSERT INTO tasks VALUES ('old', 'gold.x', 'table', 'done', 1, 1, 2, 7, 3, 0, 0, NULL, "
      "'[]', '', '', '', ''" +
      (warnings ? ", '[\"w\"]'" : "") + (usage.empty() ? "" : ", 1, 2, 3, 4, 5, 6") +
      ");PRAGMA user_version = " + std::to_string(format) + ";");
}

TEST_F(HistoryTest, AnOlderFileGoesOn) {
  std::filesystem::create_directories(folder_ / "state");
  make_older_file(path_, 1);
  History history(path_);
  history.begin(run("new", 5));
  Task task;
  task.run = "new";
  task.asset = "gold.x";
  task.warnings = "[]";
  history.add(task);
  const auto all = history.tasks_of("gold.x", "", 10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].rows, 7);
  EXPECT_EQ(all[1].warnings, "");
  EXPECT_EQ(all[1].usage, Usage{});
  EXPECT_EQ(history.run("old")->usage, Usage{});
  EXPECT_EQ(history.lost().records, 0);
  History again(path_);
  EXPECT_EQ(again.runs(10).size(), 2u);
}

TEST_F(HistoryTest, AFileOfBeforeThereWereSchedulesGoesOn) {
  std::filesystem::create_directories(folder_ / "state");
  make_older_file(path_, 3);
  History history(path_);
  auto now = run("new", 5);
  now.schedule = "nightly";
  now.due = time_from_micros(7);
  now.project_version = "abc";
  now.usage.bytes_read = 9;
  history.begin(now);
  EXPECT_EQ(history.run("new")->schedule, "nightly");
  EXPECT_EQ(history.run("new")->due, now.due);
  EXPECT_EQ(history.run("new")->project_version, "abc");
  EXPECT_EQ(history.run("new")->usage, now.usage);
  EXPECT_EQ(history.run("old")->usage.files_written, 6);
  EXPECT_EQ(history.run("old")->schedule, "");
  EXPECT_FALSE(history.run("old")->due);
  EXPECT_EQ(history.tasks_of("gold.x", "", 10)[0].usage.files_written, 6);
  EXPECT_EQ(history.lost().records, 0);
}

TEST_F(HistoryTest, AFileOfBeforeThereWereUsagesGoesOn) {
  std::filesystem::create_directories(folder_ / "state");
  make_older_file(path_, 2);
  History history(path_);
  auto now = run("new", 5);
  now.usage.bytes_read = 9;
  history.begin(now);
  Task task;
  task.run = "new";
  task.asset = "gold.x";
  task.usage.files_read = 4;
  history.add(task);
  const auto all = history.tasks_of("gold.x", "", 10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].usage, task.usage);
  EXPECT_EQ(all[1].warnings, R"(["w"])");
  EXPECT_EQ(all[1].usage, Usage{});
  EXPECT_EQ(history.run("new")->usage, now.usage);
  EXPECT_EQ(history.lost().records, 0);
}

/// Room on the disk comes back, a folder is made: what follows is kept.
TEST_F(HistoryTest, IsMadeWithTheFirstRecordsWhereItCannotBeMadeBefore) {
  std::filesystem::create_directories(path_);  // a folder where the file belongs
  History history(path_);
  EXPECT_THROW(history.runs(1), Error);
  history.begin(run("a", 1));
  history.flush();
  EXPECT_EQ(history.lost().records, 1);
  EXPECT_FALSE(history.lost().why.empty());
  std::filesystem::remove(path_);
  history.begin(run("b", 2));
  EXPECT_EQ(history.runs(10).size(), 1u);
}

TEST_F(HistoryTest, ANewerFileIsRefused) {
  { History made(path_); }
  {
    clients::Sqlite db(path_, clients::Sqlite::Mode::existing);
    EXPECT_EQ(clients::integer_of(db.query("PRAGMA user_version")[0][0]), 5);
    db.execute("PRAGMA user_version = 6");
  }
  EXPECT_THROW(History refused(path_), Error);
}

}  // namespace
}  // namespace windrow::history
