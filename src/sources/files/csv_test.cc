#include <random>

#include "sources/files/csv_scan.h"
#include "sources/files/files_test.h"

namespace windrow::sources {
namespace {

class CsvTest : public FilesTest {
 protected:
  void wish(Value::Map csv) { said().csv = Value{std::move(csv), {}}; }
  std::string count() {
    const auto batch = next();
    if (!batch) return "no batch";
    return table("SELECT count(*) FROM (" + batch->select + ")", batch->parameters)[0][0];
  }
};

std::string lines(int from, int to, bool quoted) {
  std::string out;
  for (int i = from; i < to; ++i) {
    const auto n = std::to_string(i);
    out +=
        n + (quoted ? ",\"name, " + n + "\"," : ",name " + n + ",") + std::to_string(2 * i) + "\n";
  }
  return out;
}

TEST_F(CsvTest, AnUnclosedQuoteCostsItsLineAlone) {
  for (const bool quoted : {false, true}) {
    write("a.csv",
          "id,name,v\n" + lines(0, 300, quoted) + "300,\"open,600\n" + lines(301, 636, quoted));
    EXPECT_EQ(count(), "635") << quoted;
    EXPECT_EQ(rejected(), (Table{{"a.csv", "302",
                                  "a quote is not closed, or text follows the one that closes it",
                                  "300,\"open,600"}}))
        << quoted;
    EXPECT_EQ(table("SELECT count(name), min(id), max(v), sum(v) FROM (" + last_.select + ")"),
              (Table{{"635", "0", "1270", "403260"}}));
  }
}

TEST_F(CsvTest, AnUnclosedQuoteBesideGoodFilesAndAtTheEnd) {
  write("a.csv", "id,name,v\n" + lines(0, 10, true));
  write("b.csv", "id,name,v\n" + lines(10, 20, true) + "20,\"open,40\n" + lines(21, 30, true));
  write("c.csv", "id,name,v\n" + lines(30, 40, false) + "40,\"open,80");
  EXPECT_EQ(count(), "39");
  EXPECT_EQ(names(), "count_star() BIGINT");
  ASSERT_EQ(rejected().size(), 2u);
  EXPECT_EQ(rejected()[0][1], "12");
  EXPECT_EQ(rejected()[1][0], "c.csv");
  EXPECT_EQ(table("SELECT count(*) FROM (" + last_.select + ") WHERE name IS NULL OR v IS NULL"),
            (Table{{"0"}}));
}

TEST_F(CsvTest, AnUnclosedQuoteInADialectThatIsTold) {
  wish({{{"delimiter", {}}, Value{std::string(";"), {}}},
        {{"quote", {}}, Value{std::string("'"), {}}},
        {{"header", {}}, Value{true, {}}}});
  std::string text = "id;name\n";
  for (int i = 0; i < 100; ++i)
    text += std::to_string(i) + (i == 50 ? ";'open\n" : i % 10 == 0 ? ";'a;b'\n" : ";plain\n");
  write("a.csv", text);
  EXPECT_EQ(count(), "99");
  ASSERT_EQ(rejected().size(), 1u);
  EXPECT_EQ(rejected()[0][1], "52");
}

TEST_F(CsvTest, FieldsOfSeveralLinesStayWholeAndLinesAreTheFilesOwn) {
  write("a.csv",
        "id,name,v\n1,\"x\n,y\nz\",2\n2,\"a "
        "\"\"b\"\"\n\nc\",3\n3,oops,x\n4,\"open,4\n5,\xff,6\n\n6,e,7\n");
  source_.columns = {{.name = "v", .type = "bigint"}};
  EXPECT_EQ(rows(), (Table{{"2", "1", "x\n,y\nz"}, {"3", "2", "a \"b\"\n\nc"}, {"7", "6", "e"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 3u);
  EXPECT_EQ(bad[0][1], "8");
  EXPECT_EQ(bad[0][3], "3,oops,x");
  EXPECT_EQ(bad[1][1], "9");
  EXPECT_EQ((std::vector<std::string>{bad[2][1], bad[2][2]}),
            (std::vector<std::string>{"10", "invalid UTF-8"}));
}

TEST_F(CsvTest, RowsThatAStrayQuoteWouldSwallow) {
  write("a.csv", "id,name,v\n1,\"open,2\n" + lines(2, 9, false) + "9,end\",18\n10,a,20\n");
  EXPECT_EQ(count(), "9");  // 2 to 8, the line with the quote at its end, and the last
  EXPECT_EQ(rejected().size(), 1u);
}

TEST_F(CsvTest, AFileWithoutAGoodRecordIsNamed) {
  write("a.csv", "a,b\n\xff\xfe,3\n");
  try {
    next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.problem().message.find("\"a.csv\""), std::string::npos);
    EXPECT_NE(error.problem().message.find("line 2: invalid UTF-8"), std::string::npos);
  }
  write("b.csv", "a,b\n1,2\n");
  EXPECT_EQ(rows(), (Table{{"1", "2"}}));
  EXPECT_EQ(rejected().size(), 1u);
}

TEST_F(CsvTest, TypesThatAreToldNeedNoRow) {
  source_.columns = {{.name = "a", .type = "bigint"}, {.name = "b", .type = "date"}};
  write("a.csv", "a,b\n\xff\xfe,3\n");
  EXPECT_EQ(rows(), Table{});
  EXPECT_EQ(names(), "a BIGINT, b DATE");
  EXPECT_EQ(rejected().size(), 1u);
  EXPECT_EQ(last_.txns.size(), 2u);
}

/// More than the engine's reader is asked for; what it would take of them is a row.
TEST_F(CsvTest, ManyValuesThatDoNotFit) {
  const std::string pad(1000, 'y');
  wish({{{"decimal", {}}, Value{std::string(","), {}}}});
  source_.columns = {{.name = "a", .type = "bigint"},
                     {.name = "b", .type = "decimal(9,2)"},
                     {.name = "c", .type = "date"}};
  std::string text = "a;b;c;d\n1;1,5;31/12/2025;\"x\ny\"\n";
  for (int i = 0; i < 6000; ++i) {
    const auto n = std::to_string(i);
    text += i % 4 == 0   ? n + ";" + n + ",25;30/11/2025;" + pad
            : i % 4 == 1 ? n + pad + ";2;;z"
            : i % 4 == 2 ? n + ";x" + pad + ";;z"
                         : n + ";;2025" + pad + ";z";
    text += i == 7 ? ";uneven\n" : "\n";
  }
  write("a.csv", text + "2;2,5;;w");
  write("b.csv", "a;b;c;d\n3;3,5;01/02/2025;v\n");
  EXPECT_EQ(count(), "1503");
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 4500u);
  EXPECT_EQ(bad[0][1], "5");
  EXPECT_EQ(bad[0][2],
            "a value does not fit the type of its column (declared: a bigint, b decimal(9,2), c "
            "date)");
  EXPECT_EQ(bad[0][3], "1" + pad + ";2;;z");
  EXPECT_EQ(bad[5][1], "11");
  EXPECT_EQ(bad[5][2], "it has another number of columns than the first record");
  EXPECT_EQ(table("SELECT sum(a), sum(b), max(c), count(d), min(c) FROM (" + last_.select + ")"),
            (Table{{"4497006", "4497382.50", "2025-12-31", "1503", "2025-02-01"}}));
}

TEST_F(CsvTest, NoRecordOfAFileWithoutHeaderFits) {
  wish({{{"header", {}}, Value{false, {}}},
        {{"names", {}}, Value{Value::List{Value{std::string("a"), {}}}, {}}}});
  source_.columns = {{.name = "a", .type = "bigint"}};
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::string(1000, 'y') + "\n";
  write("a.csv", text);
  EXPECT_EQ(rows(), Table{});
  EXPECT_EQ(rejected().size(), 5000u);
  EXPECT_EQ(rejected()[0][1], "1");
  write("b.csv", "1\n2\n");
  EXPECT_EQ(rows(), (Table{{"1"}, {"2"}}));
}

TEST_F(CsvTest, AFirstLineThatIsNoRecordSetsTheFileAside) {
  write("a.csv", "id,\"name,v\n1,a,2\n");
  write("b.csv", "id,name,v\n1,a,2\n");
  EXPECT_EQ(count(), "1");
  ASSERT_EQ(rejected().size(), 1u);
  EXPECT_EQ(rejected()[0][0], "a.csv");
}

TEST_F(CsvTest, QuotesOfATableWithTabsAreText) {
  std::string text = "id\ttitle\n";
  for (int i = 0; i < 50; ++i) text += std::to_string(i) + "\t\"Rome\" Open City\n";
  write("a.tsv", text);
  EXPECT_EQ(count(), "50");
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(CsvTest, LinesThatEndInSeveralWays) {
  write("a.csv", "id,name,v\r\n1,a,2\n2,b,3\r\n3,c,4\r\n");
  EXPECT_EQ(count(), "3");
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(CsvTest, LongLines) {
  write("a.csv", "id,name\n1," + std::string(5'000'000, 'x') + "\n2,y\n");
  EXPECT_EQ(count(), "2");
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(CsvTest, AMissingColumnFollowsOneRule) {
  source_.columns = {{.name = "ID", .type = "bigint"}, {.name = "w", .type = "varchar"}};
  write("a.csv", "id,w\n1,x\n");
  write("b.csv", "id,v\n2,3\n");
  EXPECT_EQ(rows(), (Table{{"1", "x"}}));
  ASSERT_EQ(rejected().size(), 1u);
  EXPECT_EQ(rejected()[0][0], "b.csv");
  EXPECT_NE(rejected()[0][2].find("no column \"w\""), std::string::npos);
  ASSERT_EQ(last_.warnings.size(), 1u);
  EXPECT_NE(last_.warnings[0].find("\"b.csv\""), std::string::npos);

  said().missing_column = "null";
  EXPECT_EQ(rows(), (Table{{"1", "x", "NULL"}, {"2", "NULL", "3"}}));
  EXPECT_EQ(last_.warnings,
            (std::vector<std::string>{"\"b.csv\" has no column \"w\": NULL in its rows"}));
  std::filesystem::remove(root_ / "a.csv");
  EXPECT_EQ(rows(), (Table{{"2", "NULL", "3"}}));

  said().missing_column = "fail";
  try {
    next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::data);
    EXPECT_NE(error.problem().message.find("file \"b.csv\" has no column \"w\""),
              std::string::npos);
  }
}

/// Whatever a file holds: what is read and what is set aside is what is there.
TEST_F(CsvTest, NothingIsLostOfAnyFile) {
  std::mt19937 random(20251017);  // NOLINT: the same files each time
  const std::vector<std::string> fields = {
      "1",      "",       "x",      "\"q, q\"",   "\"a\nb\"", "\"\"",       "5\" x",
      "\"open", "end\"",  "\"a\"b", "\xff",       " \"s\" ",  "\"x\"\"y\"", "#c",
      "a;b",    "\"\"\"", "ü",      "2024-01-01", "\"\r\n\"", "'"};
  for (int round = 0; round < 60; ++round) {
    const int columns = 1 + int(random() % 4);
    const bool hostile = round % 2 == 0;
    const std::string end = random() % 4 == 0 ? "\r\n" : "\n";
    std::string text;
    for (int c = 0; c < columns; ++c) text += (c ? ",c" : "c") + std::to_string(c);
    text += end;
    const int count = 1 + int(random() % 30);
    for (int row = 0; row < count; ++row) {
      for (int c = 0; c < columns; ++c) {
        const size_t which = random() % fields.size();
        const bool odd = (which > 5 && which < 11) || which == 15;
        text += (c ? "," : "") + (odd && !(hostile && random() % 5 == 0) ? "7" : fields[which]);
      }
      if (hostile && random() % 20 == 0) text += ",more";
      text += end;
      if (random() % 15 == 0) text += end;
    }
    write("a.csv", text);
    std::optional<Batch> batch;
    EXPECT_NO_THROW(batch = next()) << text;
    // A file that is set aside whole would be the easy way out.
    if (!batch) continue;
    for (const auto& row : rejected()) {
      EXPECT_NE(row[1], "0") << row[2] << "\n" << text;
    }
  }
}

TEST(CsvScan, FindsTheSameInAnyPieces) {
  const std::string text =
      "\xEF\xBB\xBF"
      "a,b,c\r\n1,\"x\r\ny\",3\r\n2,\"open,4\r\n\r\n3,\"\"\"q\"\"\",5\n" +
      lines(4, 40, true) + "9,\xff,1\n";
  const auto counted = [&](size_t piece) {
    CsvSink nothing;
    CsvScanner scanner({}, 1 << 20, true, nothing, false);
    for (size_t at = 0; at < text.size(); at += piece) scanner.feed(text.substr(at, piece));
    scanner.end();
    const auto& c = scanner.count();
    return std::vector<int64_t>{c.records, c.bad, c.columns, c.uneven, c.multi_line, c.mixed_ends};
  };
  EXPECT_EQ(counted(text.size()), (std::vector<int64_t>{39, 2, 3, 0, 1, 1}));
  for (const size_t piece : {1, 2, 3, 7, 64}) EXPECT_EQ(counted(piece), counted(text.size()));
}

TEST(CsvScan, ARecordWithoutEndIsDroppedWithoutBeingHeld) {
  CsvSink nothing;
  CsvScanner scanner({}, 1000, true, nothing, false);
  scanner.feed("a,b\n1,");
  const std::string piece(500, 'x');
  for (int i = 0; i < 100; ++i) scanner.feed(piece);
  scanner.feed("\n2,y\n");
  scanner.end();
  EXPECT_EQ(scanner.count().records, 2);
  EXPECT_EQ(scanner.count().bad, 1);
}

// Files with the same first line are held against what was found out of the first of them.

TEST_F(CsvTest, FilesOfOneHeaderMayHaveOtherTypes) {
  write("a.csv", "id,note,v,day\n1,,1,2025-01-02\n2,,2,2025-01-03\n");
  write("b.csv", "id,note,v,day\n3,,3.5,2025-01-04\n");
  write("c.csv", "id,note,v,day\n4,7,4,2025-01-05 10:00:00\n");
  write("d.csv", "id,note,v,day\n5,,,\n");
  write("e.csv", "id,note,v,day\n");
  EXPECT_EQ(count(), "5");
  EXPECT_EQ(table("SELECT typeof(note), typeof(v), typeof(day), sum(v) OVER (), sum(note) OVER () "
                  "FROM (" +
                      last_.select + ") LIMIT 1",
                  last_.parameters),
            (Table{{"BIGINT", "DOUBLE", "TIMESTAMP", "10.5", "7"}}));
  EXPECT_TRUE(rejected().empty());
}

TEST_F(CsvTest, FilesOfOneHeaderMayWriteDatesInTheirOwnWay) {
  source_.columns = {{.name = "id", .type = "bigint"}, {.name = "day", .type = "date"}};
  write("a.csv", "id,day\n1,31.12.2025\n2,30.12.2025\n");
  write("b.csv", "id,day\n3,2025-12-29\n4,2025-12-28\n");
  write("c.csv", "id,day\n5,12/27/2025\n6,12/26/2025\n");
  EXPECT_EQ(count(), "6");
  EXPECT_EQ(table("SELECT min(day), max(day) FROM (" + last_.select + ")", last_.parameters),
            (Table{{"2025-12-26", "2025-12-31"}}));
  EXPECT_TRUE(rejected().empty());
}

TEST_F(CsvTest, MisfitsInManyFilesOfOneHeader) {
  source_.columns = {{.name = "id", .type = "bigint"}};
  for (int i = 0; i < 20; ++i) {
    const auto n = std::to_string(i);
    std::string text = "id,name,v\n" + lines(0, 10, true);
    if (i % 2 == 1) text += "10,\"two\nlines\",1\n";
    if (i % 5 == 0) text += "x" + n + ",name,3\n";
    if (i % 7 == 0) text += "11,name,3,4\n";
    if (i % 9 == 0) text += "12,\"open,3\n";
    write("f" + std::string(i < 10 ? "0" : "") + n + ".csv", text);
  }
  ASSERT_TRUE(next());
  EXPECT_EQ(FilesTest::count(last_.select), 210);
  const auto set_aside = rejected();
  ASSERT_EQ(set_aside.size(), 4u + 3u + 3u);
  const auto of = [&](const std::string& file) {
    std::string out;
    for (const auto& row : set_aside)
      if (row[0] == file) out += row[1] + ":" + row[3] + ";";
    return out;
  };
  EXPECT_EQ(of("f00.csv"), "12:x0,name,3;13:11,name,3,4;14:12,\"open,3;");
  EXPECT_EQ(of("f15.csv"), "14:x15,name,3;");  // behind a record of two lines
  EXPECT_EQ(of("f07.csv"), "14:11,name,3,4;");
  EXPECT_EQ(of("f10.csv"), "12:x10,name,3;");
}

TEST_F(CsvTest, AHeaderThatIsTheSameAndADialectThatIsNot) {
  write("a.csv", "id,name\n1,\"a \"\"b\"\"\"\n2,c\n");
  write("b.csv", "id,name\n3,\"a \\\"b\\\"\"\n4,d\n");
  write("c.csv", "id,name\r\n5,e\r\n6,f\n");
  EXPECT_EQ(count(), "6");
  EXPECT_TRUE(rejected().empty());
  EXPECT_EQ(table("SELECT string_agg(name, ' ' ORDER BY id) FROM (" + last_.select + ")",
                  last_.parameters)[0][0],
            "a \"b\" c a \"b\" d e f");
}

/// The engine's reader makes NULL of it and says nothing.
TEST_F(CsvTest, WhatIsNoMomentIsSetAside) {
  source_.columns = {{.name = "id", .type = "bigint"}, {.name = "ts", .type = "timestamptz"}};
  write("a.csv",
        "id,ts\n1,2025-01-01 10:00:00+02\n2,oops\n3,\n4,13.05.2025\nx,2025-01-01 00:00:00\n");
  write("b.csv", "id,ts\n5,2025-01-01T10:00:00Z\n6,infinity\n");
  ASSERT_TRUE(next());
  EXPECT_EQ(table("SELECT id, epoch(ts) FROM (" + last_.select + ") ORDER BY id", last_.parameters),
            (Table{{"1", "1735718400"}, {"3", "NULL"}, {"5", "1735725600"}, {"6", "NULL"}}));
  const auto set_aside = rejected();
  ASSERT_EQ(set_aside.size(), 3u);
  EXPECT_EQ(set_aside[0][1] + set_aside[0][3], "32,oops");
  EXPECT_EQ(set_aside[1][1] + set_aside[1][3], "54,13.05.2025");
  EXPECT_EQ(set_aside[2][1], "6");
}

TEST_F(CsvTest, MomentsThatNobodyDeclaredAreSetAsideToo) {
  std::string text = "id,ts\n";
  for (int i = 0; i < 30'000; ++i)
    text += std::to_string(i) + (i == 25'000 ? ",oops\n" : ",2025-01-01 10:00:00+02\n");
  write("a.csv", text);
  ASSERT_TRUE(next());
  EXPECT_EQ(FilesTest::count(last_.select), 29'999);
  ASSERT_EQ(rejected().size(), 1u);
  EXPECT_EQ(rejected()[0][1], "25002");
}

}  // namespace
}  // namespace windrow::sources
