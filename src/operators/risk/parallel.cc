#include "operators/risk/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace windrow::operators::risk {

void in_parallel(size_t count, const Workers& workers, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto go = [&](const std::function<void()>& heed) {
    try {
      for (size_t i; (i = next.fetch_add(1)) < count;) {
        heed();
        work(i);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;  // the others stop
    }
  };
  std::vector<std::thread> others;
  const size_t most = std::min<size_t>(workers.threads, count);
  try {
    for (size_t i = 1; i < most; ++i) others.emplace_back(go, [] {});
  } catch (const std::system_error&) {  // as many threads as there are will do
  }
  go(workers.heed);
  for (auto& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace windrow::operators::risk
