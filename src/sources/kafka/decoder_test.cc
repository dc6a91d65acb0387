#include "sources/kafka/decoder.h"

#include <gtest/gtest.h>

#include "duck/duck.h"
#include "sources/kafka/kind.h"

namespace windrow::sources {
namespace {

using clients::KafkaMessage;
using clients::KafkaPartition;

struct DecoderTest : testing::Test {
  duck::Database database{duck::Options{}};
  duck::Connection connection{database};
  project::Source source;
  std::unique_ptr<Decoder> decoder;
  Messages messages{true};
  KafkaPartition from{"events", 3};
  int64_t offset = 100;

  void declare(const std::string& name, const std::string& type, const std::string& value = {},
               const std::string& bad = {}) {
    project::ColumnDeclaration column;
    column.name = name;
    column.type = type;
    column.value = value;
    column.on_bad_value = bad;
    source.columns.push_back(column);
  }
  SchemaOf schema_of;
  void send(std::optional<std::string_view> value) {
    KafkaMessage message;
    message.from = &from;
    message.offset = offset++;
    message.timestamp_ms = 1'700'000'000'123;
    message.key = "k";
    message.value = value;
    message.headers = {{"trace", "x"}, {"none", std::nullopt}};
    messages.add(message);
  }
  /// Decodes what was sent; rows as text, one a line.
  std::string rows(const std::vector<Column>& table = {}) {
    if (!decoder) {
      source.name = "bronze.events";
      decoder = std::make_unique<Decoder>(source, record_format(source, schema_of));
    }
    decoder->set_table(table);
    decoder->decode(messages, connection);
    const duck::BufferTable buffer(connection, decoder->rows());
    const auto found = connection.query(decoder->select(buffer.sql()));
    std::string out;
    for (const auto& column : found.columns) out += column.name + ":" + column.type + " ";
    for (const auto& row : found.rows) {
      out += "\n";
      for (const auto& cell : row) out += cell_text(cell) + "|";
    }
    messages.clear();
    return out;
  }
  std::string why(size_t i = 0) {
    return i < decoder->rejected().size() ? decoder->rejected()[i].why : "nothing";
  }
};

TEST_F(DecoderTest, TypesComeFromTheFirstValues) {
  send(R"({"a":1,"b":"x","c":true,"d":1.5,"e":null,"f":{"g":[1, 2]},"h":[]})");
  send(R"({"b":"longer than twelve bytes","a":-2,"d":3,"e":null})");
  EXPECT_EQ(rows(),
            "a:BIGINT b:VARCHAR c:BOOLEAN d:DOUBLE f:VARCHAR h:VARCHAR \n"
            "1|x|true|1.5|{\"g\":[1, 2]}|[]|\n-2|longer than twelve bytes|NULL|3|NULL|NULL|");
  EXPECT_EQ(why(), "nothing");
}

TEST_F(DecoderTest, AGuessIsWidenedWithinABatchAndHeldAfterwards) {
  send(R"({"a":1,"b":1})");
  send(R"({"a":2.5,"b":"text"})");
  send(R"({"a":3,"b":{"c":1}})");
  EXPECT_EQ(rows(), "a:DOUBLE b:VARCHAR \n1|1|\n2.5|text|\n3|{\"c\":1}|");
  send(R"({"a":"4.5"})");
  send(R"({"a":"four"})");
  EXPECT_EQ(rows({{"a", "DOUBLE"}, {"b", "VARCHAR"}}), "a:DOUBLE b:VARCHAR \n4.5|NULL|");
  EXPECT_EQ(why(), "field \"a\" has \"four\", which is not double");
}

TEST_F(DecoderTest, ATimestampAsTextIsANumberAndAFieldOfManyShapesIsJson) {
  declare("timestamp", "bigint");
  declare("log_params", "json");
  send(R"({"timestamp":"1700000000","log_params":{"a":1}})");
  send(R"({"timestamp":1700000001.0,"log_params":[1,"x"]})");
  send(R"({"timestamp":1700000002,"log_params":"text \"quoted\""})");
  send(R"({"timestamp":" 17 ","log_params":null})");
  EXPECT_EQ(rows(),
            "timestamp:BIGINT log_params:VARCHAR \n1700000000|{\"a\":1}|\n1700000001|[1,\"x\"]|\n"
            "1700000002|\"text \\\"quoted\\\"\"|\n17|NULL|");
}

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_F(DecoderTest, WhatIsNestedTooDeeplyIsSetAside) {
  std::string objects;
  for (int i = 0; i < 50'000; ++i) objects += "{\"a\":";
  objects += "1" + std::string(50'000, '}');
  const std::vector<std::string> bad = {"{\"a\":" + nested(1000) + "}",
                                        "{\"a\":" + nested(300'000) + "}", objects,
                                        "{\"b\":1,\"a\":" + objects + "}"};
  for (const auto& message : bad) send(message);
  const std::string deepest = "{\"a\":" + nested(999) + "}";
  send(deepest);
  EXPECT_EQ(rows({{"a", "VARCHAR"}, {"b", "BIGINT"}}),
            "a:VARCHAR b:BIGINT \n" + nested(999) + "|NULL|");
  ASSERT_EQ(decoder->rejected().size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_NE(why(i), "nothing");
  EXPECT_EQ(why(0), "it is nested deeper than 1000 levels");
}

TEST_F(DecoderTest, WhatIsTooLongIsSetAside) {
  source.own = KafkaFrom{.record_bytes_max = 1000};
  send("{\"a\":\"" + std::string(992, 'x') + "\"}");
  send("{\"a\":\"" + std::string(993, 'x') + "\"}");
  send("{\"a\":\"y\"}");
  rows();
  EXPECT_EQ(decoder->good_rows(), 2);
  EXPECT_EQ(why(), "it is 1001 bytes long, and `record_bytes_max` is 1000: this is how it begins");
}

TEST_F(DecoderTest, RowsThatOnlySqlFindsBadAreNotCounted) {
  declare("d", "date");
  send(R"({"d":"2025-01-01"})");
  send(R"({"d":"soon"})");
  rows();
  EXPECT_EQ(decoder->good_rows(), 1);
}

TEST_F(DecoderTest, WhatDoesNotReadIsSetAsideAndLeavesNothing) {
  declare("a", "bigint");
  const char* const broken[] = {"",
                                "not json",
                                "[1]",
                                "17",
                                "\"text\"",
                                R"({"a":1)",
                                R"({"a":1}})",
                                R"({"a":1} {"a":2})",
                                R"({"a":01})",
                                R"({"a":tru})",
                                R"({"a":1,"b":nul})",
                                "{\"a\":\"\xff\"}",
                                R"({"b":"\ud800"})",
                                R"({"a":1.5})",
                                R"({"a":9223372036854775808})",
                                R"({"b":{"c":tru}})",
                                R"({"b":[1,]})",
                                R"({"a" 1})",
                                R"({"b":"\q"})"};
  for (const auto* text : broken) send(text);
  send(R"({"a":5})");
  EXPECT_EQ(rows(), "a:BIGINT \n5|");
  ASSERT_EQ(decoder->rejected().size(), std::size(broken));
  for (size_t i = 0; i < std::size(broken); ++i) EXPECT_EQ(decoder->rejected()[i].message, i);
  EXPECT_EQ(why(2), "not a JSON object");
  EXPECT_EQ(why(13), "field \"a\" has 1.5, which is not bigint");
}

TEST_F(DecoderTest, EscapesInNamesAndTexts) {
  send("{\"na\\u006de\":\"line\\nbreak \\ud83d\\ude00 \\u0000 end\", \"\\\"q\\\"\" : 1 }");
  const auto found = rows();
  EXPECT_EQ(found.substr(0, found.find('\n')), "name:VARCHAR \"q\":BIGINT ");
  EXPECT_NE(found.find("line\nbreak \xF0\x9F\x98\x80 "), std::string::npos);
}

TEST_F(DecoderTest, ContractsOfNewColumns) {
  const std::vector<Column> table{{"a", "BIGINT"}};
  source.on_new_column = "ignore";
  send(R"({"a":1,"new":{"x":[1]}})");
  EXPECT_EQ(rows(table), "a:BIGINT \n1|");
  source.on_new_column = "reject";
  decoder.reset();
  send(R"({"a":1,"new":2})");
  send(R"({"a":2,"new":null})");
  EXPECT_EQ(rows(table), "a:BIGINT \n2|");
  EXPECT_EQ(why(), "field \"new\" is not a column of the table");
  source.on_new_column = "stop";
  decoder.reset();
  send(R"({"a":1,"new":2})");
  EXPECT_THROW(rows(table), Error);
}

TEST_F(DecoderTest, ContractsOfValues) {
  declare("a", "integer", "", "null");
  declare("b", "date");
  declare("c", "bigint", "", "stop");
  send(R"({"a":3000000000,"b":"2025-10-17"})");
  send(R"({"a":1,"b":"no date"})");
  send(R"({"a":2})");
  EXPECT_EQ(rows(), "a:INTEGER b:DATE c:BIGINT \nNULL|2025-10-17|NULL|\n2|NULL|NULL|");
  EXPECT_EQ(why(), "field \"b\" has \"no date\", which is not date");
  EXPECT_EQ(decoder->rejected()[0].message, 1u);
  send(R"({"c":"x"})");
  EXPECT_THROW(rows(), Error);
}

TEST_F(DecoderTest, NestedTypesAndExpressions) {
  declare("id", "bigint");
  declare("tags", "varchar[]");
  declare("moment", "timestamptz", "to_timestamp(timestamp)");
  declare("old", "bigint", "CAST(length->>'old' AS BIGINT)");
  source.on_new_column = "ignore";
  source.partition_by = {{"year", "year(moment)"}};
  send(R"({"id":1,"tags":["x","y"],"timestamp":1700000000,"length":{"old":5,"new":7}})");
  connection.execute("SET TimeZone = 'UTC'");
  EXPECT_EQ(rows(),
            "id:BIGINT tags:VARCHAR[] moment:TIMESTAMP WITH TIME ZONE old:BIGINT year:BIGINT \n"
            "1|[x, y]|2023-11-14 22:13:20+00|5|2023|");
}

TEST_F(DecoderTest, KafkaColumnsRawTextAndTombstones) {
  source.raw = "document";
  source.on_new_column = "ignore";
  declare("kafka_topic", "varchar");
  declare("kafka_partition", "integer");
  declare("kafka_offset", "bigint");
  declare("kafka_key", "varchar");
  declare("kafka_headers", "json");
  declare("ms", "bigint", "epoch_ms(kafka_time)");
  send(R"({"a": 1})");
  send(std::nullopt);
  send("broken");
  EXPECT_EQ(rows(),
            "document:VARCHAR kafka_topic:VARCHAR kafka_partition:INTEGER kafka_offset:BIGINT "
            "kafka_key:VARCHAR kafka_headers:JSON ms:BIGINT \n"
            "{\"a\": 1}|events|3|100|k|{\"trace\":\"x\",\"none\":null}|1700000000123|\n"
            "NULL|events|3|101|k|{\"trace\":\"x\",\"none\":null}|1700000000123|");
  EXPECT_EQ(decoder->rejected().size(), 1u);
}

TEST_F(DecoderTest, AListInTheRecordBecomesRows) {
  source.explode = "info.participants";
  send(R"({"metadata":{"id":"EU_1"},"info":{"participants":[{"name":"x","kills":3},{"name":"y"}],)"
       R"("mode":"ARAM","kills":99}})");
  send(R"({"info":{"participants":[]}})");
  send(R"({"info":{"mode":"CLASSIC"}})");
  send(R"({"info":{"participants":[1]}})");
  EXPECT_EQ(rows(),
            "metadata:VARCHAR mode:VARCHAR kills:BIGINT name:VARCHAR \n"
            "{\"id\":\"EU_1\"}|ARAM|3|x|\n{\"id\":\"EU_1\"}|ARAM|99|y|");
  ASSERT_EQ(decoder->rejected().size(), 2u);
  EXPECT_EQ(why(0), "there is no list \"info.participants\"");
  EXPECT_EQ(why(1), "an element of \"info.participants\" is not an object");
}

TEST_F(DecoderTest, Csv) {
  source.format = "csv";
  declare("id", "bigint");
  declare("name", "varchar");
  declare("share", "double");
  send("1,plain,0.5\n2,\"with \"\"quotes\"\", and\na break\",\r\n3,\"\",1");
  send("1,2");
  send("x,y,1");
  EXPECT_EQ(rows(),
            "id:BIGINT name:VARCHAR share:DOUBLE \n1|plain|0.5|\n"
            "2|with \"quotes\", and\na break|NULL|\n3||1|");
  EXPECT_EQ(why(0), "2 fields, and 3 are declared");
  EXPECT_EQ(why(1), "field \"id\" has \"x\", which is not bigint");
}

TEST_F(DecoderTest, Bytes) {
  source.format = "bytes";
  send(std::string_view("\xff\x00z", 3));
  EXPECT_EQ(rows(), "value:BLOB \n\\xFF\\x00z|");
}

TEST_F(DecoderTest, Avro) {
  source.format = "avro";
  declare("price", "decimal(10,2)");
  declare("at_time", "timestamptz");
  schema_of = [](int32_t id) -> std::string {
    if (id == 7)
      return R"({"type":"record","name":"E","namespace":"x.y","fields":[
        {"name":"id","type":"long"},{"name":"name","type":["null","string"]},
        {"name":"share","type":"double"},{"name":"ok","type":"boolean"},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
        {"name":"at_time","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"suit","type":{"type":"enum","name":"Suit","symbols":["A","B"]}},
        {"name":"tags","type":{"type":"array","items":"string"}},
        {"name":"more","type":{"type":"map","values":["null","int","E"]}}]})";
    throw BadRecord{"the schema registry does not know the schema " + std::to_string(id)};
  };
  using namespace std::string_literals;
  const std::string head = "\0\0\0\0\x07"s;
  // id -3, name "ä", share 0.5, ok, price -1.05, 2023-11-14T22:13:20Z, B, ["x"], {"k": 1}
  const std::string body = "\x05\x02\x04\xC3\xA4"s + "\0\0\0\0\0\0\xE0\x3F"s + "\x01"s +
                           "\x02\x97"s + "\x80\xA0\xAB\xFE\xF9\x62"s + "\x02"s + "\x02\x02x\0"s +
                           "\x02\x02k\x02\x02\0"s;
  send(head + body);
  send(head + body.substr(0, 20));
  send(head + body + "x");
  send("\0\0\0\0\x08"s + body);
  send("{}");
  connection.execute("SET TimeZone = 'UTC'");
  EXPECT_EQ(rows(),
            "price:DECIMAL(10,2) at_time:TIMESTAMP WITH TIME ZONE id:BIGINT name:VARCHAR "
            "share:DOUBLE ok:BOOLEAN suit:VARCHAR tags:VARCHAR more:VARCHAR \n"
            "-1.05|2023-11-14 22:13:20+00|-3|\xC3\xA4|0.5|true|B|[\"x\"]|{\"k\":1}|");
  ASSERT_EQ(decoder->rejected().size(), 4u);
  EXPECT_EQ(why(0), "the Avro record is cut off");
  EXPECT_EQ(why(1), "1 bytes are left behind the Avro record");
  EXPECT_EQ(why(2), "the schema registry does not know the schema 8");
}

}  // namespace
}  // namespace windrow::sources
