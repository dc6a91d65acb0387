#include <sys/stat.h>

#include <fstream>

#include "base/clock.h"
#include "lake/action_json.h"
#include "lake/checkpoint.h"
#include "lake/dml.h"
#include "lake/log.h"
#include "lake/partition_path.h"
#include "lake/statistics.h"
#include "lake/table_fixture.h"
#include "storage/faulty_file_system.h"

// Logs that nobody honest has written: each is read right or refused with a message; no crash, no
// runaway memory, nothing outside of the table's folder.

namespace windrow::lake {
namespace {

class HostileLogTest : public TableFixture {
 protected:
  HostileLogTest() { create("SELECT 1 AS a UNION ALL SELECT 2"); }

  std::string file_of(int64_t version) { return log_file(version_text(version) + ".json"); }
  void put(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(log_file(name)).parent_path());
    std::ofstream(log_file(name), std::ios::binary) << text;
  }
  void next(const std::string& lines) {
    put(version_text(table().latest_version() + 1) + ".json", lines + "\n");
  }
  Problem problem() {
    return problem_of([&] { rows_at(); });
  }
  std::string add(const std::string& path, const std::string& more = "") {
    return R"({"add":{"path":")" + path +
           R"(","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true)" + more +
           "}}";
  }
  std::string only_path() { return table().snapshot({}, &connection_).files.at(0).path; }
};

TEST_F(HostileLogTest, PathsThatClimbOut) {
  for (const std::string& path :
       Strings{"../secret.parquet", "a/../../secret.parquet", "%2e%2e/secret.parquet",
               "a/%2E%2E/..%2fsecret.parquet", ".."}) {
    next(add(path));
    const auto found = problem();
    EXPECT_EQ(found.code, Code::corrupt) << path;
    EXPECT_NE(found.message.find("names a file outside of it"), std::string::npos) << path;
    files_->remove(file_of(1));
  }
}

TEST_F(HostileLogTest, NamesThatAreNoPatterns) {
  // To DuckDB they are, and other files fit them: this table's own a second time, or another's.
  const std::string name = only_path().substr(0, 5);
  for (const std::string& pattern :
       Strings{name + "*", "*.parquet", "**", name + "%3F*", "%5Ba-z%5D*"}) {
    next(add(pattern));
    EXPECT_NE(problem().code, Code::internal) << pattern;
    EXPECT_NE(problem().message, "no error") << pattern;
    files_->remove(file_of(1));
  }
  // Files that are called so are read, and only they.
  const std::string own = table().snapshot({}, &connection_).file_path(table().snapshot().files[0]);
  for (const std::string& odd : Strings{"b*.parquet", "b[c].parquet", "b?.parquet", "bcd.parquet"})
    std::filesystem::copy(own, path_ + "/" + odd);
  next(add("b*.parquet") + "\n" + add("b%5Bc%5D.parquet"));
  EXPECT_EQ(rows_at(), (Strings{"1", "1", "1", "2", "2", "2"}));
}

TEST_F(HostileLogTest, PipesAreNoFiles) {
  attach(database_, *files_);
  // Nobody writes into them: whoever opens one to read waits for ever.
  for (const std::string& name : Strings{"pipe.parquet", "pipe"}) {
    ASSERT_EQ(::mkfifo((path_ + "/" + name).c_str(), 0600), 0);
    next(add(name));
    EXPECT_EQ(problem().code, Code::data) << name;
    EXPECT_NE(problem().message.find("is a named pipe"), std::string::npos) << problem().message;
    files_->remove(file_of(1));
  }
  ASSERT_EQ(::mkfifo(file_of(1).c_str(), 0600), 0);
  EXPECT_NE(problem().message.find("is a named pipe"), std::string::npos) << problem().message;
}

TEST_F(HostileLogTest, NumbersThatNoProgramCounts) {
  const std::string huge = "1180591620717411303424";
  next(R"({"commitInfo":{"timestamp":1,"operationMetrics":{"sum":)" + huge + R"(}}})" + "\n" +
       R"({"unknown":{"of":)" + huge + "}}");
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
  EXPECT_NE(table().history().front().metrics_json.find(huge), std::string::npos);
  next(R"({"add":{"path":"x.parquet","partitionValues":{},"size":)" + huge +
       R"(,"modificationTime":1,"dataChange":true}})");
  EXPECT_EQ(problem().code, Code::corrupt);
}

TEST_F(HostileLogTest, DeletionVectorsThatClimbOut) {
  const std::string vector =
      R"(,"deletionVector":{"storageType":"u","pathOrInlineDv":"../../ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":4,"cardinality":1})";
  next(add(only_path(), vector));
  EXPECT_EQ(problem().code, Code::corrupt);
}

TEST_F(HostileLogTest, LongLinesAreRead) {
  const std::string name(10 << 20, 'x');
  next(R"({"commitInfo":{"timestamp":1,"operation":")" + name + "\"}}");
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
  EXPECT_EQ(table().history().front().operation.size(), name.size());
  next(std::string(10 << 20, '['));
  EXPECT_EQ(problem().code, Code::corrupt);
}

TEST_F(HostileLogTest, DeepNesting) {
  std::string open, close;
  for (int i = 0; i < 10'000; ++i) {
    open += R"({"type":"struct","fields":[{"name":"a","nullable":true,"metadata":{},"type":)";
    close += "}]}";
  }
  const std::string schema = open + "\"long\"" + close;
  EXPECT_EQ(problem_of([&] { schema_from_json(schema); }).code, Code::corrupt);
  EXPECT_EQ(problem_of([&] {
              commit_from_json(R"({"commitInfo":{"a":)" + open + "1" + close + "}}", 0, "it");
            }).code,
            Code::corrupt);
  Add deep;
  deep.stats = R"({"numRecords":1,"minValues":)" + open + "1" + close + "}";
  EXPECT_FALSE(rows_of(deep));
}

TEST_F(HostileLogTest, StatisticsThatAreNoNumbers) {
  const Field column{"a", Type{Type::Kind::double_}};
  for (const std::string& bounds : Strings{
           R"({"minValues":{"a":NaN},"maxValues":{"a":Infinity}})",
           R"({"minValues":{"a":"NaN"},"maxValues":{"a":"NaN"}})",
           R"({"minValues":{"a":"-Infinity"},"maxValues":{"a":"Infinity"}})",
           R"({"minValues":{"a":{}},"maxValues":{"a":[]}})", R"({"minValues":[],"maxValues":7})",
           R"({"numRecords":1e400,"nullCount":{"a":1e400}})", R"({"numRecords":"three"})"}) {
    Add file;
    file.stats = bounds;
    EXPECT_TRUE(may_overlap(file, column, "1", "2")) << bounds;
    EXPECT_FALSE(lies_inside(file, column, "1", "2")) << bounds;
    EXPECT_FALSE(rows_of(file)) << bounds;
  }
}

TEST_F(HostileLogTest, HugeAndNegativeNumbers) {
  for (const std::string& size : Strings{"-1", "1e300", "-1e300", "18446744073709551615",
                                         "99999999999999999999999", "1e-400"}) {
    next(R"({"add":{"path":"x.parquet","partitionValues":{},"size":)" + size +
         R"(,"modificationTime":1,"dataChange":true}})");
    const auto found = problem_of([&] { table().snapshot(); });
    EXPECT_EQ(found.code == Code::corrupt, size != "1e-400") << size << found.message;
    files_->remove(file_of(1));
  }
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
}

TEST_F(HostileLogTest, TheSameFileTwice) {
  const std::string path = only_path();
  next(add(path) + "\n" + add(path));
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
  // And once more in another spelling.
  std::string spelled;
  for (const char c : path) {
    char code[4];
    std::snprintf(code, sizeof code, "%%%02x", uint8_t(c));
    spelled += code;
  }
  next(add(spelled));
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
}

TEST_F(HostileLogTest, TextThatIsNotUtf8) {
  next("{\"commitInfo\":{\"operation\":\"\xFF\xFE\"}}");
  EXPECT_EQ(problem().code, Code::corrupt);
  files_->remove(file_of(1));
  next(std::string("\0\0\0\0", 4));
  EXPECT_EQ(problem().code, Code::corrupt);
}

TEST_F(HostileLogTest, NamesOfVersionsThatCannotBe) {
  put("99999999999999999999.json", "{}");
  put("00000000000000000000.checkpoint.99999999999.99999999999.parquet", "x");
  put("-0000000000000000001.json", "{}");
  put("00000000000000000002.00000000000000000001.compacted.json", "{}");
  put("00000000000000000001.json.tmp", "{}");
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
  put("09223372036854775807.json", "{}");
  EXPECT_EQ(problem().code, Code::corrupt);  // a gap, told at once
}

TEST_F(HostileLogTest, AVersionGap) {
  append("SELECT 3 AS a");
  append("SELECT 4 AS a");
  files_->remove(file_of(1));
  EXPECT_EQ(problem().code, Code::corrupt);
  EXPECT_NE(problem().message.find("version 1 is missing"), std::string::npos);
  EXPECT_EQ(rows_at(0), (Strings{"1", "2"}));
}

/// As readdir may do it while others write: a version is there, and the listing shows only what
/// came after it.
TEST_F(HostileLogTest, AListingThatOverlooksAVersion) {
  append("SELECT 3 AS a");
  append("SELECT 4 AS a");
  storage::FaultyFileSystem late(*files_);
  const std::string hidden = log_file("hidden");
  std::filesystem::rename(file_of(1), hidden);
  late.before_each([&](const std::string& operation) {
    if (operation.starts_with("stat")) std::filesystem::rename(hidden, file_of(1));
  });
  EXPECT_EQ(Table(late, path_).snapshot({}, &connection_).rows(), 4);
}

TEST_F(HostileLogTest, LastCheckpointIsGarbage) {
  for (const std::string& text :
       Strings{std::string(), std::string("{"), std::string(R"({"version":99,"size":1})"),
               std::string(R"({"version":-1})"), std::string("\xFF\0\x01", 3),
               std::string(1 << 20, '[')}) {
    put("_last_checkpoint", text);
    EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
    append("SELECT 3 AS a WHERE false");
  }
}

TEST_F(HostileLogTest, ATruncatedCheckpoint) {
  write_checkpoint(*files_, table().snapshot(), clock_.now(), connection_);
  const std::string path = log_file(version_text(0) + ".checkpoint.parquet");
  const std::string whole = files_->read(path);
  for (const size_t length : {size_t(0), size_t(4), whole.size() / 2, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    EXPECT_EQ(rows_at(), (Strings{"1", "2"})) << length;  // from the log itself
  }
  std::string lying = whole;  // the footer's length points out of the file
  for (size_t i = lying.size() - 8; i < lying.size() - 4; ++i) lying[i] = '\x7F';
  std::ofstream(path, std::ios::binary) << lying;
  EXPECT_EQ(rows_at(), (Strings{"1", "2"}));
  files_->remove(file_of(0));
  EXPECT_EQ(problem().code, Code::corrupt);
}

TEST_F(HostileLogTest, AMissingSidecar) {
  append("SELECT 3 AS a");
  std::string lines = R"({"checkpointMetadata":{"version":1}})";
  lines +=
      "\n"
      R"({"sidecar":{"path":"gone.parquet","sizeInBytes":5,"modificationTime":1}})"
      "\n";
  put(version_text(1) + ".checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", lines);
  EXPECT_EQ(rows_at(), (Strings{"1", "2", "3"}));  // the log has it all
  files_->remove(file_of(0));
  EXPECT_EQ(problem().code, Code::corrupt);
  put(version_text(1) + ".checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json",
      R"({"sidecar":{"path":"../../../etc/passwd","sizeInBytes":5,"modificationTime":1}})");
  EXPECT_EQ(problem().code, Code::corrupt);
}

}  // namespace
}  // namespace windrow::lake
