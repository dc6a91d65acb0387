#include "storage/aws_signature.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/url.h"

namespace windrow::storage {
namespace {

std::string signature(const AwsRequest& request, const AwsCredentials& credentials,
                      const char* service, const char* time) {
  const auto headers =
      signing_headers(request, credentials, "us-east-1", service, *parse_time(time));
  const std::string& text = headers.back().second;
  return text.substr(text.rfind('=') + 1);
}

// The published test suite of Signature Version 4 (service "service").
class Suite : public ::testing::Test {
 protected:
  std::string sign(const std::string& method, const std::string& path, Query query = {},
                   clients::HttpHeaders more = {}, const std::string& body = {}) {
    AwsRequest request{method, path, std::move(query), {{"Host", "example.amazonaws.com"}}, {}};
    for (auto& header : more) request.headers.push_back(std::move(header));
    request.body_hash = sha256(body);
    return signature(request, keys_, "service", "2015-08-30T12:36:00Z");
  }
  AwsCredentials keys_{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}, {}};
};

TEST_F(Suite, GetVanilla) {
  EXPECT_EQ(sign("GET", "/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_F(Suite, GetVanillaQueryOrder) {
  EXPECT_EQ(sign("GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

TEST_F(Suite, GetUtf8Path) {
  EXPECT_EQ(sign("GET", percent_encoded("/ሴ", true)),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
}

TEST_F(Suite, GetUnreservedPath) {
  EXPECT_EQ(sign("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
}

TEST_F(Suite, GetBlankInPath) {
  EXPECT_EQ(sign("GET", percent_encoded("/example space/", true)),
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
}

TEST_F(Suite, PostFormBody) {
  EXPECT_EQ(sign("POST", "/", {}, {{"Content-Type", "application/x-www-form-urlencoded"}},
                 "Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST_F(Suite, TheTokenIsSigned) {
  auto with_token = keys_;
  with_token.session_token = "token";
  AwsRequest request{"GET", "/", {}, {{"Host", "h"}}, sha256("")};
  const auto headers = signing_headers(request, with_token, "r", "s", Time{});
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[1], (std::pair<std::string, std::string>("x-amz-security-token", "token")));
  EXPECT_NE(headers[2].second.find("SignedHeaders=host;x-amz-date;x-amz-security-token"),
            std::string::npos);
}

// The examples of the S3 reference, "Authenticating Requests: Using the Authorization Header".
class S3Examples : public ::testing::Test {
 protected:
  std::string sign(const std::string& method, const std::string& path, Query query = {},
                   clients::HttpHeaders more = {}, const std::string& body = {}) {
    AwsRequest request{method,
                       percent_encoded(path, true),
                       std::move(query),
                       {{"Host", "examplebucket.s3.amazonaws.com"}},
                       sha256(body)};
    for (auto& header : more) request.headers.push_back(std::move(header));
    request.headers.emplace_back("x-amz-content-sha256", request.body_hash);
    return signature(request,
                     {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}, {}},
                     "s3", "2013-05-24T00:00:00Z");
  }
};

TEST_F(S3Examples, GetRange) {
  EXPECT_EQ(sign("GET", "/test.txt", {}, {{"Range", "bytes=0-9"}}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, PutWithDollarInKeyDateAndStorageClass) {
  EXPECT_EQ(sign("PUT", "/test$file.text", {},
                 {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                 "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(S3Examples, BareQueryName) {
  EXPECT_EQ(sign("GET", "/", {{"lifecycle", ""}}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST_F(S3Examples, List) {
  EXPECT_EQ(sign("GET", "/", {{"max-keys", "2"}, {"prefix", "J"}}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(QueryText, EncodesAndSorts) {
  EXPECT_EQ(query_text({}), "");
  EXPECT_EQ(query_text({{"uploads", ""}, {"a b", "ü+~/="}, {"a", "2"}, {"a", "1"}}),
            "a=1&a=2&a%20b=%C3%BC%2B~%2F%3D&uploads=");
}

}  // namespace
}  // namespace windrow::storage
