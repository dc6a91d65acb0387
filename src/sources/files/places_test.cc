#include "sources/files/places.h"

#include "sources/files/files_test.h"
#include "sources/files/records.h"
#include "sources/files/utf16.h"

namespace windrow::sources {
namespace {

TEST(Places, StandForColumnsOutsideOfTexts) {
  EXPECT_EQ(over_record("$file || ':' || $LINE"), R"("windrow file" || ':' || "windrow line")");
  EXPECT_EQ(over_record("'$line' || $line_2 || $extracted_at -- $file"),
            "'$line' || $line_2 || $extracted_at -- $file");
  project::Source source;
  source.columns = {{.name = "a", .value = "'$line'"}, {.name = "b", .value = "1 + $Line"}};
  EXPECT_TRUE(places_asked(source).line);
  EXPECT_FALSE(places_asked(source).file);
}

TEST(Utf16, InPiecesOfAnySize) {
  using namespace std::string_literals;
  const auto read = [](const std::string& bytes, size_t size) {
    Utf16 characters;
    std::string out;
    for (size_t at = 0; at < bytes.size(); at += size) characters.feed(bytes.substr(at, size), out);
    characters.end(out);
    return out;
  };
  for (const size_t size : {size_t(1), size_t(2), size_t(3), size_t(64)}) {
    EXPECT_EQ(read("\xFF\xFE"
                   "a\0\xE4\0\x22\x6F\x3D\xD8\x00\xDE"s,
                   size),
              "aä漢😀");
    EXPECT_EQ(read("\xFE\xFF"
                   "\0a\0\xE4\x6F\x22\xD8\x3D\xDE\x00"s,
                   size),
              "aä漢😀");
    EXPECT_EQ(read("a\0b\0"s, size), "ab");
    EXPECT_EQ(read("a\0\x3D\xD8"
                   "b\0\x00\xDE"
                   "c\0d"s,
                   size),
              "a\xFF"
              "b\xFF"
              "c\xFF");
    EXPECT_EQ(read("\x3D\xD8"s, size), "\xFF");
    EXPECT_EQ(read("", size), "");
  }
}

using PlacesTest = FilesTest;

TEST_F(PlacesTest, PathsBecomeWhatWasListed) {
  const auto listed = [&](const std::vector<FoundFile>& files) {
    Row out;
    for (const auto& file : files)
      out.push_back(table("SELECT " + listed_sql(files, "p") + " FROM (SELECT " +
                          duck::quote_text(file.path) + " AS p)")[0][0]);
    return out;
  };
  EXPECT_EQ(
      listed({{.path = "/r/in/ä/a.csv", .name = "ä/a.csv", .listed = "in/ä/a.csv"},
              {.path = "/r/.s/good/b.csv", .name = "b.csv", .listed = "in/b.csv"},
              {.path = "/r/.s/good/c.gz.csv", .name = "c.gz", .listed = "in/c.gz"},
              {.path = "/r/x/in/d.csv", .name = "in/d.csv", .listed = "/r/x/in/d.csv"},
              {.path = "s3://b/k.csv", .name = "k.csv", .listed = "s3://b/k.csv"},
              {.path = "/r/e.csv", .name = "e.csv", .listed = "it's/e.csv"}}),
      (Row{"in/ä/a.csv", "in/b.csv", "in/c.gz", "/r/x/in/d.csv", "s3://b/k.csv", "it's/e.csv"}));
}

TEST_F(PlacesTest, RowsTellThem) {
  source_.columns = {{.name = "id"},
                     {.name = "line", .type = "bigint", .value = "$line"},
                     {.name = "file", .value = "$file"}};
  for (const bool hopeful : {false, true}) {
    hopeful_ = hopeful;
    write("a.csv", "id,n\n1,\"x\ny\"\n\n2,z\n");
    EXPECT_EQ(rows(), (Table{{"1", "2", "a.csv", "x\ny"}, {"2", "5", "a.csv", "z"}}));
    std::filesystem::remove(root_ / "a.csv");
    write("a.jsonl", "{\"id\":1}\n\n{\"id\":2,\"line\":7}\n");
    EXPECT_EQ(rows(), (Table{{"1", "1", "a.jsonl"}, {"2", "3", "a.jsonl"}}));
    std::filesystem::remove(root_ / "a.jsonl");
  }
}

TEST_F(PlacesTest, WhatIsReadByNoRuleHasNoLines) {
  from("*.csv");
  said().csv = Value{Value::Map{{{"strict", {}}, Value{false, {}}}}, {}};
  source_.columns = {{.name = "id", .value = "$line", .value_place = {"s.yaml", 3, 9}}};
  try {
    reader();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::configuration);
    EXPECT_EQ(error.problem().place.line, 3);
  }
}

}  // namespace
}  // namespace windrow::sources
