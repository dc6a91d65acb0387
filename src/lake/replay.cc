#include "lake/replay.h"

#include <algorithm>

#include "base/error.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"

namespace windrow::lake {
namespace {

/// Positions are sorted, not the actions, which are large.
template <typename Action>
void sort_by_path(std::vector<Action>& actions) {
  if (std::is_sorted(actions.begin(), actions.end(),
                     [](const Action& a, const Action& b) { return a.path < b.path; }))
    return;
  std::vector<std::pair<std::string_view, size_t>> order;
  order.reserve(actions.size());
  for (size_t i = 0; i < actions.size(); ++i) order.emplace_back(actions[i].path, i);
  std::sort(order.begin(), order.end());
  std::vector<Action> out;
  out.reserve(actions.size());
  for (const auto& [path, i] : order) out.push_back(std::move(actions[i]));
  actions = std::move(out);
}

/// What makes a logical file: its decoded path (writers encode differently) and its deletion
/// vector. Empty where that is the path as it stands.
std::string key_of(const auto& file) {
  const bool plain = file.path.find('%') == std::string::npos;
  if (plain && !file.deletion_vector) return {};
  std::string key = uri_decoded(file.path);
  if (file.deletion_vector) key += '\0' + file.deletion_vector->unique_id();
  return key;
}

}  // namespace

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

void Replay::mark_gone(std::string_view key) {
  const auto found = live_.find(key);
  if (found == live_.end()) return;
  gone_[found->second.batch][found->second.position] = true;
  ++gone_count_;
  live_.erase(found);
}

void Replay::put(std::vector<Add> adds) {
  if (adds.empty()) return;
  const auto batch = uint32_t(batches_.size());
  const auto& files = batches_.emplace_back(std::move(adds));
  gone_.emplace_back(files.size());
  live_.reserve(live_.size() + files.size());
  for (uint32_t i = 0; i < files.size(); ++i) {
    std::string_view key = files[i].path;
    if (std::string odd = key_of(files[i]); !odd.empty())
      key = odd_keys_.emplace_back(std::move(odd));
    if (!tombstones_.empty()) tombstones_.erase(std::string(key));
    const auto [found, fresh] = live_.try_emplace(key, Place{batch, i});
    if (fresh) continue;
    // Again, with other statistics. The key looks into what goes, so it is put anew.
    mark_gone(key);
    live_.emplace(key, Place{batch, i});
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
  live_.clear();
  if (batches_.size() == 1 && gone_count_ == 0) {
    snapshot_.files = std::move(batches_[0]);
  } else {
    size_t count = 0;
    for (const auto& batch : batches_) count += batch.size();
    snapshot_.files.reserve(count - gone_count_);
    for (size_t b = 0; b < batches_.size(); ++b) {
      for (size_t i = 0; i < batches_[b].size(); ++i) {
        if (!gone_[b][i]) snapshot_.files.push_back(std::move(batches_[b][i]));
      }
      std::vector<Add>().swap(batches_[b]);
    }
  }
  batches_.clear();
  sort_by_path(snapshot_.files);
  for (auto& [key, tombstone] : tombstones_) snapshot_.tombstones.push_back(std::move(tombstone));
  sort_by_path(snapshot_.tombstones);
  return std::move(snapshot_);
}

}  // namespace windrow::lake
