#include "storage/s3_error.h"

#include "storage/xml.h"

namespace windrow::storage {

namespace {

/// One element of an error document; never fails, for there are proxies that answer with anything.
std::string element_of(const clients::HttpResponse& response, const char* name) {
  if (response.body.find("<Error") == std::string::npos) return {};
  try {
    return parse_xml(response.body).child_text(name);
  } catch (const Error&) {
    return {};
  }
}

std::string region_of(const clients::HttpResponse& response) {
  const std::string header(response.header("x-amz-bucket-region"));
  return header.empty() ? element_of(response, "Region") : header;
}

struct Denial {
  const char *code, *message, *hint;
};
constexpr Denial kDenials[] = {
    {"RequestTimeTooSkewed", "this machine's clock and the server's differ too much",
     "set the clock: requests are signed with the time"},
    {"InvalidAccessKeyId", "the access key is not known to the server",
     "check AWS_ACCESS_KEY_ID or the profile"},
    {"SignatureDoesNotMatch", "the secret key does not fit the access key",
     "check AWS_SECRET_ACCESS_KEY or the profile"},
    {"ExpiredToken", "the credentials have expired", "get new ones"},
    {"InvalidToken", "the session token is not valid", "check AWS_SESSION_TOKEN"},
    {"TokenRefreshRequired", "the credentials have expired", "get new ones"},
};

}  // namespace

std::string s3_error_code(const clients::HttpResponse& response) {
  const std::string code = element_of(response, "Code");
  return code.empty() ? std::string(response.header("x-minio-error-code")) : code;
}

bool s3_retryable(int status, const std::string& code) {
  if (status == 429 || status == 500 || status == 502 || status == 503 || status == 504)
    return true;
  return code == "SlowDown" || code == "RequestTimeout" || code == "OperationAborted" ||
         code == "ConditionalRequestConflict" || code == "InternalError" || code == "Throttling";
}

bool s3_maybe_done(int status, const std::string& code) {
  if (code == "SlowDown" || code == "ServiceUnavailable") return false;
  return status == 500 || status == 502 || status == 503 || status == 504;
}

Error s3_error(const clients::HttpResponse& response, const S3Subject& subject) {
  const std::string code = s3_error_code(response);
  const std::string answered =
      "(" + (code.empty() ? "" : code + ", ") + "status " + std::to_string(response.status) + ")";
  const std::string path = "\"" + subject.path + "\"";
  for (const auto& denial : kDenials) {
    if (code == denial.code)
      return Error(Code::permission, path + ": " + denial.message + " " + answered, denial.hint);
  }
  const bool elsewhere = response.status == 301 || response.status == 307 ||
                         code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect";
  if (const std::string region = region_of(response);
      elsewhere && !region.empty() && region != subject.region) {
    return Error(Code::configuration,
                 "bucket \"" + subject.bucket + "\" is in region \"" + region + "\", not \"" +
                     subject.region + "\"",
                 "set AWS_REGION=" + region);
  }
  if (elsewhere) {
    return Error(Code::configuration,
                 "bucket \"" + subject.bucket + "\" is at another address " + answered,
                 "check AWS_REGION and the endpoint");
  }
  if (code == "NoSuchBucket") {
    return Error(Code::not_found, "there is no bucket \"" + subject.bucket + "\"",
                 "make it, or check the name, the endpoint and the region");
  }
  if (response.status == 404) return Error(Code::not_found, path + " is not there " + answered);
  if (response.status == 401 || response.status == 403) {
    return Error(Code::permission,
                 "no permission to " + subject.method + " " + path + " " + answered,
                 "check the policies of the credentials and of bucket \"" + subject.bucket + "\"");
  }
  if (s3_retryable(response.status, code)) {
    return Error(Code::unavailable,
                 "the server did not " + subject.method + " " + path + " " + answered);
  }
  std::string said = element_of(response, "Message");
  if (!said.empty()) said = ": " + said.substr(0, 200);
  return Error(Code::unsupported,
               "the server refused to " + subject.method + " " + path + " " + answered + said);
}

}  // namespace windrow::storage
