#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/actions.h"
#include "lake/row_work.h"

/// Change data feed (PROTOCOL.md, "Change Data Files"): what a commit did, row by row.
namespace windrow::lake {

class Table;

inline constexpr const char* kChangeType = "_change_type";

/// SELECT of the changes of versions (from, to] with the columns of the table at `to`, and behind
/// them `_change_type` (insert, delete, update_preimage, update_postimage), `_commit_version` and
/// `_commit_timestamp`. Where a commit has change files, they say it; else its added and removed
/// files do. Error(history_lost) where the log no longer holds a version in between.
Relation change_feed(const Table& table, int64_t from_version, int64_t to_version,
                     duck::Connection& connection);

/// Which rows that went and which that came are the same ones, updated.
struct Updates {
  std::vector<std::string> key;  ///< those of one key that went and came; empty: see below
  /// Without a key: all but the rows of these SELECTs, which were deleted and inserted. Nothing:
  /// there are no updates.
  struct Others {
    Relation deleted, inserted;  ///< empty: none
  };
  std::optional<Others> all_but;
};

/// Private to lake/: the change files that a commit which replaces rows has to bring where the
/// table's change data feed is on. `removed` and `added` are SELECTs over whole files before and
/// after; `added` is empty where no file comes.
std::vector<Cdc> write_changes(RowWork& engine, const Snapshot& table, const Relation& removed,
                               const Relation& added, const Updates& updates, Time now);

}  // namespace windrow::lake
