#include "lake/external_files.h"

#include "lake/copies.h"
#include "lake/log.h"
#include "lake/table_fixture.h"

namespace windrow::lake {
namespace {

/// A table whose log names a file of another folder.
class ExternalFilesTest : public TableFixture {
 protected:
  ExternalFilesTest() {
    columns::WriteOptions options;
    options.folder = elsewhere_ + "/secret";
    file_ = duck::write_parquet(connection_, "SELECT 7 AS a", {}, options).at(0).path;
  }
  void name(const std::string& path) {
    auto request = creation("SELECT 1 AS a");
    request.adds[0].path = path;
    commit(request);
  }
  void allow(const std::string& folder, const std::string& text) {
    files_->put(folder + "/_windrow/external_files", text);
  }
  Problem problem() {
    return problem_of([&] { rows_at(); });
  }
  const std::string elsewhere_ = folder_ + " elsewhere";
  std::string file_;

  ~ExternalFilesTest() override { std::filesystem::remove_all(elsewhere_); }
};

TEST_F(ExternalFilesTest, AreReadOnlyWhereTheOwnerOfTheFolderAboveSaysSo) {
  name(absolute_uri(file_));
  EXPECT_EQ(problem().code, Code::permission);
  EXPECT_NE(problem().message.find(file_), std::string::npos);
  EXPECT_NE(problem().hint.find(folder_ + "/_windrow/external_files"), std::string::npos);
  EXPECT_EQ(problem_of([&] { table().commits(-1, 0); }).code, Code::permission);
  // Who may write the table's folder cannot say it.
  allow(path_, elsewhere_ + "\n");
  EXPECT_EQ(problem().code, Code::permission);
  allow(folder_, "# ours\n" + folder_ + "/x\n" + elsewhere_ + "/sec\n");
  EXPECT_EQ(problem().code, Code::permission);
  allow(folder_, elsewhere_ + "/  \r\n");
  EXPECT_EQ(rows_at(), (Strings{"7"}));
  allow(folder_, file_);
  EXPECT_EQ(rows_at(), (Strings{"7"}));
}

TEST_F(ExternalFilesTest, OfTheSameLakeAreReadButNotByClimbingOut) {
  files_->put(folder_ + "/_windrow/lake.json", "{}");
  std::filesystem::copy(file_, folder_ + "/other.parquet");
  name(absolute_uri(folder_ + "/other.parquet"));
  EXPECT_EQ(rows_at(), (Strings{"7"}));
  std::filesystem::remove_all(path_);
  name(absolute_uri(folder_ + "/../" + file_.substr(file_.find_last_of('/') + 1)));
  EXPECT_EQ(problem().code, Code::permission);
}

TEST_F(ExternalFilesTest, EverySpellingOfAnAbsolutePathCounts) {
  const std::string relative = file_.substr(1);
  for (const std::string& path :
       Strings{file_, "file:" + file_, "file://" + file_, "file:" + relative,
               "file:////" + relative, "s3://bucket/a.parquet"}) {
    name(path);
    EXPECT_EQ(problem().code, Code::permission) << path;
    std::filesystem::remove_all(path_);
  }
}

TEST_F(ExternalFilesTest, VectorsAndRemovedFilesCountToo) {
  auto request = creation("SELECT 1 AS a");
  request.protocol = Protocol{3, 7, {"deletionVectors"}, {"deletionVectors"}};
  request.adds[0].deletion_vector = DeletionVector{"p", absolute_uri(file_), 1, 4, 1};
  commit(request);
  EXPECT_EQ(problem().code, Code::permission);
  std::filesystem::remove_all(path_);
  create("SELECT 1 AS a");
  files_->put(commit_file(path_, 1), R"({"remove":{"path":")" + absolute_uri(file_) +
                                         R"(","deletionTimestamp":1,"dataChange":true}})");
  EXPECT_EQ(rows_at(), (Strings{"1"}));  // nothing of it is read
  EXPECT_EQ(problem_of([&] { table().commits(0, 1); }).code, Code::permission);
}

TEST_F(ExternalFilesTest, CloningAllows) {
  create("SELECT 1 AS a");
  const std::string copy = elsewhere_ + "/copy", second = elsewhere_ + "/deep/second";
  clone(*files_, path_, copy, connection_, {}, clock_);
  EXPECT_EQ(files_->read(elsewhere_ + "/_windrow/external_files"), path_ + "\n");
  clone(*files_, copy, second, connection_, {}, clock_);
  EXPECT_FALSE(
      files_->stat(elsewhere_ + "/deep/_windrow/external_files"));  // it is allowed already
  const auto snapshot = Table(*files_, second).snapshot({}, &connection_);
  EXPECT_EQ(rows("FROM (" + duck_sql(scan(snapshot)) + ")"), (Strings{"1"}));
}

}  // namespace
}  // namespace windrow::lake
