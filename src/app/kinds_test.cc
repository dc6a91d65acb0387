#include "app/kinds.h"

#include <fstream>
#include <sstream>

#include "project/project_fixture.h"

namespace windrow::app {
namespace {

class Kinds : public project::ProjectFixture {
 protected:
  Kinds() : ProjectFixture(kinds().declared) {}
};

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
