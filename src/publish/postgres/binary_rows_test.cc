#include "publish/postgres/binary_rows.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/hash.h"
#include "duck/duck.h"

namespace windrow::publish {
namespace {

/// Numeric's bytes behind the length, in hexadecimal: count, weight, sign, scale, groups.
std::string numeric(const std::string& sql, int scale) {
  duck::Database database(duck::Options{.threads = 1});
  duck::Connection connection(database);
  BinaryRows rows("v", {{"n", *read_postgres_type("numeric"), scale}});
  Bytes bytes;
  duck::stream_vectors(connection, "SELECT " + sql, [&](size_t count, const auto& vectors) {
    rows.write(count, vectors, bytes);
    return true;
  });
  return hexadecimal(bytes.view().substr(6));
}

TEST(BinaryRowsTest, Numerics) {
  EXPECT_EQ(numeric("0::DECIMAL(10,2)", 2), "0000000000000002");
  EXPECT_EQ(numeric("1::DECIMAL(10,2)", 2), "00010000000000020001");
  EXPECT_EQ(numeric("-0.01::DECIMAL(10,2)", 2), "0001ffff400000020064");
  EXPECT_EQ(numeric("12345.6789::DECIMAL(18,4)", 4), "0003000100000004000109291a85");
  EXPECT_EQ(numeric("10000::DECIMAL(18,0)", 0), "00010001000000000001");
  EXPECT_EQ(numeric("0.00001::DECIMAL(38,5)", 5), "0001fffe0000000503e8");
  EXPECT_EQ(numeric("99999999999999999999999999999999999999::DECIMAL(38,0)", 0),
            "000a0009000000000063270f270f270f270f270f270f270f270f270f");
}

TEST(BinaryRowsTest, NumericsOfTexts) {
  EXPECT_EQ(numeric("'12345.6789'", 0), numeric("12345.6789::DECIMAL(18,4)", 4));
  EXPECT_EQ(numeric("'-1e-2'", 0), numeric("-0.01::DECIMAL(10,2)", 2));
  EXPECT_EQ(numeric("'1e4'", 0), numeric("10000::DECIMAL(18,0)", 0));
  EXPECT_EQ(numeric("'NaN'", 0), "00000000c0000000");
  EXPECT_EQ(numeric("'-inf'", 0), "00000000f0000000");
  EXPECT_EQ(numeric("'-0'", 0), "0000000000000000");
  EXPECT_THROW(numeric("'12x'", 0), Error);
  EXPECT_THROW(numeric("''", 0), Error);
}

TEST(PostgresTypesTest, ReadsWhatFormatTypeWrites) {
  for (const char* name : {"numeric(12,2)", "character varying(20)", "timestamp with time zone",
                           "double precision", "text[]", "uuid", "jsonb"}) {
    ASSERT_TRUE(read_postgres_type(name)) << name;
    EXPECT_EQ(read_postgres_type(name)->sql(), name);
  }
  EXPECT_EQ(read_postgres_type("varchar(7)")->sql(), "character varying(7)");
  EXPECT_EQ(read_postgres_type("TIMESTAMPTZ")->sql(), "timestamp with time zone");
  EXPECT_EQ(read_postgres_type("decimal(4, 1)")->sql(), "numeric(4,1)");
  EXPECT_FALSE(read_postgres_type("point"));
  EXPECT_FALSE(read_postgres_type("user-defined thing"));
}

TEST(PostgresTypesTest, WidensOnlyWhatFits) {
  const auto widened = [](const char* from, const char* to) {
    return widens(*read_postgres_type(from), *read_postgres_type(to));
  };
  EXPECT_TRUE(widened("integer", "bigint"));
  EXPECT_TRUE(widened("bigint", "numeric"));
  EXPECT_TRUE(widened("numeric(4,2)", "numeric(6,3)"));
  EXPECT_TRUE(widened("varchar(5)", "text"));
  EXPECT_FALSE(widened("bigint", "integer"));
  EXPECT_FALSE(widened("bigint", "numeric(10,0)"));
  EXPECT_FALSE(widened("numeric(6,3)", "numeric(6,2)"));
  EXPECT_FALSE(widened("text", "integer"));
  EXPECT_FALSE(widened("date", "timestamp"));
}

}  // namespace
}  // namespace windrow::publish
