#include "duck/quoting.h"
#include "sources/files/files_test.h"

namespace windrow::sources {
namespace {

std::string nested(const std::string& open, int depth, const std::string& inside,
                   const std::string& close) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += open;
  out += inside;
  for (int i = 0; i < depth; ++i) out += close;
  return out;
}

class FilesReaderTest : public FilesTest {};

TEST_F(FilesReaderTest, KeepsRecordsOfAnArrayAsTheyCame) {
  source_.raw = "raw";
  write("a.json",
        "\xef\xbb\xbf[\n {\"a\": 1,  \"b\" : \"x, ü\"},{\"a\":2.50}  ,\r\n {\"c\":\n 3}]\n");
  EXPECT_EQ(rows(), (Table{{"{\"a\": 1,  \"b\" : \"x, ü\"}"}, {"{\"a\":2.50}"}, {"{\"c\":\n 3}"}}));
  EXPECT_EQ(rejected(), Table{});
  EXPECT_EQ(last_.what, "1 file, 58 bytes");
}

TEST_F(FilesReaderTest, ReadsLinesOneByOneAndSetsBadOnesAside) {
  source_.raw = "raw";
  write("a.jsonl",
        "\xef\xbb\xbf{\"a\":1,  \"b\":\"x\"}\r\n{\"b\":\"ü,\\\"q\\\"\"}\n\n{\"a\":3\n{\"a\":4} "
        "{\"a\":5}\n[1]\n{\"a\":NaN}\n{\"a\":\"\xff\xfe\"}\n{\"a\":7}");
  EXPECT_EQ(rows(), (Table{{"{\"a\":1,  \"b\":\"x\"}"},
                           {"{\"b\":\"ü,\\\"q\\\"\"}"},
                           {"{\"a\":NaN}"},
                           {"{\"a\":7}"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 4u);
  EXPECT_EQ(bad[0],
            (Row{"a.jsonl", "3", "not JSON, or more than one record on a line", "{\"a\":3"}));
  EXPECT_EQ(bad[1], (Row{"a.jsonl", "4", "not JSON, or more than one record on a line",
                         "{\"a\":4} {\"a\":5}"}));
  EXPECT_EQ(bad[2], (Row{"a.jsonl", "5", "not an object", "[1]"}));
  EXPECT_EQ(bad[3][2], "not UTF-8 text");
}

TEST_F(FilesReaderTest, InfersTheFieldsOfAllRecords) {
  write("a.json",
        "[{\"id\":1,\"t\":\"x\",\"none\":null},{\"id\":2,\"t\":5,\"n\":{\"e\":-1},\"l\":[1.5]}]");
  write("b.jsonl", "{\"id\":3,\"late\":true}\n");
  EXPECT_EQ(rows(), (Table{{"3", "true", "NULL", "NULL", "NULL"},
                           {"1", "NULL", "\"x\"", "NULL", "NULL"},
                           {"2", "NULL", "5", "{'e': -1}", "[1.5]"}}));
  EXPECT_EQ(names(), "id BIGINT, late BOOLEAN, t JSON, n STRUCT(e BIGINT), l DOUBLE[]");
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(FilesReaderTest, FindsWhatOnlyOneRecordOfManyHas) {
  std::string lines;
  for (int i = 0; i < 22'000; ++i) {
    lines += i == 21'000 ? "{\"id\":-5,\"o\":{\"x\":1,\"y\":\"z\"},\"none\":null,\"s\":\"ü\\n\"}\n"
             : i == 21'500 ? "{\"s\":7,\"id\":1,\"l\":[{\"k\":true}],\"late\":1.5}\n"
                           : "{\"id\":1,\"o\":{\"x\":2},\"s\":\"t\",\"l\":[],\"e\":{}}\n";
  }
  write("a.jsonl", lines);
  for (const bool hopeful : {true, false}) {
    hopeful_ = hopeful;
    const auto found = rows();
    ASSERT_EQ(found.size(), 22'000u);
    EXPECT_EQ(names(),
              "id HUGEINT, o STRUCT(x BIGINT, y VARCHAR), s JSON, l STRUCT(k BOOLEAN)[], e JSON, "
              "late DOUBLE");
    EXPECT_EQ(found[21'000], (Row{"-5", "{'x': 1, 'y': z}", "\"ü\\n\"", "NULL", "NULL", "NULL"}));
    EXPECT_EQ(found[21'500], (Row{"1", "NULL", "7", "[{'k': true}]", "NULL", "1.5"}));
    EXPECT_EQ(rejected(), Table{});
    txns_.clear();
  }
}

TEST_F(FilesReaderTest, ReadsRecordsOfMoreShapesThanAreKept) {
  std::string lines;
  for (int i = 0; i < 10'100; ++i)
    lines += "{\"id\":" + std::to_string(i) + ",\"o\":{\"k" + std::to_string(i) + "\":1}}\n";
  lines += "{\"id\":\"last\"}\n";
  write("a.jsonl", lines);
  source_.columns = {{.name = "o", .type = "JSON"}};
  hopeful_ = true;
  EXPECT_EQ(rows().size(), 10'101u);
  EXPECT_EQ(names(), "o JSON, id JSON");
}

TEST_F(FilesReaderTest, AWholeNumberThatNoColumnHoldsIsSetAside) {
  for (const bool hopeful : {true, false}) {
    hopeful_ = hopeful;
    write("a.jsonl", "{\"n\":1}\n{\"n\":18446744073709551615}\n{\"n\":2}\n");
    EXPECT_EQ(rows(), (Table{{"1"}, {"2"}}));
    ASSERT_EQ(rejected().size(), 1u);
    EXPECT_EQ(rejected()[0][1], "2");
    txns_.clear();
  }
}

TEST_F(FilesReaderTest, AValueInsideThatNoTypeHoldsSetsItsRecordAside) {
  write("a.jsonl",
        "{\"o\":{\"x\":1},\"l\":[1]}\n{\"o\":{\"x\":9223372036854775808}}\n"
        "{\"l\":[2,9223372036854775808]}\n{\"o\":{},\"l\":[null]}\n");
  for (const bool hopeful : {true, false}) {
    hopeful_ = hopeful;
    EXPECT_EQ(rows(), (Table{{"{'x': 1}", "[1]"}, {"{'x': NULL}", "[NULL]"}}));
    const auto bad = rejected();
    ASSERT_EQ(bad.size(), 2u);
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(bad[i][1], std::to_string(i + 2));
  }
}

TEST_F(FilesReaderTest, RowsOfNullsAreRows) {
  write("a.jsonl", "{\"a\":null,\"l\":[]}\n{\"a\":null}\n");
  for (const bool hopeful : {true, false}) {
    hopeful_ = hopeful;
    EXPECT_EQ(rows(), (Table{{"NULL", "[]"}, {"NULL", "NULL"}}));
    EXPECT_EQ(names(), "a VARCHAR, l VARCHAR");
    EXPECT_EQ(rejected(), Table{});
  }
}

TEST_F(FilesReaderTest, ANameWithANulIsNoColumns) {
  write("a.jsonl", "{\"a\\u0000b\":1}\n{\"o\":{\"c\\u0000\":1}}\n{\"o\":{\"d\":2}}\n");
  EXPECT_EQ(rows().size(), 2u);
  EXPECT_EQ(names(), "o JSON");
  ASSERT_EQ(rejected().size(), 1u);
  EXPECT_EQ(rejected()[0][2], "a field's name holds a NUL");
}

TEST_F(FilesReaderTest, DeclaredObjectsTakeTheirFieldsAndNothingElse) {
  source_.columns.push_back({});
  source_.columns.back().name = "o";
  source_.columns.back().type = "struct(x int, l struct(k bool)[], m map(varchar, double))";
  write("a.jsonl",
        "{\"o\":{\"x\":1,\"y\":2,\"l\":[{\"k\":true,\"z\":0}],\"m\":{\"a b\":1.5}}}\n"
        "{\"o\":{\"x\":1.5}}\n{\"o\":{\"l\":[{\"k\":true},{\"k\":\"maybe\"}]}}\n"
        "{\"o\":{\"l\":{}}}\n{\"o\":\"text\"}\n{\"o\":{\"m\":{\"a\":\"b\"}}}\n{\"o\":null}\n{}\n");
  for (const bool hopeful : {true, false}) {
    hopeful_ = hopeful;
    EXPECT_EQ(rows(),
              (Table{{"{'x': 1, 'l': [{'k': true}], 'm': {a b=1.5}}"}, {"NULL"}, {"NULL"}}));
    const auto bad = rejected();
    ASSERT_EQ(bad.size(), 5u);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(bad[i][1], std::to_string(i + 2));
  }
}

TEST_F(FilesReaderTest, AFieldThatIsThereTwiceIsReadOnce) {
  write("a.jsonl", "{\"n\":1}\n{\"n\":2,\"n\":2,\"filename\":\"x\"}\n");
  hopeful_ = true;
  EXPECT_EQ(rows(), (Table{{"1", "NULL"}, {"2", "x"}}));
}

TEST_F(FilesReaderTest, ComputesColumnsAndPartitions) {
  source_.raw = "raw_json";
  source_.columns = {{.name = "id", .value = "md5(raw_json ->> 'a') -- comment"},
                     {.name = "raw_json"},
                     {.name = "origin", .value = "filename"},
                     {.name = "seen", .type = "TIMESTAMP", .value = "$extracted_at"},
                     {.name = "a", .type = "bigint"}};
  source_.partition_by = {{"year", "year(seen)"}, {"hour", "hour(seen)"}, {"origin", ""}};
  write("a.json", "[{\"a\":\"7\"}]");
  EXPECT_EQ(rows(), (Table{{"8f14e45fceea167a5a36dedd4bea2543", "{\"a\":\"7\"}", "a.json",
                            "2025-10-17 14:05:00", "7", "2025", "14"}}));
  EXPECT_EQ(names(),
            "id VARCHAR, raw_json VARCHAR, origin VARCHAR, seen TIMESTAMP, a BIGINT, year BIGINT, "
            "hour BIGINT");
}

TEST_F(FilesReaderTest, AValueThatDoesNotFitItsDeclaredTypeIsSetAside) {
  source_.columns = {{.name = "n", .type = "bigint"}, {.name = "d", .type = "date"}};
  write("a.jsonl",
        "{\"n\":1,\"d\":\"2025-01-01\"}\n{\"n\":\"x\"}\n{\"n\":1.5}\n{\"n\":null}\n{\"d\":\"soon\"}"
        "\n{}\n{\"n\":2.0}\n");
  EXPECT_EQ(rows(),
            (Table{{"1", "2025-01-01"}, {"NULL", "NULL"}, {"NULL", "NULL"}, {"2", "NULL"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 3u);
  EXPECT_EQ(bad[0], (Row{"a.jsonl", "2",
                         "a value does not fit the type of its column (declared: n bigint, d date)",
                         "{\"n\":\"x\"}"}));
}

TEST_F(FilesReaderTest, ABrokenArrayGivesItsGoodLines) {
  source_.raw = "raw";
  write("a.json", "[\n{\"a\":1},\n {\"a\":[2]} ,\n{\"a\":3,,},\n{\"a\":4}\n]");
  write("b.json", "[{\"a\":1},{\"a\":");
  write("c.json", "[{\"a\":5}]");
  EXPECT_EQ(rows(), (Table{{"{\"a\":1}"}, {"{\"a\":[2]}"}, {"{\"a\":4}"}, {"{\"a\":5}"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0],
            (Row{"a.json", "3", "not JSON, or more than one record on a line", "{\"a\":3,,}"}));
  EXPECT_EQ(bad[1][0], "b.json");
  EXPECT_TRUE(bad[1][2].starts_with("broken array, and no line of it is a record: ")) << bad[1][2];
  EXPECT_EQ(bad[1][3], "[{\"a\":1},{\"a\":");
}

TEST_F(FilesReaderTest, ObjectsOverSeveralLines) {
  source_.raw = "raw";
  write("a.json", "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n");
  EXPECT_EQ(rows(), (Table{{"{\n \"a\": 1\n}"}, {"{\n \"a\": 2\n}"}}));
}

TEST_F(FilesReaderTest, PackedFiles) {
  source_.raw = "raw";
  const auto pack = [&](const std::string& name, const std::string& options) {
    session_.query("COPY (SELECT i AS a FROM range(2) t(i)) TO " +
                   duck::quote_text((root_ / name).string()) + " (FORMAT json, COMPRESSION gzip" +
                   options + ")");
  };
  pack("a.json.gz", ", ARRAY true");
  pack("b.jsonl.gz", "");
  next();
  EXPECT_EQ(table("SELECT raw FROM (" + last_.select + ") ORDER BY ALL"),
            (Table{{"{\"a\":0}"}, {"{\"a\":0}"}, {"{\"a\":1}"}, {"{\"a\":1}"}}));
  write("c.json.gz", "no gzip at all");
  next();
  EXPECT_EQ(last_.txns.size(), 6u);
  EXPECT_EQ(table("SELECT count(*) FROM (" + last_.select + ")"), (Table{{"4"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0][0], "c.json.gz");
}

TEST_F(FilesReaderTest, OddNamesOfFieldsAndColumns) {
  write("a.jsonl", "{\"b\\\"q/~\":1,\"filename\":\"mine\",\"ü x\":[]}\n");
  EXPECT_EQ(rows(), (Table{{"1", "mine"}}));
  EXPECT_EQ(names(), "b\"q/~ BIGINT, filename VARCHAR");
}

TEST_F(FilesReaderTest, VeryLongRecords) {
  source_.raw = "raw";
  write("a.jsonl", "{\"a\":1}\n{\"a\":\"" + std::string(5'000'000, 'x') + "\"}\n");
  write("b.json", "[{\"a\":\"" + std::string(17'000'000, 'y') + "\"}]");
  next();
  EXPECT_EQ(table("SELECT length(raw) FROM (" + last_.select + ") ORDER BY 1"),
            (Table{{"7"}, {"5000008"}, {"17000008"}}));
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(FilesReaderTest, EmptyFiles) {
  write("a.json", "");
  write("b.json", "[]");
  write("c.json", " \n");
  EXPECT_EQ(next(), std::nullopt);  // nothing says what the columns are
  source_.raw = "raw";
  EXPECT_EQ(rows(), Table{});
  EXPECT_EQ(last_.txns.size(), 6u);
  commit();
  EXPECT_EQ(reader()->pending(txns_), std::nullopt);
}

TEST_F(FilesReaderTest, WhereNoRecordIsGoodAndThereIsNoTableTheFileIsNamed) {
  write("a.jsonl", "{broken\n[1]\n");
  try {
    next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem().message,
              "file \"a.jsonl\" cannot be read: none of its records is good; line 1: not JSON, or "
              "more than one record on a line");
  }
}

TEST_F(FilesReaderTest, EachFileOnce) {
  source_.raw = "raw";
  from("*.json", "append", 2);
  for (const char* name : {"a.json", "b.json", "c.json"})
    write(name, std::string("[{\"f\":\"") + name + "\"}]");
  EXPECT_EQ(reader()->pending(txns_), "3 files, 48 bytes");
  EXPECT_EQ(rows().size(), 2u);
  EXPECT_EQ(last_.expect_txn.at("files/bronze.t/a.json"), std::nullopt);
  commit();
  EXPECT_EQ(rows(), (Table{{"{\"f\":\"c.json\"}"}}));
  commit();
  EXPECT_EQ(next(), std::nullopt);

  const int64_t before = txns_.at("files/bronze.t/a.json").version;
  write("a.json", "[{\"f\":\"again\"}]");
  std::filesystem::last_write_time(
      root_ / "a.json", std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(rows(), (Table{{"{\"f\":\"again\"}"}}));
  EXPECT_EQ(last_.expect_txn.at("files/bronze.t/a.json"), before);
  from("*.json", "ignore");
  EXPECT_EQ(reader()->pending(txns_), std::nullopt);
  from("*.json", "error");
  EXPECT_THROW(reader()->pending(txns_), Error);
}

/// Another time is no reason to read a file again; another content is.
TEST_F(FilesReaderTest, AFileThatWasOnlyTouchedIsNotReadAgain) {
  const auto later = [&](const char* name, int seconds) {
    std::filesystem::last_write_time(root_ / name, std::filesystem::file_time_type::clock::now() +
                                                       std::chrono::seconds(seconds));
  };
  write("a.csv", "id,v\n1,2\n");
  write("b.csv", "id,v\n3,4\n");
  EXPECT_EQ(rows().size(), 2u);
  commit();
  for (const char* rule : {"append", "error"}) {
    from("*", rule);
    later("a.csv", 5);
    EXPECT_EQ(reader()->pending(txns_), std::nullopt) << rule;
  }
  from("*");
  const auto read = reader();
  read->restore({"", "SELECT 1::BIGINT AS id, 2::BIGINT AS v"});
  const auto batch = read->next(txns_, session_);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->what, "1 file with another time and the same content");
  EXPECT_EQ(table("SELECT count(*) FROM (" + batch->select + ")", batch->parameters),
            (Table{{"0"}}));
  last_ = *batch;
  commit();
  EXPECT_EQ(next(), std::nullopt);

  write("a.csv", "id,v\n1,9\n");  // of the same size
  later("a.csv", 9);
  EXPECT_EQ(rows(), (Table{{"1", "9"}}));
}

TEST_F(FilesReaderTest, WhatIsNotThere) {
  from("nothing*.json");
  EXPECT_EQ(reader()->pending(txns_), std::nullopt);
  EXPECT_EQ(next(), std::nullopt);
  from("movies.json");
  EXPECT_THROW(reader()->pending(txns_), Error);
}

TEST_F(FilesReaderTest, Csv) {
  write("a.csv", "\xef\xbb\xbfid,name,v\r\n1,\"a, b\",1.5\r\n2,\"x\ny\",2\r\n3,z\r\n4,ü,nan\r\n");
  write("b.csv", "id,name,v\n");
  write("c.csv", "");
  EXPECT_EQ(rows(), (Table{{"1", "a, b", "1.5"}, {"2", "x\ny", "2"}, {"4", "ü", "nan"}}));
  EXPECT_EQ(names(), "id BIGINT, name VARCHAR, v DOUBLE");
  EXPECT_EQ(rejected(), (Table{{"a.csv", "5", "Expected Number of Columns: 3 Found: 2", "3,z"}}));
  EXPECT_EQ(last_.txns.size(), 6u);
}

TEST_F(FilesReaderTest, CsvFilesAreUnitedByName) {
  write("a.csv", "id,v\n1,1\n");
  write("b.csv", "v,id,w\n1.5,2,x\n");
  EXPECT_EQ(rows(), (Table{{"1", "1", "NULL"}, {"2", "1.5", "x"}}));
  EXPECT_EQ(names(), "id BIGINT, v DOUBLE, w VARCHAR");
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(FilesReaderTest, CsvWithDeclaredTypes) {
  source_.columns = {{.name = "id", .type = "varchar"}, {.name = "twice", .value = "v * 2"}};
  std::string rows_text = "id,v\n";
  for (int i = 0; i < 30000; ++i)
    rows_text += "00" + std::to_string(i) + "," + std::to_string(i) + "\n";
  write("a.csv", rows_text + "5,oops\n");
  next();
  EXPECT_EQ(table("SELECT count(*), min(id), sum(twice), max(v) FROM (" + last_.select + ")"),
            (Table{{"30000", "000", "899970000", "29999"}}));
  EXPECT_EQ(rejected().size(), 1u);
}

TEST_F(FilesReaderTest, RecordsWhoseFieldsDifferByCaseAreSetAside) {
  for (hopeful_ = false;; hopeful_ = true) {
    write("a.jsonl", "{\"id\":1}\n{\"id\":2,\"Id\":3}\n{\"ID\":4}\n{\"id\":5}\n");
    EXPECT_EQ(rows(), (Table{{"1"}, {"5"}}));
    EXPECT_EQ(
        rejected(),
        (Table{{"a.jsonl", "2", "field \"Id\" differs from \"id\" only by case",
                "{\"id\":2,\"Id\":3}"},
               {"a.jsonl", "3", "field \"ID\" differs from \"id\" only by case", "{\"ID\":4}"}}));
    if (hopeful_) break;
  }
  // A column that is declared decides how its field is spelled.
  source_.columns = {{.name = "ID", .type = "bigint"}};
  EXPECT_EQ(rows(), (Table{{"4"}}));
  EXPECT_EQ(rejected().size(), 3u);
  source_.columns = {};
  source_.raw = "raw";
  EXPECT_EQ(rows().size(), 4u);
}

TEST_F(FilesReaderTest, ARecordWithAFieldWithoutANameIsSetAside) {
  for (hopeful_ = false;; hopeful_ = true) {
    write("a.jsonl", "{\"a\":1}\n{\"\":2}\n{\"a\":3,\"\":null}\n");
    EXPECT_EQ(rows(), (Table{{"1"}}));
    EXPECT_EQ(rejected(), (Table{{"a.jsonl", "2", "a field has no name", "{\"\":2}"},
                                 {"a.jsonl", "3", "a field has no name", "{\"a\":3,\"\":null}"}}));
    if (hopeful_) break;
  }
}

TEST_F(FilesReaderTest, ObjectsThatNoColumnTypeHoldsAreJson) {
  for (hopeful_ = false;; hopeful_ = true) {
    write("a.jsonl", "{\"c\":{\"x\":1,\"X\":2},\"e\":{\"\":1},\"d\":" +
                         nested("{\"a\":", 60, "1", "}") + "}\n");
    EXPECT_EQ(rows().size(), 1u);
    EXPECT_EQ(names(), "c JSON, e JSON, d JSON");
    EXPECT_EQ(rejected(), Table{});
    if (hopeful_) break;
  }
}

TEST_F(FilesReaderTest, RecordsThatAreTooDeepAreSetAside) {
  for (hopeful_ = false;; hopeful_ = true) {
    write("a.jsonl", "{\"a\":1}\n" + nested("{\"a\":", 50'000, "1", "}") +
                         "\n{\"a\":" + nested("[", 300'000, "", "]") + "}\n{\"a\":2}\n" +
                         nested("{\"a\":", 50'000, "NaN", "}") + "\n");
    write("b.json", "[{\"a\":3},{\"a\":" + nested("[", 300'000, "", "]") + "}]");
    EXPECT_EQ(rows(), (Table{{"1"}, {"2"}, {"3"}}));
    const auto bad = rejected();
    ASSERT_EQ(bad.size(), 4u);
    for (const auto& row : bad) EXPECT_EQ(row[2], "it is nested deeper than 1000 levels");
    EXPECT_EQ(bad[3][1], "2");
    if (hopeful_) break;
  }
  // Just as deep as they may be, with whatever the engine makes of them.
  write("a.jsonl", "{\"a\":" + nested("[", 990, "", "]") + "}\n");
  write("b.json", "[{\"a\":" + nested("{\"b\":", 990, "1", "}") + "}]");
  EXPECT_EQ(rows().size(), 2u);
  EXPECT_EQ(rejected(), Table{});
}

TEST_F(FilesReaderTest, RecordsThatAreTooLongAreSetAside) {
  said().record_bytes_max = 3'000'000;
  const auto record = [](size_t bytes) {
    return "{\"a\":\"" + std::string(bytes - 8, 'x') + "\"}";
  };
  for (const bool raw : {false, true}) {
    source_.raw = raw ? "raw" : "";
    hopeful_ = !raw;
    write("a.jsonl", record(10) + "\n" + record(3'000'001) + "\n" + record(3'000'000) + "\n" +
                         record(40'000'000));
    write("b.json", "[" + record(9) + "," + record(40'000'000) + "," + record(2'500'000) + "]");
    EXPECT_EQ(rows().size(), 4u);
    const auto bad = rejected();
    ASSERT_EQ(bad.size(), 3u);
    EXPECT_EQ(bad[0][2],
              "it is 3000001 bytes long, and `record_bytes_max` is 3000000: this is how it begins");
    EXPECT_EQ(bad[1][1], "4");
    EXPECT_EQ(bad[2][1], "2");
    EXPECT_EQ(bad[2][3], record(40'000'000).substr(0, 1 << 20));
  }
}

TEST_F(FilesReaderTest, WhereSomeRecordsAreBadTheOthersAreReadAllTheSame) {
  source_.columns = {{.name = "n", .type = "bigint"}};
  std::string lines;
  for (int i = 1; i <= 1000; ++i) {
    lines += i % 100 == 0    ? "{\"n\":" + std::to_string(i)
             : i % 100 == 50 ? "{\"n\":\"x\",\"s\":\"" + std::to_string(i) + "\"}"
                             : "{\"n\":" + std::to_string(i) + ",\"s\":\"y\"}";
    lines += i % 7 == 0 ? "\r\n\n" : "\n";
  }
  for (hopeful_ = false;; hopeful_ = true) {
    write("a.jsonl", lines);
    write("b.jsonl", "{\"n\":1,\"s\":\"z\"}\n");
    EXPECT_EQ(rows().size(), 981u);
    const auto bad = rejected();
    ASSERT_EQ(bad.size(), 20u);
    // Positions are those in the file, whatever was left out before.
    for (const auto& row : bad) {
      const bool misfit = row[2].starts_with("a value does not fit");
      EXPECT_EQ(row[3], "{\"n\":" + (misfit ? "\"x\",\"s\":\"" + row[1] + "\"}" : row[1]))
          << row[2];
    }
    if (hopeful_) break;
  }
}

TEST_F(FilesReaderTest, LinesOfTextAreCountedAndJudged) {
  said().skip = 1;
  said().pattern = "^(?P<a>\\w+)=(?P<n>\\w+)$";
  source_.columns = {{.name = "a"}, {.name = "n", .type = "bigint"}};
  write("a.log", "head\nx=1\n\n \t\ny=two\n\xff=3\nnothing\r\nz=4\rw=" +
                     std::string(3'000'000, '0') + "5\n");
  EXPECT_EQ(rows(), (Table{{"x", "1"}, {"z", "4"}, {"w", "5"}}));
  const auto bad = rejected();
  ASSERT_EQ(bad.size(), 3u);
  // The first line was passed over, blank ones do not count.
  EXPECT_EQ(bad[0],
            (Row{"a.log", "3", "a value does not fit the type of its column (n bigint)", "y=two"}));
  EXPECT_EQ(bad[1][2], "not UTF-8 text");
  EXPECT_EQ(bad[2], (Row{"a.log", "5", "the line does not match the pattern", "nothing"}));
}

TEST_F(FilesReaderTest, FilesWhoseNamesAreNotUtf8AreReadByAnother) {
  write("a\xff.jsonl", "{\"a\":1}\n");
  write("\xe9.csv", "a\n2\n");
  from("*.jsonl");
  source_.columns = {{.name = "a"}, {.name = "origin", .value = "filename"}};
  EXPECT_EQ(rows(), (Table{{"1", "a\\xff.jsonl"}}));
  EXPECT_EQ(last_.txns.at(0).app_id, "files/bronze.t/a\\xff.jsonl");
  commit();
  EXPECT_EQ(reader()->pending(txns_), std::nullopt);
  from("*.csv");
  EXPECT_EQ(rows(), (Table{{"2", "\\xe9.csv"}}));
}

TEST_F(FilesReaderTest, FormatsItDoesNotKnow) {
  write("a.txt", "x");
  EXPECT_THROW(next(), Error);
  source_.format = "parquet";
  EXPECT_THROW(next(), Error);
}

}  // namespace
}  // namespace windrow::sources
