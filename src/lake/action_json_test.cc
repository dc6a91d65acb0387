#include "lake/action_json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "lake/json_text.h"
#include "lake/partition_path.h"

namespace windrow::lake {
namespace {

Code code_of(std::string_view text) {
  try {
    commit_from_json(text, 0, "test");
  } catch (const Error& error) {
    return error.code();
  }
  return Code::internal;
}

TEST(ActionJson, WritesAndReadsEverythingBack) {
  Commit commit;
  commit.version = 3;
  commit.info = CommitInfo{5, 6, "WRITE", "id", "Windrow/1", ""};
  commit.info->json =
      R"({"timestamp":5,"inCommitTimestamp":6,"operation":"WRITE","txnId":"id","engineInfo":"Windrow/1"})";
  commit.protocol = Protocol{3, 7, {"timestampNtz"}, {"timestampNtz", "appendOnly"}};
  commit.metadata =
      Metadata{"id", "n\"ame", "ü", "{\"type\":\"struct\"}", {"a", "b c"}, {{"k", "v\n"}}, 9};
  commit.adds = {{"a%20b",
                  {{"p", std::nullopt}, {"q", "x"}},
                  1,
                  2,
                  true,
                  R"({"numRecords":1})",
                  R"({"t":"1"})",
                  DeletionVector{"u", "ab^-aqEH.-t@S}K{vb[*k^", 4, 40, 6},
                  7,
                  8,
                  "liquid"}};
  commit.removes = {{"c", 4, false, true, {{"p", "1"}}, 6}, {"d", 4, true, false, {}, 0}};
  commit.txns = {{"app", 1, 2}};
  commit.domains = {{"d", "{}", true}};
  commit.removes[0].deletion_vector =
      DeletionVector{"i", "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", {}, 40, 6};
  commit.removes[0].base_row_id = 1;
  commit.cdcs = {{"_change_data/x", {{"p", "1"}}, 3}};
  const Commit back = commit_from_json(to_json_lines(commit), 3, "test");
  EXPECT_EQ(back.info->json, commit.info->json);
  EXPECT_EQ(back.info->txn_id, "id");
  EXPECT_EQ(back.protocol, commit.protocol);
  EXPECT_EQ(back.metadata, commit.metadata);
  EXPECT_EQ(back.adds, commit.adds);
  EXPECT_EQ(back.removes, commit.removes);
  EXPECT_EQ(back.txns, commit.txns);
  EXPECT_EQ(back.domains, commit.domains);
  EXPECT_EQ(back.cdcs, commit.cdcs);
  EXPECT_EQ(back.info->in_commit_timestamp, 6);
}

TEST(ActionJson, ToleratesWhatOthersWrite) {
  const Commit commit = commit_from_json(
      "\r\n{\"cdc\":{\"path\":\"x\"}}\n{\"unknown\":1}\n"
      "{\"add\":{\"path\":\"p\",\"partitionValues\":{\"a\":\"\"},\"size\":1,\"modificationTime\":1."
      "5e3,"
      "\"dataChange\":false,\"stats\":null,\"more\":[1]},\"remove\":null}\n\n",
      1, "test");
  ASSERT_EQ(commit.adds.size(), 1u);
  EXPECT_EQ(commit.adds[0].modification_time, 1500);
  EXPECT_FALSE(commit.adds[0].partition_values.at("a"));
  EXPECT_FALSE(commit.changes_data());
}

TEST(ActionJson, RefusesWhatIsNoLog) {
  EXPECT_EQ(code_of(""), Code::corrupt);
  EXPECT_EQ(code_of("\n \n"), Code::corrupt);
  EXPECT_EQ(code_of("{\"add\":{\"path\":\"x"), Code::corrupt);
  EXPECT_EQ(code_of("{\"add\":{\"path\":1}}"), Code::corrupt);
  EXPECT_EQ(code_of("{\"add\":{}}"), Code::corrupt);
  EXPECT_EQ(code_of("{\"add\":[]}"), Code::corrupt);
  EXPECT_EQ(code_of("[]"), Code::corrupt);
  EXPECT_EQ(code_of("\xff\xfe"), Code::corrupt);
  EXPECT_EQ(
      code_of(
          "{\"metaData\":{\"id\":\"a\",\"schemaString\":\"\",\"format\":{\"provider\":\"orc\"}}}"),
      Code::unsupported);
}

TEST(ActionJson, SurvivesDepthAndLength) {
  EXPECT_EQ(code_of(std::string(1'000'000, '[')), Code::corrupt);
  EXPECT_EQ(code_of("{\"add\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"),
            Code::corrupt);
  Commit commit;
  commit.adds.push_back({.path = "p", .stats = std::string(10'000'000, 'x')});
  EXPECT_EQ(commit_from_json(to_json_lines(commit), 0, "test").adds, commit.adds);
}

TEST(JsonText, EscapesAndKeepsOneLine) {
  EXPECT_EQ(json_quoted("a\"\\\n\x01é"), "\"a\\\"\\\\\\n\\u0001é\"");
  EXPECT_EQ(json_quoted("\xff\xed\xa0\x80x"),
            "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\"");
  JsonWriter w;
  w.begin_object().field("a", 1).key("b").begin_array().value("x").null().end_array().raw_field(
      "c", "{\n}");
  EXPECT_EQ(w.end_object().text(), R"({"a":1,"b":["x",null],"c":{ }})");
}

TEST(PartitionPath, EncodesAndDecodes) {
  EXPECT_EQ(uri_encoded("a b/ü=%20.parquet"), "a%20b/%C3%BC=%2520.parquet");
  EXPECT_EQ(uri_decoded("a%20b/%C3%BC=%2520.parquet"), "a b/ü=%20.parquet");
  EXPECT_EQ(uri_decoded("100%"), "100%");
  EXPECT_EQ(uri_decoded("%zz%4"), "%zz%4");
  EXPECT_EQ(uri_decoded("%41"), "A");
  EXPECT_EQ(resolved_path("/t", "a%20b"), "/t/a b");
  EXPECT_EQ(resolved_path("/t", "file:///x/a%20b"), "/x/a b");
  EXPECT_EQ(resolved_path("/t", "file:/x"), "/x");
  EXPECT_TRUE(is_absolute_path("s3://b/x"));
  EXPECT_FALSE(is_absolute_path("a=1/b:c"));
}

TEST(PartitionPath, Values) {
  const Type stamp{Type::Kind::timestamp}, ntz{Type::Kind::timestamp_ntz}, text{Type::Kind::string};
  EXPECT_EQ(partition_value_for_log(stamp, "2025-10-17 14:00:00+00"),
            "2025-10-17T14:00:00.000000Z");
  EXPECT_EQ(partition_value_for_log(ntz, "2025-10-17 14:00:00.5"), "2025-10-17 14:00:00.500000");
  EXPECT_EQ(partition_value_for_log(text, ""), std::nullopt);
  EXPECT_EQ(partition_value_for_log(text, std::nullopt), std::nullopt);
  EXPECT_EQ(partition_literal(stamp, "2025-10-17 14:00:00"),
            "CAST('2025-10-17T14:00:00Z' AS TIMESTAMP WITH TIME ZONE)");
  EXPECT_EQ(partition_literal(text, "it's"), "CAST('it''s' AS VARCHAR)");
}

TEST(ActionJson, KeepsEveryDigitOfLargeNumbers) {
  const std::string line = "{\"txn\":{\"appId\":\"a\",\"version\":1838328437871253882}}\n";
  EXPECT_EQ(commit_from_json(line, 3, "x").txns.at(0).version, 1838328437871253882);
}

}  // namespace
}  // namespace windrow::lake
