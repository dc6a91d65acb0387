#include "storage/aws_credentials.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "storage/xml.h"

namespace windrow::storage {

namespace {

using namespace std::chrono_literals;

/// New ones are asked for so long before the old ones end, and after a failure not at every call.
constexpr auto kRefreshBefore = 5min;
constexpr auto kBetweenTries = 10s;

std::string file_text(const std::string& path, const char* what) {
  std::ifstream file(path);
  if (!file) {
    throw Error(Code::configuration, std::string(what) + " \"" + path + "\" cannot be read",
                "check the path and its permissions");
  }
  std::ostringstream text;
  text << file.rdbuf();
  std::string out = text.str();
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r')) out.pop_back();
  return out;
}

std::optional<Time> expiry(const std::string& text) {
  return text.empty() ? std::optional<Time>() : parse_time(text);
}

/// The document that instance metadata and containers answer with.
AwsCredentials from_json(const std::string& text, const char* who) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto get = [&](const char* key) -> std::string {
    if (!document.is_object()) return {};
    const auto at = document.find(key);
    return at != document.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  AwsCredentials out{get("AccessKeyId"), get("SecretAccessKey"), get("Token"),
                     expiry(get("Expiration"))};
  if (out.access_key.empty() || out.secret_key.empty()) {
    throw Error(Code::unavailable, std::string(who) + " gave no credentials that can be read",
                "does the machine have a role with credentials?");
  }
  return out;
}

clients::HttpRequest quick(std::string method, std::string url) {
  clients::HttpRequest out;
  out.method = std::move(method);
  out.url = std::move(url);
  out.connect_timeout = 1s;
  out.timeout = 5s;
  out.body_max = 1 << 20;
  return out;
}

}  // namespace

AwsCredentialsChain::AwsCredentialsChain(Environment environment, clients::HttpClient& http,
                                         const Clock& clock, std::string region,
                                         std::function<void(std::string_view)> learn)
    : environment_(std::move(environment)),
      http_(http),
      clock_(clock),
      region_(std::move(region)),
      learn_(std::move(learn)) {}

AwsCredentials AwsCredentialsChain::get() {
  const std::scoped_lock lock(mutex_);
  const Time now = clock_.now();
  const bool fresh = now_ && (!now_->expires || now + kRefreshBefore < *now_->expires);
  if (fresh || (now_ && now < *now_->expires && now < next_try_)) return *now_;
  try {
    now_ = find();
  } catch (const Error&) {
    if (!now_ || now >= *now_->expires) throw;
    next_try_ = now + kBetweenTries;
  }
  if (learn_) {
    learn_(now_->secret_key);
    learn_(now_->session_token);
  }
  return *now_;
}

void AwsCredentialsChain::forget(const AwsCredentials& refused) {
  const std::scoped_lock lock(mutex_);
  if (now_ && now_->access_key == refused.access_key &&
      now_->session_token == refused.session_token) {
    now_.reset();
  }
}

AwsCredentials AwsCredentialsChain::find() const {
  if (auto found = from_environment()) return *found;
  if (auto found = from_web_identity()) return *found;
  if (auto found = from_profile()) return *found;
  if (auto found = from_container()) return *found;
  if (auto found = from_instance()) return *found;
  throw Error(Code::permission, "no credentials for S3 were found",
              "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give this "
              "machine a role; for public buckets set AWS_SKIP_SIGNATURE=true");
}

std::optional<AwsCredentials> AwsCredentialsChain::from_environment() const {
  const auto key = environment_("AWS_ACCESS_KEY_ID"),
             secret = environment_("AWS_SECRET_ACCESS_KEY");
  if (!key && !secret) return {};
  if (!key || !secret) {
    throw Error(Code::configuration,
                std::string(key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY") +
                    " is set without " + (key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID"));
  }
  return AwsCredentials{*key, *secret, environment_("AWS_SESSION_TOKEN").value_or(""), {}};
}

std::optional<AwsCredentials> AwsCredentialsChain::from_web_identity() const {
  const auto file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE"),
             role = environment_("AWS_ROLE_ARN");
  if (!file || !role) return {};
  const std::string token = file_text(*file, "the web identity token");
  if (learn_) learn_(token);
  const std::string endpoint =
      environment_("AWS_ENDPOINT_URL_STS").value_or("https://sts." + region_ + ".amazonaws.com");
  auto request = quick("POST", endpoint + "/");
  request.timeout = 20s;
  const std::string form =
      query_text({{"Action", "AssumeRoleWithWebIdentity"},
                  {"Version", "2011-06-15"},
                  {"RoleArn", *role},
                  {"RoleSessionName", environment_("AWS_ROLE_SESSION_NAME").value_or("windrow")},
                  {"WebIdentityToken", token}});
  request.body = form;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  const auto response = http_.send(request);
  const Xml answer = parse_xml(response.body);
  if (!response.ok()) {
    const Xml* error = answer.child("Error");
    throw Error(response.status >= 500 ? Code::unavailable : Code::permission,
                "the role \"" + *role + "\" was not given to this web identity (" +
                    (error ? error->child_text("Code") : std::to_string(response.status)) + ")",
                "check the role's trust policy and the token file");
  }
  const Xml* result = answer.child("AssumeRoleWithWebIdentityResult");
  const Xml* found = result ? result->child("Credentials") : nullptr;
  if (!found) throw Error(Code::unavailable, "the server of roles gave no credentials");
  return AwsCredentials{found->child_text("AccessKeyId"), found->child_text("SecretAccessKey"),
                        found->child_text("SessionToken"), expiry(found->child_text("Expiration"))};
}

std::optional<AwsCredentials> AwsCredentialsChain::from_profile() const {
  const Section profile = aws_profile(environment_);
  const auto get = [&](const char* key) {
    const auto at = profile.find(key);
    return at == profile.end() ? std::string() : at->second;
  };
  if (!get("aws_access_key_id").empty() && !get("aws_secret_access_key").empty()) {
    return AwsCredentials{
        get("aws_access_key_id"), get("aws_secret_access_key"), get("aws_session_token"), {}};
  }
  for (const char* key : {"role_arn", "sso_start_url", "sso_session", "credential_process"}) {
    if (profile.contains(key)) {
      throw Error(Code::unsupported,
                  "the AWS profile asks for credentials by \"" + std::string(key) +
                      "\", which this version does not do",
                  "put the keys into the environment: aws configure export-credentials "
                  "--format env");
    }
  }
  return {};
}

std::optional<AwsCredentials> AwsCredentialsChain::from_container() const {
  auto url = environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (const auto path = environment_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !url && path)
    url = "http://169.254.170.2" + *path;
  if (!url) return {};
  auto request = quick("GET", *url);
  if (const auto file = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    request.headers.emplace_back("Authorization", file_text(*file, "the container's token"));
  } else if (const auto token = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
    request.headers.emplace_back("Authorization", *token);
  }
  const auto response = http_.send(request);
  if (!response.ok()) {
    throw Error(
        response.status >= 500 ? Code::unavailable : Code::permission,
        "the container's credentials were refused with status " + std::to_string(response.status));
  }
  return from_json(response.body, "the container's credentials");
}

std::optional<AwsCredentials> AwsCredentialsChain::from_instance() const {
  if (environment_("AWS_EC2_METADATA_DISABLED").value_or("") == "true") return {};
  const std::string base =
      environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254");
  auto request = quick("PUT", base + "/latest/api/token");
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}};
  request.timeout = 2s;
  std::string token;
  try {
    const auto response = http_.send(request);
    if (!response.ok()) return {};
    token = response.body;
  } catch (const clients::HttpError&) {
    return {};  // this is no such machine
  }
  request = quick("GET", base + "/latest/meta-data/iam/security-credentials/");
  request.headers = {{"X-aws-ec2-metadata-token", token}};
  auto response = http_.send(request);
  if (!response.ok()) return {};  // a machine without a role
  request.url += response.body.substr(0, response.body.find('\n'));
  response = http_.send(request);
  if (!response.ok()) {
    throw Error(Code::unavailable, "instance metadata refused the role's credentials with status " +
                                       std::to_string(response.status));
  }
  return from_json(response.body, "instance metadata");
}

}  // namespace windrow::storage
