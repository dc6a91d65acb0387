#include "lake/schema.h"

#include "duck/duck.h"
#include "lake/protocol.h"
#include "lake/stager.h"
#include "lake/table.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

class SchemaTest : public TableFixture {};

TEST_F(SchemaTest, JsonRoundTripOfEveryType) {
  const Schema schema = schema_of(
      "SELECT 'a' AS s, 1::BIGINT AS l, 1::INTEGER AS i, 1::SMALLINT AS sh, 1::TINYINT AS b, "
      "1::FLOAT AS f, "
      "1::DOUBLE AS d, 1::DECIMAL(38,10) AS de, true AS bo, 'x'::BLOB AS bl, DATE '2025-01-01' AS "
      "da, "
      "TIMESTAMPTZ '2025-01-01' AS tz, TIMESTAMP '2025-01-01' AS nt, [1] AS arr, MAP {'k': [1.5]} "
      "AS m, "
      "{'x y': 1, 'q\"': {'z': 'v'}} AS st");
  EXPECT_EQ(schema_from_json(to_json(schema)), schema);
  EXPECT_EQ(schema.find("st")->type.text(), "struct<x y:integer,q\":struct<z:string>>");
  EXPECT_EQ(schema.find("m")->type.text(), "map<string,array<decimal(2,1)>>");
  std::vector<Column> back;
  for (const auto& field : schema.fields) back.push_back({field.name, duck_type(field.type)});
  EXPECT_EQ(schema_from_duck(back), schema);
  EXPECT_EQ(schema.find("S"), nullptr);
  EXPECT_NE(schema.find_any_case("S"), nullptr);
}

TEST_F(SchemaTest, TypesWithoutAHome) {
  EXPECT_EQ(type_from_duck("a", "HUGEINT").text(), "long");
  EXPECT_EQ(type_from_duck("a", "ENUM('a)', 'b''(')[]").text(), "array<string>");
  EXPECT_EQ(type_from_duck("a", "UUID").text(), "string");
  EXPECT_EQ(type_from_duck("a", "UBIGINT").text(), "long");
  EXPECT_EQ(type_from_duck("a", "MAP(VARCHAR, UHUGEINT)").text(), "map<string,long>");
  EXPECT_EQ(type_from_duck("a", "INTEGER[3][]").text(), "array<array<integer>>");
  for (const char* type :
       {"BIGNUM", "TIME", "INTERVAL", "TIMESTAMP_NS", "\"NULL\"", "UNION(a INTEGER)", "BIT", "",
        "STRUCT(", "DECIMAL(x,1)", "STRUCT(a TIME)", "STRUCT(INTEGER, VARCHAR)", "STRUCT(INTEGER)",
        "STRUCT(DECIMAL(3,1), DATE)[]", "STRUCT(a STRUCT(INTEGER, VARCHAR))"}) {
    const Problem problem = problem_of([&] { type_from_duck("my column", type); });
    EXPECT_EQ(problem.code, Code::unsupported) << type;
    EXPECT_NE(problem.message.find("my column"), std::string::npos);
  }
  std::string deep = "INTEGER";
  for (int i = 0; i < 10'000; ++i) deep = "STRUCT(a " + deep + ")";
  EXPECT_EQ(problem_of([&] { type_from_duck("a", deep); }).code, Code::unsupported);
  const std::vector<Column> same = {{"a", "INTEGER"}, {"A", "TIME"}, {"b", "BIT"}};
  try {
    schema_from_duck(same);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 2u);
  }
}

TEST_F(SchemaTest, BadSchemaStrings) {
  EXPECT_EQ(problem_of([] { schema_from_json("{"); }).code, Code::corrupt);
  EXPECT_EQ(problem_of([] { schema_from_json("{\"type\":\"struct\"}"); }).code, Code::corrupt);
  EXPECT_EQ(problem_of([] {
              schema_from_json(R"({"type":"struct","fields":[{"name":"a","type":"variant"}]})");
            }).code,
            Code::unsupported);
}

TEST_F(SchemaTest, ConformingSelect) {
  const std::string select =
      "SELECT 9::HUGEINT AS h, 'e'::ENUM('e') AS e, {'b': 2} AS s, [{'b': 2}] AS l, NULL::STRUCT(b "
      "INTEGER) "
      "AS n";
  Schema schema = schema_of(
      "SELECT 1::BIGINT AS h, 'x' AS e, {'a': 'x', 'b': 2::BIGINT} AS s, 1.5 AS more, "
      "{'a': 1, 'b': 1} AS n, [{'b': 2::BIGINT}] AS l");
  const std::string sql = duck_sql(conforming_select(select, connection_.describe(select), schema));
  EXPECT_EQ(rows("SELECT h, e, s::VARCHAR, more, n IS NULL, l::VARCHAR FROM (" + sql + ")"),
            (Strings{"9|e|{'a': NULL, 'b': 2}|NULL|true|[{'b': 2}]"}));
  EXPECT_EQ(schema_from_duck(connection_.describe(sql)), schema);
  const std::string big = "SELECT 170141183460469231731687303715884105727::HUGEINT AS h";
  EXPECT_THROW(rows(duck_sql(conforming_select(big, connection_.describe(big), schema))), SqlError);
  EXPECT_THROW(conforming_select("SELECT 1 AS zzz", {{"zzz", "INTEGER"}}, schema), Error);
}

TEST_F(SchemaTest, DecimalsOf38DigitsDoNotOverflow) {
  const std::string most(38, '9');
  const auto sum = [&](const std::string& type, const std::string& a, const std::string& b) {
    const std::string select = "SELECT sum(d) AS d FROM (VALUES ('" + a + "'::" + type + "), ('" +
                               b + "'::" + type + ")) t(d)";
    return rows(
        duck_sql(conforming_select(select, connection_.describe(select), schema_of(select))));
  };
  EXPECT_EQ(sum("DECIMAL(38,0)", most, "0"), Strings{most});
  EXPECT_EQ(sum("DECIMAL(38,0)", "-" + most, "0"), Strings{"-" + most});
  const auto problem = problem_of([&] { sum("DECIMAL(38,0)", most, "1"); });
  EXPECT_NE(problem.message.find("column \"d\": a value has more digits than DECIMAL(38,0) holds"),
            std::string::npos)
      << problem.message;
  EXPECT_NE(problem_of([&] { sum("DECIMAL(38,0)", "-" + most, "-1"); }).message, "no error");
  const std::string cents = std::string(36, '9') + ".99";
  EXPECT_EQ(sum("DECIMAL(38,2)", cents, "0"), Strings{cents});
  EXPECT_NE(problem_of([&] { sum("DECIMAL(38,2)", cents, "0.01"); }).message, "no error");
  EXPECT_EQ(sum("DECIMAL(38,38)", "0." + most, "0"), Strings{"." + most});
}

TEST_F(SchemaTest, Evolution) {
  const Schema current = schema_of("SELECT 1::BIGINT AS a, {'x': 1} AS s, 1.5::DECIMAL(10,2) AS d");
  const auto added =
      evolve(current, schema_of("SELECT 1 AS a, {'x': 1, 'y': 2} AS s, 'n' AS neu"), "t");
  EXPECT_EQ(added.added, (Strings{"s.y", "neu"}));
  EXPECT_EQ(added.schema.find("a")->type.text(), "long");
  EXPECT_EQ(added.schema.find("s")->type.text(), "struct<x:integer,y:integer>");
  EXPECT_EQ(evolve(current, current, "t").schema, current);
  try {
    evolve(current, schema_of("SELECT 'x' AS a, {'x': 'no'} AS s, 1.5::DECIMAL(10,3) AS D"),
           "silver.t");
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.problems().size(), 3u);
    EXPECT_NE(std::string(error.what()).find("\"s.x\" is integer and would become string"),
              std::string::npos);
  }
}

TEST_F(SchemaTest, Protocols) {
  const Schema plain = schema_of("SELECT 1 AS a");
  const Schema ntz = schema_of("SELECT {'t': [TIMESTAMP '2025-01-01']} AS a");
  EXPECT_EQ(protocol_for(plain), (Protocol{1, 2, {}, {}}));
  EXPECT_EQ(protocol_for(ntz),
            (Protocol{3, 7, {"timestampNtz"}, {"appendOnly", "invariants", "timestampNtz"}}));
  EXPECT_FALSE(upgraded_for(protocol_for(ntz), ntz));
  Metadata metadata;
  check_writable({2, 6, {}, {}}, metadata, plain);
  metadata.configuration["delta.columnMapping.mode"] = "color";
  EXPECT_EQ(problem_of([&] { check_readable({2, 5, {}, {}}, metadata); }).code, Code::unsupported);
  metadata.configuration = {{"delta.enableIcebergCompatV2", "true"}};
  check_readable({1, 4, {}, {}}, metadata);
  const Problem problem = problem_of([&] { check_writable({1, 4, {}, {}}, metadata, plain); });
  EXPECT_NE(problem.message.find("IcebergCompatV2"), std::string::npos);
  EXPECT_EQ(problem_of([&] {
              check_writable({1, 7, {}, {"catalogManaged"}}, {}, plain);
            }).code,
            Code::unsupported);
  EXPECT_EQ(problem_of([&] { check_readable({4, 7, {}, {}}, {}); }).code, Code::unsupported);
  EXPECT_EQ(problem_of([&] {
              create_actions({plain, {"zz"}, "", "", false}, Time{});
            }).code,
            Code::data);
}

}  // namespace
}  // namespace windrow::lake
