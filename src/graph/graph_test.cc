#include "graph/graph.h"

#include <gtest/gtest.h>

#include "duck/duck.h"
#include "project/project.h"

namespace windrow::graph {
namespace {

class GraphTest : public testing::Test {
 protected:
  GraphTest() : database_(duck::Options{}) {
    project_.name = "p";
    project::Source source;
    source.name = "bronze.raw";
    source.file = "sources/raw.yaml";
    project_.sources.push_back(source);
  }
  void model(const std::string& name, const std::string& sql, std::vector<std::string> tags = {}) {
    project::Model model;
    model.name = name;
    model.sql = sql;
    model.file =
        "models/" + name.substr(0, name.find('.')) + "/" + name.substr(name.find('.') + 1) + ".sql";
    model.sql_begin = {model.file, 1, 1};
    model.place = model.sql_begin;
    model.common.tags = std::move(tags);
    project_.models.push_back(model);
  }
  std::string problem() {
    try {
      build(project_, database_);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  void chain() {
    model("silver.a", "SELECT 1 AS x FROM bronze.raw");
    model("silver.b", "SELECT x + 1 AS y FROM a", {"hot"});
    model("gold.c", "SELECT y, y * 2 AS z FROM silver.b JOIN silver.a ON x = y", {"hot"});
    model("gold.d", "SELECT z FROM gold.c");
  }
  std::string chosen(const std::string& selector) {
    const auto graph = build(project_, database_);
    std::string out;
    StateLookup lookup;
    lookup.state = [](const std::string& asset, const std::string& state) {
      return asset == "gold.d" && state == "stale";
    };
    for (const size_t i : select(graph, selector, lookup)) out += graph.assets[i].name + " ";
    return out;
  }
  duck::Database database_;
  project::Project project_;
};

project::Check relationship(const std::string& to) {
  project::Check check;
  check.name = "relationship";
  project::Value name, column;
  name.data = to;
  name.place = {"models/x.sql", 3, 7};
  column.data = std::string("id");
  check.arguments.data = project::Value::Map{{{"to", {}, {}}, name}, {{"column", {}, {}}, column}};
  return check;
}

TEST_F(GraphTest, WhatACheckLooksAtComesFirstAndGivesNoRows) {
  model("silver.a", "SELECT 1 AS x FROM bronze.raw");
  model("silver.z", "SELECT 1 AS id FROM bronze.raw");
  project_.models[0].checks = {relationship("z")};
  const auto graph = build(project_, database_);
  const auto a = graph.by_name.at("silver.a"), z = graph.by_name.at("silver.z");
  EXPECT_LT(z, a);
  EXPECT_EQ(graph.assets[a].checked_against, std::set<size_t>{z});
  EXPECT_EQ(graph.assets[z].downstream, std::vector<size_t>{a});
  const auto lineage = table_lineage(graph, "silver.a");
  EXPECT_EQ(lineage.nodes, (std::vector<std::string>{"bronze.raw", "silver.a"}));
  EXPECT_EQ(chosen("+silver.a"), "bronze.raw silver.z silver.a ");
}

TEST_F(GraphTest, AReadForRowsIsNoLessForACheck) {
  model("silver.a", "SELECT 1 AS x FROM bronze.raw");
  project_.models[0].checks = {relationship("bronze.raw"), relationship("silver.a")};
  const auto graph = build(project_, database_);
  EXPECT_TRUE(graph.find("silver.a")->checked_against.empty());
}

TEST_F(GraphTest, ChecksThatLookAtNothingOrInACircleAreToldWithTheirPlace) {
  model("silver.a", "SELECT 1 AS x FROM silver.z");
  model("silver.z", "SELECT 1 AS id FROM bronze.raw");
  project_.models[1].checks = {relationship("silver.a")};
  EXPECT_NE(problem().find("silver.a → silver.z → silver.a"), std::string::npos) << problem();
  EXPECT_NE(problem().find("models/x.sql:3:7 (a check)"), std::string::npos) << problem();
  project_.models[1].checks = {relationship("silver.nobody")};
  EXPECT_NE(problem().find("has a check that looks at table \"silver.nobody\""), std::string::npos)
      << problem();
}

TEST_F(GraphTest, OrdersByLevelThenName) {
  chain();
  const auto graph = build(project_, database_);
  std::string order;
  for (const auto& asset : graph.assets) order += asset.name + " ";
  EXPECT_EQ(order, "bronze.raw silver.a silver.b gold.c gold.d ");
  EXPECT_EQ(graph.find("gold.c")->upstream.size(), 2u);
}

TEST_F(GraphTest, TellsUnknownTablesWithTheNearest) {
  model("silver.a", "SELECT *\nFROM bronze.rww");
  EXPECT_EQ(problem(),
            "model \"silver.a\" reads table \"bronze.rww\", which no source, seed or model makes "
            "(models/silver/a.sql:2:6)\n  hint: did you mean \"bronze.raw\"?");
}

TEST_F(GraphTest, TellsAllProblemsAtOnce) {
  model("silver.a", "SELECT FROM");
  model("silver.b", "SELECT * FROM nowhere.x");
  model("silver.c", "SELECT $dayz FROM bronze.raw");
  const auto all = problem();
  EXPECT_NE(all.find("models/silver/a.sql:1:"), std::string::npos) << all;
  EXPECT_NE(all.find("nowhere.x"), std::string::npos) << all;
  EXPECT_NE(all.find("$dayz"), std::string::npos) << all;
}

TEST_F(GraphTest, TellsCyclesAsAPath) {
  model("gold.b", "SELECT * FROM gold.c");
  model("gold.a", "SELECT *\nFROM gold.b");
  model("gold.c", "SELECT * FROM gold.a");
  EXPECT_EQ(problem(),
            "these tables read each other in a circle: gold.a → gold.b → gold.c → gold.a "
            "(models/gold/a.sql:2:6)\n"
            "  hint: take one of these reads out: models/gold/a.sql:2:6; models/gold/b.sql:1:15; "
            "models/gold/c.sql:1:15");
  project_.models.clear();
  model("gold.a", "SELECT * FROM gold.a");
  EXPECT_NE(problem().find("gold.a → gold.a"), std::string::npos);
}

TEST_F(GraphTest, TellsAmbiguousAndMiswrittenNames) {
  model("silver.a", "SELECT 1 AS x FROM bronze.raw");
  model("gold.a", "SELECT 1 AS x FROM bronze.raw");
  model("gold.b", "SELECT * FROM a JOIN Bronze.Raw ON true");
  const auto all = problem();
  EXPECT_NE(all.find("ambiguous"), std::string::npos) << all;
  EXPECT_NE(all.find("say which: silver.a, gold.a"), std::string::npos) << all;
  EXPECT_NE(all.find("its name is \"bronze.raw\""), std::string::npos) << all;
  project_.models.clear();
  model("gold.X", "SELECT 1 AS x");
  model("gold.x", "SELECT 1 AS x");
  EXPECT_NE(problem().find("differ only by case"), std::string::npos);
}

TEST_F(GraphTest, Selects) {
  chain();
  EXPECT_EQ(chosen(""), "bronze.raw silver.a silver.b gold.c gold.d ");
  EXPECT_EQ(chosen("+silver.b"), "bronze.raw silver.a silver.b ");
  EXPECT_EQ(chosen("silver.b+"), "silver.b gold.c gold.d ");
  EXPECT_EQ(chosen("1+gold.d"), "gold.c gold.d ");
  EXPECT_EQ(chosen("silver.a+1"), "silver.a silver.b gold.c ");
  EXPECT_EQ(chosen("gold.* bronze.raw"), "bronze.raw gold.c gold.d ");
  EXPECT_EQ(chosen("tag:hot,layer:gold"), "gold.c ");
  EXPECT_EQ(chosen("path:models/silver"), "silver.a silver.b ");
  EXPECT_EQ(chosen("state:stale"), "gold.d ");
  EXPECT_EQ(chosen("state:new"), "");
  EXPECT_EQ(chosen("+state:stale,layer:silver"), "silver.a silver.b ");
  EXPECT_THROW(chosen("gold.e"), Error);
  EXPECT_THROW(chosen("tga:hot"), Error);
}

TEST_F(GraphTest, DrawsLineage) {
  chain();
  const auto graph = build(project_, database_);
  const auto lineage = table_lineage(graph, "silver.b");
  EXPECT_EQ(
      as_text(lineage),
      "silver.b\ncomes from\n└─ silver.a\n   └─ bronze.raw\ngoes to\n└─ gold.c\n   └─ gold.d\n");
  EXPECT_EQ(as_mermaid(table_lineage(graph, "gold.d")).substr(0, 9), "graph LR\n");
  duck::Connection connection(database_);
  const sql::Catalog catalog{{"silver.a", {{"x", "INTEGER"}}},
                             {"silver.b", {{"y", "INTEGER"}}},
                             {"gold.c", {{"y", "INTEGER"}, {"z", "INTEGER"}}}};
  const auto columns = column_lineage(graph, "gold.d", "z", catalog, connection);
  EXPECT_EQ(as_text(columns),
            "gold.d.z  = \"z\"\ncomes from\n└─ gold.c.z  = (y * 2)\n   └─ silver.b.y  = (x + 1)\n  "
            "    └─ silver.a.x  = 1\n");
  EXPECT_THROW(column_lineage(graph, "gold.d", "nope", catalog, connection), Error);
  EXPECT_THROW(table_lineage(graph, "gold.z"), Error);
}

TEST_F(GraphTest, TheCacheChangesNothing) {
  chain();
  sql::Cache cache("");
  build(project_, database_, &cache);
  const auto again = build(project_, database_, &cache);
  const auto fresh = build(project_, database_);
  ASSERT_EQ(again.assets.size(), fresh.assets.size());
  for (size_t i = 0; i < fresh.assets.size(); ++i) {
    EXPECT_EQ(again.assets[i].name, fresh.assets[i].name);
    EXPECT_EQ(again.assets[i].upstream, fresh.assets[i].upstream);
  }
  EXPECT_EQ(again.selects.at("gold.c").tables[1].place, fresh.selects.at("gold.c").tables[1].place);
  project_.models[1].sql = "SELECT x + $nope AS y FROM nowhere.a";
  for (int i = 0; i < 2; ++i) {
    std::string told;
    try {
      build(project_, database_, &cache);
    } catch (const Error& error) {
      told = error.what();
    }
    EXPECT_NE(told.find("nowhere.a"), std::string::npos) << told;
    EXPECT_NE(told.find("$nope"), std::string::npos) << told;
  }
}

TEST_F(GraphTest, ResolvesBareNamesOfOneTableOnly) {
  chain();
  const auto graph = build(project_, database_);
  ASSERT_NE(graph.resolve("c"), nullptr);
  EXPECT_EQ(graph.resolve("c")->name, "gold.c");
  EXPECT_EQ(graph.resolve("nothing"), nullptr);
  model("silver.c", "SELECT 1 AS x");
  EXPECT_EQ(build(project_, database_).resolve("c"), nullptr);
}

TEST_F(GraphTest, FollowsColumnsThatTheBuildAdds) {
  model("silver.a", "SELECT 1 AS x FROM bronze.raw");
  model("gold.b", "SELECT valid_from AS since FROM silver.a");
  const auto graph = build(project_, database_);
  duck::Connection connection(database_);
  const sql::Catalog catalog{{"silver.a", {{"x", "INTEGER"}, {"valid_from", "TIMESTAMP"}}},
                             {"gold.b", {{"since", "TIMESTAMP"}}}};
  const auto lineage = column_lineage(graph, "gold.b", "since", catalog, connection);
  EXPECT_EQ(lineage.edges, (std::vector<LineageEdge>{{"silver.a.valid_from", "gold.b.since"}}));
  EXPECT_THROW(column_lineage(graph, "gold.b", "sinze", catalog, connection), Error);
}

TEST_F(GraphTest, EscapesNamesInDrawings) {
  Lineage lineage;
  lineage.nodes = {"gold.a\"b#\\c"};
  EXPECT_NE(as_mermaid(lineage).find("[\"gold.a#quot;b#35;\\c\"]"), std::string::npos);
  EXPECT_NE(as_graphviz(lineage).find("label=\"gold.a\\\"b#\\\\c\""), std::string::npos);
}

}  // namespace
}  // namespace windrow::graph
