#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/id.h"
#include "storage/webhdfs_file_system.h"
#include "storage/webhdfs_status.h"

// What is HDFS's own, against a real cluster: WINDROW_TEST_HDFS=webhdfs://host:port, as
// `./dev servers up hdfs` says; tests/integration/hdfs_test.py runs these. What every home must do
// is in file_system_contract_test.cc.

namespace windrow::storage {
namespace {

class WebHdfsReal : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* address = std::getenv("WINDROW_TEST_HDFS");
    if (address == nullptr) GTEST_SKIP() << "WINDROW_TEST_HDFS is not set";
    options_ = webhdfs_options(process_environment());
    files_ = webhdfs_file_system(options_);
    root_ = std::string(address) + "/storage-test-" + new_uuid();
  }
  void TearDown() override {
    if (!files_) return;
    for (const auto& file : files_->list_tree(root_)) {
      EXPECT_EQ(file.path.find("/.tmp-"), std::string::npos) << file.path << " was left";
      files_->remove(file.path);
    }
  }

  WebHdfsOptions options_;
  std::shared_ptr<FileSystem> files_;
  std::string root_;
};

TEST_F(WebHdfsReal, OddNames) {
  const std::vector<std::string> names = {"a b",  "a%b",  "a%41b", "é",    "a+b",  "a#b",  "a;b",
                                          "a?b",  "a&b",  "a=b",   "a\"b", "a\\b", "a'b",  "a*b",
                                          "[ab]", "{ab}", "a|b",   "<a>",  "a,b",  "日本", "a\tb"};
  for (const auto& name : names) {
    const std::string path = root_ + "/odd/" + name;
    EXPECT_EQ(files_->put_if_absent(path, name), PutOutcome::created) << name;
    EXPECT_EQ(files_->put_if_absent(path, "no"), PutOutcome::exists) << name;
    EXPECT_EQ(files_->read(path), name);
    ASSERT_TRUE(files_->stat(path)) << name;
  }
  std::vector<std::string> wanted;
  for (const auto& name : names) wanted.push_back(root_ + "/odd/" + name);
  std::ranges::sort(wanted);
  std::vector<std::string> found;
  for (const auto& info : files_->list(root_ + "/odd")) found.push_back(info.path);
  EXPECT_EQ(found, wanted);
  // Bytewise, where HDFS itself takes bytes as signed.
  EXPECT_EQ(files_->list(root_ + "/odd", "{ab}").size(), 2u);
  for (const auto& path : wanted) files_->remove(path);
  EXPECT_TRUE(files_->list(root_ + "/odd").empty());
}

TEST_F(WebHdfsReal, NamesThatHdfsRefuses) {
  try {
    files_->put(root_ + "/a:b", "x");
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage) << error.what();
    EXPECT_NE(error.problem().hint.find("\":\""), std::string::npos);
  }
}

TEST_F(WebHdfsReal, BlockSizeAndReplication) {
  options_.block_bytes = 1 << 20;
  options_.replication = 1;
  const auto files = webhdfs_file_system(options_);
  files->put(root_ + "/blocks", std::string(3 << 20, 'b'));
  const auto http = clients::http_client();
  clients::HttpRequest request;
  const auto at = parse_webhdfs_path(root_ + "/blocks");
  request.url = name_nodes_of(options_, at).front() + "/webhdfs/v1" + at.path +
                "?op=GETFILESTATUS&user.name=" + options_.user;
  const std::string answer = http->send(request).body;
  EXPECT_NE(answer.find("\"blockSize\":1048576"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"replication\":1"), std::string::npos) << answer;
}

TEST_F(WebHdfsReal, SomebodyElseIsRefused) {
  files_->put(root_ + "/mine", "x");
  options_.user = "somebody";
  const auto theirs = webhdfs_file_system(options_);
  EXPECT_EQ(theirs->read(root_ + "/mine"), "x");
  try {
    theirs->put(root_ + "/theirs", "x");
    FAIL() << "written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::permission) << error.what();
    EXPECT_NE(error.problem().message.find("user=somebody"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace windrow::storage
