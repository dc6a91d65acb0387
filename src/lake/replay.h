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
  struct Live {
    Add add;
    std::string key;  ///< where it is not the path itself
    bool gone = false;
  };
  /// `add` and its key, which others may find it by while the deque lives.
  void put(Add add);

  std::deque<Live> files_;  // addresses stay: the map's keys look into it
  std::unordered_map<std::string_view, Live*> live_;
  std::unordered_map<std::string, Remove> tombstones_;
};

}  // namespace windrow::lake
