#include "publish/mysql/types.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace windrow::publish {
namespace {

MysqlType type(const char* text) {
  const auto found = read_mysql_type(text);
  EXPECT_TRUE(found) << text;
  return found.value_or(MysqlType{});
}

TEST(MysqlTypes, AreReadAsPeopleAndServersWriteThem) {
  EXPECT_EQ(type("int(11)").name, "int");
  EXPECT_EQ(type("INTEGER").name, "int");
  EXPECT_EQ(type("bigint(20) unsigned").name, "bigint unsigned");
  EXPECT_EQ(type("tinyint(1)").kind, MysqlType::Kind::boolean);
  EXPECT_EQ(type("tinyint(4)").name, "tinyint");
  EXPECT_EQ(type("Decimal( 12 , 2 )").name, "decimal(12,2)");
  EXPECT_EQ(type("numeric").name, "decimal(10,0)");
  EXPECT_EQ(type("datetime").name, "datetime");
  EXPECT_EQ(type("datetime(6)").name, "datetime(6)");
  EXPECT_EQ(type("varchar(20)").length, 20);
  EXPECT_TRUE(type("mediumtext").is_long());
  EXPECT_FALSE(type("char(36)").is_long());
  for (const char* odd : {"", "varchar(a)", "varchar(1,2)", "text(", "enum('a')", "timestamp",
                          "int) , x int", "point", "double(5,2)", "float"})
    EXPECT_FALSE(read_mysql_type(odd)) << odd;
}

TEST(MysqlTypes, AreWidenedWhereEveryValueFits) {
  const auto widened = [](const char* from, const char* to) {
    return widens(type(from), type(to));
  };
  for (const auto& [from, to] :
       std::vector<std::pair<const char*, const char*>>{{"int", "bigint"},
                                                        {"boolean", "int"},
                                                        {"int unsigned", "bigint"},
                                                        {"int", "decimal(12,2)"},
                                                        {"decimal(10,2)", "decimal(12,3)"},
                                                        {"varchar(20)", "varchar(30)"},
                                                        {"varchar(20)", "longtext"},
                                                        {"datetime", "datetime(6)"}}) {
    EXPECT_TRUE(widened(from, to)) << from << " " << to;
    EXPECT_FALSE(widened(to, from)) << to << " " << from;
    EXPECT_FALSE(widened(from, from)) << from;
  }
  EXPECT_FALSE(widened("int", "bigint unsigned"));
  EXPECT_FALSE(widened("bigint", "decimal(12,2)"));
  EXPECT_FALSE(widened("double", "decimal(38,2)"));
  EXPECT_FALSE(widened("longtext", "longblob"));
}

TEST(MysqlTypes, ValuesAreLiterals) {
  const ViewBatch view;
  const auto literal = [&](const char* name, std::string_view value) {
    std::string out;
    append_mysql_value(value, type(name), "c", view, out);
    return out;
  };
  EXPECT_EQ(literal("longtext", "it's 'x'\\"), "'it''s ''x''\\'");
  EXPECT_EQ(literal("longblob", std::string_view("\0'\xff", 3)), "x'0027ff'");
  EXPECT_EQ(literal("double", "0.1"), "0.1e0");
  EXPECT_EQ(literal("double", "1e+308"), "1e+308");
  EXPECT_EQ(literal("decimal(38,9)", "-0.000000001"), "-0.000000001");
  EXPECT_EQ(literal("date", "1000-01-01"), "'1000-01-01'");
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, const char*>>{{"double", "nan"},
                                                        {"double", "-inf"},
                                                        {"date", "0999-12-31"},
                                                        {"date", "infinity"},
                                                        {"datetime(6)", "10000-01-01 00:00:00"},
                                                        {"date", "0044-03-15 (BC)"}})
    EXPECT_THROW(literal(name, value), Error) << name << " " << value;
}

}  // namespace
}  // namespace windrow::publish
