#include "lsp/text.h"

#include <gtest/gtest.h>

namespace windrow::lsp {
namespace {

// One byte, two, three and four: a, ä, €, 😀.
constexpr const char* kText = "aä€😀b\r\nsecond\rthird\n";

TEST(Positions, CountAsTheEditorDoes) {
  const std::string text = kText;
  const size_t b = text.find('b');
  EXPECT_EQ(b, 10u);
  EXPECT_EQ(position_at(text, b, Encoding::utf8), (Position{0, 10}));
  EXPECT_EQ(position_at(text, b, Encoding::utf16), (Position{0, 5}));
  EXPECT_EQ(position_at(text, b, Encoding::utf32), (Position{0, 4}));
  for (const auto encoding : {Encoding::utf8, Encoding::utf16, Encoding::utf32}) {
    for (size_t at = 0; at <= text.size(); ++at) {
      const bool inside = at < text.size() && (text[at] & 0xC0) == 0x80;
      const bool in_line_end =
          at > 0 && at < text.size() && text[at - 1] == '\r' && text[at] == '\n';
      if (inside || in_line_end) continue;
      EXPECT_EQ(offset_at(text, position_at(text, at, encoding), encoding), at);
    }
  }
  EXPECT_EQ(position_at(text, text.find("third"), Encoding::utf16), (Position{2, 0}));
  EXPECT_EQ(position_at(text, text.size(), Encoding::utf16), (Position{3, 0}));
}

TEST(Positions, BeyondTheEndAreTheEnd) {
  const std::string text = kText;
  EXPECT_EQ(offset_at(text, {0, 99}, Encoding::utf16), text.find('\r'));
  EXPECT_EQ(offset_at(text, {99, 0}, Encoding::utf16), text.size());
  EXPECT_EQ(offset_at(text, {0, 4}, Encoding::utf16), text.find("😀"));  // inside of a pair
  EXPECT_EQ(offset_at("\xff\xf0\x9f", {0, 2}, Encoding::utf16), 2u);    // no UTF-8
  EXPECT_EQ(offset_at("", {5, 5}, Encoding::utf16), 0u);
}

std::string spanned(std::string_view text, int line, int column) {
  const Span span = span_at(text, {"f", line, column});
  return std::string(text.substr(span.begin, span.size()));
}

TEST(Places, SpanWhatStandsThere) {
  EXPECT_EQ(spanned("SELECT a FROM silver.movies m", 1, 15), "silver.movies");
  EXPECT_EQ(spanned("SELECT \"a b\", c", 1, 8), "\"a b\"");
  EXPECT_EQ(spanned("a\nkey: $days + 1", 2, 6), "$days");
  EXPECT_EQ(spanned("a = b", 1, 3), "=");
  EXPECT_EQ(spanned("\xEF\xBB\xBFkey: 1", 1, 1), "key");
  EXPECT_EQ(spanned("key: 1", 0, 0), "");
  EXPECT_EQ(spanned("key: 1", 7, 9), "");
  EXPECT_EQ(spanned("ends.", 1, 1), "ends");
}

TEST(Uris, AreReadAndWritten) {
  EXPECT_EQ(path_of_uri("file:///a%20b/%C3%A4.sql"), "/a b/ä.sql");
  EXPECT_EQ(path_of_uri("file://localhost/x"), "/x");
  EXPECT_EQ(path_of_uri("untitled:Untitled-1"), std::nullopt);
  EXPECT_EQ(path_of_uri("file://server/x"), std::nullopt);
  EXPECT_EQ(path_of_uri("file:///a%00b"), std::nullopt);
  EXPECT_EQ(uri_of_path("/a b/ä.sql"), "file:///a%20b/%C3%A4.sql");
}

}  // namespace
}  // namespace windrow::lsp
