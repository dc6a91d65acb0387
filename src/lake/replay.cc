#include "lake/replay.h"

#include <algorithm>

#include "base/error.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"

namespace windrow::lake {
namespace {

/// What makes a logical file: its decoded path (writers encode differently) and its deletion
/// vector.
std::string key_of(const auto& file) {
  std::string key = uri_decoded(file.path);
  if (file.deletion_vector) key += '\0' + file.deletion_vector->unique_id();
  return key;
}

bool by_path(const auto& a, const auto& b) { return a.path < b.path; }

template <typename Action>
std::vector<Action> sorted(std::unordered_map<std::string, Action> actions) {
  std::vector<Action> out;
  out.reserve(actions.size());
  for (auto& [path, action] : actions) out.push_back(std::move(action));
  std::sort(out.begin(), out.end(), by_path<Action, Action>);
  return out;
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
    live_.erase(key);
    tombstones_[std::move(key)] = std::move(remove);
  }
  for (auto& add : commit.adds) {
    std::string key = key_of(add);
    tombstones_.erase(key);
    live_[std::move(key)] = std::move(add);
  }
  for (auto& txn : commit.txns) snapshot_.txns[txn.app_id] = txn;
  for (auto& domain : commit.domains) {
    if (domain.removed) {
      snapshot_.domains.erase(domain.domain);
    } else {
      snapshot_.domains[domain.domain] = domain;
    }
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
  snapshot_.files = sorted(std::move(live_));
  snapshot_.tombstones = sorted(std::move(tombstones_));
  return std::move(snapshot_);
}

}  // namespace windrow::lake
