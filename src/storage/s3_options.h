#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "storage/aws_profile.h"
#include "storage/retry.h"

namespace windrow::storage {

struct S3Options {
  std::string endpoint;  ///< `https://host[:port]`; empty: AWS's of the region
  std::string region = "us-east-1";
  /// `endpoint/bucket/key` rather than `bucket.endpoint/key`. Not set: with an endpoint of one's
  /// own, and for buckets with dots, which no certificate covers.
  std::optional<bool> path_style;
  bool anonymous = false;         ///< for public buckets
  std::string ca_file;            ///< PEM; empty: the system's
  std::string encryption;         ///< of what is written: empty, `AES256` (SSE-S3) or `aws:kms`
  std::string kms_key;            ///< of `aws:kms`; empty: the bucket's
  std::string storage_class;      ///< of what is written, e.g. `STANDARD_IA`; empty: the bucket's
  uint64_t part_bytes = 8 << 20;  ///< of reads and multipart uploads; at least 5 MiB
  int parallel = 8;               ///< requests at once for one file
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::seconds stall_timeout{30};
  RetryPolicy retry;
};

/// From AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_CA_BUNDLE,
/// AWS_VIRTUAL_HOSTED_STYLE_REQUEST, AWS_SKIP_SIGNATURE, AWS_S3_SERVER_SIDE_ENCRYPTION,
/// AWS_S3_KMS_KEY, AWS_S3_STORAGE_CLASS, and of the profile `region`, `endpoint_url`, `ca_bundle`.
S3Options s3_options(const Environment& environment);

/// Where a bucket's requests go.
struct S3Address {
  std::string origin;  ///< `https://host[:port]`
  std::string host;    ///< as the header `host` has it
  std::string base;    ///< of the path: empty or `/bucket`
};
S3Address address_of(const S3Options& options, const std::string& bucket);

/// `s3://bucket/key`; the key may be empty. Throws Error(usage) where it is none.
struct S3Path {
  std::string bucket, key;
};
S3Path parse_s3_path(const std::string& path);

}  // namespace windrow::storage
