#include "project/project.h"

#include <functional>

#include "project/project_fixture.h"

namespace windrow::project {
namespace {

using namespace std::chrono_literals;
using Load = ProjectFixture;

void write_example(const std::function<void(const std::string&, const std::string&)>& write) {
  write("windrow.yaml", R"yaml(# windrow.yaml
project: wikipedia
timezone: UTC
begin: 2025-01-01                    # intervals exist from here on
vars: {days: {type: int, default: 30}}
connections:
  events:  {type: kafka, brokers: "${KAFKA_BROKERS:-localhost:9092}"}
  serving: {type: postgres, url: "${POSTGRES_URL}"}
environments:                        # --env; dev is the default
  dev:  {lake: lake, engine: {type: duckdb, memory: 2GB}, publish: false}
  prod: {lake: "s3://wiki-lake/${PROD_BUCKET}", engine: {type: spark, connect: "sc://spark:15002"}}
layers:
  bronze: {append_only: true, retention: 90d}
  silver: {retention: 730d}
  gold:   {retention: 1825d}
schedules:
  hourly: {cron: "0 * * * *", select: "+tag:historical", max_active_runs: 1, deadline: 30m}
alerts:
  - {on: [failure, deadline], to: slack, url: "${SLACK_WEBHOOK}"}
)yaml");
  write("sources/raw_events.yaml", R"yaml(source: bronze.raw_events
from: {kafka: events, topic: wiki-raw-events, group: wiki-batch-archiver-group, start: latest}
format: json
flush: {rows: 5000, every: 60s}
columns: {timestamp: bigint, log_params: json}
on_new_column: add
partition_by: {year: "year(to_timestamp(timestamp))", month: "month(to_timestamp(timestamp))"}
files: {name: "wiki_events_{utc:%Y%m%d_%H%M%S}"}
)yaml");
  write("models/silver/events.sql", R"yaml(/* windrow
build: {interval: {column: event_time, grain: hour, batch: 24, wait: 10m}}
reads: {bronze.raw_events: {before: 23h}, seeds.languages: lookup}
*/
SELECT * FROM bronze.raw_events WHERE event_time >= $start AND event_time < $end;
)yaml");
  write("models/gold/historical_server_rankings.sql", R"yaml(/* windrow
description: The fifty busiest wikis, ranked, with percentile and distinct users.
tags: [historical]
columns: {rank: {checks: [not_null, unique]}}
checks: [{rows: {max: 50}}]
*/
WITH by_server AS (SELECT server_name FROM silver.events GROUP BY ALL)
SELECT *, row_number() OVER w AS rank FROM by_server WINDOW w AS (ORDER BY server_name) QUALIFY rank <= 50
)yaml");
  write("publish/historical.yaml", R"yaml(publish: historical
to: serving
views:
  - {from: gold.historical_server_rankings, table: historical_server_rankings, mode: replace, indexes: [[rank]]}
)yaml");
  write("tasks/refresh_dashboard.yaml", R"yaml(task: refresh_dashboard
after: [publish.historical]
command: ["./refresh.sh", "${run_id}"]
when: "SELECT count(*) > 0 FROM gold.historical_server_rankings"
for_each: {server: "SELECT server_name FROM gold.historical_server_rankings LIMIT 5"}
retries: {times: 3, delay: 10s, factor: 2, max: 5m}
)yaml");
  write("tests/server_rankings.yaml", R"yaml(test: gold.historical_server_rankings
at: 2025-10-17T14:00:00Z
given: {silver.events: [{server_name: a, user: x, bytes_changed: 5}, {server_name: a, user: y, bytes_changed: 1}]}
expect: [{server_name: a, edit_count: 2, unique_users: 2, rank: 1}]
)yaml");
  write("seeds/languages.csv", "code,name\n");
}

class Example : public ProjectFixture {
 protected:
  Example() {
    write_example([this](const std::string& path, const std::string& text) { write(path, text); });
    options_.environment_variables = {{"POSTGRES_URL", "postgres://u:hunter2@db"},
                                      {"SLACK_WEBHOOK", "http://hook"}};
  }
};

TEST_F(Example, LoadsItsSettings) {
  const Project project = load_project();
  EXPECT_EQ(project.name, "wikipedia");
  EXPECT_EQ(project.root, root_);
  EXPECT_EQ(iso(*project.begin), "2025-01-01T00:00:00Z");
  EXPECT_EQ(project.vars.at("days").value, "30");
  EXPECT_EQ(project.connections.at("events").settings.find("brokers")->text(), "localhost:9092");
  EXPECT_EQ(project.connections.at("serving").settings.find("url")->text(),
            "postgres://u:hunter2@db");
  EXPECT_EQ(project.connections.at("serving").settings.find("type"), nullptr);
  const Environment& dev = project.environments.at("dev");
  EXPECT_EQ(dev.lake, root_ + "/lake");
  EXPECT_EQ(dev.engine.memory_bytes, 2'000'000'000u);
  EXPECT_FALSE(dev.publish);
  EXPECT_EQ(project.environments.at("prod").lake, "s3://wiki-lake/${PROD_BUCKET}");
  ASSERT_EQ(project.layers.size(), 3u);
  EXPECT_EQ(project.layers[0].name, "bronze");
  EXPECT_TRUE(project.layers[0].append_only);
  EXPECT_EQ(project.layer("gold")->retention, 1825 * 24h);
  EXPECT_EQ(project.alerts.place.text(), "windrow.yaml:19:3");
}

TEST_F(Example, LoadsItsAssets) {
  const Project project = load_project();
  const Model* events = project.model("silver.events");
  ASSERT_TRUE(events);
  EXPECT_EQ(events->build.kind, BuildKind::interval);
  EXPECT_EQ(events->build.column, "event_time");
  EXPECT_EQ(events->build.batch, 24);
  EXPECT_EQ(events->build.wait, 10min);
  EXPECT_EQ(events->reads.at("bronze.raw_events").before, 23h);
  EXPECT_TRUE(events->reads.at("seeds.languages").lookup);
  EXPECT_EQ(events->sql,
            "SELECT * FROM bronze.raw_events WHERE event_time >= $start AND event_time < $end");
  EXPECT_EQ(events->sql_begin.text(), "models/silver/events.sql:5:1");
  const Model* rankings = project.model("gold.historical_server_rankings");
  ASSERT_TRUE(rankings);
  EXPECT_EQ(rankings->common.tags, std::vector<std::string>{"historical"});
  ASSERT_EQ(rankings->columns.size(), 1u);
  EXPECT_EQ(rankings->columns[0].checks[1].name, "unique");
  EXPECT_EQ(rankings->columns[0].checks[1].column, "rank");
  EXPECT_EQ(rankings->columns[0].checks[1].place.text(),
            "models/gold/historical_server_rankings.sql:4:37");
  EXPECT_EQ(rankings->checks[0].arguments.find("max")->text(), "50");
  const Source* source = project.source("bronze.raw_events");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->kind, "kafka");
  EXPECT_EQ(source->from.find("topic")->text(), "wiki-raw-events");
  const auto* said = own<std::map<std::string, Value>>(*source);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->at("start").text(), "latest");
  EXPECT_EQ(source->columns[0].type, "bigint");
  EXPECT_EQ(source->partition_by[1].second, "month(to_timestamp(timestamp))");
  ASSERT_EQ(project.publications.size(), 1u);
  EXPECT_EQ(project.publications[0].views[0].indexes,
            std::vector<std::vector<std::string>>{{"rank"}});
  ASSERT_EQ(project.tasks.size(), 1u);
  ASSERT_EQ(project.tasks[0].command.words.size(), 2u);
  EXPECT_EQ(project.tasks[0].command.words[1].value, "${run_id}");
  EXPECT_EQ(project.tasks[0].common.after[0].value, "publish.historical");
  ASSERT_TRUE(project.tasks[0].for_each);
  EXPECT_EQ(project.tasks[0].for_each->max, 1000);
  EXPECT_EQ(project.tasks[0].common.retries->times, 3);
  ASSERT_EQ(project.tests.size(), 1u);
  EXPECT_EQ(project.tests[0].name, "server_rankings");
  EXPECT_EQ(iso(*project.tests[0].at), "2025-10-17T14:00:00Z");
  EXPECT_EQ(std::get<Value::List>(project.tests[0].given.at("silver.events").data).size(), 2u);
  ASSERT_EQ(project.seeds.size(), 1u);
  EXPECT_EQ(project.seeds[0].name, "seeds.languages");
  EXPECT_EQ(project.seeds[0].path, root_ + "/seeds/languages.csv");
}

TEST_F(Example, TellsWhatIsNotRun) {
  EXPECT_EQ(
      notices(),
      "windrow.yaml:18:1: alerts are read and checked, but not used by this version of windrow\n");
}

TEST_F(Example, LearnsWhatCameFromOutside) {
  load_project();
  EXPECT_EQ(secrets_.redact("at postgres://u:hunter2@db and localhost:9092"),
            "at postgres://u:***@db and localhost:9092");
}

TEST_F(Example, WantsTheVariablesOfTheChosenEnvironmentAlone) {
  options_.environment = "prod";
  EXPECT_EQ(problems(),
            "windrow.yaml:11:16: environment variable \"PROD_BUCKET\" is not set -- export "
            "PROD_BUCKET=…, "
            "add it to the "
            "file .env of the project, or write ${PROD_BUCKET:-default}\n");
  options_.environment = "dev";
  EXPECT_EQ(problems(), "");
  options_.defer = "prod";
  EXPECT_NE(problems(), "");
  write(".env", "PROD_BUCKET=main\n");
  EXPECT_EQ(load_project().environments.at("prod").lake, "s3://wiki-lake/main");
}

TEST_F(Load, FindsTheRootFromBelow) {
  write("windrow.yaml", "project: a\n");
  std::filesystem::create_directories(root_ + "/models/silver");
  EXPECT_EQ(find_root(root_ + "/models/silver/"), root_);
  EXPECT_THROW(find_root(base_), Error);
  EXPECT_THROW(find_root(base_ + "/nothing"), Error);
}

TEST_F(Load, HasDefaults) {
  write("windrow.yaml", "project: a\n");
  const Project project = load_project();
  EXPECT_EQ(project.zone, "UTC");
  ASSERT_EQ(project.environments.size(), 1u);
  EXPECT_EQ(project.environments.at("dev").lake, root_ + "/lake");
  EXPECT_EQ(project.environments.at("dev").engine.type, "duckdb");
  EXPECT_TRUE(project.environments.at("dev").publish);
}

TEST_F(Load, FillsInVariablesAndFiles) {
  write("windrow.yaml",
        "project: a\nvars:\n  v: {type: text, default: '${A}-${B:-x}-${C:-y}-$${D}-${file:secret "
        "dir/pw}-$1$$'}\n"
        "  n: {type: int, default: \"${N}\"}\n");
  write("secret dir/pw", "hunter22\n");
  write(".env", "export A=\"from dotenv\"\nB=fromdotenv\nN=12345\nUNUSED_TOKEN=topsecret\n");
  options_.environment_variables = {{"B", "from process"}, {"C", ""}};
  const Project project = load_project();
  EXPECT_EQ(project.vars.at("v").value, "from dotenv-from process-y-${D}-hunter22-$1$$");
  EXPECT_EQ(project.vars.at("n").value, "12345");
  EXPECT_EQ(secrets_.redact("from dotenv, from process, 12345, hunter22, topsecret, ${D}"),
            "from dotenv, from process, 12345, ***, ***, ${D}");
}

TEST_F(Load, SecretsAreDeclaredOrNamed) {
  write("windrow.yaml", R"(project: a
connections:
  pg: {type: postgres, url: "${DATABASE}", password: "written here"}
  api:
    type: rest
    url: https://h.example
    headers: {Authorization: "Bearer t0ken-of-header", X-Plain: plain-header}
    auth: {query: {appid: query-of-auth}, basic: {user: some-user, password: "${BASIC}"}}
  k: {type: kafka, brokers: "h:1", settings: {ssl.key.password: of-the-key, client.rack: rack-one}}
vars: {x: {type: text, default: "${secret:X}"}, y: {type: text, default: "${Y}"}}
)");
  write(
      "sources/s.yaml",
      "source: bronze.s\nfrom: {rest: api, resources: {r: {path: /r, params: {key: in-params, "
      "page_size: '${PAGE}', other: '${secret:OTHER}'}, primary_key: id-of-row}}}\nformat: json\n");
  options_.environment_variables = {{"DATABASE", "postgresql://app:in-the-url@h/db"},
                                    {"BASIC", "of-basic"},
                                    {"X", "declared"},
                                    {"Y", "plain-value"},
                                    {"PAGE", "page-size"},
                                    {"OTHER", "also-declared"},
                                    {"FEATURE_FLAG", "true"}};
  load_project();
  for (const char* secret : {"written here", "in-the-url", "t0ken-of-header", "query-of-auth",
                             "of-basic", "of-the-key", "declared", "in-params", "also-declared"})
    EXPECT_EQ(secrets_.redact(secret), "***") << secret;
  for (const char* plain : {"h.example", "plain-header", "some-user", "rack-one", "plain-value",
                            "page-size", "id-of-row", "true", "app", "postgresql://"})
    EXPECT_EQ(secrets_.redact(plain), plain) << plain;
}

TEST_F(Load, ValuesInUrlsAreEncoded) {
  write("windrow.yaml", R"(project: a
connections:
  pg: {type: postgres, url: "postgresql://${U}:${PW}@${HOST}:${PORT:-5432}/${DB}?application_name=${APP}"}
  api: {type: rest, url: "https://${HOST}/v1/${DB}"}
  bucket: {type: files, path: "s3://bucket/${DB}"}
  whole: {type: rest, url: "${WHOLE}"}
)");
  options_.environment_variables = {{"U", "app user"},      {"PW", "p@s/s w:r%d\"'é"},
                                    {"HOST", "db.example"}, {"DB", "fi/lms 1"},
                                    {"APP", "a&b"},         {"WHOLE", "http://h/a?b=c"}};
  const Project project = load_project();
  const auto url = [&](const char* name, const char* key = "url") {
    return project.connections.at(name).settings.find(key)->text();
  };
  EXPECT_EQ(url("pg"),
            "postgresql://app%20user:p%40s%2Fs%20w%3Ar%25d%22%27%C3%A9@db.example:5432/fi%2Flms%201"
            "?application_name=a%26b");
  EXPECT_EQ(url("api"), "https://db.example/v1/fi/lms%201");
  EXPECT_EQ(url("bucket", "path"), "s3://bucket/fi/lms 1");
  EXPECT_EQ(url("whole"), "http://h/a?b=c");
}

TEST_F(Load, UrlsThatSaySomethingElseAreRefusedWithoutTheirText) {
  write("windrow.yaml", R"(project: a
connections:
  one: {type: postgres, url: "${DSN}"}
  two: {type: postgres, url: "postgresql://${USER_AND_PW}@h/db"}
  three: {type: mongodb, database: d, url: "mongodb://u@${HOST}/x"}
  four: {type: rest, url: "https://u:p w@h"}
)");
  options_.environment_variables = {{"DSN", "postgresql://app:hunt/er@tw0@h/db"},
                                    {"USER_AND_PW", "app:hunter22"},
                                    {"HOST", "hunter33@evil"}};
  const std::string all = problems();
  EXPECT_NE(all.find("windrow.yaml:3:"), std::string::npos) << all;
  EXPECT_NE(all.find("windrow.yaml:4:"), std::string::npos) << all;
  EXPECT_NE(all.find("windrow.yaml:5:"), std::string::npos) << all;
  EXPECT_NE(all.find("windrow.yaml:6:"), std::string::npos) << all;
  EXPECT_EQ(all.find("hunt"), std::string::npos) << all;
  EXPECT_EQ(secrets_.redact("hunt/er@tw0"), "***");
}

TEST_F(Load, NeverShowsWhatCameFromOutside) {
  write("windrow.yaml",
        "project: \"${P}\"\ntimezone: ${Z}\nvars: {n: {type: int, default: \"${N}\"}}\n"
        "environments: {dev: {vars: {n: \"${N}\"}}}\nconnections: {a: {type: \"${P}\"}}\n");
  write("publish/p.yaml",
        "publish: p\nto: ${P}\nviews: [{from: \"${P}\", table: t, mode: \"${M}\"}]\n");
  options_.environment_variables = {
      {"P", "hunter 2"}, {"Z", "Nowhere/hunter2"}, {"N", "hunter2"}, {"M", "replac"}};
  const std::string all = problems();
  EXPECT_EQ(all.find("hunter"), std::string::npos) << all;
  EXPECT_EQ(all.find("replac\""), std::string::npos) << all;
  EXPECT_EQ(
      all,
      "publish/p.yaml:2:5: unknown connection \"${P}\"\n"
      "publish/p.yaml:3:16: \"from\": expected a table name such as silver.movies, found \"${P}\"\n"
      "publish/p.yaml:3:40: \"mode\": expected one of replace, append, upsert, "
      "replace_interval, found \"${M}\"\n"
      "windrow.yaml:1:10: \"project\": expected a name (letters, digits, underscores, hyphens), "
      "found "
      "\"${P}\"\n"
      "windrow.yaml:2:11: \"timezone\": expected a time zone such as Europe/Berlin, found "
      "\"${Z}\"\n"
      "windrow.yaml:3:32: \"default\": expected a value of type int, found \"${N}\"\n"
      "windrow.yaml:4:32: \"n\": expected a value of type int, found \"${N}\"\n"
      "windrow.yaml:5:25: unknown type of connection \"${P}\"\n");
}

TEST_F(Load, ReportsVariablesThatCannotBeFilledIn) {
  write("windrow.yaml",
        "project: a\nconnections:\n  s: {type: sqlite, path: \"${NOPE}\"}\n  t: {type: sqlite, "
        "path: \"${a "
        "b}\"}\n"
        "  u: {type: sqlite, path: \"${open\"}\n  v: {type: sqlite, path: \"${file:nope}\"}\n  w: "
        "{type: "
        "mysql, x: [\"${NOPE}\"]}\n");
  const std::string hint =
      " -- export NOPE=…, add it to the file .env of the project, or write ${NOPE:-default}\n";
  EXPECT_EQ(
      problems(),
      "windrow.yaml:3:27: environment variable \"NOPE\" is not set" + hint +
          "windrow.yaml:4:27: cannot read \"${a b}\" -- ${NAME}, ${NAME:-default} and ${file:PATH} "
          "are "
          "filled in, and the same with `secret:` before them; a "
          "plain \"${\" is written \"$${\"\n"
          "windrow.yaml:5:27: \"${\" without a closing \"}\" -- a plain \"${\" is written \"$${\"\n"
          "windrow.yaml:6:27: cannot read \"" +
          root_ +
          "/nope\": No such file or directory -- a path in ${file:…} begins at the project's "
          "folder\n"
          "windrow.yaml:7:24: environment variable \"NOPE\" is not set" +
          hint);
}

TEST_F(Load, SettlesVariables) {
  write("windrow.yaml",
        "project: a\nvars: {a: {type: int, default: 1}, b: {type: int, default: 1}, c: {type: int, "
        "default: "
        "1}, d: {type: "
        "date}}\nenvironments: {dev: {vars: {b: 2, c: 2}}, prod: {vars: {a: 9}}}\n");
  options_.variables = {{"c", "3"}};
  const Project project = load_project();
  EXPECT_EQ(project.vars.at("a").value, "1");
  EXPECT_EQ(project.vars.at("b").value, "2");
  EXPECT_EQ(project.vars.at("c").value, "3");
  EXPECT_FALSE(project.vars.at("d").value.has_value());
  options_.variables = {{"c", "x"}, {"e", "1"}, {"d", "2025-02-30"}};
  EXPECT_EQ(problems(),
            ": --var c: expected a value of type int, found \"x\"\n"
            ": --var d: expected a value of type date, found \"2025-02-30\"\n"
            ": unknown variable \"e\" (--var) -- did you mean \"a\"?\n");
}

TEST_F(Load, ReadsChecksInEveryForm) {
  write("windrow.yaml", "project: a\n");
  model("silver.m", R"yaml(/* windrow
columns:
  id: {checks: [not_null, unique, {range: {min: 0, max: 1.50}, severity: warn}, {regex: {pattern: "^a", severity: warn, name: n}}]}
  kind: {type: text, checks: [{accepted_values: [a, 1]}, {freshness: {max: 2h}}, {relationship: {to: silver.x, column: id}}]}
checks:
  - {unique: [id, kind]}
  - {unique: id}
  - {expression: "a > b"}
  - {freshness: {column: t, max: 2h, severity: warn}}
  - {rows: {min: 1}, name: some}
*/ SELECT 1)yaml");
  const Project project = load_project();
  const Model& m = project.models.at(0);
  const auto& id = m.columns.at(0).checks;
  EXPECT_TRUE(id[0].arguments.is_null());
  EXPECT_FALSE(id[2].blocks);
  EXPECT_EQ(id[2].arguments.find("max")->text(), "1.50");
  EXPECT_EQ(id[3].arguments.text(), "^a");
  EXPECT_FALSE(id[3].blocks);
  EXPECT_EQ(id[3].label, "n");
  const auto& kind = m.columns.at(1).checks;
  EXPECT_EQ(std::get<Value::List>(kind[0].arguments.data).size(), 2u);
  EXPECT_EQ(kind[1].arguments.find("max")->text(), "2h");
  EXPECT_EQ(kind[2].arguments.find("to")->text(), "silver.x");
  EXPECT_EQ(std::get<Value::List>(m.checks[0].arguments.data).size(), 2u);
  EXPECT_EQ(m.checks[1].arguments.text(), "id");
  EXPECT_EQ(m.checks[2].arguments.text(), "a > b");
  EXPECT_EQ(m.checks[2].arguments.place.text(), "models/silver/m.sql:8:19");
  EXPECT_FALSE(m.checks[3].blocks);
  EXPECT_EQ(std::get<Value::Map>(m.checks[3].arguments.data).size(), 2u);
  EXPECT_EQ(m.checks[4].label, "some");
  EXPECT_TRUE(m.checks[4].blocks);
}

TEST_F(Load, ReadsEveryKindOfBuild) {
  write("windrow.yaml", "project: a\nbegin: 2025-01-01\ntimezone: Europe/Berlin\n");
  model("a.t", "/* windrow\nbuild: table */ SELECT 1");
  model("a.v", "/* windrow\nbuild: view */ SELECT 1");
  model("a.a", "/* windrow\nbuild: append\nnew_rows: bronze.x */ SELECT 1");
  model("a.m", "/* windrow\nbuild: {merge: {key: id, latest_by: at}} */ SELECT 1");
  model("a.s", "/* windrow\nbuild: {scd2: {key: [a, b]}} */ SELECT 1");
  const Project project = load_project();
  EXPECT_EQ(iso(*project.begin), "2024-12-31T23:00:00Z");
  EXPECT_EQ(project.model("a.t")->build.kind, BuildKind::table);
  EXPECT_EQ(project.model("a.v")->build.kind, BuildKind::view);
  EXPECT_EQ(project.model("a.a")->build.kind, BuildKind::append);
  EXPECT_EQ(project.model("a.a")->new_rows, "bronze.x");
  EXPECT_EQ(project.model("a.m")->build.key, std::vector<std::string>{"id"});
  EXPECT_EQ(project.model("a.m")->build.latest_by, "at");
  EXPECT_EQ(project.model("a.s")->build.key, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(project.model("a.s")->build.place.text(), "models/a/s.sql:2:8");
}

TEST_F(Load, ReportsWrongModels) {
  write("windrow.yaml", "project: a\n");
  model("a.b1", "/* windrow\nbuild: merge */ SELECT 1");
  model("a.b2", "/* windrow\nbuild: tabel */ SELECT 1");
  model("a.b3", "/* windrow\nbuild: {merge: {key: []}} */ SELECT 1");
  model("a.b4", "/* windrow\nbuild: {interval: {column: t, grain: day}} */ SELECT 1");
  model("a.b5", "/* windrow\nnew_rows: a.b1 */ SELECT 1");
  model("a.b6", "/* windrow\nbuild: {scd2: {key: a}, merge: {key: b}} */ SELECT 1");
  model("a.b7", "/* windrow\ncontract: true\ncolumns: {x: {description: d}} */ SELECT 1");
  model("a.b8", "/* windrow\noperator: {name: x} */ SELECT 1");
  model("a.b9",
        "/* windrow\n  tags: a\n  descripton: b\n  timeout: 0s\n  priority: high\n  owner: */ "
        "SELECT 1");
  EXPECT_EQ(problems(),
            "models/a/b1.sql:2:8: build \"merge\" needs arguments -- write {merge: {key: …}}\n"
            "models/a/b2.sql:2:8: \"build\": expected one of table, view, append, or a mapping "
            "such as {merge: "
            "{key: id}}, "
            "found \"tabel\" -- did you mean \"table\"?\n"
            "models/a/b3.sql:2:22: \"key\": expected at least one column, found a list\n"
            "models/a/b4.sql:2:8: interval model \"a.b4\" needs \"begin\" in windrow.yaml: "
            "intervals exist from "
            "there on -- "
            "add a line such as begin: 2025-01-01\n"
            "models/a/b5.sql:2:11: \"new_rows\" belongs to a model with build append or merge; "
            "this one is built "
            "as table\n"
            "models/a/b6.sql:2:8: \"build\": expected exactly one of the keys \"interval\", "
            "\"merge\", \"scd2\", "
            "found a "
            "mapping\n"
            "models/a/b7.sql:3:11: column \"x\" has no type, which \"contract: true\" needs -- "
            "write {type: …}\n"
            "models/a/b8.sql:2:18: there is no operator \"x\"\n"
            "models/a/b9.sql:3:3: unknown key \"descripton\" -- did you mean \"description\"?\n"
            "models/a/b9.sql:4:12: \"timeout\": expected a duration such as 30m, found \"0s\"\n"
            "models/a/b9.sql:5:13: \"priority\": expected a whole number, found \"high\"\n"
            "models/a/b9.sql:6:3: \"owner\": expected a text, found nothing\n");
}

}  // namespace
}  // namespace windrow::project
