#include "cli/line_diff.h"

#include <gtest/gtest.h>

namespace windrow::cli {
namespace {

TEST(LineDiff, ShowsWhatDiffersWithThreeLinesAround) {
  EXPECT_EQ(line_diff("f", "a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(line_diff("f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(LineDiff, JoinsWhatLiesNearAndPartsWhatDoesNot) {
  std::string before, after;
  for (int i = 1; i <= 30; ++i) {
    before += std::to_string(i) + "\n";
    if (i != 2 && i != 8) after += std::to_string(i) + "\n";
    if (i == 25) after += "new\n";
  }
  EXPECT_EQ(line_diff("f", before, after),
            "--- f\n+++ f\n@@ -1,11 +1,9 @@\n 1\n-2\n 3\n 4\n 5\n 6\n 7\n-8\n 9\n 10\n 11\n"
            "@@ -23,6 +21,7 @@\n 23\n 24\n 25\n+new\n 26\n 27\n 28\n");
}

TEST(LineDiff, TellsOfALineEndThatIsMissing) {
  EXPECT_EQ(line_diff("f", "a", "a\n"),
            "--- f\n+++ f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
  EXPECT_EQ(line_diff("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n");
}

std::string diff(std::string_view before, std::string_view after) {
  std::string out;
  for (const auto& line : diff_lines(before, after)) out += line.sign + line.text + "\n";
  return out;
}

TEST(DiffLines, KeepsTheLongestCommonLines) {
  EXPECT_EQ(diff("", ""), "");
  EXPECT_EQ(diff("a\nb\n", "a\nb\n"), " a\n b\n");
  EXPECT_EQ(diff("a\nb\nc\n", "a\nx\nc\n"), " a\n-b\n+x\n c\n");
  EXPECT_EQ(diff("a\nb\nc\nd", "b\nc\ne\nd"), "-a\n b\n c\n+e\n d\n");
  EXPECT_EQ(diff("", "a\n\nb"), "+a\n+\n+b\n");
  EXPECT_EQ(diff("a\na", "a"), "-a\n a\n");
}

TEST(DiffLines, TellsLongTextsAsAWhole) {
  std::string before, after;
  for (int i = 0; i < 3'000; ++i) {
    before += "b" + std::to_string(i) + "\n";
    after += "a" + std::to_string(i) + "\n";
  }
  const auto lines = diff_lines("x\n" + before + "y", "x\n" + after + "y");
  ASSERT_EQ(lines.size(), 6'002u);
  EXPECT_EQ(lines.front().sign, ' ');
  EXPECT_EQ(lines[1].sign, '-');
  EXPECT_EQ(lines[6'000].sign, '+');
  EXPECT_EQ(lines.back().text, "y");
}

}  // namespace
}  // namespace windrow::cli
