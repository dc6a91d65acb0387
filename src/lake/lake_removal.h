#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "lake/lake.h"
#include "storage/file_system.h"

/// A whole lake, removed:
///   1. `_windrow/removing`, with the name of every table that goes
///   2. table by table: its log first, so that no reader finds half a table, then its files
///   3. what else is ours in `_windrow/`, then `removing`
///   4. the identity, where nothing is left that is not ours
/// Killed anywhere, it goes on when it is asked for again: the identity is there until all else is
/// gone, and `removing` names the tables that have lost their log. Nobody may write there
/// meanwhile.
namespace windrow::lake {

struct LakeContents {
  struct Table {
    std::string name;
    int64_t files = 0, bytes = 0;
  };
  std::vector<Table> tables;  ///< also what is left of those that a removal has begun with
  /// What lies in the lake's folder and is no table's, as paths below it: it stays.
  std::vector<std::string> others;

  int64_t files() const;
  int64_t bytes() const;
};

LakeContents contents(storage::FileSystem& files, const Lake& lake);
/// Removes what was found; Error(canceled) between two tables where it was asked to stop.
void remove_lake(storage::FileSystem& files, const Lake& lake, const LakeContents& found,
                 Cancel& cancel);

}  // namespace windrow::lake
