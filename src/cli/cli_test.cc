#include <gtest/gtest.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/command_line.h"
#include "cli/plan_lines.h"
#include "cli/text_table.h"

namespace windrow::cli {
namespace {

std::string options_of(const CLI::App& verb) {
  std::string out;
  for (const auto* option : verb.get_options()) {
    if (option->get_lnames() == std::vector<std::string>{"help"}) continue;
    out += "| `" + option->get_name(true, true) + "` | " + option->get_description() + " |\n";
  }
  return out.empty() ? "" : "| option | |\n|---|---|\n" + out + "\n";
}

void verb_reference(const CLI::App& verb, const std::string& name, std::string& out) {
  out += "### `windrow " + name + "`\n\n" + verb.get_description() + "\n\n" + options_of(verb);
  for (const auto* inner : verb.get_subcommands({}))
    verb_reference(*inner, name + " " + inner->get_name(), out);
  if (!verb.get_footer().empty())
    out += "```sh\n" + verb.get_footer().substr(verb.get_footer().find('\n') + 1) + "\n```\n\n";
}

/// Every verb and option, from the tree that parses them.
std::string reference() {
  Arguments ignored;
  const auto parser = make_parser(ignored);
  std::string out = "## For every verb\n\n" + options_of(*parser) + "## Verbs\n\n";
  for (const auto* verb : parser->get_subcommands({})) verb_reference(*verb, verb->get_name(), out);
  return out;
}

TEST(CliDocs, HoldEveryVerbAndOption) {
  const std::string path = std::string(WINDROW_SOURCE_DIR) + "/docs/cli.md";
  const std::string mark = "<!-- from here on written by cli_test with WINDROW_REWRITE=1 -->\n\n";
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto at = text.find(mark);
  ASSERT_NE(at, std::string::npos) << path;
  if (std::getenv("WINDROW_REWRITE")) {
    std::ofstream(path) << text.substr(0, at) + mark + reference();
    return;
  }
  EXPECT_EQ(text.substr(at + mark.size()), reference()) << "run cli_test with WINDROW_REWRITE=1";
}

class TextTableTest : public testing::Test {
 protected:
  Secrets secrets_;
  Out out_{secrets_, false, false, false};  // sets the locale that widths are counted in
};

TEST_F(TextTableTest, AlignsWideCharacters) {
  TextTable table({"name", "n"});
  table.align_right(1);
  table.add({"日本", "1"});
  table.add({"é", "12,345"});
  EXPECT_EQ(table.text(80), "name       n\n日本       1\né     12,345\n");
}

TEST_F(TextTableTest, CutsTheWidestFirst) {
  TextTable table({"a", "b"});
  table.add({std::string(50, 'x'), "short"});
  EXPECT_EQ(table.text(20), "a              b\nxxxxxxxxxxxx…  short\n");
}

TEST_F(TextTableTest, ShowsNullAndLineEnds) {
  duck::Rows rows;
  rows.columns = {{"a", "VARCHAR"}, {"b", "INTEGER"}};
  rows.rows = {{std::string("x\ny"), std::monostate{}}};
  EXPECT_EQ(table_of(rows).text(80), "a       b\nx⏎y  NULL\n");
}

TEST(Numbers, ReadWell) {
  EXPECT_EQ(count_text(3201), "3,201");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'400'000), "1.4 MB");
  EXPECT_EQ(seconds_text(std::chrono::seconds(185)), "3 m 05 s");
}

TEST(PlanText, TellsWhatAndWhy) {
  Secrets secrets;
  const Out out(secrets, false, false, false);
  app::PlanView plan;
  app::PlannedStep step;
  step.asset = "gold.trending";
  step.kind = "interval";
  step.grain = "day";
  step.reasons = {"input silver.movies 41 → 42: 3 files, 2 intervals"};
  step.intervals = {{*parse_time("2025-10-17"), *parse_time("2025-10-19")}};
  step.interval_count = 2;
  plan.steps.push_back(step);
  EXPECT_EQ(plan_text(plan, out, false),
            "gold.trending  interval day  2 intervals  2025-10-17 … 2025-10-19\n"
            "    input silver.movies 41 → 42: 3 files, 2 intervals\n\n"
            "1 to do, 0 only if their input changes, 0 up to date\n");
  EXPECT_EQ(plan_text({}, out, false), "everything is up to date (0 assets)\n");
}

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    folder_ =
        std::filesystem::temp_directory_path() / ("windrow cli é " + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~CommandLine() override { std::filesystem::remove_all(folder_); }

  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "windrow");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Cancel cancel;
    const int result = run_command_line(int(argv.size()), argv.data(), cancel);
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return result;
  }
  std::filesystem::path folder_;
  std::string out_, error_;
};

TEST_F(CommandLine, WrongUseIsTwoWithTheNearestWord) {
  EXPECT_EQ(run({"plna"}), kWrongUse);
  EXPECT_NE(error_.find("did you mean \"plan\"?"), std::string::npos) << error_;
  EXPECT_EQ(run({"plan", "--selct", "x"}), kWrongUse);
  EXPECT_NE(error_.find("did you mean \"--select\"?"), std::string::npos) << error_;
  EXPECT_EQ(run({"-C", folder_, "plan"}), kWrongUse);
  EXPECT_NE(error_.find("windrow init"), std::string::npos) << error_;
  EXPECT_EQ(run({"init", "nothing"}), kWrongUse);
}

TEST_F(CommandLine, AnExampleCanBeMadeOnceAndChecked) {
  const std::string target = folder_ / "films";
  EXPECT_EQ(run({"init", "quickstart", target}), kDone);
  EXPECT_EQ(run({"init", "quickstart", target}), kWrongUse);
  EXPECT_EQ(run({"-C", target, "check"}), kDone) << error_;
  EXPECT_EQ(run({"-C", target, "test"}), kDone) << out_;
  EXPECT_EQ(run({"-C", target, "--json", "plan"}), kDone);
  EXPECT_EQ(out_.front(), '{');
  EXPECT_FALSE(std::filesystem::exists(target + "/lake")) << "a plan touches nothing";
}

TEST_F(CommandLine, ErrorsHaveTheirPlace) {
  std::filesystem::create_directories(folder_ / "models/gold");
  std::ofstream(folder_ / "windrow.yaml") << "project: x\n";
  std::ofstream(folder_ / "models/gold/a.sql") << "SELECT 1 AS a\nFROM nowhere.b\n";
  EXPECT_EQ(run({"-C", folder_, "check"}), kWrongUse);
  EXPECT_NE(error_.find("at models/gold/a.sql:2:6"), std::string::npos) << error_;
  EXPECT_EQ(run({"-C", folder_, "--json", "check"}), kWrongUse);
  EXPECT_NE(error_.find("\"line\": 2"), std::string::npos) << error_;
}

TEST_F(CommandLine, CompletionNamesEveryVerb) {
  Arguments ignored;
  const auto parser = make_parser(ignored);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(run({"completion", shell}), kDone);
    for (const auto* verb : parser->get_subcommands({}))
      EXPECT_NE(out_.find(verb->get_name()), std::string::npos);
  }
  EXPECT_EQ(run({"completion", "tcsh"}), kWrongUse);
}

TEST_F(CommandLine, QueriesShowWhereTheyAreWrong) {
  const std::string target = folder_ / "films";
  run({"init", "quickstart", target});
  EXPECT_EQ(run({"-C", target, "query", "SELECT 1 AS a, 'x,\"y' AS b", "--format", "csv"}), kDone)
      << error_;
  EXPECT_EQ(out_, "a,b\n1,\"x,\"\"y\"\n");
  EXPECT_EQ(run({"-C", target, "query", "SELECT nope"}), kWrongUse);
  EXPECT_NE(error_.find("SELECT nope\n       ^"), std::string::npos) << error_;
  EXPECT_EQ(run({"table", "read", folder_}), kFailed);
}

}  // namespace
}  // namespace windrow::cli
