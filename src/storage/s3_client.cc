#include "storage/s3_client.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/url.h"
#include "storage/s3_error.h"

namespace windrow::storage {

S3Client::S3Client(S3Options options, AwsCredentialsChain& credentials, clients::HttpClient& http,
                   const Clock& clock)
    : options_(std::move(options)), credentials_(credentials), http_(http), clock_(clock) {}

clients::HttpHeaders S3Client::keeping() const {
  clients::HttpHeaders out;
  if (!options_.encryption.empty())
    out.emplace_back("x-amz-server-side-encryption", options_.encryption);
  if (options_.encryption == "aws:kms" && !options_.kms_key.empty())
    out.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key);
  if (!options_.storage_class.empty())
    out.emplace_back("x-amz-storage-class", options_.storage_class);
  return out;
}

clients::HttpResponse S3Client::send(const S3Call& call, const AwsCredentials& credentials) {
  const S3Address address = address_of(options_, call.bucket);
  AwsRequest signable{call.method, address.base + "/" + percent_encoded(call.key, true), call.query,
                      call.headers, sha256(call.body)};
  signable.headers.emplace_back("host", address.host);
  signable.headers.emplace_back("x-amz-content-sha256", signable.body_hash);
  clients::HttpRequest request;
  request.method = call.method;
  const std::string query = query_text(call.query);
  request.url = address.origin + signable.path + (query.empty() ? "" : "?" + query);
  request.headers = signable.headers;
  if (!credentials.anonymous()) {
    for (auto& header :
         signing_headers(signable, credentials, options_.region, "s3", clock_.now())) {
      request.headers.push_back(std::move(header));
    }
  }
  request.body = call.body;
  request.connect_timeout = options_.connect_timeout;
  request.stall_timeout = options_.stall_timeout;
  request.ca_file = options_.ca_file;
  request.once = call.once;
  return http_.send(request);
}

namespace {

std::chrono::milliseconds asked_wait(const clients::HttpResponse& response) {
  return std::chrono::seconds(std::atoi(std::string(response.header("retry-after")).c_str()));
}

}  // namespace

S3Answer S3Client::call(const S3Call& call) {
  const S3Subject subject{call.method, "s3://" + call.bucket + "/" + call.key, call.bucket,
                          options_.region};
  Backoff backoff(options_.retry);
  bool maybe_done = false, renewed = false;
  while (true) {
    try {
      const AwsCredentials credentials = options_.anonymous ? AwsCredentials{} : credentials_.get();
      auto response = send(call, credentials);
      if (response.ok() || call.expected.contains(response.status))
        return {std::move(response), maybe_done};
      const std::string code = s3_error_code(response);
      if (code == "ExpiredToken" && !renewed) {
        credentials_.forget(credentials);
        renewed = true;
        continue;
      }
      maybe_done = maybe_done || s3_maybe_done(response.status, code);
      if (!s3_retryable(response.status, code) || !backoff.again(asked_wait(response)))
        throw S3Failure(s3_error(response, subject), maybe_done);
    } catch (const clients::HttpError& error) {
      maybe_done = maybe_done || error.maybe_sent();
      if (!retryable(error.code()) || !backoff.again()) throw S3Failure(error, maybe_done);
    }
  }
}

}  // namespace windrow::storage
