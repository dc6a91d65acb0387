#include "http/rates.h"

#include <algorithm>

namespace windrow::http {

namespace {

/// Beyond so many those that are full again are looked for.
constexpr size_t kBucketsKept = 10'000;
/// And beyond so many nobody new is let in.
constexpr size_t kBucketsMax = 100'000;

}  // namespace

bool Rates::take(const std::string& who, Moment now) {
  std::lock_guard lock(mutex_);
  auto found = buckets_.find(who);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kBucketsKept) forget(now);
    if (buckets_.size() >= kBucketsMax) return false;
    found = buckets_.emplace(who, Bucket{most_, now}).first;
  }
  auto& bucket = found->second;
  const double passed = std::chrono::duration<double>(now - bucket.at).count();
  bucket.left = std::min(most_, bucket.left + std::max(0.0, passed) * rate_);
  bucket.at = now;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

void Rates::forget(Moment now) {
  std::erase_if(buckets_, [&](const auto& each) {
    const auto& bucket = each.second;
    return bucket.left + std::chrono::duration<double>(now - bucket.at).count() * rate_ >= most_;
  });
}

}  // namespace windrow::http
