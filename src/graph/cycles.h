#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace windrow::graph {

/// One read: `from` is read by the asset that owns it, at `place`.
struct Read {
  size_t from = 0;
  Place place;
  const char* how = nullptr;  ///< where it is not for rows: in words
};

/// Order in which every asset comes after all that it reads: by level, then name. Cycles are
/// problems, each told once as a path with the place of every read.
std::vector<size_t> topological_order(const std::vector<std::string>& names,
                                      const std::vector<std::vector<Read>>& reads,
                                      Problems& problems);

}  // namespace windrow::graph
