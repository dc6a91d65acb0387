#include "app/why.h"

#include "app/app_fixture.h"
#include "app/json.h"

namespace windrow::app {
namespace {

class WhyTest : public ProjectTest {
 protected:
  WhyTest() {
    write("windrow.yaml", "project: lab\nbegin: 2025-10-01\n");
    write("sources/events.yaml",
          "source: bronze.events\nfrom: {files: \"data/*.ndjson\"}\n"
          "columns: {id: bigint, ts: timestamp, kind: varchar, n: bigint}\n");
    write("models/silver/users.sql",
          "/* windrow\nbuild: {merge: {key: user_id, latest_by: ts}}\nnew_rows: bronze.events\n*/\n"
          "SELECT id AS user_id, ts, kind, n FROM bronze.events");
    write("models/silver/named.sql",
          "/* windrow\nbuild: view\n*/\nSELECT user_id AS id, kind, n FROM silver.users");
    write("models/gold/kinds.sql",
          "SELECT id, any_value(kind) AS kind, sum(n) AS total FROM silver.named GROUP BY id");
    write("models/gold/daily.sql",
          "/* windrow\nbuild: {interval: {column: day, grain: day, batch: 2}}\n*/\n"
          "SELECT date_trunc('day', ts) AS day, sum(n) AS total FROM bronze.events\n"
          "WHERE ts >= $start AND ts < $end GROUP BY ALL");
    write("data/a.ndjson",
          "{\"id\": 1, \"ts\": \"2025-10-01 10:00:00\", \"kind\": \"a\", \"n\": 1}\n"
          "{\"id\": 2, \"ts\": \"2025-10-02 10:00:00\", \"kind\": \"b\", \"n\": 2}\n"
          "{\"id\": 3, \"ts\": \"2025-10-03 10:00:00\", \"kind\": \"a\", \"n\": 3}\n");
  }

  void run() {
    clock_.advance(std::chrono::minutes(1));
    if (!app_) {
      app_ = open(".", clock_);
    } else {
      app_->reload();
    }
    const auto result = app_->start({}, {})->wait();
    ASSERT_EQ(result.status, "done");
  }
  WhyTable why(const std::string& table, const publish::KeyValues& key = {}, int depth = 1,
               const std::string& where = {}, const std::string& since = {}) {
    WhyOptions options;
    options.table = table;
    options.key = key;
    options.where = where;
    options.since = since;
    options.depth = depth;
    Cancel never;
    return app_->why(options, never);
  }
  /// Versions with their reasons and rows, inputs in brackets.
  static std::string text(const WhyTable& table) {
    std::string out;
    for (const auto& version : table.versions) {
      out += std::to_string(version.version) + "(";
      for (const auto& reason : version.reasons)
        out += (&reason == &version.reasons.front() ? "" : "; ") + reason;
      for (const auto& read : version.read) out += "; read " + read;
      out += ")";
      if (version.rows) {
        for (const auto& [sign, rows] :
             {std::pair{" -", &version.rows->before}, {" +", &version.rows->after}}) {
          for (const auto& row : *rows) {
            out += sign;
            for (const auto& cell : row)
              out += (&cell == &row.front() ? "" : "|") + cell_text(cell);
          }
        }
      }
      for (const auto& input : version.inputs) {
        if (!input.followed.empty())
          out += " [" + input.name + " where " + input.followed[0].condition + ": " +
                 text(input.followed[0]) + "]";
        if (!input.not_followed.empty()) out += " [" + input.name + ": " + input.not_followed + "]";
      }
      out += "\n";
    }
    return out;
  }
  std::string problem(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.problem().message + " / " + error.problem().hint;
    }
    return "none";
  }

  FakeClock clock_{*parse_time("2025-10-04T12:00:00Z")};
  std::unique_ptr<App> app_;
};

TEST_F(WhyTest, FollowsAKeyToTheFile) {
  run();
  write("data/b.ndjson",
        "{\"id\": 1, \"ts\": \"2025-10-05 10:00:00\", \"kind\": \"new\", \"n\": 10}\n"
        "{\"id\": 4, \"ts\": \"2025-10-03 11:00:00\", \"kind\": \"d\", \"n\": 4}\n");
  run();
  EXPECT_EQ(text(why("silver.users", {{"user_id", "1"}})),
            "1(input bronze.events 0 → 1) -1|2025-10-01 10:00:00|a|1 +1|2025-10-05 10:00:00|new|10 "
            "[bronze.events where \"id\" = CAST('1' AS BIGINT): 1(new records; read b.ndjson) "
            "+1|2025-10-05 10:00:00|new|10\n]\n"
            "0(first build) +1|2025-10-01 10:00:00|a|1 "
            "[bronze.events where \"id\" = CAST('1' AS BIGINT): 0(first read; read a.ndjson) "
            "+1|2025-10-01 10:00:00|a|1\n]\n");
  EXPECT_EQ(text(why("silver.users", {{"user_id", "2"}}, 0)),
            "0(first build) +2|2025-10-02 10:00:00|b|2\n");
  // Through a view and one step further.
  const auto deep = text(why("gold.kinds", {{"id", "1"}}, 2));
  EXPECT_NE(
      deep.find("1(input silver.users 0 → 1) -1|a|1 +1|new|10 [silver.users where \"user_id\" "
                "= CAST('1' AS BIGINT): 1(input bronze.events 0 → 1)"),
      std::string::npos)
      << deep;
  EXPECT_NE(deep.find("read b.ndjson"), std::string::npos) << deep;
  EXPECT_NE(text(why("gold.kinds", {{"total", "10"}})).find("none of its columns"),
            std::string::npos);
  EXPECT_NE(text(why("silver.users", {}, 1, "kind = 'd' -- said")).find("read b.ndjson"),
            std::string::npos);
}

TEST_F(WhyTest, FollowsIntervalsToTheRowsOfTheirTime) {
  run();
  write("data/late.ndjson",
        "{\"id\": 9, \"ts\": \"2025-10-02 23:59:59\", \"kind\": \"c\", \"n\": 100}\n");
  run();
  const auto found = text(why("gold.daily", {{"day", "2025-10-02"}}));
  const std::string first =
      "(input bronze.events 0 → 1) -2025-10-02 00:00:00|2 +2025-10-02 00:00:00|102 "
      "[bronze.events where (\"ts\" >= CAST('2025-10-02T00:00:00' AS TIMESTAMP) AND \"ts\" < "
      "CAST('2025-10-03T00:00:00' AS TIMESTAMP)): 1(new records; read late.ndjson) "
      "+9|2025-10-02 23:59:59|c|100\n]\n";
  EXPECT_EQ(found.substr(1, first.size()), first) << found;
  EXPECT_NE(found.find("(first build of these intervals) +2025-10-02 00:00:00|2 "),
            std::string::npos);
  EXPECT_EQ(why("gold.daily", {{"day", "2025-10-02"}}).versions.at(0).intervals.size(), 1u);
}

TEST_F(WhyTest, TellsOfDefinitionsAndHands) {
  run();
  write("models/gold/kinds.sql",
        "SELECT id, max(kind) AS kind, sum(n) AS total FROM silver.named GROUP BY id");
  run();
  const auto changed = why("gold.kinds");
  ASSERT_EQ(changed.versions.size(), 2u);
  EXPECT_EQ(changed.versions[0].reasons, std::vector<std::string>{"new definition"});
  ASSERT_TRUE(changed.versions[0].definition.has_value());
  EXPECT_NE(changed.versions[0].definition->before.find("any_value"), std::string::npos);
  EXPECT_NE(changed.versions[0].definition->after.find("max(kind)"), std::string::npos);
  EXPECT_EQ(changed.versions[0].rows_added, 3);
  EXPECT_EQ(changed.versions[0].rows_removed, 3);
  EXPECT_FALSE(changed.versions[0].run.empty());
  // Written again equal: no row was changed.
  EXPECT_EQ(text(why("gold.kinds", {{"id", "1"}}, 0)), "0(first build) +1|a|1\n");
  RunOptions again;
  again.plan.full_refresh = true;
  again.plan.select = "gold.kinds";
  app_->start(again, {})->wait();
  EXPECT_EQ(why("gold.kinds").versions.at(0).reasons,
            std::vector<std::string>{"built again from the same inputs"});
  EXPECT_EQ(why("gold.kinds", {}, 1, "", "2").versions.size(), 1u);
  EXPECT_EQ(why("gold.kinds", {}, 1, "", "2025-10-04T12:02:00Z").versions.size(), 2u);
}

TEST_F(WhyTest, SaysWhatThereIsNot) {
  app_ = open(".", clock_);
  EXPECT_EQ(problem([&] { why("gold.kinds"); }),
            "nothing has been loaded into \"gold.kinds\" yet / windrow run --select +gold.kinds");
  run();
  EXPECT_EQ(problem([&] { why("gold.kindz"); }),
            "there is no table \"gold.kindz\" / did you mean \"gold.kinds\"?");
  EXPECT_EQ(problem([&] {
              why("gold.kinds", {{"idd", "1"}});
            }),
            "table \"gold.kinds\" has no column \"idd\" / did you mean \"id\"?");
  EXPECT_EQ(problem([&] {
              why("gold.kinds", {{"id", "x"}});
            }),
            "--key id=x: \"x\" is no BIGINT / ");
  EXPECT_EQ(problem([&] { why("gold.kinds", {}, 1, "", "7"); }),
            "\"gold.kinds\" has no version 7 / its versions are 0 to 0");
  EXPECT_EQ(problem([&] { why("gold.kinds", {}, 1, "", "soon"); }).substr(0, 20),
            "--since \"soon\" is ne");
  EXPECT_NE(problem([&] { why("gold.kinds", {}, 1, "idd = 1"); }).find("idd"), std::string::npos);
  EXPECT_NE(problem([&] { why("silver.named"); }).find("is a view"), std::string::npos);
}

/// The one table of a query, or what a view of it reads.
TEST_F(WhyTest, ATableDidNotExistBeforeItsFirstVersion) {
  run();
  for (const char* table : {"gold.kinds", "silver.named"}) {
    QueryOptions options;
    options.at = parse_time("2025-10-04T12:00:30Z");
    const auto query = app_->query(options);
    const std::string sql = std::string("FROM ") + table;
    query->prepare(sql);
    try {
      query->connection().describe(sql);
      ADD_FAILURE() << table;
    } catch (const SqlError& error) {
      const auto problem = query->explained(error);
      EXPECT_NE(problem.message.find("did not exist at 2025-10-04T12:00:30Z: its first version is "
                                     "of 2025-10-04T12:01:00"),
                std::string::npos)
          << problem.message;
    }
  }
}

TEST_F(WhyTest, GivesItAllAsJson) {
  run();
  const Json json = json_of(why("silver.users", {{"user_id", "1"}}));
  EXPECT_EQ(json["table"], "silver.users");
  const auto& version = json["versions"][0];
  EXPECT_EQ(version["rows"]["after"][0]["user_id"], 1);
  EXPECT_EQ(version["rows"]["added"], 1);
  EXPECT_EQ(version["inputs"][0]["table"], "bronze.events");
  EXPECT_EQ(version["inputs"][0]["changes"]["versions"][0]["read"][0], "a.ndjson");
  EXPECT_FALSE(version["inputs"][0].contains("from"));
}

}  // namespace
}  // namespace windrow::app
