#include "storage/retry.h"

#include <algorithm>
#include <random>

namespace windrow::storage {

bool Backoff::again(std::chrono::milliseconds asked_for) {
  if (tries_ >= policy_.tries) return false;
  ++tries_;
  thread_local std::minstd_rand chance{std::random_device{}()};
  const auto most = std::max<int64_t>(next_.count(), 1);
  const std::chrono::milliseconds wait(
      std::uniform_int_distribution<int64_t>((most + 1) / 2, most)(chance));
  next_ = std::min(next_ * 2, policy_.longest_wait);
  policy_.sleep(std::min(std::max(wait, asked_for), policy_.longest_wait));
  return true;
}

}  // namespace windrow::storage
