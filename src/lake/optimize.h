#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/maintenance.h"

/// Fewer and fuller files with the same rows. Small files of one partition are packed into bins of
/// about the target size; a bin is written while it is streamed, so memory stays bounded; what
/// needs nothing is left alone. Commits have dataChange false.
///
/// Others may go on writing: an append never conflicts. Where a file of a bin was removed
/// meanwhile, that bin is dropped, the others are committed, and what is left of it is packed anew.
namespace windrow::lake {

struct OptimizeOptions {
  int64_t target_bytes = 0;  ///< 0: as the table says (target_file_bytes)
  std::string where;         ///< SQL over partition columns; empty: all partitions
  /// Rewrites all files of the partitions along a Z-order curve of these columns.
  std::vector<std::string> zorder;
  /// So many bytes of input make one commit.
  int64_t commit_bytes = 64ll << 30;
};

struct FileSizes {
  int64_t files = 0, bytes = 0, min = 0, max = 0;
  void add(int64_t size);
  int64_t average() const { return files == 0 ? 0 : bytes / files; }
};

struct Optimized {
  int64_t version = -1;  ///< the last one committed; -1: there was nothing to do
  FileSizes added, removed;
  int64_t considered = 0;  ///< files of the chosen partitions
  int64_t skipped = 0;     ///< of them, left as they were
  int64_t partitions = 0;  ///< with rewritten files
  int64_t commits = 0;
  int64_t bins_dropped = 0;  ///< another writer has removed a file of theirs
};

/// A bin: files of one partition that become one (of Z-order: as many as the size asks for).
using Bin = std::vector<Add>;
/// Which files of `files` (any partitions) are to be rewritten together. Pure.
std::vector<Bin> bins_of(const std::vector<Add>& files, int64_t target_bytes);
/// Live files of the partitions that `where` chooses. Error(usage) where it uses other columns.
std::vector<Add> files_of_partitions(duck::Connection& connection, const Snapshot& snapshot,
                                     const std::string& where);

Optimized optimize(storage::FileSystem& files, const std::string& table_path,
                   duck::Connection& connection, const OptimizeOptions& options,
                   const Clock& clock);

}  // namespace windrow::lake
