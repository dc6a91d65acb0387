#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lake/actions.h"
#include "storage/file_system.h"

/// The folder `_delta_log` of a table: which files there are, and single commits of it.
/// PROTOCOL.md, "Delta Log Entries" and "Checkpoints".
namespace windrow::lake {

std::string log_folder(const std::string& table_path);
std::string commit_file(const std::string& table_path, int64_t version);
/// `00000000000000000042`
std::string version_text(int64_t version);

/// A complete checkpoint: of the classic kind in one file or several, or a V2 one, whose file may
/// be JSON and may name more (sidecars).
struct CheckpointFiles {
  int64_t version = -1;
  std::vector<std::string> paths;
};

/// The commits first..last as one file (PROTOCOL.md, "Log Compaction Files").
struct CompactedCommits {
  int64_t first = -1, last = -1;
  std::string path;
};

/// One listing of the folder. `_last_checkpoint` is not asked: it may be missing or wrong, the
/// listing is neither.
struct LogListing {
  std::vector<int64_t> commits;  ///< ascending
  std::vector<CheckpointFiles>
      checkpoints;  ///< complete ones, ascending; there may be several of a version
  std::vector<CompactedCommits> compacted;

  bool empty() const { return commits.empty() && checkpoints.empty(); }
  int64_t latest() const;
  bool has_commit(int64_t version) const;
  /// The one that reaches furthest of those that begin at `first` and end at `last` or before.
  const CompactedCommits* compacted_from(int64_t first, int64_t last) const;
  /// First of the unbroken row of commits that ends at the last one.
  int64_t first_of_tail() const;
};

LogListing list_log(storage::FileSystem& files, const std::string& table_path);
/// The same, with Error(not_found) where there is no table and Error(corrupt) where commits are
/// missing between the last checkpoint and the latest version.
LogListing list_table(storage::FileSystem& files, const std::string& table_path);

/// Throws the same errors, of a listing that is already there.
void check_whole(const LogListing& listing, const std::string& table_path);

/// Throws Error(not_found), Error(corrupt).
Commit read_commit(storage::FileSystem& files, const std::string& table_path, int64_t version);
/// When it was committed: as it says itself, else the time of its file.
Time commit_time(storage::FileSystem& files, const std::string& table_path, const Commit& commit);

}  // namespace windrow::lake
