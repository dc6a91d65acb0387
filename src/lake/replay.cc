#include "lake/replay.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"

namespace windrow::lake {
namespace {

/// In place, for the actions are large: their order is sorted, then each cycle of it is turned.
template <typename Action>
void sort_by_path(std::vector<Action>& actions) {
  if (std::is_sorted(actions.begin(), actions.end(),
                     [](const Action& a, const Action& b) { return a.path < b.path; }))
    return;
  std::vector<uint32_t> order(actions.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return actions[a].path < actions[b].path; });
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

void Replay::mark_gone(std::string_view key) {
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
    files.insert(files.end(), std::make_move_iterator(adds.begin()),
                 std::make_move_iterator(adds.end()));
  }
  gone_.resize(files.size());
  if (live_.empty()) live_.reserve(files.size());
  for (; position < files.size(); ++position) {
    if (std::string odd = key_of(files[position]); !odd.empty())
      odd_keys_.emplace(position, std::move(odd));
    const std::string_view key = key_at(position);
    if (!tombstones_.empty()) tombstones_.erase(std::string(key));
    if (live_.insert(position).second) continue;
    mark_gone(key);  // again, with other statistics
    live_.insert(position);
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
  const size_t live_count = live_.size();
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
  for (auto& [key, tombstone] : tombstones_) snapshot_.tombstones.push_back(std::move(tombstone));
  sort_by_path(snapshot_.tombstones);
  return std::move(snapshot_);
}

}  // namespace windrow::lake
