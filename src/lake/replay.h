#pragma once

#include <optional>
#include <string>
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
  std::unordered_map<std::string, Add> live_;
  std::unordered_map<std::string, Remove> tombstones_;
};

}  // namespace windrow::lake
