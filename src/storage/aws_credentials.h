#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"
#include "clients/http.h"
#include "storage/aws_profile.h"
#include "storage/aws_signature.h"

namespace windrow::storage {

/// Finds credentials where AWS's own tools look, in this order, and gets new ones before they
/// expire:
///   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
///   2. web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN
///   3. the profile (`aws_profile`)
///   4. the container's: AWS_CONTAINER_CREDENTIALS_FULL_URI or …_RELATIVE_URI
///   5. instance metadata, version 2, unless AWS_EC2_METADATA_DISABLED
/// Any thread; one of them asks while the others wait.
class AwsCredentialsChain {
 public:
  /// All of these must outlive it. `learn` is told every secret as it becomes known.
  AwsCredentialsChain(Environment environment, clients::HttpClient& http, const Clock& clock,
                      std::string region, std::function<void(std::string_view)> learn = {});

  /// Throws Error(permission) where there are none anywhere; what the server of credentials said
  /// where it refused. Where a refresh fails the former ones are given while they are valid.
  AwsCredentials get();
  /// The server said that they are not valid any more: the next `get` asks anew.
  void forget(const AwsCredentials& refused);

 private:
  std::optional<AwsCredentials> from_environment() const;
  std::optional<AwsCredentials> from_web_identity() const;
  std::optional<AwsCredentials> from_profile() const;
  std::optional<AwsCredentials> from_container() const;
  std::optional<AwsCredentials> from_instance() const;
  AwsCredentials find() const;

  Environment environment_;
  clients::HttpClient& http_;
  const Clock& clock_;
  std::string region_;
  std::function<void(std::string_view)> learn_;
  std::mutex mutex_;
  std::optional<AwsCredentials> now_;
  Time next_try_{};
};

}  // namespace windrow::storage
