#include "project/project_fixture.h"

/// What is wrong with a project, all at once, each with its place.
namespace windrow::project {
namespace {

using Load = ProjectFixture;

TEST_F(Load, ReportsWrongChecks) {
  write("windrow.yaml", "project: a\n");
  model("a.c", R"yaml(/* windrow
checks: [not_null, {rows: {mx: 5}}, uniqe, {rows: {}}, expression, {rows: {min: 1}, unique: a}, [x], {relationship: {to: b.c, column: d}}]
columns: {a: {checks: [{rows: {max: 3}}, {range: {min: 3, max: 1}}, {regex: [a]}, {regex: x, severity: wran}, {relationship: {to: b}}]}}
*/ SELECT 1)yaml");
  const std::string file = "models/a/c.sql:";
  const std::string on_column = " -- put it under \"checks\" of the column, in \"columns\"\n";
  EXPECT_EQ(problems(),
            file + "2:10: check \"not_null\" is one of a column" + on_column + file +
                "2:28: unknown key \"mx\" in \"rows\" -- did you mean \"max\"?\n" + file +
                "2:37: unknown check \"uniqe\" -- did you mean \"unique\"?\n" + file +
                "2:51: \"rows\" needs \"min\" or \"max\"\n" + file +
                "2:56: check \"expression\" needs arguments -- write {expression: …}\n" + file +
                "2:85: two checks in one: \"rows\" and \"unique\" -- write each check as an item "
                "of its own\n" +
                file +
                "2:97: \"checks\": expected a check such as not_null or {range: {min: 0}}, found a "
                "list\n" +
                file + "2:103: check \"relationship\" is one of a column" + on_column + file +
                "3:25: check \"rows\" is not one of a column -- put it under the \"checks\" of the "
                "table\n" +
                file + "3:50: \"range\": \"min\" is greater than \"max\"\n" + file +
                "3:77: \"regex\": expected a text, found a list\n" + file +
                "3:104: \"severity\": expected one of block, warn, found \"wran\" -- did you mean "
                "\"warn\"?\n" +
                file + "3:126: key \"column\" is missing in \"relationship\"\n" + file +
                "3:131: \"to\": expected a table name such as silver.movies, found \"b\"\n");
}

TEST_F(Load, ReportsWhatSpansFiles) {
  write("windrow.yaml",
        "project: a\nlayers: {silver: , bronze: }\nconnections: {serving: {type: sqlite, path: "
        "x}}\n");
  model("silver.movies");
  model("silver.Movies");
  model("slver.x");
  model("seeds.x");
  write("models/silver/deep/movies.sql", "SELECT 2");
  write("models/loose.sql", "SELECT 1");
  write("models/silver/my-table.sql", "SELECT 1");
  write("sources/s.yaml", "source: silver.movies\nfrom: {files: a}\n");
  write("publish/a.yaml",
        "publish: p\nto: servin\nviews: [{from: a.b, table: t}, {sql: SELECT 1, table: T}]\n");
  write("publish/b.yaml", "publish: p\nto: serving\nviews: []\n");
  write("tests/t.yaml",
        "- {test: silver.movie, expect: []}\n- {test: silver.movies, given: {silver.moves: []}, "
        "vars: {v: "
        "1}, expect: []}\n");
  EXPECT_EQ(
      problems(),
      "models/loose.sql: a model lies in a folder that is named for its layer -- move it to a path "
      "such as "
      "models/silver/loose.sql\n"
      "models/seeds/x.sql: layer \"seeds\" is kept for the files in seeds/ -- choose another "
      "layer\n"
      "models/silver/Movies.sql: table \"silver.Movies\" is made twice: also by the source in "
      "sources/s.yaml:1:9 as "
      "\"silver.movies\", which differs only by case\n"
      "models/silver/deep/movies.sql: table \"silver.movies\" is made twice: also by the source in "
      "sources/s.yaml:1:9\n"
      "models/silver/movies.sql: table \"silver.movies\" is made twice: also by the source in "
      "sources/s.yaml:1:9\n"
      "models/silver/my-table.sql: \"my-table\" cannot be the name of a table -- names have "
      "letters, digits "
      "and "
      "underscores, and do not begin with a digit\n"
      "models/slver/x.sql: layer \"slver\" of model \"slver.x\" is not declared in windrow.yaml -- "
      "did you "
      "mean "
      "\"silver\"?\n"
      "publish/a.yaml:2:5: unknown connection \"servin\" -- did you mean \"serving\"?\n"
      "publish/a.yaml:3:32: table \"T\" is published twice\n"
      "publish/b.yaml:1:10: publication \"p\" is declared twice: also in publish/a.yaml:1:10\n"
      "publish/b.yaml:3:8: \"views\": expected at least one view, found a list\n"
      "tests/t.yaml:1:10: unknown model \"silver.movie\" -- did you mean \"silver.Movies\"?\n"
      "tests/t.yaml:2:47: test gives rows of an unknown table \"silver.moves\" -- did you mean "
      "\"silver.movies\"?\n"
      "tests/t.yaml:2:62: unknown variable \"v\"\n");
}

TEST_F(Load, ReportsWrongSettings) {
  write("windrow.yaml",
        "projct: x\ntimezone: Mars\nbegin: soon\nvars: {days: {type: itn}}\n"
        "environments: {dev: {lake: '', engine: {memory: lots, threads: 0}, publish: yes}}\n"
        "connections: {a: {type: sqlite, pth: x}, b: {type: sqllite}, c: {}}\nlayers: [bronze]\n"
        "schedules: {h: {cron: hourly}}\nalerts: [{on: failur, to: x}]\n");
  EXPECT_EQ(
      problems(),
      "windrow.yaml:1:1: unknown key \"projct\" -- did you mean \"project\"?\n"
      "windrow.yaml:1:1: key \"project\" is missing\n"
      "windrow.yaml:2:11: \"timezone\": expected a time zone such as Europe/Berlin, found "
      "\"Mars\"\n"
      "windrow.yaml:3:8: \"begin\": expected a date or time such as 2025-10-17 or "
      "2025-10-17T14:00:00Z, found "
      "\"soon\"\n"
      "windrow.yaml:4:21: \"type\": expected one of int, double, text, bool, date, timestamp, "
      "found "
      "\"itn\" -- did you "
      "mean \"int\"?\n"
      "windrow.yaml:5:28: \"lake\": expected a folder or a URI, found \"\"\n"
      "windrow.yaml:5:49: \"memory\": expected a size such as 2GB or 512MiB, found \"lots\"\n"
      "windrow.yaml:5:64: \"threads\": expected a whole number of at least 1, found \"0\"\n"
      "windrow.yaml:5:77: \"publish\": expected true or false, found \"yes\"\n"
      "windrow.yaml:6:18: key \"path\" is missing in \"a\"\n"
      "windrow.yaml:6:33: unknown key \"pth\" in \"a\" -- did you mean \"path\"?\n"
      "windrow.yaml:6:52: unknown type of connection \"sqllite\" -- did you mean \"sqlite\"?\n"
      "windrow.yaml:6:65: key \"type\" is missing in \"c\"\n"
      "windrow.yaml:7:9: \"layers\": expected a mapping, found a list\n"
      "windrow.yaml:9:15: \"on\": expected one of failure, deadline, success, freshness, anomaly, "
      "found \"failur\" -- "
      "did you mean \"failure\"?\n");
}

TEST_F(Load, ReportsWrongSeeds) {
  write("windrow.yaml", "project: a\npools: {slow: 1}\n");
  write("seeds/rates.csv", "code\n");
  write("seeds/rates.yaml",
        "colums: {code: text}\npool: slw\ncolumns: {code: {type: [a], checks: [not_nul]}}\n");
  write("seeds/codes.csv", "code\n");
  write("seeds/codes.yaml", "description: x\n");
  write("seeds/codes.yml", "description: x\n");
  write("seeds/rate.yaml", "description: x\n");
  write("seeds/other.yaml", "description: x\n");
  write("seeds/empty.yaml", "");
  EXPECT_EQ(
      problems(),
      "seeds/codes.yml: seed \"seeds.codes\" is declared twice: also in seeds/codes.yaml -- take "
      "one of them out\n"
      "seeds/empty.yaml:1:1: the file is empty\n"
      "seeds/other.yaml: there is no seeds/other.csv, whose columns this file would declare -- add "
      "that file, or take this one out\n"
      "seeds/rate.yaml: there is no seeds/rate.csv, whose columns this file would declare -- did "
      "you mean \"seeds/rates.yaml\"?\n"
      "seeds/rates.yaml: \"seeds.rates\" is in pool \"slw\", which is not among the pools of "
      "windrow.yaml -- did you mean \"slow\"?\n"
      "seeds/rates.yaml:1:1: unknown key \"colums\" -- did you mean \"columns\"?\n"
      "seeds/rates.yaml:3:24: \"type\": expected a text, found a list\n"
      "seeds/rates.yaml:3:38: unknown check \"not_nul\" -- did you mean \"not_null\"?\n");
}

TEST_F(Load, ReportsWrongSourcesTasksAndTests) {
  write("windrow.yaml", "project: a\n");
  write("sources/a.yaml", "source: movies\nfrom: {fles: x}\nformat: xml\ncolumns: {a: [b]}\n");
  write("sources/b.yaml", "source: b.c\nfrom: {files: x, glob: y}\npartition_by: 5\n");
  write("sources/c.yaml", "");
  write("tasks/a.yaml", "task: a\ncommand: x\nsql: y\n");
  write("tasks/c.yaml", "after: x\n");
  write("tests/a.yaml", "test: x\nstart: 2025-01-02\nend: 2025-01-01\nexpect: {a: 1}\n");
  EXPECT_EQ(
      problems(),
      "sources/a.yaml:1:9: \"source\": expected a table name such as silver.movies, found "
      "\"movies\"\n"
      "sources/a.yaml:2:8: unknown kind of source \"fles\" -- did you mean \"files\"?\n"
      "sources/a.yaml:3:9: \"format\": expected one of json, csv, parquet, avro, excel, text, "
      "bytes, found \"xml\"\n"
      "sources/a.yaml:4:14: \"a\": expected a type or a mapping, found a list\n"
      "sources/b.yaml:2:18: unknown key \"glob\" in \"from\" -- known keys: files, changed\n"
      "sources/c.yaml:1:1: the file is empty\n"
      "tasks/a.yaml:1:1: a task needs exactly one of command, sql, http, run\n"
      "tasks/c.yaml:1:1: key \"task\" is missing\n"
      "tasks/c.yaml:1:1: a task needs exactly one of command, sql, http, run\n"
      "tests/a.yaml:1:7: \"test\": expected a table name such as silver.movies, found \"x\"\n"
      "tests/a.yaml:2:8: \"start\" is not before \"end\"\n"
      "tests/a.yaml:4:9: \"expect\": expected a list of rows, found a mapping\n");
}

TEST_F(Load, ReportsAnUnknownEnvironment) {
  write("windrow.yaml", "project: a\nenvironments: {prod: , staging: }\n");
  EXPECT_EQ(problems(), ": unknown environment \"dev\" -- environments: prod, staging\n");
  options_.environment = "stging";
  EXPECT_EQ(problems(), ": unknown environment \"stging\" -- did you mean \"staging\"?\n");
}

TEST_F(Load, ReportsABrokenProjectFileAlone) {
  write("windrow.yaml", "project: [\n");
  model("a.b", "/* windrow\nbuild: {interval: {column: t, grain: day}} */ SELECT 1");
  write("publish/p.yaml", "publish: p\nto: x\nviews: [{from: a.b, table: t}]\n");
  EXPECT_EQ(problems().substr(0, 32), "windrow.yaml:2:1: not valid YAML");
  write("windrow.yaml", "# nothing\n");
  EXPECT_EQ(problems(),
            "windrow.yaml:1:1: the file is empty -- it needs at least a line such as project: "
            "my_project\n");
}

}  // namespace
}  // namespace windrow::project
