#include "lake/replay.h"

#include <algorithm>

#include "base/error.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"

namespace windrow::lake {
namespace {

/// Sorts `order`, places in `actions`, by the actions' paths, those of one path by their places.
/// Paths have long beginnings in common: what a part of them shares is passed over, and the eight
/// bytes behind it, which lie beside the place, decide nearly all of it.
template <typename Action>
class PathOrder {
 public:
  explicit PathOrder(const std::vector<Action>& actions) : actions_(actions) {
    keys_.reserve(actions.size());
    for (uint32_t i = 0; i < actions.size(); ++i) keys_.push_back({0, i});
    sort(0, keys_.size(), 0);
  }
  uint32_t operator[](size_t i) const { return keys_[i].place; }

 private:
  struct Key {
    uint64_t bytes;
    uint32_t place;
    bool operator<(const Key& other) const {
      return bytes != other.bytes ? bytes < other.bytes : place < other.place;
    }
  };
  static constexpr size_t kFew = 16;

  const std::string& path(size_t i) const { return actions_[keys_[i].place].path; }

  /// Those from `begin` to `end`, which have their first `depth` bytes in common.
  void sort(size_t begin, size_t end, size_t depth) {
    if (end - begin < kFew) {
      std::sort(keys_.begin() + ptrdiff_t(begin), keys_.begin() + ptrdiff_t(end),
                [&](const Key& a, const Key& b) {
                  const int order = actions_[a.place].path.compare(actions_[b.place].path);
                  return order != 0 ? order < 0 : a.place < b.place;
                });
      return;
    }
    size_t shared = path(begin).size();
    for (size_t i = begin + 1; i < end && shared > depth; ++i) {
      const auto& a = path(begin);
      const auto& b = path(i);
      size_t at = depth;
      while (at < std::min(shared, b.size()) && a[at] == b[at]) ++at;
      shared = std::min(shared, at);
    }
    bool ended = false;  // some path ends within the bytes of its key
    for (size_t i = begin; i < end; ++i) {
      const auto& text = path(i);
      uint64_t bytes = 0;
      for (size_t at = shared; at < shared + 8; ++at)
        bytes = bytes << 8 | (at < text.size() ? uint8_t(text[at]) : 0);
      ended = ended || text.size() < shared + 8;
      keys_[i].bytes = bytes;
    }
    std::sort(keys_.begin() + ptrdiff_t(begin), keys_.begin() + ptrdiff_t(end));
    for (size_t from = begin; from < end;) {
      size_t to = from + 1;
      while (to < end && keys_[to].bytes == keys_[from].bytes) ++to;
      if (to - from > 1) same_bytes(from, to, shared + 8, ended);
      from = to;
    }
  }

  /// Where a path has ended, a zero may stand for its end or for itself.
  void same_bytes(size_t begin, size_t end, size_t depth, bool ended) {
    if (!ended) return sort(begin, end, depth);
    std::sort(keys_.begin() + ptrdiff_t(begin), keys_.begin() + ptrdiff_t(end),
              [&](const Key& a, const Key& b) {
                const int order = actions_[a.place].path.compare(actions_[b.place].path);
                return order != 0 ? order < 0 : a.place < b.place;
              });
  }

  const std::vector<Action>& actions_;
  std::vector<Key> keys_;
};

/// In place, for the actions are large: their order is sorted, then each cycle of it is turned.
template <typename Action>
void sort_by_path(std::vector<Action>& actions) {
  if (std::is_sorted(actions.begin(), actions.end(),
                     [](const Action& a, const Action& b) { return a.path < b.path; }))
    return;
  const PathOrder<Action> sorted(actions);
  std::vector<uint32_t> order(actions.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = sorted[i];
  for (uint32_t start = 0; start < order.size(); ++start) {
    if (order[start] == start) continue;
    Action first = std::move(actions[start]);
    uint32_t to = start;
    while (order[to] != start) {
      const uint32_t from = order[to];
      actions[to] = std::move(actions[from]);
      order[to] = to;
      to = from;
    }
    actions[to] = std::move(first);
    order[to] = to;
  }
}

/// The logical file; empty where that is the path as it stands.
std::string key_of(const auto& file) {
  const bool plain = file.path.find('%') == std::string::npos;
  if (plain && !file.deletion_vector) return {};
  return logical_file(file.path, file.deletion_vector);
}

}  // namespace

std::string logical_file(const std::string& path, const std::optional<DeletionVector>& vector) {
  std::string key = uri_decoded(path);
  if (vector) key += '\0' + vector->unique_id();
  return key;
}

void Replay::apply(Commit commit) {
  if (commit.protocol) {
    snapshot_.protocol = std::move(*commit.protocol);
    protocol_seen_ = true;
  }
  if (commit.metadata) {
    snapshot_.metadata = std::move(*commit.metadata);
    metadata_seen_ = true;
  }
  for (auto& remove : commit.removes) {
    std::string key = key_of(remove);
    if (key.empty()) key = remove.path;
    mark_gone(key);
    tombstones_[std::move(key)] = std::move(remove);
  }
  put(std::move(commit.adds));
  for (auto& txn : commit.txns) snapshot_.txns[txn.app_id] = txn;
  for (auto& domain : commit.domains) {
    if (domain.removed) {
      snapshot_.domains.erase(domain.domain);
    } else {
      snapshot_.domains[domain.domain] = domain;
    }
  }
}

std::string_view Replay::key_at(uint32_t position) const {
  if (!odd_keys_.empty()) {
    if (const auto odd = odd_keys_.find(position); odd != odd_keys_.end()) return odd->second;
  }
  return snapshot_.files[position].path;
}

void Replay::index() {
  if (indexed_) return;
  indexed_ = true;
  live_.reserve(snapshot_.files.size());
  for (uint32_t i = 0; i < snapshot_.files.size(); ++i) insert(i);
}

void Replay::insert(uint32_t position) {
  if (live_.insert(position).second) return;
  mark_gone(key_at(position));  // again, with other statistics
  live_.insert(position);
}

void Replay::mark_gone(std::string_view key) {
  if (snapshot_.files.empty()) return;
  index();
  const auto found = live_.find(key);
  if (found == live_.end()) return;
  gone_[*found] = true;
  live_.erase(found);
}

void Replay::put(std::vector<Add> adds) {
  if (adds.empty()) return;
  auto& files = snapshot_.files;
  auto position = uint32_t(files.size());
  if (files.empty()) {
    files = std::move(adds);
  } else {
    index();
    files.insert(files.end(), std::make_move_iterator(adds.begin()),
                 std::make_move_iterator(adds.end()));
  }
  gone_.resize(files.size());
  for (; position < files.size(); ++position) {
    if (std::string odd = key_of(files[position]); !odd.empty())
      odd_keys_.emplace(position, std::move(odd));
    const std::string_view key = key_at(position);
    if (!tombstones_.empty()) tombstones_.erase(std::string(key));
    if (indexed_) insert(position);
  }
}

Snapshot Replay::done(int64_t version, Time timestamp) {
  if (!protocol_seen_ || !metadata_seen_) {
    throw Error(Code::corrupt, "the log of \"" + snapshot_.table_path + "\" has no " +
                                   (protocol_seen_ ? "metadata" : "protocol") + " up to version " +
                                   std::to_string(version));
  }
  check_readable(snapshot_.protocol, snapshot_.metadata);
  snapshot_.schema = schema_of(snapshot_.metadata);
  snapshot_.version = version;
  snapshot_.timestamp = timestamp;
  // What came at once, as from a checkpoint, has each file once, which its order then shows too;
  // one path may stand for several logical files, and some paths for one.
  if (!odd_keys_.empty()) index();
  const bool indexed = indexed_;
  const size_t live_count = indexed ? live_.size() : snapshot_.files.size();
  live_.clear();
  odd_keys_.clear();
  auto& files = snapshot_.files;
  if (live_count != files.size()) {
    size_t kept = 0;
    for (size_t i = 0; i < files.size(); ++i) {
      if (gone_[i]) continue;
      if (kept != i) files[kept] = std::move(files[i]);
      ++kept;
    }
    files.resize(kept);
  }
  sort_by_path(files);
  if (!indexed) {
    size_t kept = 0;
    for (size_t i = 0; i < files.size(); ++i) {
      if (i + 1 < files.size() && files[i].path == files[i + 1].path) continue;  // the last counts
      if (kept != i) files[kept] = std::move(files[i]);
      ++kept;
    }
    files.resize(kept);
  }
  for (auto& [key, tombstone] : tombstones_) snapshot_.tombstones.push_back(std::move(tombstone));
  sort_by_path(snapshot_.tombstones);
  return std::move(snapshot_);
}

}  // namespace windrow::lake
