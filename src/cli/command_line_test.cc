#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/clock.h"
#include "cli/examples.h"
#include "cli/fake_app.h"
#include "cli/json_text.h"
#include "cli/shell.h"

namespace windrow::cli {
namespace {

class CommandLine : public ::testing::Test {
 protected:
  int windrow(const std::vector<std::string>& words) {
    Interrupts interrupts;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_command_line(
        words, interrupts, [this](const app::Options& options, Secrets& secrets, const Clock&) {
          told.opened = options;
          if (!told.secret.empty()) secrets.learn(told.secret);
          return std::make_unique<FakeApp>(told, folder / "");
        });
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }
  bool says(const std::string& text) const { return (out + err).find(text) != std::string::npos; }

  TestFolder folder;
  Told told;
  std::string out, err;
};

TEST_F(CommandLine, WrongUseIsTwoAndNamesWhatWasMeant) {
  EXPECT_EQ(windrow({"plna"}), 2);
  EXPECT_EQ(err, "error: there is no verb \"plna\"\n  hint: did you mean \"plan\"?\n");
  EXPECT_EQ(windrow({"plan", "--selct=x"}), 2);
  EXPECT_TRUE(says("`windrow plan` has no option \"--selct\"\n  hint: did you mean \"--select\"?"));
  EXPECT_EQ(windrow({"table", "reed", "x"}), 2);
  EXPECT_TRUE(says("did you mean \"read\"?"));
  EXPECT_EQ(windrow({"table"}), 2);
  EXPECT_TRUE(says("needs a verb: read history diff restore"));
  EXPECT_EQ(windrow({"plan", "gold.a"}), 2);
  EXPECT_TRUE(says("takes no argument \"gold.a\""));
  EXPECT_EQ(windrow({"backfill", "2025-01-01"}), 2);
  EXPECT_EQ(windrow({"run", "--jobs", "0"}), 2);
  EXPECT_EQ(windrow({"plan", "--start", "soon"}), 2);
  EXPECT_TRUE(says("--start takes a time, but \"soon\" is none"));
  EXPECT_EQ(windrow({"plan", "--start", "2025-02-01", "--end", "2025-01-01"}), 2);
  EXPECT_EQ(windrow({"--var", "days", "check"}), 2);
  EXPECT_EQ(windrow({"--now", "soon", "check"}), 2);
  EXPECT_TRUE(says("--now takes a time, but \"soon\" is none"));
  EXPECT_EQ(windrow({"--now", "2030-01-01", "table", "vacuum", "x"}), 2);
  EXPECT_TRUE(says("--now is not for `table`"));
  EXPECT_TRUE(out.empty());
}

TEST_F(CommandLine, HelpAndVersionGoToStdout) {
  EXPECT_EQ(windrow({}), 0);
  EXPECT_TRUE(says("backfill"));
  EXPECT_EQ(windrow({"--version"}), 0);
  EXPECT_TRUE(out.starts_with("windrow "));
  EXPECT_EQ(windrow({"table", "diff", "--help"}), 0);
  EXPECT_TRUE(says("--from VERSION"));
  EXPECT_TRUE(err.empty());
}

TEST_F(CommandLine, GlobalOptionsStandBeforeOrBehindTheVerb) {
  EXPECT_EQ(windrow({"-C", "x", "check", "--env", "prod", "--var", "a=1", "--var", "b=x=y",
                     "--defer", "dev"}),
            0);
  EXPECT_EQ(told.opened.folder, "x");
  EXPECT_EQ(told.opened.environment, "prod");
  EXPECT_EQ(told.opened.defer, "dev");
  EXPECT_EQ(told.opened.variables, (std::map<std::string, std::string>{{"a", "1"}, {"b", "x=y"}}));
}

TEST_F(CommandLine, ExitCodesFollowTheErrors) {
  told.failure = Error(Code::configuration, "broken", "mend it", {"models/a.sql", 2, 7});
  EXPECT_EQ(windrow({"check"}), 2);
  EXPECT_EQ(err, "error: broken\n  at models/a.sql:2:7\n  hint: mend it\n");
  told.failure = Error(
      std::vector<Problem>{{Code::configuration, "one", "", {}}, {Code::full, "two", "", {}}});
  EXPECT_EQ(windrow({"check"}), 1);
  EXPECT_EQ(err, "error: one\nerror: two\n");
  told.failure = Error(Code::canceled, "stopped");
  EXPECT_EQ(windrow({"check"}), 130);
}

TEST_F(CommandLine, ErrorsAsJson) {
  told.failure = Error(Code::configuration, "broken \"x\"", "mend it", {"models/a.sql", 2, 7});
  EXPECT_EQ(windrow({"--json", "check"}), 2);
  EXPECT_TRUE(out.empty());
  const auto json = Json::parse(err);
  EXPECT_EQ(json["error"][0]["code"], "configuration");
  EXPECT_EQ(json["error"][0]["line"], 2);
}

TEST_F(CommandLine, SecretsNeverLeave) {
  told.secret = "s3cr3t-value";
  told.failure = Error(Code::configuration, "cannot open s3cr3t-value");
  windrow({"check"});
  EXPECT_TRUE(says("cannot open ***"));
  windrow({"check", "--json"});
  EXPECT_FALSE(says("s3cr3t"));
}

TEST_F(CommandLine, RowsAreNeverMasked) {
  told.secret = "s3cr3t-value";
  const std::string select = "SELECT 's3cr3t-value' AS a, true AS ok";
  EXPECT_EQ(windrow({"query", select, "--format", "csv"}), 0);
  EXPECT_EQ(out, "a,ok\ns3cr3t-value,true\n");
  EXPECT_EQ(windrow({"query", select, "--json"}), 0);
  EXPECT_EQ(Json::parse(out), Json::parse(R"([{"a": "s3cr3t-value", "ok": true}])"));
  EXPECT_EQ(windrow({"query", select}), 0);
  EXPECT_TRUE(says("s3cr3t-value  true"));
  EXPECT_EQ(windrow({"query", "SELECT error('s3cr3t-value')"}), 1);
  EXPECT_FALSE(says("s3cr3t"));
}

TEST_F(CommandLine, AJsonDocumentStaysOneWhereItIsMasked) {
  told.secret = "12345678";
  told.failure = Error(Code::configuration, "cannot open \"12345678\"", "", {"a.sql", 12345678, 1});
  EXPECT_EQ(windrow({"--json", "check"}), 2);
  const auto json = Json::parse(err);
  EXPECT_EQ(json["error"][0]["message"], "cannot open \"***\"");
  EXPECT_EQ(json["error"][0]["line"], 12345678);
}

TEST_F(CommandLine, PlanAndAccept) {
  told.plan.up_to_date = 2;
  EXPECT_EQ(windrow({"plan", "-s", "gold.*", "--select", "tag:x,layer:y", "--full-refresh",
                     "--start", "2025-01-01"}),
            0);
  EXPECT_EQ(told.plan_asked.select, "gold.* tag:x,layer:y");
  EXPECT_TRUE(told.plan_asked.full_refresh);
  EXPECT_EQ(told.plan_asked.start, parse_time("2025-01-01"));
  told.plan.steps.push_back({"gold.a", "table"});
  told.plan.steps[0].problem = Problem{Code::history_lost, "history lost", "", {}};
  EXPECT_EQ(windrow({"plan", "--json"}), 1);
  EXPECT_EQ(Json::parse(out)["steps"][0]["problem"]["code"], "history lost");
  EXPECT_EQ(windrow({"plan", "--accept", "gold.a"}), 0);
  EXPECT_EQ(told.accepted, "gold.a");
  EXPECT_TRUE(says("accepted gold.a"));
}

TEST_F(CommandLine, RunShowsTheLastViewAndWhatToTryNext) {
  told.project.publications.push_back({});
  told.project.publications[0].name = "serve";
  told.project.publications[0].views.push_back({});
  told.project.publications[0].views[0].from = {"gold.top", {}, {}};
  told.result.tasks = {{"publish.serve", "publication", "done"}};
  EXPECT_EQ(windrow({"-C", "my films", "run"}), 0);
  EXPECT_TRUE(says("gold.top, first rows\nname  share    n\n"));
  EXPECT_TRUE(says("windrow -C \"my films\" lineage gold.top"));
  EXPECT_TRUE(err.find("done   publish.serve") != std::string::npos);
  EXPECT_EQ(out.find('\033'), std::string::npos);
  EXPECT_EQ(windrow({"run", "--json"}), 0);
  EXPECT_EQ(Json::parse(out)["status"], "done");
  EXPECT_TRUE(err.empty());
}

TEST_F(CommandLine, RunTellsHowItEnded) {
  told.result.status = "failed";
  EXPECT_EQ(windrow({"run"}), 1);
  EXPECT_FALSE(says("Try next"));
  told.result.status = "canceled";
  EXPECT_EQ(windrow({"run"}), 130);
}

TEST_F(CommandLine, RunsAndRetry) {
  EXPECT_EQ(windrow({"retry"}), 2);
  EXPECT_TRUE(says("there is no run to retry"));
  const Time began = *parse_time("2025-10-17T14:00:00Z");
  told.run =
      history::Run{"0199f3a2-1111", "dev", "windrow run", "0.1.0", "", began, {}, "running", 2, 1};
  told.tasks = {{"0199f3a2-1111", "gold.a", "table", "failed"},
                {"0199f3a2-1111", "gold.b", "table", "done"}};
  told.tasks[0].error_code = "data";
  told.tasks[0].error = "no";
  told.tasks[0].reasons = "[\"new\"]";
  told.tasks[1].reasons = "not json";
  {
    EXPECT_EQ(windrow({"retry"}), 2);
    EXPECT_TRUE(says("has no end"));
  }
  std::filesystem::remove(folder / "history.db");
  told.run->ended = began + std::chrono::seconds(3);
  told.run->status = "failed";
  EXPECT_EQ(windrow({"retry", "0199f3"}), 0);
  EXPECT_EQ(told.plan_asked.select, "gold.a");
  std::filesystem::remove(folder / "history.db");
  EXPECT_EQ(windrow({"runs"}), 0);
  EXPECT_TRUE(says("2025-10-17 14:00:00  failed"));
  std::filesystem::remove(folder / "history.db");
  EXPECT_EQ(windrow({"runs", "0199", "--json"}), 0);
  EXPECT_EQ(Json::parse(out)["tasks"][0]["problem"]["message"], "no");
}

TEST_F(CommandLine, QueryInEveryFormat) {
  EXPECT_EQ(windrow({"query", "FROM gold.top ORDER BY n;  "}), 0);
  EXPECT_EQ(out,
            "name  share    n\n日本    1.5    1\nNULL    nan   22\na,\"b   NULL  333\n3 rows\n");
  EXPECT_EQ(windrow({"query", "FROM gold.top ORDER BY n -- by number", "--format", "csv", "--limit",
                     "9"}),
            0);
  EXPECT_EQ(out, "name,share,n\n日本,1.5,1\n,nan,22\n\"a,\"\"b\",,333\n");
  EXPECT_EQ(windrow({"query", "FROM gold.top ORDER BY n", "--json"}), 0);
  const auto json = Json::parse(out);
  EXPECT_TRUE(json[1]["share"].is_null());
  EXPECT_EQ(json[2]["name"], "a,\"b");
  EXPECT_EQ(windrow({"query", "SELECT 'NaN \"Infinity' a", "--json"}), 0);
  EXPECT_EQ(Json::parse(out)[0]["a"], "NaN \"Infinity");
  EXPECT_EQ(windrow({"query", "FROM gold.top WHERE false", "--json"}), 0);
  EXPECT_EQ(Json::parse(out).size(), 0u);
  EXPECT_EQ(windrow({"query", "FROM gold.top", "--limit", "1"}), 0);
  EXPECT_TRUE(says("first 1 row; --limit N shows more"));
}

TEST_F(CommandLine, QueryIntoFilesWholeOrNotAtAll) {
  for (const char* name : {"a b.parquet", "ü.csv", "x.json"}) {
    EXPECT_EQ(windrow({"query", "FROM gold.top", "--out", folder / name}), 0) << err;
    EXPECT_EQ(windrow({"query", "SELECT count(*) AS n FROM '" + (folder / name) + "'", "--format",
                       "csv"}),
              0)
        << err;
    EXPECT_EQ(out, "n\n3\n");
  }
  EXPECT_EQ(windrow({"query", "SELECT error('no') FROM gold.top", "--out", folder / "y.csv"}), 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "")) {
    EXPECT_EQ(entry.path().string().find("y.csv"), std::string::npos);
  }
  EXPECT_EQ(windrow({"query", "FROM gold.top", "--format", "parquet"}), 2);
  EXPECT_EQ(windrow({"query", "FROM gold.top", "--out", folder / "no/such/x.json"}), 1);
}

TEST_F(CommandLine, QueryErrorsPointIntoTheStatement) {
  EXPECT_EQ(windrow({"query", "--explain", "FROM gold.top;"}), 0);
  EXPECT_NE(out.find("gold.top           1            3"), out.npos) << out;
  EXPECT_EQ(windrow({"query", "--explain", "FROM gold.top", "--json"}), 0);
  EXPECT_NE(out.find("\"read\": 1"), out.npos) << out;
  EXPECT_EQ(windrow({"query", "--explain", "SELECT nme FROM gold.top"}), 2);
  EXPECT_EQ(windrow({"query", "SELECT 'ü',\n  nme FROM gold.top"}), 2);
  EXPECT_TRUE(says("\n  nme FROM gold.top\n  ^\n")) << err;
  EXPECT_EQ(windrow({"query", " ; "}), 2);
  EXPECT_EQ(windrow({"query", "--version", "gold.top", "SELECT 1"}), 2);
  EXPECT_EQ(windrow({"query", "--version", "gold.top=1x", "SELECT 1"}), 2);
  EXPECT_EQ(windrow({"query", "--file", folder / "none.sql"}), 1);
}

TEST_F(CommandLine, TestsAndHealthTellBySuccess) {
  told.tests = {{"t1", "gold.a", {"tests/a.yaml", 1, 1}, false, 1, 2, "- a\n+ b", {}},
                {"t2", "gold.a"}};
  EXPECT_EQ(windrow({"test"}), 1);
  EXPECT_TRUE(says("failed  t1  gold.a\n  at tests/a.yaml:1:1\n- a\n+ b\npassed  t2"));
  EXPECT_TRUE(says("2 tests, 1 failed"));
  told.tests = {};
  EXPECT_EQ(windrow({"test"}), 0);
  told.health = {{"disk", true, "9 GB free", ""}, {"lake", false, "read-only", "chmod"}};
  EXPECT_EQ(windrow({"health"}), 1);
  EXPECT_TRUE(says("wrong  lake: read-only\n       hint: chmod"));
  EXPECT_EQ(windrow({"health", "--json"}), 1);
  EXPECT_EQ(Json::parse(out)["findings"][1]["hint"], "chmod");
}

TEST_F(CommandLine, LsAndLineage) {
  told.assets = {{"gold.a",
                  "table",
                  "models/gold/a.sql",
                  "gold",
                  "Top.",
                  {"x"},
                  3,
                  1000,
                  2'000'000,
                  1,
                  parse_time("2025-10-17")},
                 {"publish.p", "publication", "publish/p.yaml", "", "", {}, {}, {}, {}, {}, {}}};
  EXPECT_EQ(windrow({"ls"}), 0);
  EXPECT_TRUE(says("gold.a     table              3  1,000  2.0 MB  2025-10-17  Top.\n"));
  EXPECT_EQ(windrow({"ls", "--tables", "--json"}), 0);
  EXPECT_EQ(Json::parse(out).size(), 1u);
  EXPECT_EQ(windrow({"lineage", "gold.b", "--format", "mermaid"}), 0);
  EXPECT_TRUE(says("graph LR"));
  EXPECT_EQ(windrow({"lineage", "gold.b", "--json"}), 0);
  EXPECT_EQ(Json::parse(out)["subject"], "gold.b");
  EXPECT_EQ(windrow({"lineage", "--format", "dot"}), 2);
}

TEST_F(CommandLine, InitWritesAnExampleAndNeverOverwrites) {
  EXPECT_EQ(windrow({"init", "quikstart"}), 2);
  EXPECT_TRUE(says("did you mean \"quickstart\"?"));
  EXPECT_EQ(windrow({"init", "--empty"}), 2);
  EXPECT_EQ(windrow({"init", "--list", "--json"}), 0);
  if (example_files().empty()) GTEST_SKIP() << "no examples yet";
  const std::string example(example_files()[0].example);
  EXPECT_EQ(windrow({"init", example, folder / "a b"}), 0) << err;
  std::ifstream stream(folder / ("a b/" + std::string(example_files()[0].path)), std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(content, example_files()[0].content);
  EXPECT_EQ(windrow({"init", example, folder / "a b"}), 2);
  EXPECT_TRUE(says("is there already"));
}

TEST_F(CommandLine, SchemasOfEveryKind) {
  EXPECT_EQ(windrow({"schema", "--json"}), 0);
  for (const auto& kind : Json::parse(out).get<std::vector<std::string>>()) {
    EXPECT_EQ(windrow({"schema", kind}), 0);
    EXPECT_NO_THROW(Json::parse(out)) << kind;
    EXPECT_EQ(windrow({"schema", kind, "--reference"}), 0);
    EXPECT_TRUE(out.starts_with("| key |"));
  }
  EXPECT_EQ(windrow({"schema", "mode"}), 2);
  EXPECT_TRUE(says("did you mean \"model\"?"));
  EXPECT_EQ(windrow({"schema", "--write", folder / "s"}), 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "s/model.schema.json"));
}

TEST_F(CommandLine, DocsShowPagesAndSections) {
  EXPECT_EQ(windrow({"docs"}), 0);
  EXPECT_TRUE(says("maintenance"));
  EXPECT_EQ(windrow({"docs", "--json"}), 0);
  EXPECT_TRUE(says("\"topic\": \"sql\""));
  EXPECT_EQ(windrow({"docs", "maintenance"}), 0);
  EXPECT_TRUE(out.starts_with("# Looking after tables\n"));
  const auto whole = out;
  EXPECT_EQ(windrow({"docs", "maint"}), 0);
  EXPECT_EQ(out, whole);
  EXPECT_EQ(windrow({"docs", "maintenance", "erasure"}), 0);
  EXPECT_TRUE(out.starts_with("## Erasure\n")) << out;
  EXPECT_FALSE(says("## Growth"));
  EXPECT_EQ(windrow({"docs", "sources", "kafka"}), 0);
  EXPECT_TRUE(out.starts_with("# Kafka\n"));
  EXPECT_EQ(windrow({"docs", "straight", "line", "capacity"}), 0);
  EXPECT_TRUE(says("maintenance  Growth"));
  EXPECT_EQ(windrow({"docs", "--json", "maintenance", "growth"}), 0);
  EXPECT_TRUE(says("\"section\": \"Growth\""));
}

TEST_F(CommandLine, DocsThatAreNotThere) {
  EXPECT_EQ(windrow({"docs", "sorces"}), 2);
  EXPECT_EQ(err,
            "error: there is no page \"sorces\", and none speaks of it\n  hint: did you mean "
            "\"sources\"?\n");
  EXPECT_EQ(windrow({"docs", "maintenance", "erasuer"}), 2);
  EXPECT_TRUE(says("did you mean \"Erasure\"?"));
  EXPECT_EQ(windrow({"docs", "maintenance", "xyzzy"}), 2);
  EXPECT_TRUE(
      says("the page \"maintenance\" says nothing of \"xyzzy\"\n  hint: `windrow docs xyzzy` "
           "searches all pages"));
}

TEST_F(CommandLine, TablesThatAreNotThere) {
  EXPECT_EQ(windrow({"table", "read", folder / "none"}), 1);
  EXPECT_TRUE(says("there is no Delta table in"));
  EXPECT_EQ(windrow({"table", "read", "s3://b/t"}), 1);
  EXPECT_EQ(windrow({"table", "read", folder / "none", "--version", "1", "--at", "2025-01-01"}), 2);
}

TEST(Shell, StatementsEndAtASemicolonOutsideOfQuotesAndComments) {
  EXPECT_TRUE(statement_ends("SELECT 1;"));
  EXPECT_TRUE(statement_ends("SELECT ';'; -- done"));
  EXPECT_TRUE(statement_ends("SELECT 'it''s';\n"));
  EXPECT_FALSE(statement_ends("SELECT 1"));
  EXPECT_FALSE(statement_ends("SELECT ';"));
  EXPECT_FALSE(statement_ends("SELECT 1 -- ;"));
  EXPECT_FALSE(statement_ends("SELECT 1 /* ;"));
  EXPECT_FALSE(statement_ends("SELECT 1; SELECT 2"));
  EXPECT_FALSE(statement_ends(""));
}

}  // namespace
}  // namespace windrow::cli
