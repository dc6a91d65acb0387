#include "project/formatting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace windrow::project {
namespace {

namespace fs = std::filesystem;

std::string laid_out(std::string_view text, const std::string& file = "f.yaml") {
  Problems problems;
  const auto out = formatted(text, file, problems);
  std::string told;
  for (const auto& problem : problems.all())
    told += problem.place.text() + ": " + problem.message + "\n";
  return out ? *out : told;
}

TEST(Formatting, IndentsByTwoAndListsUnderTheirKeys) {
  EXPECT_EQ(
      laid_out("views:\n-   from: gold.a\n    indexes:\n    - [x]\n    -   - y\n        - z\nto :  "
               " b\n"),
      "views:\n  - from: gold.a\n    indexes:\n      - [x]\n      - - y\n        - z\nto: b\n");
  EXPECT_EQ(laid_out("a:\n      b:\n          c: 1\n      d: 2\n"), "a:\n  b:\n    c: 1\n  d: 2\n");
  EXPECT_EQ(laid_out("-\n    a: 1\n    b: 2\n- c\n"), "-\n  a: 1\n  b: 2\n- c\n");
}

TEST(Formatting, SpacesBrackets) {
  EXPECT_EQ(laid_out("a: { x : 1,y: [ 1,2 , ],\"z\":  'q' }\nb: [ ]\n"),
            "a: {x: 1, y: [1, 2], \"z\": 'q'}\nb: []\n");
  EXPECT_EQ(laid_out("a: {x: , y: }\n"), "a: {x: , y: }\n");
  EXPECT_EQ(laid_out("a: [&n {b: 1}, *n , http://h:80/x, -1]\n"),
            "a: [&n {b: 1}, *n, http://h:80/x, -1]\n");
}

TEST(Formatting, LeavesLinesOfBracketsBrokenWhereTheyWere) {
  EXPECT_EQ(laid_out("rows:\n- {a: 1,\n  b: 2, # why\n      # more\n\n\n  c: [1\n  ,2]}\n"),
            "rows:\n  - {a: 1,\n     b: 2, # why\n     # more\n\n     c: [1,\n         2]}\n");
  EXPECT_EQ(laid_out("a: [\n    x,\n    {b: [\n  1\n ]},\n      ]\nc:\n  - [\n  1, 2\n  ]\n"),
            "a: [\n  x,\n  {b: [\n    1\n  ]},\n]\nc:\n  - [\n      1, 2\n    ]\n");
}

TEST(Formatting, KeepsQuotesOrderAnchorsAndTags) {
  EXPECT_EQ(laid_out("b: &x   {c: '1'}\n\na:    *x\n\nd: !!str   7\ne:  &y\n   - 1\n"),
            "b: &x {c: '1'}\n\na: *x\n\nd: !!str 7\ne: &y\n  - 1\n");
}

TEST(Formatting, KeepsOneEmptyLineOfMany) {
  EXPECT_EQ(laid_out("\n\na: 1\n\n\n\nb: 2   \n \n\n"), "a: 1\n\nb: 2\n");
  EXPECT_EQ(laid_out("a: 1"), "a: 1\n");
  EXPECT_EQ(laid_out(""), "");
  EXPECT_EQ(laid_out("# only this  \n\n"), "# only this\n");
}

TEST(Formatting, KeepsColumnsThatStandBelowEachOther) {
  const std::string columns =
      "environments:            # one\n  dev:  {lake: a}        # two\n  prod: {lake: b}\n\nx: 1 # "
      "three\n";
  EXPECT_EQ(laid_out(columns), columns);
  EXPECT_EQ(laid_out("a:   1    # lone\nbbb: 2\nc:   3\n\nd:    4\n"),
            "a:   1 # lone\nbbb: 2\nc:   3\n\nd: 4\n");
  EXPECT_EQ(laid_out("a:     1\nbbb:   {b: 1,\n        c: 2}\n"),
            "a:   1\nbbb: {b: 1,\n      c: 2}\n");
  EXPECT_EQ(laid_out("é: 1   # a\nx: 2   # b\n"), "é: 1   # a\nx: 2   # b\n");
}

TEST(Formatting, KeepsCommentsWhereTheyBelong) {
  EXPECT_EQ(laid_out("# top\na:\n    # of b\n    b: 1\n    # c: 2\n# of d\nd:\n- 1\n# of 2\n- 2\n  "
                     "# odd\n# end\n"),
            "# top\na:\n  # of b\n  b: 1\n  # c: 2\n# of d\nd:\n  - 1\n  # of 2\n  - 2\n  # odd\n# "
            "end\n");
}

TEST(Formatting, MovesTextsAsAWhole) {
  EXPECT_EQ(laid_out("a:\n      sql: |   # why\n\n          SELECT 1  \n            , 2\n\n\n      "
                     "b: >-\n        x\n"),
            "a:\n  sql: | # why\n\n    SELECT 1  \n      , 2\n\n  b: >-\n    x\n");
  EXPECT_EQ(laid_out("- |2\n    x\n   y\n- |+\n  z\n\n\n"), "- |2\n    x\n   y\n- |+\n  z\n\n\n");
  EXPECT_EQ(laid_out("a: |\n    x"), "a: |\n  x");
  EXPECT_EQ(laid_out("a: |\n    x\n  # not of it\nb: 1\n"), "a: |\n  x\n# not of it\nb: 1\n");
}

TEST(Formatting, KeepsLinesOfPlainAndQuotedTexts) {
  EXPECT_EQ(
      laid_out(
          "a: one\n      two  \n\n\n      three\nb: \"x  \n   y\\  \n   z\"\nc: 'q\n\n    r'\n"),
      "a: one\n  two\n\n\n  three\nb: \"x\n  y\\ \n  z\"\nc: 'q\n\n  r'\n");
  EXPECT_EQ(laid_out("- a\n  b\n- k:\n    v\n    w\n- {x: a\n  b, y: 1}\n"),
            "- a\n  b\n- k:\n    v\n    w\n- {x: a\n     b, y: 1}\n");
}

TEST(Formatting, SettlesInOneGo) {
  EXPECT_EQ(laid_out("a: [x # why\n  , ]\n"), "a: [x # why\n   ]\n");
  EXPECT_EQ(laid_out("- &a one\n     two\n"), "- &a one\n    two\n");
}

TEST(Formatting, LaysOutTheHeaderOfAModelAndNothingElse) {
  EXPECT_EQ(
      laid_out(
          "-- first\n/* windrow\ntags:   [ a ]\ncolumns:\n      x: int   \n\n*/\nSELECT   1  \n\n",
          "m.sql"),
      "-- first\n/* windrow\ntags: [a]\ncolumns:\n  x: int\n*/\nSELECT   1  \n\n");
  EXPECT_EQ(laid_out("/* windrow   tags: [ a ] */ SELECT 1", "m.sql"),
            "/* windrow tags: [a] */ SELECT 1");
  EXPECT_EQ(laid_out("SELECT  1", "m.sql"), "SELECT  1");
  EXPECT_EQ(laid_out("/* windrow\r\ntags:  x\r\n*/\r\nSELECT 1\n", "m.sql"),
            "/* windrow\r\ntags: x\r\n*/\r\nSELECT 1\n");
}

TEST(Formatting, KeepsMarkAndLineEnds) {
  EXPECT_EQ(laid_out("\xEF\xBB\xBF"
                     "a:  1\r\nb: |\r\n    x\r\n"),
            "\xEF\xBB\xBF"
            "a: 1\r\nb: |\r\n  x\r\n");
}

TEST(Formatting, SaysWhereAFileCannotBeRead) {
  EXPECT_EQ(laid_out("a: 1\nb: [1\n").substr(0, 9), "f.yaml:3:");
  EXPECT_EQ(laid_out("a: 1\na: 2\n"), "f.yaml:2:1: key \"a\" is given twice, first in line 1\n");
  EXPECT_EQ(laid_out("%YAML 1.2\n---\na: 1\n"), "f.yaml:1:1: a directive is not laid out\n");
  EXPECT_EQ(laid_out("? a\n: 1\n"), "f.yaml:1:1: a key after \"?\" is not laid out\n");
  EXPECT_EQ(laid_out("\n/* windrow\nx: 1\nx: 2\n*/ SELECT 1", "m.sql"),
            "m.sql:4:1: key \"x\" is given twice, first in line 3\n");
}

TEST(Formatting, FindsNothingToDoInTheExamples) {
  size_t count = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(std::string(WINDROW_SOURCE_DIR) + "/examples")) {
    const auto ending = entry.path().extension();
    if (ending != ".yaml" && ending != ".sql") continue;
    std::ifstream stream(entry.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(laid_out(text, entry.path().string()), text);
    ++count;
  }
  EXPECT_GT(count, 40u);
}

}  // namespace
}  // namespace windrow::project
