#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tasks/control/run_values.h"
#include "tasks/control/task_notes.h"

namespace windrow::tasks {
namespace {

RunValues values() {
  RunValues out;
  out.named = {{"run_id", "r1"}, {"task", "t"}};
  out.variable = "row";
  out.row = {{"", "\"a'b\""}, {"n", "7"}, {"none", "null"}};
  out.output = [](const std::string& task) -> std::string {
    if (task == "load") return R"({"rows": 3, "ok": true, "name": "x y", "deep": {"a": [1]}})";
    throw Error(Code::data, "nothing yet");
  };
  return out;
}

TEST(RunValuesTest, AreWrittenAsTheirPlaceAsksFor) {
  EXPECT_EQ(fill("${run_id}-${row}-${row.n}", values()), "r1-a'b-7");
  EXPECT_EQ(fill("VALUES (${row}, ${row.n}, ${task.load.output.ok})", values(), Fills::literal),
            "VALUES ('a''b', 7, true)");
  EXPECT_EQ(fill("http://h/${task.load.output.name}?q=${row}", values(), Fills::url),
            "http://h/x%20y?q=a%27b");
  EXPECT_EQ(fill("${task.load.output.deep}", values()), R"({"a":[1]})");
  EXPECT_EQ(fill("${HOME} ${task}", values()), "${HOME} t");
}

TEST(RunValuesTest, WhatIsMissingIsAnErrorOrADefault) {
  for (const char* text :
       {"${task.other.output}", "${task.load.output.no}", "${row.no}", "${row.none}"})
    EXPECT_THROW(fill(text, values()), Error) << text;
  EXPECT_EQ(fill("${task.other.output:-0} ${task.load.output.no:-a b} ${row.none:-}", values()),
            "0 a b ");
}

TEST(RunValuesTest, KeepTheirTypesInJson) {
  project::Value value;
  value.data = std::string("${task.load.output.rows}");
  EXPECT_EQ(fill(value, values()), 3);
  value.data = std::string("n ${task.load.output.rows}");
  EXPECT_EQ(fill(value, values()), "n 3");
}

class NotesTest : public testing::Test {
 protected:
  ~NotesTest() override { std::filesystem::remove_all(folder_); }
  const std::string folder_ = testing::TempDir() + "notes-" + std::to_string(::getpid());
  const std::string path_ = folder_ + "/tasks.db";
  const Time now_ = time_from_micros(5'000'000);
};

TEST_F(NotesTest, WhatAProcessLeftOpenWasInterrupted) {
  TaskNotes notes(path_);
  EXPECT_FALSE(notes.interrupted("dev", "task.a", ""));
  EXPECT_FALSE(std::filesystem::exists(path_));  // a look makes nothing
  const pid_t child = ::fork();
  if (child == 0) {
    TaskNotes own(path_);
    own.end(own.begin("r1", "dev", "task.b", now_));
    own.begin("r1", "dev", "task.a", now_);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  const auto found = notes.interrupted("dev", "task.a", "");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->run, "r1");
  EXPECT_EQ(found->began, now_);
  EXPECT_FALSE(notes.interrupted("dev", "task.b", ""));
  EXPECT_FALSE(notes.interrupted("prod", "task.a", ""));
  EXPECT_FALSE(notes.interrupted("dev", "task.a", "r2"));
  notes.begin("r2", "dev", "task.a", now_);  // ours: it lives
  notes.settle("dev", "task.a");
  EXPECT_FALSE(notes.interrupted("dev", "task.a", ""));
}

TEST_F(NotesTest, KeepsTheLastOutput) {
  TaskNotes notes(path_);
  EXPECT_FALSE(notes.output("dev", "task.a"));
  notes.keep_output("r1", "dev", "task.a", "1");
  notes.keep_output("r2", "dev", "task.a", "2");
  EXPECT_EQ(notes.output("dev", "task.a"), "2");
  EXPECT_FALSE(notes.output("prod", "task.a"));
}

}  // namespace
}  // namespace windrow::tasks
