#include "storage/s3_file_system.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/clock.h"
#include "base/error.h"
#include "clients/http_server.h"
#include "storage/s3_error.h"

// What a server can do wrong, by a server that is told what to answer. What a right server does is
// judged by a real one: file_system_contract_test.cc.

namespace windrow::storage {
namespace {

using clients::TestHttpServer;
using Answer = TestHttpServer::Answer;
using Request = TestHttpServer::Request;
using std::chrono::milliseconds;

Answer failing(int status, const std::string& code, clients::HttpHeaders headers = {}) {
  return {status, "<Error><Code>" + code + "</Code><Message>why</Message></Error>",
          std::move(headers)};
}
Answer lost() {
  Answer out;
  out.hang_up = true;
  return out;
}

/// What the test sets and the server's threads read.
template <typename T>
struct Told {
  std::mutex& mutex;
  T value;
  Told& operator=(T next) {
    const std::scoped_lock lock(mutex);
    value = std::move(next);
    return *this;
  }
};

class S3FileSystemTest : public ::testing::Test {
 protected:
  S3FileSystemTest() {
    options_.endpoint = server_.url();
    options_.retry.tries = 4;
    options_.retry.sleep = [](milliseconds) {};
    options_.part_bytes = 100;
    options_.parallel = 2;
  }
  FileSystem& files() {
    if (!files_) {
      files_ = s3_file_system(
          options_,
          [](const std::string& name) -> std::optional<std::string> {
            if (name == "AWS_ACCESS_KEY_ID") return "the-key";
            if (name == "AWS_SECRET_ACCESS_KEY") return "hush";
            return {};
          },
          *http_, *clock_);
    }
    return *files_;
  }
  Answer answer(const Request& request) {
    const std::scoped_lock lock(mutex_);
    if (always_.value) return always_.value(request);
    if (script_.value.empty()) return failing(400, "NothingMore");
    Answer out = script_.value.front();
    script_.value.pop_front();
    return out;
  }
  Error failure(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("hush"), std::string::npos);
      return error;
    }
    return Error(Code::internal, "nothing failed");
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& request : server_.seen()) out.push_back(request.method + " " + request.target);
    return out;
  }

  std::mutex mutex_;
  Told<std::deque<Answer>> script_{mutex_, {}};
  Told<std::function<Answer(const Request&)>> always_{mutex_, {}};
  TestHttpServer server_{[this](const Request& request) { return answer(request); }};
  S3Options options_;
  std::unique_ptr<clients::HttpClient> http_ = clients::http_client();
  std::unique_ptr<Clock> clock_ = system_clock();
  std::shared_ptr<FileSystem> files_;
};

TEST_F(S3FileSystemTest, PutIfAbsentTellsWhatIsKnown) {
  const auto outcome = [&](std::deque<Answer> script) {
    script_ = std::move(script);
    return files().put_if_absent("s3://b/k", "x");
  };
  const Answer good{200, ""}, there = failing(412, "PreconditionFailed");
  EXPECT_EQ(outcome({good}), PutOutcome::created);
  EXPECT_EQ(outcome({there}), PutOutcome::exists);
  EXPECT_EQ(outcome({failing(409, "ConditionalRequestConflict"), there}), PutOutcome::exists);
  EXPECT_EQ(outcome({failing(503, "SlowDown"), there}), PutOutcome::exists) << "was not done";
  EXPECT_EQ(outcome({failing(503, "SlowDown"), good}), PutOutcome::created);
  EXPECT_EQ(outcome({lost(), there}), PutOutcome::unknown) << "it may be our own";
  EXPECT_EQ(outcome({lost(), good}), PutOutcome::created);
  EXPECT_EQ(outcome({failing(500, "InternalError"), there}), PutOutcome::unknown);
  EXPECT_EQ(outcome({lost(), lost(), lost(), lost()}), PutOutcome::unknown);
  EXPECT_EQ(outcome({lost(), failing(403, "AccessDenied")}), PutOutcome::unknown);
  for (const auto& request : server_.seen()) EXPECT_EQ(request.header("if-none-match"), "*");
  EXPECT_EQ(failure([&] { outcome({failing(403, "AccessDenied")}); }).code(), Code::permission);
}

TEST_F(S3FileSystemTest, PutIfAbsentWhereNothingWasSent) {
  options_.endpoint = "http://127.0.0.1:1";
  EXPECT_EQ(failure([&] { files().put_if_absent("s3://b/k", "x"); }).code(), Code::unavailable);
}

TEST_F(S3FileSystemTest, TriesAreBounded) {
  always_ = [](const Request&) { return failing(503, "SlowDown"); };
  EXPECT_EQ(failure([&] { files().read("s3://b/k"); }).code(), Code::unavailable);
  EXPECT_EQ(server_.seen().size(), 4u);
}

TEST_F(S3FileSystemTest, RefusalsSayWhatToDo) {
  const auto refused = [&](Answer answer) {
    script_ = {std::move(answer)};
    return failure([&] { files().read("s3://bucket/some/key"); });
  };
  auto error = refused(failing(403, "AccessDenied"));
  EXPECT_EQ(error.code(), Code::permission);
  EXPECT_NE(error.problem().message.find("s3://bucket/some/key"), std::string::npos);
  error = refused(failing(404, "NoSuchBucket"));
  EXPECT_EQ(error.code(), Code::not_found);
  EXPECT_EQ(error.problem().message, "there is no bucket \"bucket\"");
  EXPECT_EQ(refused(failing(404, "NoSuchKey")).code(), Code::not_found);
  error = refused(failing(301, "PermanentRedirect", {{"x-amz-bucket-region", "eu-west-1"}}));
  EXPECT_EQ(error.code(), Code::configuration);
  EXPECT_EQ(error.problem().message,
            "bucket \"bucket\" is in region \"eu-west-1\", not \"us-east-1\"");
  error = refused({400,
                   "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-2</Region>"
                   "</Error>"});
  EXPECT_EQ(error.problem().hint, "set AWS_REGION=eu-west-2");
  error = refused(failing(403, "RequestTimeTooSkewed"));
  EXPECT_NE(error.problem().message.find("clock"), std::string::npos);
  EXPECT_EQ(refused(failing(403, "SignatureDoesNotMatch")).code(), Code::permission);
  EXPECT_EQ(refused({418, "<html>no XML"}).code(), Code::unsupported);
}

TEST_F(S3FileSystemTest, AnExpiredTokenIsRenewedOnce) {
  always_ = [](const Request&) { return failing(400, "ExpiredToken"); };
  EXPECT_EQ(failure([&] { files().read("s3://b/k"); }).code(), Code::permission);
  EXPECT_EQ(server_.seen().size(), 2u);
}

TEST_F(S3FileSystemTest, KeysAreEncodedOnceAndSigned) {
  always_ = [](const Request&) { return Answer{200, ""}; };
  files().put("s3://b/a b/ü+~=%2F'x.json", "");
  EXPECT_EQ(lines().at(0), "PUT /b/a%20b/%C3%BC%2B~%3D%252F%27x.json");
  EXPECT_NE(server_.seen().at(0).header("authorization").find("Credential=the-key/"),
            std::string_view::npos);
}

TEST_F(S3FileSystemTest, WhatIsWrittenIsKeptAsAskedFor) {
  options_.encryption = "aws:kms";
  options_.kms_key = "k1";
  options_.storage_class = "STANDARD_IA";
  always_ = [](const Request& request) {
    if (request.target.find("uploads") != std::string::npos)
      return Answer{200, "<R><UploadId>u</UploadId></R>"};
    if (request.method == "POST") return Answer{200, "<CompleteMultipartUploadResult/>"};
    return Answer{200, "", {{"ETag", "\"e\""}}};
  };
  files().put("s3://b/k", "x");
  files().put_if_absent("s3://b/k", "x");
  files().put("s3://b/k", std::string(250, 'x'));
  const auto seen = server_.seen();
  for (const size_t i : {0, 1, 2}) {
    EXPECT_EQ(seen.at(i).header("x-amz-server-side-encryption"), "aws:kms");
    EXPECT_EQ(seen.at(i).header("x-amz-server-side-encryption-aws-kms-key-id"), "k1");
    EXPECT_EQ(seen.at(i).header("x-amz-storage-class"), "STANDARD_IA");
  }
  EXPECT_EQ(seen.at(3).header("x-amz-storage-class"), "") << "a part has none of its own";
}

/// A server for uploads; `part` answers parts.
Answer upload_answer(const Request& request, const std::function<Answer()>& part,
                     const std::function<Answer()>& complete) {
  if (request.target.ends_with("?uploads=")) return {200, "<R><UploadId>the/upload</UploadId></R>"};
  if (request.method == "PUT") return part();
  if (request.method == "POST") return complete();
  return {204, ""};
}

TEST_F(S3FileSystemTest, AnUploadInPartsIsPutTogetherInOrder) {
  std::atomic<int> number = 0;
  always_ = [&](const Request& request) {
    return upload_answer(
        request,
        [&] {
          const auto at = request.target.find("partNumber=") + 11;
          ++number;
          return Answer{200, "", {{"ETag", "\"e" + request.target.substr(at, 1) + "\""}}};
        },
        [] {
          return Answer{200, "<CompleteMultipartUploadResult/>"};
        });
  };
  const auto writer = files().writer("s3://b/k");
  for (int i = 0; i < 35; ++i) writer->write("0123456789");
  writer->finish();
  EXPECT_EQ(number, 4);
  const auto last = server_.seen().back();
  EXPECT_EQ(last.method, "POST");
  EXPECT_NE(last.body.find("<PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag>"),
            std::string::npos);
  EXPECT_NE(last.body.find("<PartNumber>4</PartNumber><ETag>&quot;e4&quot;</ETag>"),
            std::string::npos);
}

TEST_F(S3FileSystemTest, AnUnfinishedOrFailedUploadIsAborted) {
  std::atomic<bool> bad_part = false;
  always_ = [&](const Request& request) {
    return upload_answer(
        request,
        [&] {
          return bad_part ? failing(403, "AccessDenied") : Answer{200, ""};
        },
        [] {
          return Answer{200, "<Error><Code>InternalError</Code></Error>"};
        });
  };
  const std::string abort = "DELETE /b/k?uploadId=the%2Fupload";
  files().writer("s3://b/k")->write(std::string(150, 'x'));
  EXPECT_EQ(lines().back(), abort);
  EXPECT_EQ(failure([&] { files().put("s3://b/k", std::string(150, 'x')); }).code(),
            Code::unavailable)
      << "status 200 with an error inside";
  EXPECT_EQ(lines().back(), abort);
  bad_part = true;
  EXPECT_EQ(failure([&] { files().put("s3://b/k", std::string(150, 'x')); }).code(),
            Code::permission);
  EXPECT_EQ(lines().back(), abort);
  const size_t before = server_.seen().size();
  files().writer("s3://b/k");
  EXPECT_EQ(server_.seen().size(), before) << "nothing was begun";
}

TEST_F(S3FileSystemTest, ACompletionWhoseAnswerIsLostIsLookedFor) {
  std::atomic<int> completions = 0;
  std::string tag = "\"abc-2\"";
  always_ = [&](const Request& request) {
    if (request.method == "HEAD") return Answer{200, std::string(150, 'x'), {{"ETag", tag}}};
    return upload_answer(
        request,
        [] {
          return Answer{200, ""};
        },
        [&] { return ++completions == 1 ? lost() : failing(404, "NoSuchUpload"); });
  };
  files().put("s3://b/k", std::string(150, 'x'));
  EXPECT_EQ(completions, 2);
  completions = 0;
  tag = "\"other\"";
  EXPECT_EQ(failure([&] { files().put("s3://b/k", std::string(150, 'x')); }).code(),
            Code::unavailable);
}

TEST_F(S3FileSystemTest, LongReadsAreRangesOfOneVersion) {
  std::string content(250, 'a');
  std::atomic<int> replaced = 0;
  always_ = [&](const Request& request) {
    const std::string range(request.header("range"));
    const size_t from = std::stoul(range.substr(6));
    const size_t to = std::min(std::stoul(range.substr(range.find('-') + 1)), content.size() - 1);
    if (replaced == 1 && !request.header("if-match").empty()) {
      replaced = 2;
      return failing(412, "PreconditionFailed");
    }
    return Answer{206,
                  content.substr(from, to - from + 1),
                  {{"ETag", "\"v\""},
                   {"Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(to) +
                                         "/" + std::to_string(content.size())}}};
  };
  content[100] = 'b';
  content[249] = 'c';
  EXPECT_EQ(files().read("s3://b/k"), content);
  EXPECT_EQ(server_.seen().size(), 3u);
  EXPECT_EQ(files().read_range("s3://b/k", 90, 20), content.substr(90, 20));
  EXPECT_EQ(files().read_range("s3://b/k", 240, 100), content.substr(240));
  replaced = 1;
  EXPECT_EQ(files().read("s3://b/k"), content);
  EXPECT_EQ(replaced, 2);
}

TEST_F(S3FileSystemTest, AnAnswerThatIsCutIsReadAgain) {
  const Answer whole{206, "0123456789", {{"Content-Range", "bytes 0-9/10"}, {"ETag", "e"}}};
  Answer cut = whole;
  cut.cut_after = 4;
  script_ = {cut, cut, whole};
  EXPECT_EQ(files().read("s3://b/k"), "0123456789");
  EXPECT_EQ(server_.seen().size(), 3u);
}

TEST_F(S3FileSystemTest, ListsEveryPageAndDecodesKeys) {
  script_ = {{200,
              "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>to/ken="
              "</NextContinuationToken><Contents><Key>t/a%2Bb+c%C3%BC</Key><Size>3</Size>"
              "<LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag>"
              "</Contents><Contents><Key>t/</Key></Contents></ListBucketResult>"},
             {200,
              "<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>t/Z/"
              "</Prefix></CommonPrefixes></ListBucketResult>"}};
  const auto found = files().list("s3://b/t", "A", true);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].path, "s3://b/t/Z");
  EXPECT_TRUE(found[0].folder);
  EXPECT_EQ(found[1].path, "s3://b/t/a+b cü");
  EXPECT_EQ(found[1].size, 3u);
  EXPECT_EQ(found[1].tag, "\"e\"");
  EXPECT_EQ(iso(found[1].modified), "2026-01-02T03:04:05.678Z");
  EXPECT_NE(lines().at(0).find("start-after=t%2FA"), std::string::npos);
  EXPECT_NE(lines().at(1).find("continuation-token=to%2Fken%3D"), std::string::npos);
  EXPECT_EQ(lines().at(1).find("start-after"), std::string::npos);
}

TEST_F(S3FileSystemTest, BucketsAreNotRemovedAndFilesHaveNames) {
  files().remove("s3://b");
  files().remove("s3://b/");
  EXPECT_TRUE(server_.seen().empty());
  EXPECT_EQ(failure([&] { files().put("s3://b", "x"); }).code(), Code::usage);
  EXPECT_EQ(failure([&] { files().read("s3://b/folder/"); }).code(), Code::usage);
}

}  // namespace
}  // namespace windrow::storage
