#include "storage/block_cache.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/id.h"

namespace windrow::storage {

BlockCache::Block BlockCache::find(const std::string& file, uint64_t number) {
  const std::scoped_lock lock(mutex_);
  const auto at = by_key_.find({file, number});
  if (at == by_key_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, at->second);
  return at->second->block;
}

void BlockCache::insert(const std::string& file, uint64_t number, Block block) {
  const std::scoped_lock lock(mutex_);
  Key key{file, number};
  if (by_key_.contains(key)) return;
  bytes_ += block->size();
  by_use_.push_front({key, std::move(block)});
  by_key_[std::move(key)] = by_use_.begin();
  while (bytes_ > bytes_max_ && !by_use_.empty()) {
    bytes_ -= by_use_.back().block->size();
    by_key_.erase(by_use_.back().key);
    by_use_.pop_back();
  }
}

uint64_t BlockCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

namespace {
constexpr uint64_t kWindowMax = 32;       // blocks
constexpr uint64_t kStraightBlocks = 16;  // a longer read does not go by the cache
}  // namespace

RandomReader::RandomReader(FileSystem& files, BlockCache& cache, FileInfo info)
    : files_(files), cache_(cache), info_(std::move(info)) {
  // Of a file without a tag nobody knows whether it is the one that was read before.
  name_ = info_.path + "\n" + (info_.tag.empty() ? new_uuid() : info_.tag);
  blocks_ = (info_.size + cache_.block_bytes() - 1) / cache_.block_bytes();
}

RandomReader::~RandomReader() {
  if (fetching_.joinable()) fetching_.join();
}

void RandomReader::fetch(Run run) {
  const uint64_t size = cache_.block_bytes(), begin = run.first * size;
  const uint64_t length = std::min(run.second * size, info_.size) - begin;
  const std::string bytes = files_.read_range(info_.path, begin, length);
  if (bytes.size() != length) {
    throw Error(Code::conflict, "\"" + info_.path + "\" became shorter while it was read",
                "read it again");
  }
  for (uint64_t i = run.first; i < run.second; ++i) {
    cache_.insert(name_, i,
                  std::make_shared<const std::string>(bytes, (i - run.first) * size, size));
  }
}

std::vector<RandomReader::Run> RandomReader::missing(Run wanted) {
  std::vector<Run> out;
  for (uint64_t i = wanted.first; i < wanted.second; ++i) {
    if (cache_.find(name_, i)) continue;
    if (!out.empty() && out.back().second == i) {
      ++out.back().second;
    } else {
      out.push_back({i, i + 1});
    }
  }
  return out;
}

BlockCache::Block RandomReader::block(uint64_t number) {
  while (true) {
    if (auto found = cache_.find(name_, number)) return found;
    fetch({number, number + 1});  // others may have pushed it out
  }
}

void RandomReader::wait_for_ahead(Run wanted) {
  std::unique_lock lock(mutex_);
  fetched_.wait(lock,
                [&] { return ahead_.second <= wanted.first || ahead_.first >= wanted.second; });
}

/// Begins to fetch ahead where this read followed the last one.
void RandomReader::note(uint64_t offset, uint64_t end) {
  const std::scoped_lock lock(mutex_);
  window_ =
      offset == expected_ && offset > 0 ? std::clamp<uint64_t>(window_ * 2, 2, kWindowMax) : 0;
  expected_ = end;
  window_ = std::min(window_, cache_.bytes_max() / cache_.block_bytes() / 4);
  if (window_ == 0 || ahead_.first != ahead_.second) return;
  uint64_t from = (end + cache_.block_bytes() - 1) / cache_.block_bytes();
  const uint64_t to = std::min(from + window_, blocks_);
  while (from < to && cache_.find(name_, from)) ++from;
  // Half a window is still there: later, in a longer piece.
  if (from >= to || (to - from) * 2 < window_) return;
  ahead_ = {from, to};
  if (fetching_.joinable()) fetching_.join();  // it is over: ahead_ was empty
  fetching_ = std::thread([this, run = ahead_] {
    try {
      fetch(run);
    } catch (const std::exception&) {
      // Whoever wants these bytes asks again, and meets the error himself.
    }
    const std::scoped_lock done(mutex_);
    ahead_ = {0, 0};
    fetched_.notify_all();
  });
}

uint64_t RandomReader::read(uint64_t offset, char* to, uint64_t length) {
  if (offset >= info_.size) return 0;
  length = std::min(length, info_.size - offset);
  if (length == 0) return 0;
  const uint64_t size = cache_.block_bytes();
  const Run wanted{offset / size, (offset + length + size - 1) / size};
  wait_for_ahead(wanted);
  const auto gaps = missing(wanted);
  if (wanted.second - wanted.first > kStraightBlocks && !gaps.empty()) {
    const std::string bytes = files_.read_range(info_.path, offset, length);
    if (bytes.size() != length) {
      throw Error(Code::conflict, "\"" + info_.path + "\" became shorter while it was read",
                  "read it again");
    }
    std::memcpy(to, bytes.data(), length);
  } else {
    for (const Run& gap : gaps) fetch(gap);
    for (uint64_t i = wanted.first; i < wanted.second; ++i) {
      const auto found = block(i);
      const uint64_t begin = std::max(offset, i * size),
                     end = std::min(offset + length, (i + 1) * size);
      if (found->size() < end - i * size)
        throw Error(Code::internal, "a cached block is too short");
      std::memcpy(to + (begin - offset), found->data() + (begin - i * size), end - begin);
    }
  }
  note(offset, offset + length);
  return length;
}

}  // namespace windrow::storage
