#include "cli/text_table.h"

#include <gtest/gtest.h>

#include "duck/duck.h"

namespace windrow::cli {
namespace {

TEST(Text, CountsBytesAndTimes) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
  EXPECT_EQ(count_text(INT64_MIN), "-9,223,372,036,854,775,808");
  EXPECT_EQ(counted(1, "row"), "1 row");
  EXPECT_EQ(counted(0, "row"), "0 rows");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'400'000), "1.4 MB");
  EXPECT_EQ(bytes_text(999'960), "1.0 MB");
  EXPECT_EQ(seconds_text(std::chrono::milliseconds(120)), "0.12 s");
  EXPECT_EQ(seconds_text(std::chrono::microseconds(59'999'000)), "0 m 59 s");
  EXPECT_EQ(seconds_text(std::chrono::seconds(185)), "3 m 05 s");
  EXPECT_EQ(seconds_text(std::chrono::hours(30)), "30 h 00 m");
  EXPECT_EQ(short_time(*parse_time("2025-10-17")), "2025-10-17");
  EXPECT_EQ(short_time(*parse_time("2025-10-17T14:05:09.25Z")), "2025-10-17 14:05:09");
}

TEST(Text, WidthIsWhatATerminalTakes) {
  EXPECT_EQ(display_width(""), 0u);
  EXPECT_EQ(display_width("Ünï"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("\xff\xfe"), 2u);
}

TEST(Text, ClipsAtCharactersAndKeepsControlCharactersOut) {
  EXPECT_EQ(clipped("abc", 3), "abc");
  EXPECT_EQ(clipped("abcd", 3), "ab…");
  EXPECT_EQ(clipped("日本語", 6), "日本語");
  EXPECT_EQ(clipped("日本語", 5), "日本…");
  EXPECT_EQ(clipped("日本語", 4), "日…");
  EXPECT_EQ(clipped("a\nb\tc\x1b[31m", 20), "a⏎b c[31m");
  EXPECT_EQ(clipped("abc", 1), "…");
  EXPECT_EQ(clipped("abc", 0), "");
  EXPECT_EQ(clipped("a\xff", 5), "a?");
}

TEST(TextTable, AlignsWideCharactersAndNumbers) {
  TextTable table({"name", "n"}, {1});
  table.add({"日本", "1"});
  table.add({"a", "1,000"});
  EXPECT_EQ(table.text(),
            "name      n\n"
            "日本      1\n"
            "a     1,000\n");
}

TEST(TextTable, CutsTextBeforeNumbersAndNamesColumnsWithoutRoom) {
  TextTable table({"long", "number"}, {1});
  table.add({std::string(50, 'x'), "1234567890"});
  EXPECT_EQ(table.text({26}), "long                number\nxxxxxxxxxxxxx…  1234567890\n");
  TextTable many({"aaaaaaaaaaaaaa", "bbbbbbbbbbbbbb", "cccccccccc"});
  many.add({"1", "2", "3"});
  EXPECT_EQ(many.text({28}),
            "aaaaaaaaaaa…  bbbbbbbbbbb…\n1             2\n… and 1 column: cccccccccc\n");
}

TEST(TextTable, MasksBeforeItCuts) {
  Secrets secrets;
  secrets.learn("hunter2-and-a-long-tail");
  TextTable table({"text"});
  table.add({"hunter2-and-a-long-tail"});
  const auto text = table.text({10, {}, &secrets});
  EXPECT_EQ(text, "text\n***\n");
}

TEST(TextTable, ColoursDoNotChangeTheAlignment) {
  TextTable table({"status", "n"}, {1});
  table.add({{"done", TextTable::Tone::good}, "1"});
  const auto text = table.text({80, Style{true}});
  EXPECT_NE(text.find("\033[32mdone\033[0m    1\n"), std::string::npos) << text;
}

TEST(TextTable, ShowsAResultWithNullNaNAndNoRows) {
  duck::Database database{duck::Options{}};
  duck::Connection connection(database);
  EXPECT_EQ(table_of(connection.query("SELECT * FROM (VALUES (1.50::DECIMAL(9,2), 'a', "
                                      "'nan'::DOUBLE, [1]), (NULL, NULL, '-0'::DOUBLE, NULL)) "
                                      "t(d, \">t\", f, l) ORDER BY d"))
                .text(),
            "   d  >t      f  l\n"
            "1.50  a     nan  [1]\n"
            "NULL  NULL   -0  NULL\n");
  EXPECT_EQ(table_of(connection.query("SELECT 1 AS a WHERE false")).text(), "a\n");
}

TEST(TextTable, NamesStayWholeWhereOtherColumnsGiveWay) {
  TextTable table({"asset", "kind", "note", "updated", "description"}, {});
  table.give_way({4, 3});
  table.add(
      {"silver.a_rather_long_name", "table", "", "2026-11-29 15:11:27", "one row a film, typed"});
  table.add({"gold.b", "interval", "", "2026-11-29 15:11:28", "each genre"});
  EXPECT_EQ(table.text({.width = 80}),
            "asset                      kind      updated              description\n"
            "silver.a_rather_long_name  table     2026-11-29 15:11:27  one row a film, typed\n"
            "gold.b                     interval  2026-11-29 15:11:28  each genre\n");
  EXPECT_EQ(table.text({.width = 75}),
            "asset                      kind      updated              description\n"
            "silver.a_rather_long_name  table     2026-11-29 15:11:27  one row a film, …\n"
            "gold.b                     interval  2026-11-29 15:11:28  each genre\n");
  EXPECT_EQ(table.text({.width = 60}),
            "asset                      kind      updated\n"
            "silver.a_rather_long_name  table     2026-11-29 15:11:27\n"
            "gold.b                     interval  2026-11-29 15:11:28\n");
  EXPECT_EQ(table.text({.width = 50}),
            "asset                      kind      updated\n"
            "silver.a_rather_long_name  table     2026-11-29 1…\n"
            "gold.b                     interval  2026-11-29 1…\n");
}

TEST(TextTable, AHeadThatIsWiderThanTheRoomIsCutToo) {
  TextTable table({"asset", "a head that is wider than what is below it"});
  table.give_way({1});
  table.add({"gold.b", "x"});
  EXPECT_EQ(table.text({.width = 30}), "asset   a head that is wider …\ngold.b  x\n");
}

}  // namespace
}  // namespace windrow::cli
