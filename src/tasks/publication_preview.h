#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace windrow::tasks {

/// What a publication would do with one of its views.
struct PublicationPreview {
  std::string publication, view, mode, what;
  int64_t rows = -1;                    ///< that would be sent; -1: none
  int64_t rows_there = -1;              ///< that the last batch sent
  bool whole = true;                    ///< the rows are the whole view
  std::vector<std::string> statements;  ///< what would change in the store beside rows
};

}  // namespace windrow::tasks
