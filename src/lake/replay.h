#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lake/actions.h"
#include "lake/table.h"

/// Action reconciliation (PROTOCOL.md): the state of a table is what its commits leave, taken one
/// after the other. No IO here.
namespace windrow::lake {

class Replay {
 public:
  explicit Replay(std::string table_path) { snapshot_.table_path = std::move(table_path); }

  /// The next commit, or a checkpoint's actions as one commit, before all others.
  void apply(Commit commit);
  /// Error(corrupt) where protocol or metadata never came, Error(unsupported) where the table may
  /// not be read.
  Snapshot done(int64_t version, Time timestamp);

 private:
  Snapshot snapshot_;
  bool protocol_seen_ = false, metadata_seen_ = false;
  /// Takes the adds as they lie: they are large, and a checkpoint has them all.
  void put(std::vector<Add> adds);
  void mark_gone(std::string_view key);

  std::vector<std::vector<Add>> batches_;  // the map's keys look into them
  std::vector<std::vector<bool>> gone_;    ///< of each batch, by position
  size_t gone_count_ = 0;
  std::deque<std::string> odd_keys_;  ///< where a key is not the path itself
  struct Place {
    uint32_t batch, position;
  };
  std::unordered_map<std::string_view, Place> live_;
  std::unordered_map<std::string, Remove> tombstones_;
};

}  // namespace windrow::lake
