#include "lake/statistics.h"

#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

class StatisticsTest : public TableFixture {
 protected:
  std::string stats_of(const std::string& select) { return stage(select).at(0).stats; }
  std::string bounds(Type::Kind kind, const char* min, const char* max) {
    columns::WrittenFile file;
    file.rows = 2;
    file.columns.push_back({{"c"}, min, max, 0, false});
    return stats_json(Schema{{{"c", Type{kind, 0, 0, {}}, true}}}, file);
  }
  bool overlaps(const std::string& stats, Type::Kind kind, const std::string& from,
                const std::string& to) {
    Add add;
    add.stats = stats;
    return may_overlap(add, {"c", Type{kind, 0, 0, {}}, true}, from, to);
  }
};

TEST_F(StatisticsTest, FromTheWriter) {
  EXPECT_EQ(
      stats_of(
          "SELECT * FROM (VALUES (1::BIGINT, 'b', 1.50::DECIMAL(9,2), DATE '2025-01-02', {'x': 5}, "
          "TIMESTAMP '2025-01-01 00:00:00.123456', true, [1]), "
          "(3, NULL, 2.25, DATE '2024-01-02', {'x': 4}, TIMESTAMP '2025-01-01', false, NULL)) "
          "t(l, s, d, da, st, ts, bo, li)"),
      R"({"numRecords":2,"minValues":{"l":1,"s":"b","d":1.50,"da":"2024-01-02","st":{"x":4},)"
      R"("ts":"2025-01-01T00:00:00.000"},"maxValues":{"l":3,"s":"b","d":2.25,"da":"2025-01-02","st":{"x":5},)"
      R"("ts":"2025-01-01T00:00:00.123456"},)"
      R"("nullCount":{"l":0,"s":1,"d":0,"da":0,"st":{"x":0},"ts":0,"bo":0}})");
}

TEST_F(StatisticsTest, DecimalsAreNumbersOfJson) {
  EXPECT_EQ(
      stats_of("SELECT unnest([-.1234, .0001])::DECIMAL(4,4) AS d"),
      R"({"numRecords":2,"minValues":{"d":-0.1234},"maxValues":{"d":0.0001},"nullCount":{"d":0}})");
  EXPECT_EQ(
      stats_of("SELECT unnest([1180591620717411303424, -99999999999999999999999999999999999999])::"
               "DECIMAL(38,0) AS d"),
      R"({"numRecords":2,"minValues":{"d":-99999999999999999999999999999999999999},)"
      R"("maxValues":{"d":1180591620717411303424},"nullCount":{"d":0}})");
}

TEST_F(StatisticsTest, DecimalsWithMoreDigitsThanADoubleAreRead) {
  for (const std::string& value :
       Strings{"1180591620717411303424::DECIMAL(38,0)", "-9999999999.9999999999::DECIMAL(20,10)",
               "-.1234::DECIMAL(4,4)", "99999999999999999999999999999999999999::DECIMAL(38,0)"}) {
    std::filesystem::remove_all(path_);
    create("SELECT " + value + " AS d");
    append("SELECT 0::" + value.substr(value.find("::") + 2) + " AS d");
    const auto snapshot = table().snapshot({}, &connection_);
    EXPECT_EQ(snapshot.rows(), 2) << value;
    EXPECT_EQ(rows_at().size(), 2u) << value;
    const Field& field = snapshot.schema.fields.at(0);
    const auto range = column_range(table().snapshot(0).files.at(0), field);
    ASSERT_TRUE(range && range->min) << value;
    const std::string text = rows("SELECT (" + value + ")::VARCHAR").at(0);
    EXPECT_EQ(rows("SELECT ('" + *range->min + "'::" + duck_type(field.type) + ")::VARCHAR"),
              Strings{text});
    EXPECT_TRUE(may_overlap(table().snapshot(0).files.at(0), field, text, text));
  }
}

/// delta-rs says -9999999999.999998 where the least value is smaller by 0.0000019999.
TEST_F(StatisticsTest, DecimalsThatOthersHaveRoundedAreNotTrustedToTheLastPlace) {
  Add file;
  file.stats =
      R"({"numRecords":1,"minValues":{"d":-9999999999.999998},"maxValues":{"d":9999999999.999998},"nullCount":{"d":0}})";
  const Field column{"d", Type{Type::Kind::decimal, 20, 10, {}}};
  EXPECT_TRUE(may_overlap(file, column, "-9999999999.9999999999", "-9999999999.9999990000"));
  EXPECT_TRUE(may_overlap(file, column, "9999999999.9999990000", "9999999999.9999999999"));
  EXPECT_FALSE(may_overlap(file, column, "-10000000001", "-10000000000.5"));
}

TEST_F(StatisticsTest, NaNLeavesNoBounds) {
  const std::string stats =
      stats_of("SELECT unnest([1.0::DOUBLE, 'nan'::DOUBLE]) AS d, unnest([1, 2]) AS i");
  EXPECT_EQ(
      stats,
      R"({"numRecords":2,"minValues":{"i":1},"maxValues":{"i":2},"nullCount":{"d":0,"i":0}})");
}

TEST_F(StatisticsTest, ZeroHasTwoSigns) {
  EXPECT_EQ(bounds(Type::Kind::double_, "0.0", "-0.0"),
            R"({"numRecords":2,"minValues":{"c":-0.0},"maxValues":{"c":0.0},"nullCount":{"c":0}})");
  EXPECT_EQ(bounds(Type::Kind::double_, "-inf", "1.0"),
            R"({"numRecords":2,"minValues":{},"maxValues":{},"nullCount":{"c":0}})");
}

TEST_F(StatisticsTest, StringsAreCut) {
  const std::string forty(40, 'z');
  EXPECT_EQ(bounds(Type::Kind::string, forty.c_str(), forty.c_str()),
            R"({"numRecords":2,"minValues":{"c":")" + std::string(32, 'z') +
                R"("},"maxValues":{"c":")" + std::string(32, 'z') + "\xF4\x8F\xBF\xBF" +
                R"("},"nullCount":{"c":0}})");
  std::string umlauts;
  for (int i = 0; i < 32; ++i) umlauts += "ü";
  EXPECT_EQ(bounds(Type::Kind::string, umlauts.c_str(), umlauts.c_str()),
            R"({"numRecords":2,"minValues":{"c":")" + umlauts + R"("},"maxValues":{"c":")" +
                umlauts + R"("},"nullCount":{"c":0}})");
}

TEST_F(StatisticsTest, DatesOutOfRangeAreLeftOut) {
  EXPECT_EQ(bounds(Type::Kind::date, "0044-03-15 (BC)", "2025-01-01"),
            R"({"numRecords":2,"minValues":{},"maxValues":{},"nullCount":{"c":0}})");
  EXPECT_EQ(bounds(Type::Kind::timestamp, "2025-01-01 00:00:00.000001+00", "infinity"),
            R"({"numRecords":2,"minValues":{},"maxValues":{},"nullCount":{"c":0}})");
}

TEST_F(StatisticsTest, Overlaps) {
  using Kind = Type::Kind;
  const auto stats = [](const std::string& min, const std::string& max) {
    return R"({"numRecords":1,"minValues":{"c":)" + min + R"(},"maxValues":{"c":)" + max +
           R"(},"nullCount":{"c":0}})";
  };
  EXPECT_TRUE(overlaps(stats("1", "5"), Kind::long_, "5", "9"));
  EXPECT_FALSE(overlaps(stats("1", "5"), Kind::long_, "6", "9"));
  EXPECT_FALSE(overlaps(stats("1", "5"), Kind::long_, "0", "1"));
  const auto times = stats("\"2025-10-17T14:00:00.000Z\"", "\"2025-10-17T14:59:59.999Z\"");
  EXPECT_TRUE(
      overlaps(times, Kind::timestamp, "2025-10-17T14:59:59.9995Z", "2025-10-17T16:00:00Z"));
  EXPECT_FALSE(overlaps(times, Kind::timestamp, "2025-10-17T15:00:00Z", "2025-10-17T16:00:00Z"));
  EXPECT_FALSE(overlaps(times, Kind::timestamp, "2025-10-17T13:00:00Z", "2025-10-17T14:00:00Z"));
  EXPECT_TRUE(overlaps(stats("\"2025-10-17T14:00:00\"", "\"2025-10-17T14:00:00\""),
                       Kind::timestamp_ntz, "2025-10-17 14:00:00.000900", "2025-10-17 15:00:00"));
  EXPECT_TRUE(overlaps("", Kind::long_, "0", "1"));
  EXPECT_TRUE(overlaps("{broken", Kind::long_, "0", "1"));
  EXPECT_TRUE(overlaps(R"({"numRecords":3})", Kind::long_, "0", "1"));
  EXPECT_FALSE(overlaps(R"({"numRecords":3,"nullCount":{"c":3}})", Kind::long_, "0", "1"));
  EXPECT_TRUE(overlaps(stats("\"text\"", "7"), Kind::long_, "0", "1"));
}

}  // namespace
}  // namespace windrow::lake
