#include "project/yaml_reader.h"

#include <gtest/gtest.h>

#include "project/dotenv.h"
#include "project/sql_file.h"

namespace windrow::project {
namespace {

struct Read {
  std::optional<Node> node;
  std::string problems;
};

Read read(std::string_view text, Origin origin = {"f.yaml", 1, 1}) {
  Problems problems;
  Read out;
  out.node = read_yaml(text, origin, problems);
  for (const auto& problem : problems.all()) {
    out.problems += problem.place.text() + ": " + problem.message + "\n";
  }
  return out;
}

TEST(ReadYaml, KeepsOrderStylesAndPlaces) {
  auto read_one = read("a: 1\nb:\n  - 'x'\n  - \"y\"\nc: ~\n");
  ASSERT_TRUE(read_one.node);
  const Node& node = *read_one.node;
  ASSERT_EQ(node.entries.size(), 3u);
  EXPECT_EQ(node.entries[1].key.text, "b");
  EXPECT_EQ(node.find("b")->items[1].text, "y");
  EXPECT_EQ(node.find("b")->items[1].style, Node::Style::quoted);
  EXPECT_EQ(node.find("b")->items[1].line, 4);
  EXPECT_EQ(node.find("b")->items[1].column, 5);
  EXPECT_EQ(node.find("b")->items[1].content_column, 6);
  EXPECT_EQ(node.find("c")->kind, Node::Kind::null);
  EXPECT_EQ(node.find("c")->line, 5);
}

TEST(ReadYaml, HasNothingWhereTheFileIsEmpty) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "\xEF\xBB\xBF", "---\n", "~"}) {
    auto got = read(text);
    EXPECT_FALSE(got.node) << text;
    EXPECT_EQ(got.problems, "") << text;
  }
}

TEST(ReadYaml, PassesOverByteOrderMarkAndCarriageReturns) {
  auto got = read(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: |\r\n  x\r\n  y\r\nc: d\r\n");
  ASSERT_TRUE(got.node) << got.problems;
  EXPECT_EQ(got.node->find("a")->text, "1");
  EXPECT_EQ(got.node->find("b")->text, "x\ny\n");
  EXPECT_EQ(got.node->entries[2].key.line, 5);
  EXPECT_EQ(got.node->entries[0].key.column, 1);
}

TEST(ReadYaml, FindsWhereABlockBegins) {
  auto got = read("sql: |\n\n    SELECT 1\n  ");
  ASSERT_TRUE(got.node) << got.problems;
  EXPECT_EQ(got.node->find("sql")->content_line, 3);
  EXPECT_EQ(got.node->find("sql")->content_column, 5);
}

TEST(ReadYaml, CountsFromTheOriginOfAHeader) {
  auto got = read(" a: 1\n b: [x, y]\n b: 2\n", {"m.sql", 7, 11});
  EXPECT_EQ(got.problems, "m.sql:9:2: key \"b\" is given twice, first in line 8\n");
  ASSERT_TRUE(got.node);
  EXPECT_EQ(got.node->find("a")->line, 7);
  EXPECT_EQ(got.node->find("a")->column, 15);
}

TEST(ReadYaml, RefusesWhatAProjectDoesNotKnow) {
  EXPECT_EQ(read("a: 1\na: 2\nb: {c: 1, c: 2}\n").problems,
            "f.yaml:2:1: key \"a\" is given twice, first in line 1\n"
            "f.yaml:3:11: key \"c\" is given twice, first in line 3\n");
  EXPECT_EQ(read("a: &x {b: 1}\nc:\n  <<: *x\n").problems,
            "f.yaml:3:3: merge key \"<<\" is not supported\n");
  EXPECT_EQ(read("a: 1\n---\nb: 2\n").problems,
            "f.yaml:2:1: more than one YAML document in one file\n");
  EXPECT_EQ(read("[a, b]: 1\n").problems, "f.yaml:1:1: a key must be a text\n");
  EXPECT_EQ(read("a: !secret b\n").problems, "f.yaml:1:4: tag \"!secret\" is not supported\n");
  EXPECT_EQ(read("a: b\nc: \xFF\n").problems,
            "f.yaml:2:4: the file holds bytes that are not UTF-8\n");
  EXPECT_EQ(read(std::string_view("a: b\0c\n", 7)).problems,
            "f.yaml:1:5: the file holds a control character\n");
  EXPECT_EQ(read("a:\n\tb: 1\n").problems,
            "f.yaml:2:3: not valid YAML: a tab in the indentation\n");
  EXPECT_EQ(read("a: [1\n").problems.substr(0, 30), "f.yaml:2:1: not valid YAML: en");
  EXPECT_EQ(read("a: *b\n").problems,
            "f.yaml:1:4: not valid YAML: the referenced anchor is not defined\n");
}

TEST(ReadYaml, FindsDuplicatesInLargeMaps) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(read(text + "k50: 2\n").problems,
            "f.yaml:101:1: key \"k50\" is given twice, first in line 51\n");
  EXPECT_EQ(read(text + "k3: 2\n").problems,
            "f.yaml:101:1: key \"k3\" is given twice, first in line 4\n");
}

TEST(ReadYaml, RepeatsAliasedValuesWithinABound) {
  auto got = read("a: &x {b: 1}\nc: *x\n");
  ASSERT_TRUE(got.node) << got.problems;
  EXPECT_EQ(got.node->find("c")->find("b")->text, "1");
  EXPECT_EQ(read("a: &x [*x]\n").problems,
            "f.yaml:1:8: an alias refers to a value that it is itself a part of\n");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_NE(read(bomb).problems.find("aliases repeat more than 100000 values"), std::string::npos);
}

TEST(ReadYaml, SurvivesDeepNesting) {
  EXPECT_FALSE(read(std::string(100'000, '[')).problems.empty());
  std::string maps;
  for (int i = 0; i < 2000; ++i) maps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_FALSE(read(maps).problems.empty());
}

struct Split {
  SqlFile parts;
  std::string problems;
};

Split split(const std::string& text) {
  Problems problems;
  Split out;
  out.parts = split_sql(text, "m.sql", problems);
  for (const auto& problem : problems.all())
    out.problems += problem.place.text() + ": " + problem.message + "\n";
  return out;
}

TEST(SplitSql, FindsHeaderAndSelect) {
  const std::string text =
      "-- licence\n/* windrow\na: 1\n*/\n\n  SELECT 'a;b' AS x -- ;\n  FROM t; -- end\n";
  auto got = split(text);
  EXPECT_EQ(got.problems, "");
  EXPECT_EQ(*got.parts.header, "\na: 1\n");
  EXPECT_EQ(got.parts.header_origin.line, 2);
  EXPECT_EQ(got.parts.header_origin.column, 11);
  EXPECT_EQ(got.parts.select, "SELECT 'a;b' AS x -- ;\n  FROM t");
  EXPECT_EQ(got.parts.begin.text(), "m.sql:6:3");
}

TEST(SplitSql, UnderstandsQuotesAndNestedComments) {
  for (const std::string sql :
       {"SELECT ';' , \";\" , '''; /*'", "SELECT $$ ; $$", "SELECT $t$ ; $$ $t$", "SELECT e'\\'; '",
        "SELECT 1 /* a /* ; */ ; */ + 2", "SELECT $start", "SELECT 'ü;'", "FROM t"}) {
    auto got = split(sql);
    EXPECT_EQ(got.problems, "") << sql;
    EXPECT_EQ(got.parts.select, sql);
  }
}

TEST(SplitSql, RefusesWhatIsNotOneSelect) {
  EXPECT_EQ(split("").problems, "m.sql:1:1: the file holds no SELECT\n");
  EXPECT_EQ(split("/* windrow\na: 1 */ -- nothing\n;\n").problems,
            "m.sql:2:6: the file holds no SELECT\n");
  EXPECT_EQ(split("SELECT 1;\nSELECT 2").problems, "m.sql:2:1: more than one statement\n");
  EXPECT_EQ(split("SELECT 1 /* windrow\na: 1 */").problems,
            "m.sql:1:10: the header must come before the SELECT\n");
  EXPECT_EQ(split("/* windrow\na: 1 */ /* windrow */ SELECT 1").problems,
            "m.sql:2:9: a second header\n");
  EXPECT_EQ(split("/* windrow\na: 1\nSELECT 1").problems, "m.sql:1:1: the header is not closed\n");
  EXPECT_EQ(split("SELECT 1 /* a").problems, "m.sql:1:10: a comment is not closed\n");
  EXPECT_EQ(split("/* windrows of hay */ SELECT 1").problems, "");
}

TEST(ReadDotenv, ReadsWhatShellsRead) {
  Problems problems;
  const auto values = read_dotenv(
      "\xEF\xBB\xBF# c\n\nA=1\r\nexport B = two words # c\nC='it # is $X'\nD=\"a\\n\\\"b\\\"\" # "
      "c\nE=\nF=a#b\nA=2",
      ".env", problems);
  EXPECT_TRUE(problems.empty());
  const std::map<std::string, std::string> want = {{"A", "2"},          {"B", "two words"},
                                                   {"C", "it # is $X"}, {"D", "a\n\"b\""},
                                                   {"E", ""},           {"F", "a#b"}};
  EXPECT_EQ(values, want);
}

TEST(ReadDotenv, NeverShowsValues) {
  Problems problems;
  EXPECT_TRUE(
      read_dotenv("hunter2\nA='hunter2\nB=\"hunter2\" x\n1A=hunter2", ".env", problems).empty());
  std::string all;
  for (const auto& problem : problems.all())
    all += problem.place.text() + ": " + problem.message + "\n";
  EXPECT_EQ(all,
            ".env:1:1: expected KEY=VALUE\n"
            ".env:2:1: the quotes around the value of \"A\" are not closed\n"
            ".env:3:1: the quotes around the value of \"B\" are not closed\n"
            ".env:4:1: expected KEY=VALUE\n");
}

TEST(ReadYaml, WhatIsNestedTooDeeplyIsSaid) {
  const auto flow = read("a: " + std::string(100'000, '[') + std::string(100'000, ']'));
  EXPECT_FALSE(flow.node);
  EXPECT_NE(flow.problems.find("lists and mappings lie too deep in each other"), std::string::npos)
      << flow.problems;
  std::string block;
  for (int i = 0; i < 3000; ++i) block += std::string(size_t(i), ' ') + "a:\n";
  EXPECT_NE(read(block).problems.find("too deep"), std::string::npos);
}

}  // namespace
}  // namespace windrow::project
