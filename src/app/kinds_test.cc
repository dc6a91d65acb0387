#include "app/kinds.h"

#include <fstream>
#include <sstream>

#include "duck/duck.h"
#include "duck/sandbox.h"
#include "operators/operators.h"
#include "project/names.h"
#include "project/project_fixture.h"
#include "sources/files/kind.h"
#include "sources/rest/kind.h"
#include "sources/sse/kind.h"
#include "tasks/source_definition.h"

namespace windrow::app {
namespace {

class Kinds : public project::ProjectFixture {
 protected:
  Kinds() : ProjectFixture(kinds().declared) {}
};

TEST(Functions, OfTheProgramMayStandInModels) {
  for (const auto& function : operators::functions())
    EXPECT_TRUE(duck::computes(function.name)) << function.name;
}

TEST_F(Kinds, KeysThatWouldDoNothingInTheirStore) {
  write("windrow.yaml",
        "project: p\nconnections:\n  lite: {type: sqlite, path: s.db}\n"
        "  docs: {type: mongodb, url: mongodb://localhost, database: d}\n"
        "  pg: {type: postgres, url: postgres://localhost}\n  wide: {type: cassandra, hosts: h, "
        "keyspace: k}\n  out: {type: files, path: out}\n");
  const auto publication = [&](const std::string& to, const std::string& keys) {
    write("publish/p.yaml",
          "publish: p\nto: " + to + "\nviews:\n  - from: a.b\n    table: t\n" + keys);
    return problems();
  };
  EXPECT_EQ(
      publication("lite",
                  "    indexes: [a]\n    unique: [a]\n    columns: {a: real}\n    key: a\n"
                  "    keep: 1\n    mode: append\n    document: {flat: true}\n"),
      "publish/p.yaml:4:5: \"keep\" goes with mode \"replace\" alone\n"
      "publish/p.yaml:9:5: view \"t\": \"key\" does nothing in a store of the type \"sqlite\" "
      "-- it goes with postgres, mysql, mongodb and cassandra\n"
      "publish/p.yaml:10:5: view \"t\": \"keep\" does nothing in a store of the type "
      "\"sqlite\" -- it goes with postgres, mysql, mongodb and cassandra\n"
      "publish/p.yaml:11:11: view \"t\": a store of the type \"sqlite\" does not take mode "
      "\"append\" -- use mode replace\n"
      "publish/p.yaml:12:5: view \"t\": \"document\" does nothing in a store of the type "
      "\"sqlite\" -- it goes with mongodb\n");
  EXPECT_EQ(
      publication("docs", "    interval: at\n    document: {flat: true, top: [a]}\n    keep: 0\n"),
      "publish/p.yaml:6:5: view \"t\": \"interval\" does nothing with mode \"replace\" -- it "
      "goes with mode replace_interval\n"
      "publish/p.yaml:7:5: view \"t\": \"top\" does nothing beside \"flat\": all columns are "
      "fields already\n");
  EXPECT_EQ(publication("pg", "    keep: 2\n    key: a\n"),
            "publish/p.yaml:6:5: view \"t\": a store of the type \"postgres\" keeps one "
            "former batch -- keep: 1\n");
  EXPECT_EQ(publication("wide", "    cassandra: {index: sai}\n    unique: [a]\n    key: a\n"),
            "publish/p.yaml:6:5: view \"t\": \"index\" does nothing: the view has no \"indexes\"\n"
            "publish/p.yaml:7:5: view \"t\": \"unique\" does nothing in a store of the type "
            "\"cassandra\" -- it goes with sqlite, duckdb, postgres, mysql and mongodb\n");
  EXPECT_EQ(
      publication("out",
                  "    columns: {a: text}\n    file: {format: json, name: x, delimiter: \";\", "
                  "fields: [{name: a, width: 3}]}\n"),
      "publish/p.yaml:6:5: view \"t\": \"columns\" does nothing in a store of the type "
      "\"files\" -- it goes with sqlite, duckdb, postgres, mysql, mongodb and cassandra\n"
      "publish/p.yaml:7:46: \"delimiter\" does nothing in the format \"json\" -- it goes with "
      "csv\n"
      "publish/p.yaml:7:77: \"width\" goes with the format \"fixed\" alone\n");
}

TEST_F(Kinds, SourcesAreHeldToTheKeysOfTheirKind) {
  write("windrow.yaml", "project: p\n");
  write("sources/a.yaml", "source: b.a\nfrom: {nothing: x}\n");
  write("sources/b.yaml", "source: b.b\nfrom: {files: x, glob: y}\n");
  write("sources/c.yaml", "source: b.c\nfrom: {sse: http://h, record_bytes_max: much}\n");
  write("sources/d.yaml", "source: b.d\nfrom: {database: d, mode: add, chunk: 0}\n");
  write("sources/e.yaml", "source: b.e\nfrom: {kafka: k}\n");
  std::vector<std::string> names;
  for (const auto& kind : kinds().declared.sources) names.push_back(kind.name);
  EXPECT_EQ(
      problems(),
      "sources/a.yaml:2:8: unknown kind of source \"nothing\" -- the first key says the kind: " +
          project::listed(names, " or ") +
          "\n"
          "sources/b.yaml:2:18: unknown key \"glob\" in \"from\" -- known keys: files, changed, "
          "batch_files, corrupt, missing_column, unpacked_bytes_max, csv, pattern, fixed, nulls, "
          "skip, "
          "sheet, record_bytes_max\n"
          "sources/c.yaml:2:41: \"record_bytes_max\": expected a size such as 2GB or 512MiB, found "
          "\"much\"\n"
          "sources/d.yaml:2:27: \"mode\": expected one of append, replace, found \"add\"\n"
          "sources/d.yaml:2:39: \"chunk\": expected a whole number of at least 1, found \"0\"\n"
          "sources/e.yaml:2:7: key \"topic\" is missing in \"from\"\n");
}

TEST_F(Kinds, SizesOfSourcesAreReadAsEverywhere) {
  write("windrow.yaml", "project: p\n");
  write("sources/a.yaml", "source: b.a\nfrom: {files: x, record_bytes_max: 64 mb}\n");
  const auto project = load_project();
  EXPECT_EQ(project::own<sources::FilesFrom>(*project.source("b.a"))->record_bytes_max, 64'000'000);
}

TEST_F(Kinds, ValuesInPathsOfRequestsAreEncoded) {
  write("windrow.yaml", "project: a\nconnections: {api: {type: rest, url: 'https://h.example'}}\n");
  write("sources/s.yaml",
        "source: bronze.s\nfrom: {rest: api, resources: {r: '/bot${B}/x', q: {path: "
        "'a/{r.id}/${B}?b=${B}'}, "
        "plain: '/a b'}}\n");
  write("sources/t.yaml", "source: bronze.t\nfrom: {sse: api, path: '/${B}'}\n");
  options_.environment_variables = {{"B", "t#k n/?é"}};
  const auto project = load_project();
  const auto& all = project::own<sources::RestFrom>(*project.source("bronze.s"))->resources;
  EXPECT_EQ(all.find("r")->text(), "/bott%23k%20n/%3F%C3%A9/x");
  EXPECT_EQ(all.find("q")->find("path")->text(),
            "a/{r.id}/t%23k%20n/%3F%C3%A9?b=t%23k%20n%2F%3F%C3%A9");
  EXPECT_EQ(all.find("plain")->text(), "/a b");
  EXPECT_EQ(project::own<sources::SseFrom>(*project.source("bronze.t"))->path,
            "/t%23k%20n/%3F%C3%A9");
}

/// A kind of source that this program has not: numbers from 1 on.
struct NumbersFrom {
  int numbers = 0, step = 1;
  std::string shown = "plain";
};

class NumbersReader final : public sources::Reader {
 public:
  explicit NumbersReader(const project::Source& source)
      : from_(*project::own<NumbersFrom>(source)) {}
  std::optional<std::string> pending(const std::map<std::string, lake::Txn>&) override {
    return std::to_string(from_.numbers) + " numbers";
  }
  std::optional<sources::Batch> next(const std::map<std::string, lake::Txn>&,
                                     lake::DuckRows&) override {
    sources::Batch out;
    out.select = "SELECT i * " + std::to_string(from_.step) + " AS n FROM range(1, " +
                 std::to_string(from_.numbers + 1) + ") AS t(i)";
    return out;
  }

 private:
  const NumbersFrom from_;
};

sources::SourceKind numbers_kind() {
  project::Keys<NumbersFrom> keys("numbers");
  keys.required("numbers", &NumbersFrom::numbers, project::integer_type(1), "How many.")
      .optional("step", &NumbersFrom::step, project::integer_type(1), "1", "How far apart.")
      .optional("shown", &NumbersFrom::shown, project::word_type({"plain", "roman"}), "plain",
                "How they are written.")
      .then([](const project::Node& node, project::Reading& reading, NumbersFrom& from) {
        if (from.shown == "roman" && from.step > 1)
          reading.problem(*node.find("step"), "\"step\" does nothing with Roman numbers");
      });
  sources::SourceKind out;
  out.declared = {"numbers", project::own_type(keys), [](project::Source& source) {
                    source.partition_by = {{"n", ""}};
                  }};
  out.open = [](const project::Source& source, const sources::Context&) {
    return std::make_unique<NumbersReader>(source);
  };
  out.shaping = {"shown", "step"};
  out.columns = {{"n", "BIGINT"}};
  return out;
}

class AnotherKind : public project::ProjectFixture {
 protected:
  AnotherKind() : ProjectFixture({.sources = {numbers_kind().declared}}) {
    write("windrow.yaml", "project: p\n");
  }
};

TEST_F(AnotherKind, OfSourceSaysWhatIsWrongWithTheFilesOfItsSources) {
  write("sources/a.yaml", "source: b.a\nfrom: {numbers: 3, shown: roman, step: 2}\n");
  write("sources/b.yaml", "source: b.b\nfrom: {numbers: 0, stop: 2, shown: romn}\n");
  write("sources/c.yaml", "source: b.c\nfrom: {files: x}\n");
  EXPECT_EQ(problems(),
            "sources/a.yaml:2:40: \"step\" does nothing with Roman numbers\n"
            "sources/b.yaml:2:17: \"numbers\": expected a whole number of at least 1, found \"0\"\n"
            "sources/b.yaml:2:20: unknown key \"stop\" in \"from\" -- did you mean \"step\"?\n"
            "sources/b.yaml:2:36: \"shown\": expected one of plain, roman, found \"romn\" -- did "
            "you mean \"roman\"?\n"
            "sources/c.yaml:2:8: unknown kind of source \"files\" -- the first key says the kind: "
            "numbers\n");
}

TEST_F(AnotherKind, OfSourceIsReadWithoutALineElsewhere) {
  const sources::Kinds kinds({numbers_kind()});
  write("sources/a.yaml", "source: b.a\nfrom: {numbers: 3, step: 2}\n");
  const auto project = load_project();
  const auto& source = *project.source("b.a");
  const auto& kind = kinds.of(source);
  EXPECT_FALSE(kind.streams());
  EXPECT_EQ(source.partition_by.size(), 1u);
  EXPECT_EQ(tasks::source_definition(source, kind),
            R"({"kind":"numbers","format":"","raw":"","explode":"","columns":{},)"
            R"("partition_by":[["n",""]],"from":{"step":"2"}})");

  const auto reader = kind.open(source, {project, project.root, Time()});
  EXPECT_EQ(reader->pending({}), "3 numbers");
  duck::Database database{duck::Options{}};
  duck::Connection connection(database);
  lake::DuckRows session(connection);
  const auto batch = reader->next({}, session);
  ASSERT_TRUE(batch);
  EXPECT_EQ(cell_text(session.value("SELECT sum(n) FROM (" + batch->select + ")")), "12");
}

/// docs/operators.md has a section of each, with its version and parameters.
TEST(Operators, AreDocumented) {
  std::ifstream file(std::string(WINDROW_SOURCE_DIR) + "/docs/operators.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const auto* each : kinds().declared.operators) {
    const size_t begin = text.str().find("\n## `" + each->name() + "`\n");
    ASSERT_NE(begin, std::string::npos) << each->name();
    const auto section = text.str().substr(begin, text.str().find("\n## ", begin + 1) - begin);
    EXPECT_NE(section.find("Version " + std::to_string(each->version()) + "."), std::string::npos);
    for (const auto& parameter : each->parameters()) {
      const std::string line = "| `" + parameter.name + "` | " + parameter.about + " | " +
                               (parameter.required ? "required" : parameter.otherwise) + " |\n";
      EXPECT_NE(section.find(line), std::string::npos) << line;
    }
  }
}

}  // namespace
}  // namespace windrow::app
