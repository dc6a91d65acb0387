#include "duck/glob.h"

#include <gtest/gtest.h>

namespace windrow::duck {
namespace {

TEST(Glob, Names) {
  EXPECT_TRUE(fits("part-1.parquet", "*.parquet"));
  EXPECT_TRUE(fits("", "*"));
  EXPECT_TRUE(fits("abcabd", "*abd"));
  EXPECT_TRUE(fits("year=2025", "year=*"));
  EXPECT_TRUE(fits("ü", "?"));
  EXPECT_TRUE(fits("b", "[a-c]"));
  EXPECT_TRUE(fits("d", "[!a-c]"));
  EXPECT_TRUE(fits("[x", "[x"));
  EXPECT_TRUE(fits("a*", "a\\*"));
  EXPECT_TRUE(fits("-", "[a-]"));
  EXPECT_FALSE(fits("d", "[a-c]"));
  EXPECT_FALSE(fits("a", ""));
  EXPECT_FALSE(fits("", "?"));
  EXPECT_FALSE(fits("ab", "a"));
  EXPECT_FALSE(fits("ax", "a\\*"));
  EXPECT_FALSE(fits(std::string(5000, 'a'), "*a*a*a*a*a*a*a*b"));
}

TEST(Glob, LiteralPaths) {
  EXPECT_EQ(literal_path("a/b c.csv"), "a/b c.csv");
  EXPECT_EQ(literal_path("a*[b]?"), "a[*][[]b][?]");
  for (const char* path : {"a*", "a[b]/c", "x?y", "[[*", "]["}) {
    EXPECT_TRUE(path_fits(path, literal_path(path))) << path;
    EXPECT_FALSE(path_fits("ab", literal_path(path))) << path;
  }
}

TEST(Glob, Paths) {
  EXPECT_TRUE(path_fits("a/b/c.csv", "**/*.csv"));
  EXPECT_TRUE(path_fits("c.csv", "**/*.csv"));
  EXPECT_TRUE(path_fits("a/b", "a/**"));
  EXPECT_TRUE(path_fits("x/1/y/2/z", "x/**/y/*/z"));
  EXPECT_TRUE(path_fits("a/b", "*/*"));
  EXPECT_FALSE(path_fits("a/b", "*"));
  EXPECT_FALSE(path_fits("a", "*/*"));
  EXPECT_FALSE(path_fits("x/1/y/z", "x/**/y/*/z"));
}

}  // namespace
}  // namespace windrow::duck
