#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "storage/aws_credentials.h"
#include "storage/s3_options.h"

/// Rules by which S3 itself moves and removes objects as they grow old.
namespace windrow::storage {

/// Days since an object was written; nothing: that step is not taken.
struct LifecycleRule {
  std::string id;
  std::string prefix;             ///< of keys
  std::optional<int> infrequent;  ///< to STANDARD_IA
  std::optional<int> archive;     ///< to GLACIER_IR, whose objects are still read at once
  std::optional<int> remove;
  bool operator==(const LifecycleRule&) const = default;
};

/// The document of PutBucketLifecycleConfiguration: `rules`, the rules of `document` (the present
/// one, may be empty) whose id does not begin with `own`. Each of `rules` also aborts uploads below
/// its prefix that were begun a week ago.
std::string lifecycle_document(const std::vector<LifecycleRule>& rules, std::string_view document,
                               std::string_view own);

/// Replaces the rules of the bucket whose id begins with `own`; those of others stay. Gives the
/// document that was written.
std::string write_lifecycle(S3Options options, Environment environment, clients::HttpClient& http,
                            const Clock& clock, const std::string& bucket,
                            const std::vector<LifecycleRule>& rules, const std::string& own);

}  // namespace windrow::storage
