#pragma once

#include <cstddef>
#include <functional>

namespace windrow::storage {

/// Calls `work` with 0 … count-1 on up to `threads` threads, the caller's among them, and returns
/// when all are done. After a failure none is begun any more, and the first one is thrown.
void in_parallel(size_t count, int threads, const std::function<void(size_t)>& work);

}  // namespace windrow::storage
