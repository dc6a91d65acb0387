#pragma once

#include <string>

#include "base/error.h"
#include "clients/http.h"

namespace windrow::storage {

/// What a request was about, for messages: `s3://bucket/key`, `GET`, and where it was sent.
struct S3Subject {
  std::string method, path, bucket, region;
};

/// S3's own name of the failure: `NoSuchKey`, `SlowDown`, …; empty where the answer has none.
std::string s3_error_code(const clients::HttpResponse& response);

/// True where the same request may succeed a moment later.
bool s3_retryable(int status, const std::string& code);
/// True where the server may have done what it was asked for before it failed.
bool s3_maybe_done(int status, const std::string& code);

/// The answer as an error of ours.
Error s3_error(const clients::HttpResponse& response, const S3Subject& subject);

}  // namespace windrow::storage
