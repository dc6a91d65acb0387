#include "duck/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/id.h"
#include "duck/parquet_writer.h"
#include "storage/faulty_file_system.h"

namespace windrow::duck {
namespace {

/// `mem://…` as files below a folder on disk, so that DuckDB takes them for remote ones.
class Remote final : public storage::FileSystem {
 public:
  Remote(storage::FileSystem& real, std::string root) : real_(real), root_(std::move(root)) {}
  std::string read(const std::string& p) override { return real_.read(at(p)); }
  std::string read_range(const std::string& p, uint64_t offset, uint64_t length) override {
    return real_.read_range(at(p), offset, length);
  }
  std::optional<storage::FileInfo> stat(const std::string& p) override {
    auto out = real_.stat(at(p));
    if (out) out->path = p;
    return out;
  }
  std::vector<storage::FileInfo> list(const std::string& p, const std::string& after,
                                      bool details) override {
    return back(real_.list(at(p), after, details));
  }
  std::vector<storage::FileInfo> list_tree(const std::string& p) override {
    return back(real_.list_tree(at(p)));
  }
  void put(const std::string& p, std::string_view bytes) override { real_.put(at(p), bytes); }
  std::unique_ptr<storage::Writer> writer(const std::string& p) override {
    return real_.writer(at(p));
  }
  storage::PutOutcome put_if_absent(const std::string& p, std::string_view bytes) override {
    return real_.put_if_absent(at(p), bytes);
  }
  void remove(const std::string& p) override { real_.remove(at(p)); }
  void make_folder(const std::string&) override {}
  void sync(const std::vector<std::string>&) override {}
  std::optional<uint64_t> space_left(const std::string&) override { return {}; }
  std::vector<std::string> prefixes() const override { return {"mem://"}; }

 private:
  std::string at(const std::string& p) const { return root_ + p.substr(5); }
  std::vector<storage::FileInfo> back(std::vector<storage::FileInfo> files) const {
    for (auto& file : files) file.path = "mem:/" + file.path.substr(root_.size());
    return files;
  }
  storage::FileSystem& real_;
  std::string root_;
};

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() { attach_files(database_, remote_); }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }
  std::string text(const std::string& sql) { return cell_text(connection_.value(sql)); }
  size_t reads() const {
    size_t out = 0;
    for (const auto& line : faulty_.trace()) out += line.starts_with("read_range");
    return out;
  }

  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow-files-" + new_uuid())).string();
  std::unique_ptr<storage::FileSystem> local_ = storage::local_file_system();
  storage::FaultyFileSystem faulty_{*local_};
  Remote remote_{faulty_, folder_};
  Database database_{Options{}};
  Connection connection_{database_};
};

TEST_F(FilesTest, CopiesOutAndReadsBack) {
  for (const std::string format : {"parquet", "csv", "json"}) {
    const std::string path = "'mem://b/dir é/x." + format + "'";
    connection_.execute("COPY (SELECT range AS i, 'ü' || range AS t FROM range(10000)) TO " + path);
    EXPECT_EQ(text("SELECT sum(i) || min(t) FROM " + path), "49995000ü0") << format;
  }
  connection_.execute("COPY (SELECT range AS i FROM range(10)) TO 'mem://b/z.csv.gz'");
  EXPECT_EQ(text("SELECT sum(i) FROM 'mem://b/z.csv.gz'"), "45");
}

TEST_F(FilesTest, PartitionsAndGlobs) {
  connection_.execute(
      "COPY (SELECT range AS i, range % 3 AS p, range % 2 AS q FROM range(600)) TO 'mem://b/t' "
      "(FORMAT parquet, PARTITION_BY (p, q))");
  local_->put(folder_ + "/b/t/p=0/q=0/.tmp-x", "no parquet");
  EXPECT_EQ(text("SELECT count(*) FROM read_parquet('mem://b/t/**/*.parquet')"), "600");
  EXPECT_EQ(text("SELECT count(*) FROM read_parquet('mem://b/t/p=1/*/*')"), "200");
  EXPECT_EQ(text("SELECT count(*) FROM read_parquet('mem://b/t/p=0/q=0/*')"), "100");
  EXPECT_EQ(text("SELECT sum(p) FROM read_parquet('mem://b/t/*/*/*', hive_partitioning = true) "
                 "WHERE q = 1"),
            "300");
  local_->put(folder_ + "/b/odd[1]*.csv", "a\n1\n");
  EXPECT_EQ(text("SELECT a FROM 'mem://b/odd[1]*.csv'"), "1");
  EXPECT_THROW(connection_.query("FROM 'mem://b/none*.csv'"), Error);
}

TEST_F(FilesTest, ChosenColumnsBecomeRangesAndNotWholeFiles) {
  connection_.execute(
      "COPY (SELECT range AS i, sha256(range::VARCHAR) AS long FROM range(300000)) TO "
      "'mem://b/big.parquet' (ROW_GROUP_SIZE 30720)");
  const auto size = local_->stat(folder_ + "/b/big.parquet")->size;
  uint64_t read = 0;
  // The trace has no lengths: count blocks by what the local disk was asked for.
  faulty_.heal();
  EXPECT_EQ(text("SELECT max(i) FROM 'mem://b/big.parquet'"), "299999");
  read = reads();
  EXPECT_LT(read * (256 << 10), size / 2) << read << " reads of " << size;
  EXPECT_GT(read, 0u);
}

TEST_F(FilesTest, ErrorsKeepTheirCodeAndHint) {
  connection_.execute("COPY (SELECT 1 AS i) TO 'mem://b/x.parquet'");
  faulty_.fail(0, storage::Fault::before, Code::permission, true);
  try {
    connection_.query("FROM 'mem://b/x.parquet'");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::permission) << error.what();
    EXPECT_EQ(error.problem().message.find("injected fault"), 0u) << error.what();
  }
  faulty_.heal();
  try {
    connection_.query("FROM read_parquet('mem://b/100%s.parquet')");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_found) << error.what();
    EXPECT_NE(std::string(error.what()).find("100%s"), std::string::npos) << error.what();
  }
}

TEST_F(FilesTest, WritesPartitionsIntoAFolderWhoseNameEndsBeyondAscii) {
  columns::WriteOptions options;
  options.folder = "mem://b/té";
  options.partition_by = {"p"};
  const auto files = write_parquet(connection_, "SELECT 1 AS a, 'x' AS p", {}, options);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_TRUE(files[0].path.starts_with("mem://b/té/p=x/")) << files[0].path;
  EXPECT_EQ(local_->list_tree(folder_ + "/b/té/p=x").size(), 1u);
}

TEST_F(FilesTest, AnyFailureWhileWritingLeavesNoFile) {
  const auto write = [&] {
    columns::WriteOptions options;
    options.folder = "mem://b/table";
    options.partition_by = {"p"};
    return write_parquet(connection_, "SELECT range AS i, range % 4 AS p FROM range(1000)", {},
                         options);
  };
  faulty_.heal();
  EXPECT_EQ(write().size(), 4u);
  const size_t operations = faulty_.operations();
  ASSERT_GT(operations, 8u);
  std::filesystem::remove_all(folder_);
  for (size_t i = 0; i < operations; ++i) {
    faulty_.fail(i, storage::Fault::before, Code::unavailable);
    try {
      write();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::unavailable) << error.what();
      faulty_.heal();
      EXPECT_TRUE(local_->list_tree(folder_).empty()) << "operation " << i;
    }
    std::filesystem::remove_all(folder_);
  }
  faulty_.heal();
  EXPECT_TRUE(
      write_parquet(connection_, "SELECT 1 AS i WHERE false", {}, {"mem://b/empty"}).empty());
  EXPECT_TRUE(local_->list_tree(folder_ + "/b/empty").empty());
}

}  // namespace
}  // namespace windrow::duck
