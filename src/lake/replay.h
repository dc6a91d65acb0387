#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lake/actions.h"
#include "lake/table.h"

/// Action reconciliation (PROTOCOL.md): the state of a table is what its commits leave, taken one
/// after the other. No IO here.
namespace windrow::lake {

/// What makes a logical file: its decoded path (writers encode differently) and its deletion
/// vector.
std::string logical_file(const std::string& path, const std::optional<DeletionVector>& vector);

class Replay {
 public:
  explicit Replay(std::string table_path) { snapshot_.table_path = std::move(table_path); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  /// The next commit, or a checkpoint's actions as one commit, before all others.
  void apply(Commit commit);
  /// Error(corrupt) where protocol or metadata never came, Error(unsupported) where the table may
  /// not be read.
  Snapshot done(int64_t version, Time timestamp);

 private:
  Snapshot snapshot_;
  bool protocol_seen_ = false, metadata_seen_ = false;

  void put(std::vector<Add> adds);
  /// Makes files findable by their keys: put off until somebody looks for one.
  void index();
  void insert(uint32_t position);
  /// The file of this key is not live any more, where it was.
  void mark_gone(std::string_view key);
  std::string_view key_at(uint32_t position) const;

  // Adds are large and may be many: they lie in the snapshot from the start, and what finds them
  // knows their positions only.
  struct ByKey {
    using is_transparent = void;
    const Replay* replay;
    std::string_view key(std::string_view text) const { return text; }
    std::string_view key(uint32_t position) const { return replay->key_at(position); }
    size_t operator()(auto what) const { return std::hash<std::string_view>()(key(what)); }
    bool operator()(auto a, auto b) const { return key(a) == key(b); }
  };
  std::unordered_set<uint32_t, ByKey, ByKey> live_{0, ByKey{this}, ByKey{this}};
  bool indexed_ = false;                                ///< `live_` knows all files
  std::unordered_map<uint32_t, std::string> odd_keys_;  ///< where a key is not the path itself
  std::vector<bool> gone_;                              ///< by position
  std::unordered_map<std::string, Remove> tombstones_;
};

}  // namespace windrow::lake
