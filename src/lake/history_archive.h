#pragma once

#include <string>
#include <vector>

#include "lake/table.h"

/// What is kept of commits whose files have been cleaned from the log:
/// `<table>/_windrow/history/<from>-<to>.json`, immutable, one object with everything that history
/// and provenance need (docs/lake-metadata.md).
namespace windrow::lake {

inline constexpr int kArchiveFormat = 1;
/// Kind of provenance records of compaction, vacuum, retention and erasure: they do not build the
/// asset.
inline constexpr std::string_view kMaintenanceKind = "maintenance";
/// Key of the table's id in the commitInfo of our commits: it spares reading metadata.
inline constexpr std::string_view kTableIdKey = "windrowTableId";

struct ArchivedCommit {
  HistoryEntry entry;
  bool changes_data = false;
};

/// All that was archived, newest first; empty where nothing was.
std::vector<ArchivedCommit> archived_history(storage::FileSystem& files,
                                             const std::string& table_path);
/// The last version that was archived; -1 where none was.
int64_t archived_up_to(storage::FileSystem& files, const std::string& table_path);
/// Keeps these commits, which follow each other. Durable on return.
void archive(storage::FileSystem& files, const std::string& table_path,
             const std::vector<Commit>& commits);

HistoryEntry history_entry(const Commit& commit);

}  // namespace windrow::lake
