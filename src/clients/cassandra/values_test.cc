#include "clients/cassandra/values.h"

#include <gtest/gtest.h>

#include "clients/cassandra/ring.h"

namespace windrow::clients::cassandra {
namespace {

std::string round(const char* type, std::string_view text) {
  const auto parsed = parse_type(type);
  return to_text(parsed, from_text(parsed, text));
}

TEST(Murmur3, TokensAreCassandras) {
  EXPECT_EQ(murmur3_token("123"), -7468325962851647638);
  std::string long_key;
  for (int i = 0; i < 10; ++i) long_key += std::string("\x00\xff\x10\xfa\x99", 5);
  EXPECT_EQ(murmur3_token(long_key), 5837342703291459765);
  EXPECT_EQ(murmur3_token(std::string(8, '\xfe')), -8927430733708461935);
  EXPECT_EQ(murmur3_token(std::string(8, '\x10')), 1446172840243228796);
  EXPECT_EQ(murmur3_token("9223372036854775807"), 7162290910810015547);
}

TEST(Ring, OwnersAndThoseAfterThem) {
  Ring ring;
  ring.add(100, 0);
  ring.add(-50, 1);
  ring.add(0, 2);
  ring.sort();
  EXPECT_EQ(ring.owner(-50), 1u);
  EXPECT_EQ(ring.owner(-49), 2u);
  EXPECT_EQ(ring.owner(100), 0u);
  EXPECT_EQ(ring.owner(101), 1u);
  EXPECT_EQ(ring.from(1), (std::vector<size_t>{0, 1, 2}));
}

TEST(Ring, KeysOfSeveralColumns) {
  Values values;
  values.text("ab");
  values.integer(int32_t(7));
  values.text("");
  std::string one, two;
  put_routing_key(one, values, {0});
  EXPECT_EQ(one, "ab");
  put_routing_key(two, values, {1, 0});
  EXPECT_EQ(two, std::string("\0\4\0\0\0\7\0\0\2ab\0", 12));
}

TEST(Values, NullUnsetAndEmptyDiffer) {
  Values values;
  values.null();
  values.unset();
  values.text("");
  values.integer(int64_t(5));
  bool null = false;
  values.at(0, &null);
  EXPECT_TRUE(null);
  values.at(2, &null);
  EXPECT_FALSE(null);
  EXPECT_EQ(values.at(3).size(), 8u);
  EXPECT_EQ(values.wire().substr(0, 12),
            std::string_view("\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0", 12));
}

TEST(Values, NumbersOfAnyLength) {
  for (const char* digits :
       {"0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "-256", "9223372036854775808",
        "-170141183460469231731687303715884105728", "340282366920938463463374607431768211456"})
    EXPECT_EQ(varint_text(varint_bytes(digits)), digits);
  EXPECT_EQ(varint_bytes("127"), "\x7f");
  EXPECT_EQ(varint_bytes("128"), std::string("\0\x80", 2));
  EXPECT_EQ(varint_bytes("-128"), "\x80");
  EXPECT_EQ(varint_bytes("-129"), "\xff\x7f");
  EXPECT_EQ(varint_bytes("0"), std::string(1, '\0'));
  EXPECT_EQ(varint_bytes("-0"), std::string(1, '\0'));
  EXPECT_THROW(varint_bytes("12a"), Error);
  EXPECT_THROW(varint_bytes(""), Error);
}

TEST(Values, TextsThereAndBack) {
  EXPECT_EQ(round("decimal", "-12.340"), "-12.340");
  EXPECT_EQ(round("decimal", "0.001"), "0.001");
  EXPECT_EQ(round("decimal", "-0.5"), "-0.5");
  EXPECT_EQ(round("decimal", "1.5E+7"), "15E+6");
  EXPECT_EQ(round("uuid", "0e6dd6f5-9f0a-4c4b-9d5e-000000000001"),
            "0e6dd6f5-9f0a-4c4b-9d5e-000000000001");
  EXPECT_EQ(round("inet", "127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(round("inet", "2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(round("timestamp", "1969-12-31T23:59:59.999Z"), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(round("date", "1969-12-31"), "1969-12-31");
  EXPECT_EQ(round("date", "2025-10-17"), "2025-10-17");
  EXPECT_EQ(round("time", "23:59:59.123456"), "23:59:59.123456000");
  EXPECT_EQ(round("blob", "0x00ff"), "0x00ff");
  EXPECT_EQ(round("boolean", "true"), "true");
  EXPECT_EQ(round("tinyint", "-128"), "-128");
  EXPECT_EQ(round("double", "-0"), "-0");
  EXPECT_EQ(round("float", "1.5"), "1.5");
  EXPECT_EQ(round("text", "Zoë"), "Zoë");
  EXPECT_THROW(round("tinyint", "128"), Error);
  EXPECT_THROW(round("uuid", "0e6d"), Error);
  EXPECT_THROW(round("inet", "localhost"), Error);
}

TEST(Values, Durations) {
  const auto type = parse_type("duration");
  EXPECT_EQ(to_text(type, duration_bytes(1, -2, 1LL << 62)), "1mo-2d4611686018427387904ns");
  EXPECT_EQ(to_text(type, duration_bytes(0, 0, INT64_MIN)), "0mo0d-9223372036854775808ns");
  EXPECT_EQ(duration_bytes(0, 0, -1), std::string("\0\0\1", 3));
}

TEST(Types, ReadFromCql) {
  EXPECT_EQ(parse_type("frozen<map<text, frozen<list<INT>>>>").text(), "map<text, list<int>>");
  EXPECT_EQ(parse_type("varchar").kind, Kind::text);
  EXPECT_EQ(parse_type("tuple<int, text, uuid>").of.size(), 3u);
  for (const char* wrong : {"", "number", "list", "list<int", "map<int>", "int int", "int<text>"})
    EXPECT_THROW(parse_type(wrong), Error) << wrong;
}

}  // namespace
}  // namespace windrow::clients::cassandra
