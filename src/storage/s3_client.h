#pragma once

#include <memory>
#include <set>

#include "base/time.h"
#include "storage/aws_credentials.h"
#include "storage/s3_options.h"

namespace windrow::storage {

/// One request to S3.
struct S3Call {
  std::string method = "GET";
  std::string bucket, key;
  Query query;
  clients::HttpHeaders headers;
  std::string_view body;
  /// Answers that are values and no errors, beside 2xx.
  std::set<int> expected;
  /// Must take effect at most once a try (HttpRequest::once).
  bool once = false;
};

struct S3Answer {
  clients::HttpResponse response;
  /// An earlier try of this call may have taken effect: its answer was lost.
  bool maybe_done_before = false;
};

/// A call that failed to the last try.
class S3Failure : public Error {
 public:
  S3Failure(const Error& error, bool maybe_done) : Error(error), maybe_done_(maybe_done) {}
  bool maybe_done() const { return maybe_done_; }

 private:
  bool maybe_done_;
};

/// Signs requests, sends them, and tries again where the server is busy or the network fails. Any
/// thread.
class S3Client {
 public:
  /// All of them must outlive it.
  S3Client(S3Options options, AwsCredentialsChain& credentials, clients::HttpClient& http,
           const Clock& clock);

  S3Answer call(const S3Call& call);
  const S3Options& options() const { return options_; }
  /// Headers that say how what is written is kept: encryption, storage class.
  clients::HttpHeaders keeping() const;

 private:
  clients::HttpResponse send(const S3Call& call, const AwsCredentials& credentials);

  S3Options options_;
  AwsCredentialsChain& credentials_;
  clients::HttpClient& http_;
  const Clock& clock_;
};

}  // namespace windrow::storage
