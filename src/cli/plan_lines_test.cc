#include "cli/plan_lines.h"

#include <gtest/gtest.h>

#include "cli/json_text.h"
#include "cli/run_view.h"

namespace windrow::cli {
namespace {

Time at(const char* text) { return *parse_time(text); }

app::PlannedStep days() {
  app::PlannedStep step;
  step.asset = "gold.trending";
  step.kind = "interval";
  step.grain = "day";
  step.reasons = {"input silver.movies 41 → 42: 3 files, 2 intervals"};
  step.intervals = {{at("2025-10-17"), at("2025-10-19")}};
  step.interval_count = 2;
  step.inputs = {{"silver.movies", 42}};
  return step;
}

TEST(PlanText, SaysWhatForWhichIntervalsAndWhy) {
  app::PlanView plan;
  plan.steps = {days()};
  plan.steps.push_back({"silver.日本", "table", false, {"if bronze.raw changes"}});
  plan.up_to_date = 7;
  plan.notices = {"schedules are not run"};
  EXPECT_EQ(plan_text(plan, "UTC", {}, false),
            "  gold.trending  interval day  2 intervals  2025-10-17 … 2025-10-18\n"
            "     input silver.movies 41 → 42: 3 files, 2 intervals\n"
            "  silver.日本    table\n"
            "     if bronze.raw changes\n"
            "\n"
            "1 asset to do, 1 only if an input changes, 7 up to date\n"
            "note: schedules are not run\n");
  EXPECT_NE(plan_text(plan, "UTC", {}, true).find("reads silver.movies at version 42"),
            std::string::npos);
}

TEST(PlanText, NamesDaysInTheProjectsZone) {
  app::PlanView plan;
  plan.steps = {days()};
  plan.steps[0].intervals = {{at("2025-10-16T22:00:00Z"), at("2025-10-17T22:00:00Z")}};
  plan.steps[0].interval_count = 1;
  const auto text = plan_text(plan, "Europe/Berlin", {}, false);
  EXPECT_NE(text.find("1 interval  2025-10-17\n"), std::string::npos) << text;
}

TEST(PlanText, SaysSealedOutsideRangesAndProblems) {
  app::PlanView plan;
  plan.steps = {days()};
  auto& step = plan.steps[0];
  step.intervals = {{at("2025-10-01"), at("2025-10-02")}, {at("2025-10-17"), at("2025-10-18")}};
  step.sealed = {{at("2025-01-01"), at("2025-01-03")}};
  step.sealed_count = 2;
  step.outside_count = 1;
  step.problem = Problem{
      Code::history_lost, "history lost", "windrow plan --accept gold.trending", {"a.sql", 3, 1}};
  const auto text = plan_text(plan, "UTC", {}, true);
  for (const char* part :
       {"2025-10-01 … 2025-10-17 in 2 ranges", "range 2025-10-01\n",
        "2 intervals sealed  2025-01-01 … 2025-01-02", "--rebuild-sealed",
        "1 interval stale outside of --start and --end", "error: history lost", "at a.sql:3:1",
        "hint: windrow plan --accept", "1 that cannot be built"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(PlanText, NothingToDo) {
  app::PlanView plan;
  plan.up_to_date = 1;
  EXPECT_EQ(plan_text(plan, "UTC", {}, false), "everything is up to date (1 asset)\n");
}

TEST(PlanJson, HoldsHalfOpenIntervals) {
  app::PlanView plan;
  plan.steps = {days()};
  const auto json = json_of(plan);
  EXPECT_EQ(json["steps"][0]["intervals"][0]["end"], "2025-10-19T00:00:00Z");
  EXPECT_EQ(json["steps"][0]["inputs"]["silver.movies"], 42);
  EXPECT_FALSE(json["steps"][0].contains("problem"));
}

TEST(ResultText, ShowsWhatWasDoneFailedAndSkipped) {
  app::RunResult result{"0199f3a2-aaaa-7000", "failed", {}, {}, std::chrono::milliseconds(1500)};
  observe::TaskOutcome done{"silver.movies", "table", "done"}, failed{"gold.a", "table", "failed"},
      skipped{"gold.b", "table", "skipped"}, same{"gold.c", "table", "up to date"};
  done.rows = 3201;
  done.version = 4;
  done.quality_score = 0.987;
  done.warnings = {"2 rows were set aside"};
  failed.problem =
      Problem{Code::data, "\"id\" is not unique", "look at the rows", {"models/gold/a.sql", 2, 1}};
  skipped.caused_by = "gold.a";
  result.tasks = {done, failed, skipped, same};
  const auto text = result_text(result, {}, false);
  for (const char* part :
       {"silver.movies  table  done     3,201        4", "98.7 %",
        "warning: silver.movies: 2 rows were set aside",
        "skipped: gold.b, because gold.a was not built",
        "failed: gold.a: \"id\" is not unique\n  at models/gold/a.sql:2:1\n  hint: look at the "
        "rows",
        "run 0199f3a2-aaaa: failed in 1.50 s (1 done, 1 failed, 1 skipped, 1 up to date)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find("gold.c"), std::string::npos);
  EXPECT_NE(result_text(result, {}, true).find("gold.c"), std::string::npos);
  const auto json = json_of(result);
  EXPECT_FALSE(json.contains("usage") || json["tasks"][0].contains("usage"));
  EXPECT_EQ(json["tasks"][1]["problem"]["line"], 2);
  EXPECT_FALSE(json["tasks"][1].contains("rows"));
}

TEST(ResultText, ShowsWhatWasUsedWhereMoreIsAskedFor) {
  app::RunResult result{"0199f3a2-aaaa-7000", "done", {}, {}, std::chrono::milliseconds(1500)};
  observe::TaskOutcome model{"silver.movies", "table", "done"}, other{"gold.a", "table", "done"};
  model.usage = {std::chrono::milliseconds(12'300), 800'000'000, 1'200'000'000, 12, 3'000'000, 2};
  other.usage.cpu = std::chrono::milliseconds(20);
  result.tasks = {model, other};
  result.usage = model.usage;
  EXPECT_EQ(result_text(result, {}, false).find("cpu"), std::string::npos);
  const auto text = result_text(result, {}, true);
  for (const char* part :
       {"time      cpu    memory    read  written\n",
        "0.00 s  12.30 s  800.0 MB  1.2 GB   3.0 MB\n", "0.00 s   0.02 s\n",
        "12.30 s of processor time, 1.2 GB read from 12 files, 3.0 MB written to 2 files, at most "
        "800.0 MB of memory\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const auto json = json_of(result);
  EXPECT_EQ(json["usage"]["cpu_seconds"], 12.3);
  EXPECT_EQ(json["tasks"][0]["usage"]["bytes_read"], 1'200'000'000);
  EXPECT_EQ(json["tasks"][1]["usage"].size(), 1u);  // what is not known is not there
}

TEST(RunningLine, HasBarRateAndTimeLeftAndFits) {
  const RunningTask task{std::chrono::seconds(2), {"gold.a", "writing", 0.5, 1000}};
  EXPECT_EQ(
      running_line("gold.a", task, 200),
      "  gold.a  writing  ██████████░░░░░░░░░░  50 %  2.00 s left  1,000 rows, 500/s  2.00 s");
  EXPECT_LE(display_width(running_line("gold.a", task, 30)), 30u);
  EXPECT_EQ(running_line("gold.a", {std::chrono::seconds(2), {}}, 200), "  gold.a  2.00 s");
}

}  // namespace
}  // namespace windrow::cli
