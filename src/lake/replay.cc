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
    if (const auto found = live_.find(key); found != live_.end()) {
      found->second->gone = true;
      live_.erase(found);
    }
    tombstones_[std::move(key)] = std::move(remove);
  }
  for (auto& add : commit.adds) put(std::move(add));
  for (auto& txn : commit.txns) snapshot_.txns[txn.app_id] = txn;
  for (auto& domain : commit.domains) {
    if (domain.removed) {
      snapshot_.domains.erase(domain.domain);
    } else {
      snapshot_.domains[domain.domain] = domain;
    }
  }
}

void Replay::put(Add add) {
  Live& file = files_.emplace_back(Live{std::move(add), {}, false});
  file.key = key_of(file.add);
  const std::string_view key = file.key.empty() ? file.add.path : file.key;
  if (!tombstones_.empty()) tombstones_.erase(std::string(key));
  if (const auto found = live_.find(key); found != live_.end()) {  // again, with other statistics
    found->second->gone = true;
    live_.erase(found);
  }
  live_.emplace(key, &file);
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
  snapshot_.files.reserve(files_.size());
  for (auto& file : files_) {
    if (!file.gone) snapshot_.files.push_back(std::move(file.add));
  }
  files_.clear();
  sort_by_path(snapshot_.files);
  for (auto& [key, tombstone] : tombstones_) snapshot_.tombstones.push_back(std::move(tombstone));
  sort_by_path(snapshot_.tombstones);
  return std::move(snapshot_);
}

}  // namespace windrow::lake
