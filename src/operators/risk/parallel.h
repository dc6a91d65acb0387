#pragma once

#include <cstddef>
#include <functional>

namespace windrow::operators::risk {

/// Who may do work, and what whoever does it calls now and then: it throws where it is to end.
struct Workers {
  unsigned threads = 1;
  std::function<void()> heed = [] {};
};

/// Calls `work` with each number below `count` once, from so many threads, of which the calling one
/// is one; returns when all is done. Throws what `work` or `heed` threw first.
void in_parallel(size_t count, const Workers& workers, const std::function<void(size_t)>& work);

}  // namespace windrow::operators::risk
