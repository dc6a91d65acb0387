#include "storage/aws_credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "clients/http_server.h"
#include "storage/s3_options.h"

namespace windrow::storage {
namespace {

using clients::TestHttpServer;
using namespace std::chrono_literals;

class AwsCredentialsTest : public ::testing::Test {
 protected:
  AwsCredentialsTest() {
    std::filesystem::create_directories(folder_);
    set_["HOME"] = folder_;
    set_["AWS_EC2_METADATA_DISABLED"] = "true";
  }
  ~AwsCredentialsTest() override { std::filesystem::remove_all(folder_); }
  Environment environment() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto at = set_.find(name);
      if (at == set_.end()) return {};
      return at->second;
    };
  }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  AwsCredentialsChain chain() {
    return AwsCredentialsChain(environment(), *http_, clock_, "eu-west-1",
                               [this](std::string_view secret) { learnt_.emplace_back(secret); });
  }
  Code failure() {
    try {
      chain().get();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }

  std::string folder_ =
      (std::filesystem::temp_directory_path() / ("windrow-aws-" + new_uuid())).string();
  std::map<std::string, std::string> set_;
  std::unique_ptr<clients::HttpClient> http_ = clients::http_client();
  FakeClock clock_{*parse_time("2026-01-01T00:00:00Z")};
  std::vector<std::string> learnt_;
};

TEST_F(AwsCredentialsTest, OfTheEnvironmentComeFirstAndAreLearntAsSecrets) {
  set_["AWS_ACCESS_KEY_ID"] = "A";
  EXPECT_EQ(failure(), Code::configuration);
  set_["AWS_SECRET_ACCESS_KEY"] = "hush";
  set_["AWS_SESSION_TOKEN"] = "token";
  file(".aws/credentials", "[default]\naws_access_key_id=B\naws_secret_access_key=b\n");
  const auto found = chain().get();
  EXPECT_EQ(found.access_key, "A");
  EXPECT_EQ(found.session_token, "token");
  EXPECT_EQ(learnt_, (std::vector<std::string>{"hush", "token"}));
}

TEST_F(AwsCredentialsTest, NoneAnywhere) { EXPECT_EQ(failure(), Code::permission); }

TEST_F(AwsCredentialsTest, OfProfiles) {
  file(".aws/config",
       "# comment\n[default]\nregion = eu-central-1\n[profile work]\nregion=us-west-2\ns3 =\n"
       "  addressing_style = path\nendpoint_url = http://localhost:9000/\n");
  file(".aws/credentials",
       "[default]\naws_access_key_id = D\naws_secret_access_key = d=/+\n\n[work]\r\n"
       "aws_access_key_id=W\r\naws_secret_access_key=w\r\naws_session_token=t\r\n");
  EXPECT_EQ(chain().get().access_key, "D");
  EXPECT_EQ(chain().get().secret_key, "d=/+");
  EXPECT_EQ(s3_options(environment()).region, "eu-central-1");
  set_["AWS_PROFILE"] = "work";
  EXPECT_EQ(chain().get().access_key, "W");
  EXPECT_EQ(chain().get().session_token, "t");
  EXPECT_EQ(s3_options(environment()).region, "us-west-2");
  EXPECT_EQ(s3_options(environment()).endpoint, "http://localhost:9000");
  set_["AWS_REGION"] = "us-east-2";
  EXPECT_EQ(s3_options(environment()).region, "us-east-2");
  set_["AWS_PROFILE"] = "none";
  EXPECT_EQ(failure(), Code::configuration);
  set_.erase("AWS_PROFILE");
  set_["AWS_SHARED_CREDENTIALS_FILE"] =
      file("other", "[default]\naws_access_key_id=O\naws_secret_access_key=o");
  EXPECT_EQ(chain().get().access_key, "O");
}

TEST_F(AwsCredentialsTest, AProfileThatAsksForMoreIsRefusedByName) {
  file(".aws/config", "[default]\nrole_arn = arn:x\nsource_profile = y\n");
  EXPECT_EQ(failure(), Code::unsupported);
}

TEST_F(AwsCredentialsTest, OfAWebIdentityAreRefreshedBeforeTheyExpire) {
  int number = 0;
  bool down = false;
  TestHttpServer sts([&](const TestHttpServer::Request& request) {
    EXPECT_NE(request.body.find("Action=AssumeRoleWithWebIdentity"), std::string::npos);
    EXPECT_NE(request.body.find("WebIdentityToken=tok%2Fen%3D"), std::string::npos);
    if (down) return TestHttpServer::Answer{503, "<ErrorResponse/>"};
    const Time expires = clock_.now() + 1h;
    return TestHttpServer::Answer{
        200,
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
        "<AccessKeyId>K" +
            std::to_string(++number) +
            "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            "<Expiration>" +
            iso(expires) +
            "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
            "</AssumeRoleWithWebIdentityResponse>"};
  });
  set_["AWS_WEB_IDENTITY_TOKEN_FILE"] = file("token", "tok/en=\n");
  set_["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  set_["AWS_ENDPOINT_URL_STS"] = sts.url();
  auto credentials = chain();
  EXPECT_EQ(credentials.get().access_key, "K1");
  clock_.advance(54min);
  EXPECT_EQ(credentials.get().access_key, "K1");
  clock_.advance(2min);
  EXPECT_EQ(credentials.get().access_key, "K2");
  credentials.forget(credentials.get());
  EXPECT_EQ(credentials.get().access_key, "K3");
  down = true;
  clock_.advance(58min);
  EXPECT_EQ(credentials.get().access_key, "K3") << "still valid while the server is down";
  const size_t asked = sts.seen().size();
  EXPECT_EQ(credentials.get().access_key, "K3");
  EXPECT_EQ(sts.seen().size(), asked) << "not asked at every call";
  clock_.advance(3min);
  EXPECT_THROW(credentials.get(), Error);
}

TEST_F(AwsCredentialsTest, AWebIdentityThatIsRefusedSaysSoWithoutItsToken) {
  TestHttpServer sts([](const TestHttpServer::Request&) {
    return TestHttpServer::Answer{
        403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"};
  });
  set_["AWS_WEB_IDENTITY_TOKEN_FILE"] = file("token", "hush-hush");
  set_["AWS_ROLE_ARN"] = "arn:r";
  set_["AWS_ENDPOINT_URL_STS"] = sts.url();
  try {
    chain().get();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::permission);
    EXPECT_NE(std::string(error.what()).find("AccessDenied"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("hush"), std::string::npos);
  }
}

TEST_F(AwsCredentialsTest, OfInstanceMetadataByVersionTwo) {
  TestHttpServer metadata([](const TestHttpServer::Request& request) {
    if (request.method == "PUT") return TestHttpServer::Answer{200, "session"};
    if (request.header("x-aws-ec2-metadata-token") != "session")
      return TestHttpServer::Answer{401, ""};
    if (request.target.ends_with("/security-credentials/"))
      return TestHttpServer::Answer{200, "my-role\n"};
    if (request.target.ends_with("/security-credentials/my-role")) {
      return TestHttpServer::Answer{200, R"({"AccessKeyId":"I","SecretAccessKey":"s","Token":"t",
          "Expiration":"2026-01-01T06:00:00Z"})"};
    }
    return TestHttpServer::Answer{404, ""};
  });
  set_.erase("AWS_EC2_METADATA_DISABLED");
  set_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url();
  const auto found = chain().get();
  EXPECT_EQ(found.access_key, "I");
  EXPECT_EQ(found.expires, parse_time("2026-01-01T06:00:00Z"));
  set_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";
  EXPECT_EQ(failure(), Code::permission);
}

TEST_F(AwsCredentialsTest, OfAContainer) {
  TestHttpServer server([](const TestHttpServer::Request& request) {
    if (request.header("authorization") != "secret") return TestHttpServer::Answer{403, ""};
    return TestHttpServer::Answer{200, R"({"AccessKeyId":"C","SecretAccessKey":"s"})"};
  });
  set_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url() + "/creds";
  EXPECT_EQ(failure(), Code::permission);
  set_["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "secret";
  EXPECT_EQ(chain().get().access_key, "C");
}

TEST_F(AwsCredentialsTest, AddressesOfBuckets) {
  S3Options options;
  options.region = "eu-west-1";
  EXPECT_EQ(address_of(options, "b").origin, "https://b.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(address_of(options, "b").base, "");
  EXPECT_EQ(address_of(options, "b.c").base, "/b.c");
  options.endpoint = "http://localhost:9000";
  EXPECT_EQ(address_of(options, "b").origin, "http://localhost:9000");
  EXPECT_EQ(address_of(options, "b").base, "/b");
  options.path_style = false;
  EXPECT_EQ(address_of(options, "b").host, "b.localhost:9000");
  options.endpoint = "https://s3.example:443";
  EXPECT_EQ(address_of(options, "b").host, "b.s3.example");
  EXPECT_THROW(parse_s3_path("s3://"), Error);
  EXPECT_THROW(parse_s3_path("s3:///key"), Error);
  EXPECT_THROW(parse_s3_path("s3://b?x/key"), Error);
  EXPECT_EQ(parse_s3_path("s3://b/k/../ü").key, "k/../ü");
  EXPECT_EQ(parse_s3_path("s3://b").key, "");
}

}  // namespace
}  // namespace windrow::storage
