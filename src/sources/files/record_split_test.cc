#include "sources/files/record_split.h"

#include <gtest/gtest.h>

namespace windrow::sources {
namespace {

using Texts = std::vector<std::string>;

struct Found {
  Texts texts;
  std::string broken;
  bool irregular = false;
};

/// In pieces of every size the same comes out.
template <class Make>
Found split(const std::string& bytes, const Make& make) {
  Found first;
  for (const size_t size : {size_t(1), size_t(2), size_t(3), size_t(7), bytes.size() + 1}) {
    Found found;
    const auto splitter = make([&](const RecordText& record) {
      found.texts.push_back(std::string(record.text) +
                            (record.whole ? "" : " … " + std::to_string(record.bytes)));
      EXPECT_EQ(record.position, int64_t(found.texts.size()));
    });
    for (size_t at = 0; at < bytes.size(); at += size) splitter->feed(bytes.substr(at, size));
    splitter->end();
    found.broken = splitter->broken();
    found.irregular = splitter->irregular();
    if (size > 1) {
      EXPECT_EQ(found.broken, first.broken) << size;
      EXPECT_EQ(found.irregular, first.irregular) << size;
      if (first.broken.empty()) {
        EXPECT_EQ(found.texts, first.texts) << size;
      }
    }
    first = found;
  }
  return first;
}

Found lines(const std::string& bytes, uint64_t most = 100) {
  return split(bytes, [&](OnRecord on) { return std::make_unique<LineSplitter>(most, on); });
}
Found values(bool array, const std::string& bytes, uint64_t most = 100) {
  return split(bytes,
               [&](OnRecord on) { return std::make_unique<ValueSplitter>(array, most, on); });
}

TEST(LineSplitter, LinesEndInThreeWays) {
  const auto plain = lines("\xEF\xBB\xBF{1}\n\n{2}\r\n{3}");
  EXPECT_EQ(plain.texts, (Texts{"{1}", "{2}", "{3}"}));
  EXPECT_FALSE(plain.irregular);
  const auto old = lines("{1}\r{2}\r\r{3}\n");
  EXPECT_EQ(old.texts, (Texts{"{1}", "{2}", "{3}"}));
  EXPECT_TRUE(old.irregular);
}

std::vector<int64_t> lines_told(RecordSplitter& splitter, std::vector<int64_t>& told,
                                const std::string& bytes, size_t size) {
  told.clear();
  splitter.count_lines();
  for (size_t at = 0; at < bytes.size(); at += size) splitter.feed(bytes.substr(at, size));
  splitter.end();
  return told;
}

TEST(RecordSplitter, TellsTheLineInWhichARecordBegins) {
  using Numbers = std::vector<int64_t>;
  for (const size_t size : {size_t(1), size_t(2), size_t(5), size_t(100)}) {
    Numbers told;
    const OnRecord tell = [&](const RecordText& record) { told.push_back(record.line); };
    LineSplitter lines(10, tell);
    EXPECT_EQ(
        lines_told(lines, told, "\xEF\xBB\xBF{1}\n\n \r\n{2}\r{3}\r\r\n{long, too}\n{4}", size),
        (Numbers{1, 4, 5, 7, 8}))
        << size;
    ValueSplitter array(true, 8, tell);
    EXPECT_EQ(
        lines_told(array, told, "\n[{1},\r\n{\n2},{3\n}\n,\n{ \n\n\n\n\n\n long}, 5\n]", size),
        (Numbers{2, 3, 4, 7, 13}))
        << size;
    ValueSplitter values(false, 8, tell);
    EXPECT_EQ(lines_told(values, told, "{1} {2}\r{\r3}\n{4}", size), (Numbers{1, 1, 2, 4})) << size;
    ElementLineSplitter elements(8, tell);
    EXPECT_EQ(lines_told(elements, told, "[{1},\n\n{2},\n]{3", size), (Numbers{1, 3, 4})) << size;
  }
}

TEST(LineSplitter, BlankLinesAreNone) {
  const auto found = lines("a\n \t\n\n b \n");
  EXPECT_EQ(found.texts, (Texts{"a", " b "}));
  EXPECT_TRUE(found.irregular);
  EXPECT_EQ(lines("").texts, Texts{});
  EXPECT_EQ(lines("\xEF\xBB\xBF").texts, Texts{});
}

TEST(LineSplitter, WhatIsTooLongIsToldWithItsLength) {
  EXPECT_EQ(lines("12345\n123456\n1\n1234567", 5).texts,
            (Texts{"12345", "123456 … 6", "1", "1234567 … 7"}));
}

TEST(ElementLineSplitter, BracketsAndCommasGo) {
  const auto found = split("[\n{\"a\":1},\n {\"a\":[2]} ,\n{3,,},\n,\n]", [](OnRecord on) {
    return std::make_unique<ElementLineSplitter>(100, on);
  });
  EXPECT_EQ(found.texts, (Texts{"{\"a\":1}", "{\"a\":[2]}", "{3,,}"}));
}

TEST(ValueSplitter, ElementsOfAnArray) {
  const auto found =
      values(true, "\xEF\xBB\xBF [ {\"a\": \"],}\\\"\"} ,7, \"x,y\",[1,\n2] ,null]\n");
  EXPECT_EQ(found.texts, (Texts{"{\"a\": \"],}\\\"\"}", "7", "\"x,y\"", "[1,\n2]", "null"}));
  EXPECT_EQ(found.broken, "");
  EXPECT_FALSE(found.irregular);
  EXPECT_EQ(values(true, "[]").texts, Texts{});
}

TEST(ValueSplitter, CommasTooMany) {
  for (const char* text : {"[{},]", "[,{}]", "[{},,{}]"}) {
    const auto found = values(true, text);
    EXPECT_TRUE(found.irregular) << text;
    EXPECT_EQ(found.broken, "") << text;
  }
}

TEST(ValueSplitter, BrokenArrays) {
  EXPECT_EQ(values(true, "[{},{").broken, "it ends within a value");
  EXPECT_EQ(values(true, "[{}").broken, "it ends within a value");
  EXPECT_EQ(values(true, "[{},").broken, "the array does not end");
  EXPECT_EQ(values(true, "[{}] {}").broken, "there is more behind the array");
  EXPECT_EQ(values(true, "[1}]").broken, "a bracket closes what was not opened");
}

TEST(ValueSplitter, ObjectsOneAfterTheOther) {
  const auto found = values(false, "{\n\"a\":1}{\"b\":{}}\n\n{ }");
  EXPECT_EQ(found.texts, (Texts{"{\n\"a\":1}", "{\"b\":{}}", "{ }"}));
  EXPECT_EQ(values(false, "{} x {}").broken, "there is something between two objects");
  EXPECT_EQ(values(false, "{} {").broken, "it ends within a value");
}

TEST(ValueSplitter, WhatIsTooLongIsToldWithItsLength) {
  EXPECT_EQ(values(true, "[\"12345\",{\"a\":\"123456\"},1]", 8).texts,
            (Texts{"\"12345\"", "{\"a\":\"123456\"} … 14", "1"}));
}

}  // namespace
}  // namespace windrow::sources
