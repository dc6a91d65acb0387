#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "duck/forward.h"
#include "lake/table.h"

/// What a table takes up, and how it grows.
namespace windrow::lake {

/// Live bytes of a table at a moment.
struct SizeAt {
  Time time;
  int64_t bytes = 0;
};
/// A straight line through the sizes by least squares; nothing where they are of less than a day.
/// Pure.
struct Growth {
  double bytes_per_day = 0;
  size_t points = 0;
};
std::optional<Growth> growth_of(const std::vector<SizeAt>& sizes);
/// Days until `used` has grown to `capacity`; 0 where it has, nothing where it never will.
std::optional<double> days_until(int64_t capacity, int64_t used, const Growth& growth);

struct TableStats {
  int64_t version = -1;
  Time timestamp;
  int64_t files = 0, bytes = 0;
  int64_t rows = -1;        ///< -1: a file has no statistics
  int64_t small_files = 0;  ///< that optimize would rewrite
  int64_t partitions = 0;
  int64_t tombstones = 0, tombstoned_bytes = 0;  ///< removed, still there for older versions
  int64_t versions = 0;                          ///< in the log
  int64_t first_version = 0;                     ///< of these
  int64_t log_bytes = 0;
  std::vector<SizeAt> sizes;  ///< oldest first, one a commit that changed the size
  std::optional<Growth> growth;

  int64_t used() const { return bytes + tombstoned_bytes + log_bytes; }
};

TableStats table_stats(storage::FileSystem& files, const std::string& table_path,
                       duck::Connection& connection);

}  // namespace windrow::lake
