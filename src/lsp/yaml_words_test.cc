#include "lsp/yaml_words.h"

#include <gtest/gtest.h>

namespace windrow::lsp {
namespace {

/// The cursor is where the bar stands.
std::string cursor_in(std::string text) {
  const size_t at = text.find('|');
  text.erase(at, 1);
  const auto found = yaml_words(text, at);
  static constexpr const char* kNames[] = {"key", "value", "begin", "none"};
  std::string out = kNames[static_cast<int>(found.cursor.at)];
  out += " of ";
  for (const auto& step : found.cursor.path)
    out += step.item >= 0 ? "[" + std::to_string(step.item) + "]" : "/" + step.key;
  if (found.cursor.word.size() > 0)
    out += " " + text.substr(found.cursor.word.begin, found.cursor.word.size());
  return out;
}

TEST(YamlWords, KnowWhereTheCursorIsInBlocks) {
  EXPECT_EQ(cursor_in("a: 1\nb|"), "key of  b");
  EXPECT_EQ(cursor_in("a: 1\n|"), "key of ");
  EXPECT_EQ(cursor_in("a: |"), "value of /a");
  EXPECT_EQ(cursor_in("a: x|y # c"), "value of /a xy");
  EXPECT_EQ(cursor_in("a:\n  |"), "begin of /a");
  EXPECT_EQ(cursor_in("a:\n  b: 1\n  |"), "key of /a");
  EXPECT_EQ(cursor_in("a:\n  b: 1\n|\nc: 2"), "key of ");
  EXPECT_EQ(cursor_in("a:\n  - x\n  - |"), "begin of /a[1]");
  EXPECT_EQ(cursor_in("a:\n- b: 1\n  c|"), "key of /a[0] c");
  EXPECT_EQ(cursor_in("a:\n- b: 1\n- c: |"), "value of /a[1]/c");
  EXPECT_EQ(cursor_in("a: 1 # what| ever"), "none of ");
  EXPECT_EQ(cursor_in("a: >\n  long te|xt\n"), "none of /a >\n  long text");
  EXPECT_EQ(cursor_in("|"), "begin of ");
  EXPECT_EQ(cursor_in("a:\n  b:\n    c: d\ne: |"), "value of /e");
}

TEST(YamlWords, KnowWhereTheCursorIsInBrackets) {
  EXPECT_EQ(cursor_in("build: {|}"), "key of /build");
  EXPECT_EQ(cursor_in("build: {me|"), "key of /build me");
  EXPECT_EQ(cursor_in("build: {merge: {key: |}}"), "value of /build/merge/key");
  EXPECT_EQ(cursor_in("build: {merge: {key: id, |}}"), "key of /build/merge");
  EXPECT_EQ(cursor_in("tags: [a, |]"), "value of /tags[1]");
  EXPECT_EQ(cursor_in("tags: [a, b|]"), "value of /tags[1] b");
  EXPECT_EQ(cursor_in("views:\n  - {from: x.y, mode: |}"), "value of /views[0]/mode");
  EXPECT_EQ(cursor_in("c: {x: {checks: [not_null, {range: {mi|: 0}}]}}"),
            "key of /c/x/checks[1]/range mi");
  // The bracket was forgotten: what follows is not inside.
  EXPECT_EQ(cursor_in("a: {b: 1,\nc: |"), "value of /c");
  EXPECT_EQ(cursor_in("a: \"x {|\"\nb: 1"), "value of /a \"x {\"");
}

TEST(YamlWords, GiveTheKeysOfAMapping) {
  const auto words = yaml_words("a: {x: 1, y: 2}\nb:\n  c: 3\n  'd e': 4\n", 0);
  EXPECT_EQ(words.keys_of({}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(words.keys_of({{"a", -1}}), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(words.keys_of({{"b", -1}}), (std::vector<std::string>{"c", "d e"}));
}

TEST(YamlWords, EndWithAnyText) {
  const std::string text =
      "a: {b: [1, 'x\n- - - : ? | > \"\n{{{{[[[[\n  c:\n\t- d\n---\n&x *y !z\n#\n: \n-\n";
  for (size_t begin = 0; begin < text.size(); ++begin)
    for (size_t size = 0; begin + size <= text.size(); ++size)
      for (const size_t at : {size_t(0), size / 2, size})
        yaml_words(std::string_view(text).substr(begin, size), at);
  yaml_words(std::string(100'000, '['), 50'000);
  yaml_words(std::string(20'000, '-'), 5);
  std::string dashes;
  for (int i = 0; i < 20'000; ++i) dashes += "- ";
  yaml_words(dashes, 5);
}

}  // namespace
}  // namespace windrow::lsp
