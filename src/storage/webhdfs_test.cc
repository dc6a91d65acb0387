#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/error.h"
#include "base/id.h"
#include "clients/http_server.h"
#include "storage/webhdfs_error.h"
#include "storage/webhdfs_file_system.h"

// What a cluster can do wrong, by servers that are told what to answer. What a right one does is
// judged by a real one: file_system_contract_test.cc, webhdfs_real_test.cc.

namespace windrow::storage {
namespace {

using clients::TestHttpServer;
using Answer = TestHttpServer::Answer;
using Request = TestHttpServer::Request;

Answer json(int status, std::string body) {
  return {status, std::move(body), {{"Content-Type", "application/json"}}};
}
Answer exception(int status, const std::string& name, const std::string& message = "why") {
  return json(status, R"({"RemoteException":{"exception":")" + name + R"(","javaClassName":"x.)" +
                          name + R"(","message":")" + message + R"("}})");
}
Answer redirect(const std::string& to) { return {307, "", {{"Location", to}}}; }
Answer lost() {
  Answer out;
  out.hang_up = true;
  return out;
}
Answer status_of(const std::string& suffix, int length, int id = 1) {
  return json(200, R"({"FileStatus":{"pathSuffix":")" + suffix +
                       R"(","type":"FILE","modificationTime":1700000000123,"length":)" +
                       std::to_string(length) + R"(,"fileId":)" + std::to_string(id) + "}}");
}
bool has(const Request& request, const std::string& words) {
  return request.target.find(words) != std::string::npos;
}

/// A server whose answers are given one after the other.
class Script {
 public:
  Script()
      : server_([this](const Request& request) {
          const std::scoped_lock lock(mutex_);
          if (answers_.empty()) return exception(400, "NothingMore", "the script has ended");
          if (answers_.size() == 1 && for_ever_) return answers_.front()(request);
          const auto answer = std::move(answers_.front());
          answers_.pop_front();
          return answer(request);
        }) {}
  Script& then(Answer answer) {
    answers_.push_back([answer](const Request&) { return answer; });
    return *this;
  }
  void always(Answer answer) {
    then(std::move(answer));
    for_ever_ = true;
  }
  std::vector<Request> seen() const { return server_.seen(); }
  std::string url() const { return server_.url(); }
  std::string authority() const { return url().substr(7); }

 private:
  std::mutex mutex_;
  std::deque<std::function<Answer(const Request&)>> answers_;
  bool for_ever_ = false;
  TestHttpServer server_;
};

class WebHdfsTest : public ::testing::Test {
 protected:
  WebHdfsTest() {
    options_.user = "ada";
    options_.retry.tries = 4;
    options_.retry.sleep = [this](std::chrono::milliseconds) { ++waits_; };
    options_.sync_blocks = false;
  }
  FileSystem& files() {
    if (!files_) files_ = webhdfs_file_system(options_, *http_);
    return *files_;
  }
  std::string path(const std::string& rest = "/lake/f") const {
    return "webhdfs://" + node_.authority() + rest;
  }
  Error failure(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error;
    }
    return Error(Code::internal, "nothing failed");
  }

  Script node_, data_;
  WebHdfsOptions options_;
  std::unique_ptr<clients::HttpClient> http_ = clients::http_client();
  std::shared_ptr<FileSystem> files_;
  int waits_ = 0;
};

TEST(WebHdfsPaths, AreTakenApart) {
  EXPECT_EQ(parse_webhdfs_path("hdfs://c/a//b/"), (WebHdfsPath{"hdfs", "c", "/a/b"}));
  EXPECT_EQ(parse_webhdfs_path("webhdfs://h:1,g:2/x y"),
            (WebHdfsPath{"webhdfs", "h:1,g:2", "/x y"}));
  EXPECT_EQ(parse_webhdfs_path("hdfs:///x"), (WebHdfsPath{"hdfs", "", "/x"}));
  EXPECT_EQ(parse_webhdfs_path("hdfs://c"), (WebHdfsPath{"hdfs", "c", "/"}));
  EXPECT_THROW(parse_webhdfs_path("/x"), Error);
  EXPECT_THROW(parse_webhdfs_path("hdfs://c/a/../b"), Error);
  EXPECT_EQ(parse_webhdfs_path("hdfs://c/a/..b").path, "/a/..b");
}

TEST(WebHdfsPaths, LeadToNameNodes) {
  using Nodes = std::vector<std::string>;
  const auto nodes = [](const WebHdfsOptions& options, const std::string& path) {
    return name_nodes_of(options, parse_webhdfs_path(path));
  };
  WebHdfsOptions options;
  EXPECT_EQ(nodes(options, "webhdfs://a:1/x"), Nodes{"http://a:1"});
  EXPECT_EQ(nodes(options, "webhdfs://a,b:2/x"), (Nodes{"http://a:9870", "http://b:2"}));
  EXPECT_EQ(nodes(options, "swebhdfs://a/x"), Nodes{"https://a:9871"});
  EXPECT_EQ(nodes(options, "hdfs://a:8020/x"), Nodes{"http://a:9870"});
  EXPECT_THROW(nodes(options, "hdfs:///x"), Error);
  options.name_nodes["ha"] = {"https://a:1", "https://b:1"};
  options.default_cluster = "ha";
  EXPECT_EQ(nodes(options, "hdfs://ha/x"), (Nodes{"https://a:1", "https://b:1"}));
  EXPECT_EQ(nodes(options, "hdfs:///x"), (Nodes{"https://a:1", "https://b:1"}));
  options.name_nodes[""] = {"http://c:1"};
  EXPECT_EQ(nodes(options, "hdfs://other:8020/x"), Nodes{"http://c:1"});
  EXPECT_EQ(nodes(options, "webhdfs://other:5/x"), Nodes{"http://other:5"});
}

TEST(WebHdfsOptionsTest, ComeFromHadoopsFilesAndTheEnvironment) {
  const auto folder = std::filesystem::temp_directory_path() / ("windrow-hdfs-" + new_uuid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "core-site.xml")
      << "<?xml version=\"1.0\"?><configuration><property><name>fs.defaultFS</name>"
         "<value>hdfs://ha</value></property><property><name>hadoop.security.authentication</name>"
         "<value>kerberos</value></property></configuration>";
  std::ofstream(folder / "hdfs-site.xml")
      << "<configuration><property><name>dfs.nameservices</name><value>ha, other</value></property>"
         "<property><name>dfs.ha.namenodes.ha</name><value>n1,n2</value></property>"
         "<property><name>dfs.namenode.http-address.ha.n1</name><value>a:50070</value></property>"
         "<property><name>dfs.namenode.http-address.ha.n2</name><value>b:50070</value></property>"
         "<property><name>dfs.blocksize</name><value>64m</value></property></configuration>";
  std::map<std::string, std::string> set{{"HADOOP_CONF_DIR", folder.string()},
                                         {"WINDROW_HDFS_REPLICATION", "2"},
                                         {"HADOOP_USER_NAME", "ada"}};
  const Environment environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = set.find(name);
    if (found == set.end()) return {};
    return found->second;
  };
  WebHdfsOptions options = webhdfs_options(environment);
  EXPECT_EQ(options.default_cluster, "ha");
  EXPECT_EQ(options.name_nodes["ha"],
            (std::vector<std::string>{"http://a:50070", "http://b:50070"}));
  EXPECT_EQ(options.block_bytes, 64u << 20);
  EXPECT_EQ(options.replication, 2);
  EXPECT_TRUE(options.kerberos);
  EXPECT_EQ(options.user, "ada");
  set["WINDROW_HDFS_HTTP"] = "x:1, https://y:2/";
  set["WINDROW_HDFS_KERBEROS"] = "false";
  options = webhdfs_options(environment);
  EXPECT_EQ(options.name_nodes[""], (std::vector<std::string>{"http://x:1", "https://y:2"}));
  EXPECT_FALSE(options.kerberos);
  set["WINDROW_HDFS_BLOCK_SIZE"] = "much";
  EXPECT_THROW(webhdfs_options(environment), Error);
  set.erase("WINDROW_HDFS_BLOCK_SIZE");
  std::ofstream(folder / "core-site.xml") << "<configuration><property>";
  EXPECT_THROW(webhdfs_options(environment), Error);
  std::filesystem::remove_all(folder);
}

TEST(WebHdfsErrors, SayWhatIsWrong) {
  const auto code = [](int status, const std::string& name, const std::string& message) {
    return webhdfs_error(status, RemoteException{name, message}, "write", "hdfs://c/x").code();
  };
  EXPECT_EQ(code(403, "SafeModeException", "Cannot create"), Code::unavailable);
  EXPECT_EQ(code(403, "AccessControlException", "Permission denied"), Code::permission);
  EXPECT_EQ(code(404, "FileNotFoundException", "x"), Code::not_found);
  EXPECT_EQ(code(403, "StandbyException", "x"), Code::unavailable);
  EXPECT_EQ(code(403, "DSQuotaExceededException", "x"), Code::full);
  EXPECT_EQ(code(400, "InvalidPathException", "x"), Code::usage);
  EXPECT_EQ(code(500, "SomethingNew", "x"), Code::unavailable);
  EXPECT_EQ(code(403, "IOException",
                 "File /x could only be written to 0 of the 1 minReplication nodes. There are 0 "
                 "datanode(s) running and 0 node(s) are excluded in this operation."),
            Code::unavailable);
  EXPECT_EQ(code(403, "IOException",
                 "File /x could only be written to 0 of the 1 minReplication nodes. There are 3 "
                 "datanode(s) running and 0 node(s) are excluded in this operation."),
            Code::full);
  const Error error = webhdfs_error(403, RemoteException{"SafeModeException", "Cannot create x"},
                                    "write", "hdfs://c/x");
  EXPECT_EQ(error.problem().message,
            "cannot write \"hdfs://c/x\": the name node is in safe mode: it allows no change");
  EXPECT_EQ(webhdfs_error(401, {}, "read", "x").code(), Code::permission);
  EXPECT_EQ(webhdfs_error(404, {}, "read", "x").code(), Code::configuration);
  EXPECT_EQ(webhdfs_error(503, {}, "read", "x").code(), Code::unavailable);
}

TEST(WebHdfsErrors, AreReadFromAnything) {
  clients::HttpResponse response;
  for (const char* body : {"", "<html>", "[]", "{}", R"({"RemoteException":1})", "{\"Remote"}) {
    response.body = body;
    EXPECT_FALSE(remote_exception(response)) << body;
  }
  response.body = R"({"RemoteException":{"exception":"A","message":"one\n\tat two"}})";
  EXPECT_EQ(remote_exception(response)->message, "one");
  response.body = R"({"RemoteException":{"exception":7}})";
  EXPECT_EQ(remote_exception(response)->name, "");
}

TEST_F(WebHdfsTest, ReadsByTheDataNodeThatItIsSentTo) {
  node_.then(redirect(data_.url() + "/webhdfs/v1/there?op=OPEN&x=1"));
  data_.then({200, "bytes", {}});
  EXPECT_EQ(files().read_range(path("/a b/%é"), 10, 5), "bytes");
  const Request first = node_.seen().at(0), second = data_.seen().at(0);
  EXPECT_EQ(first.target, "/webhdfs/v1/a%20b/%25%C3%A9?op=OPEN&offset=10&length=5&user.name=ada");
  EXPECT_EQ(second.target, "/webhdfs/v1/there?op=OPEN&x=1");
}

TEST_F(WebHdfsTest, ATokenIsSentAndNotShown) {
  options_.delegation_token = "hush";
  node_.always(exception(403, "AccessControlException", "Permission denied"));
  const Error error = failure([&] { files().stat(path()); });
  EXPECT_EQ(error.code(), Code::permission);
  EXPECT_EQ(std::string(error.what()).find("hush"), std::string::npos);
  EXPECT_TRUE(has(node_.seen().at(0), "delegation=hush"));
  EXPECT_FALSE(has(node_.seen().at(0), "user.name"));
  options_.name_nodes["gone"] = {"http://127.0.0.1:1"};
  files_.reset();
  EXPECT_EQ(std::string(failure([&] { files().stat("hdfs://gone/x"); }).what()).find("hush"),
            std::string::npos);
}

TEST_F(WebHdfsTest, WhoNeedsATicketIsToldSo) {
  options_.kerberos = true;
  Answer who = {401, "<html>", {{"WWW-Authenticate", "Negotiate"}}};
  node_.always(who);
  const Error error = failure([&] { files().stat(path()); });
  EXPECT_EQ(error.code(), Code::permission) << error.what();
  EXPECT_NE(error.problem().hint.find("kinit"), std::string::npos) << error.what();
  EXPECT_FALSE(has(node_.seen().at(0), "user.name"));
}

TEST_F(WebHdfsTest, AsksTheNextNameNodeAtOnceAndStaysWithIt) {
  Script active;
  options_.name_nodes["ha"] = {"http://127.0.0.1:1", node_.url(), active.url()};
  node_.always(exception(403, "StandbyException", "Operation category READ is not supported"));
  active.always(status_of("", 7));
  EXPECT_EQ(files().stat("hdfs://ha/x")->size, 7u);
  EXPECT_EQ(waits_, 0);
  EXPECT_EQ(files().stat("hdfs://ha/x")->size, 7u);
  EXPECT_EQ(node_.seen().size(), 1u);
  EXPECT_EQ(active.seen().size(), 2u);
}

TEST_F(WebHdfsTest, WaitsWhileNoNameNodeIsActive) {
  Script other;
  options_.name_nodes["ha"] = {node_.url(), other.url()};
  node_.then(exception(403, "StandbyException")).then(status_of("", 3));
  other.always(exception(403, "StandbyException"));
  EXPECT_EQ(files().stat("hdfs://ha/x")->size, 3u);
  EXPECT_EQ(waits_, 1);
  node_.always(exception(403, "StandbyException"));
  const Error error = failure([&] { files().stat("hdfs://ha/x"); });
  EXPECT_EQ(error.code(), Code::unavailable);
  EXPECT_NE(error.problem().message.find("no name node of the cluster is active"),
            std::string::npos);
}

TEST_F(WebHdfsTest, AnotherDataNodeIsAskedForWhereOneIsDown) {
  node_.then(redirect("http://127.0.0.1:1/webhdfs/v1/x?op=OPEN"))
      .then(redirect(data_.url() + "/webhdfs/v1/x?op=OPEN"));
  data_.then({200, "bytes", {}});
  EXPECT_EQ(files().read(path()), "bytes");
  EXPECT_FALSE(has(node_.seen().at(0), "excluded"));
  EXPECT_TRUE(has(node_.seen().at(1), "excludedatanodes=127.0.0.1&") ||
              node_.seen().at(1).target.ends_with("excludedatanodes=127.0.0.1"));
}

TEST_F(WebHdfsTest, NoDataNodeIsSaid) {
  node_.always(redirect("http://127.0.0.1:1/webhdfs/v1/x?op=OPEN"));
  const Error error = failure([&] { files().read(path()); });
  EXPECT_EQ(error.code(), Code::unavailable);
  EXPECT_EQ(error.problem().message,
            "cannot read \"" + path() + "\": data node 127.0.0.1:1: no connection");
  EXPECT_EQ(waits_, 3);
}

TEST_F(WebHdfsTest, ACutReadIsReadAgain) {
  node_.then(redirect(data_.url() + "/1")).then(redirect(data_.url() + "/2"));
  Answer half{200, "whole file", {}};
  half.cut_after = 4;
  data_.then(half).then({200, "whole file", {}});
  EXPECT_EQ(files().read(path()), "whole file");
}

class PutIfAbsent : public WebHdfsTest {
 protected:
  PutIfAbsent() {
    node_.then(redirect(data_.url() + "/create"));
    data_.then({201, "", {}});
  }
  PutOutcome put() { return files().put_if_absent(path(), "text"); }
};

TEST_F(PutIfAbsent, WritesAsideAndRenames) {
  node_.then({200, "", {}});
  EXPECT_EQ(put(), PutOutcome::created);
  const auto asked = node_.seen();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(asked[0].target.starts_with("/webhdfs/v1/lake/.tmp-"));
  EXPECT_TRUE(asked[0].body.empty());
  EXPECT_EQ(data_.seen().at(0).body, "text");
  EXPECT_TRUE(has(asked[1], "op=RENAME&destination=%2Flake%2Ff&renameoptions=NONE"));
}

TEST_F(PutIfAbsent, AnothersFileIsLeftAndOursGoes) {
  node_.then(exception(403, "FileAlreadyExistsException")).then(json(200, R"({"boolean":true})"));
  EXPECT_EQ(put(), PutOutcome::exists);
  EXPECT_EQ(node_.seen().at(2).method, "DELETE");
  EXPECT_TRUE(has(node_.seen().at(2), "/lake/.tmp-"));
}

TEST_F(PutIfAbsent, AGatewaysFalseMeansThatItExists) {
  node_.then(json(200, R"({"boolean":false})"))
      .then(status_of("", 9))
      .then(json(200, R"({"boolean":true})"));
  EXPECT_EQ(put(), PutOutcome::exists);
}

TEST_F(PutIfAbsent, AGatewaysFalseForAnotherReasonIsAFailure) {
  node_.then(json(200, R"({"boolean":false})"))
      .then(exception(404, "FileNotFoundException"))
      .then(json(200, R"({"boolean":true})"));
  EXPECT_EQ(failure([&] { put(); }).code(), Code::unsupported);
}

TEST_F(PutIfAbsent, ALostAnswerOfADoneRenameIsFoundOut) {
  node_.then(lost())
      .then(exception(404, "FileNotFoundException", "rename source is not found"))
      .then(exception(404, "FileNotFoundException"))  // the temporary file
      .then(status_of("", 4));                        // the file
  EXPECT_EQ(put(), PutOutcome::created);
  EXPECT_EQ(node_.seen().size(), 5u);
}

TEST_F(PutIfAbsent, ALostRequestIsSentAgain) {
  node_.then(lost()).then({200, "", {}});
  EXPECT_EQ(put(), PutOutcome::created);
}

TEST_F(PutIfAbsent, ALostAnswerBeforeAnothersFileIsExists) {
  node_.then(lost()).then(exception(403, "FileAlreadyExistsException"));
  EXPECT_EQ(put(), PutOutcome::exists);
}

TEST_F(PutIfAbsent, NoAnswerAtAllIsUnknownAndTheFileIsLeft) {
  node_.always(lost());
  EXPECT_EQ(put(), PutOutcome::unknown);
  for (const auto& request : node_.seen()) EXPECT_NE(request.method, "DELETE");
}

TEST_F(PutIfAbsent, ARefusalIsAnErrorAndNothingIsLeft) {
  node_.then(exception(403, "AccessControlException")).then(json(200, R"({"boolean":true})"));
  const Error error = failure([&] { put(); });
  EXPECT_EQ(error.code(), Code::permission);
  EXPECT_EQ(error.problem().message, "cannot write \"" + path() + "\": why");
  EXPECT_EQ(node_.seen().back().method, "DELETE");
}

TEST_F(WebHdfsTest, APieceIsNeverAppendedTwice) {
  options_.append_bytes = 4;
  node_.then(redirect(data_.url() + "/create")).then(redirect(data_.url() + "/append"));
  data_.then({201, "", {}}).then(lost());
  node_.then(json(200, R"({"boolean":true})"));
  {
    const auto writer = files().writer(path());
    writer->write("1234");
    EXPECT_EQ(failure([&] { writer->write("5678"); }).code(), Code::unavailable);
  }
  EXPECT_EQ(data_.seen().size(), 2u);
  EXPECT_EQ(node_.seen().back().method, "DELETE");
}

TEST_F(WebHdfsTest, AWrittenFileThatIsShorterIsNotNamed) {
  node_.then(redirect(data_.url() + "/create")).then(status_of("", 2));
  data_.then({201, "", {}});
  const auto writer = files().writer(path());
  writer->write("1234");
  EXPECT_EQ(failure([&] { writer->finish(); }).code(), Code::unavailable);
}

TEST_F(WebHdfsTest, ListsPageByPageAndInOurOrder) {
  const auto page = [](const std::string& names, int left) {
    return json(200, R"({"DirectoryListing":{"partialListing":{"FileStatuses":{"FileStatus":[)" +
                         names + R"(]}},"remainingEntries":)" + std::to_string(left) + "}}");
  };
  const auto entry = [](const std::string& name) {
    return R"({"pathSuffix":")" + name + R"(","type":"DIRECTORY","modificationTime":1})";
  };
  node_.then(page(entry("é") + "," + entry("a"), 1)).then(page(entry("b"), 0));
  const auto found = files().list(path("/x"), "a");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].path, path("/x/b"));
  EXPECT_EQ(found[1].path, path("/x/é"));
  EXPECT_TRUE(has(node_.seen().at(1), "startafter=a&startAfter=a"));
}

TEST_F(WebHdfsTest, AnOldServerListsAtOnce) {
  node_.then(exception(400, "IllegalArgumentException", "Invalid value for webhdfs parameter"))
      .then(json(200, R"({"FileStatuses":{"FileStatus":[]}})"));
  EXPECT_TRUE(files().list(path("/x")).empty());
  EXPECT_TRUE(has(node_.seen().at(1), "op=LISTSTATUS&"));
}

TEST_F(WebHdfsTest, WhatIsNoWebHdfsIsNamed) {
  node_.always({200, "<html>hello</html>", {}});
  EXPECT_EQ(failure([&] { files().stat(path()); }).code(), Code::corrupt);
  EXPECT_EQ(failure([&] { files().list(path()); }).code(), Code::corrupt);
}

}  // namespace
}  // namespace windrow::storage
