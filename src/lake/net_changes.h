#pragma once

#include <string>
#include <vector>

#include "lake/relation.h"

/// What came out between two versions of a table, whatever commits lie between them.
namespace windrow::lake {

/// SELECT of the rows that are in one version and not in the other, with the columns of `to` and
/// kChangeType (insert, delete; with a `key`, also update_preimage and update_postimage of rows of
/// one key), ordered by the key or all columns. Rows are compared whole and as often as they come,
/// by SQL's equality, where NULL equals NULL, NaN equals NaN and -0.0 equals 0.0: what was written
/// again equal is no change. Files of both versions are not opened. Rows of `from` have the columns
/// of `to`: one that is new there is NULL in them, and values that its type cannot hold show as
/// NULL, but count as different. `from` empty: before the first version. Error(usage) where the key
/// is no column.
Relation net_changes(const Snapshot* from, const Snapshot& to, const std::vector<std::string>& key);

/// The same files, that is the same rows, in both.
struct FilesBetween {
  std::vector<Add> removed, added;
};
FilesBetween files_between(const Snapshot* from, const Snapshot& to);

}  // namespace windrow::lake
