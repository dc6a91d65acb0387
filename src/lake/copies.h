#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/table.h"

/// Tables made of files that are there already: an older version brought back, a shallow clone.
namespace windrow::lake {

struct Restored {
  int64_t version = -1;  ///< that was committed; -1: the older version holds the same
  int64_t files_added = 0, files_removed = 0;
};
/// Commits a version with the files, schema and properties of an older one, as Spark's RESTORE. The
/// record of what it was built from is that of then, so the next plan finds stale what has changed
/// since; a source's table keeps its progress: what was read is not read again.
/// Error(not_found) that names data files which are gone; nothing is changed then.
Restored restore(storage::FileSystem& files, const std::string& table_path,
                 duck::Connection& connection, int64_t version, std::optional<Time> asked_for,
                 const Clock& clock);

struct Cloned {
  int64_t source_version = -1;
  int64_t files = 0, bytes = 0;
};
/// Makes a table at `target_path` whose log names the files of the source by absolute URI, as
/// Spark's shallow CLONE: nothing is copied, later writes to either do not touch the other. It is
/// readable as long as the source keeps the files: vacuum of the source may remove them.
Cloned clone(storage::FileSystem& files, const std::string& source_path,
             const std::string& target_path, duck::Connection& connection,
             std::optional<int64_t> version, const Clock& clock);

/// `file:///a%20b`, `s3://…`: how a log names a file of another table.
std::string absolute_uri(const std::string& path);

}  // namespace windrow::lake
