#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "clients/http.h"

// Signature Version 4 of AWS ("Create a signed AWS API request" in the IAM guide). Pure: no clock,
// no network.
//
//   canonical request = method \n path \n sorted query \n name:value\n… \n names \n hash of the
//   body text to sign      = AWS4-HMAC-SHA256 \n time \n date/region/service/aws4_request \n its
//   hash key               = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service),
//                       "aws4_request")

namespace windrow::storage {

struct AwsCredentials {
  std::string access_key, secret_key;
  std::string session_token;  ///< empty for keys that do not expire
  std::optional<Time> expires;

  bool anonymous() const { return access_key.empty(); }
};

/// Names and values before encoding.
using Query = std::vector<std::pair<std::string, std::string>>;

struct AwsRequest {
  std::string method;
  std::string path;  ///< percent-encoded, as it is sent; begins with `/`
  Query query;
  clients::HttpHeaders headers;  ///< all of them are signed, `host` has to be among them
  std::string body_hash;         ///< SHA-256, hexadecimal
};

/// `a=1&b=`: encoded and in the order in which it is signed.
std::string query_text(const Query& query);

/// The headers that make the request a signed one: x-amz-date, x-amz-security-token where there is
/// one, authorization.
clients::HttpHeaders signing_headers(const AwsRequest& request, const AwsCredentials& credentials,
                                     std::string_view region, std::string_view service, Time now);

}  // namespace windrow::storage
