#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "storage/file_system.h"

namespace windrow::storage {

/// Blocks of files read over the network, in memory up to a bound; the least recently used go
/// first. A block is named by path, tag and number, so that a file that was replaced is another
/// one. Any thread.
class BlockCache {
 public:
  using Block = std::shared_ptr<const std::string>;

  explicit BlockCache(uint64_t bytes_max = 64 << 20, uint64_t block_bytes = 256 << 10)
      : bytes_max_(std::max(bytes_max, block_bytes)), block_bytes_(block_bytes) {}

  uint64_t block_bytes() const { return block_bytes_; }
  uint64_t bytes_max() const { return bytes_max_; }
  /// Nothing where it is not there.
  Block find(const std::string& file, uint64_t number);
  void insert(const std::string& file, uint64_t number, Block block);
  /// Of all blocks just now.
  uint64_t bytes() const;

 private:
  using Key = std::pair<std::string, uint64_t>;
  struct Entry {
    Key key;
    Block block;
  };
  const uint64_t bytes_max_, block_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> by_use_;  // the last used first
  std::map<Key, std::list<Entry>::iterator> by_key_;
  uint64_t bytes_ = 0;
};

/// Reads one version of a file here and there. Short reads go by the cache, in whole blocks; long
/// ones straight to where they are wanted. Where reads follow each other, blocks ahead are fetched
/// beside, twice as far each time. Any thread.
class RandomReader {
 public:
  /// Of a file as `stat` found it. Both must outlive the reader.
  RandomReader(FileSystem& files, BlockCache& cache, FileInfo info);
  ~RandomReader();

  const FileInfo& info() const { return info_; }
  /// Bytes read: fewer than wanted only at the end of the file.
  uint64_t read(uint64_t offset, char* to, uint64_t length);

 private:
  /// Block numbers, the second one past the last.
  using Run = std::pair<uint64_t, uint64_t>;
  void fetch(Run run);
  BlockCache::Block block(uint64_t number);
  std::vector<Run> missing(Run wanted);
  void note(uint64_t offset, uint64_t end);
  void wait_for_ahead(Run wanted);

  FileSystem& files_;
  BlockCache& cache_;
  FileInfo info_;
  std::string name_;
  uint64_t blocks_;
  std::mutex mutex_;
  std::condition_variable fetched_;
  uint64_t expected_ = 0;  // where a read would follow the last one
  uint64_t window_ = 0;    // blocks to fetch ahead
  Run ahead_{0, 0};        // being fetched
  std::thread fetching_;
};

}  // namespace windrow::storage
