#include "lake/log_cleaning.h"

#include <algorithm>

#include "base/error.h"
#include "lake/history_archive.h"
#include "lake/log.h"

namespace windrow::lake {
namespace {

/// The newest checkpoint from which every version that is young enough can be built.
const CheckpointFiles* new_beginning(storage::FileSystem& files, const std::string& table_path,
                                     const LogListing& listing, Time older_than) {
  for (auto checkpoint = listing.checkpoints.rbegin(); checkpoint != listing.checkpoints.rend();
       ++checkpoint) {
    if (!listing.has_commit(checkpoint->version)) continue;
    if (commit_time(files, table_path, read_commit(files, table_path, checkpoint->version)) <=
        older_than) {
      return &*checkpoint;
    }
  }
  return nullptr;
}

/// What killed writers have left. Nobody writes one file for a day.
void remove_unfinished(storage::FileSystem& files, const std::string& folder, Time older_than) {
  for (const auto& entry : files.list(folder, {}, true)) {
    const bool unfinished = entry.path.compare(folder.size(), 6, "/.tmp-") == 0;
    if (unfinished && entry.modified < older_than - std::chrono::hours(24))
      files.remove(entry.path);
  }
}

}  // namespace

LogCleaned clean_log(storage::FileSystem& files, const std::string& table_path, Time older_than) {
  const LogListing listing = list_table(files, table_path);
  remove_unfinished(files, log_folder(table_path), older_than);
  LogCleaned done{listing.has_commit(0) || listing.checkpoints.empty()
                      ? 0
                      : listing.checkpoints.front().version,
                  0};
  const CheckpointFiles* beginning = new_beginning(files, table_path, listing, older_than);
  if (beginning == nullptr) return done;

  std::vector<Commit> dropped;
  const int64_t archived = archived_up_to(files, table_path);
  for (const int64_t version : listing.commits) {
    if (version > archived && version < beginning->version)
      dropped.push_back(read_commit(files, table_path, version));
  }
  archive(files, table_path, dropped);

  // Oldest first: whenever this stops, what is left is an unbroken end of the log.
  for (const auto& checkpoint : listing.checkpoints) {
    if (checkpoint.version >= beginning->version) break;
    for (const auto& path : checkpoint.paths) files.remove(path), ++done.files_removed;
  }
  for (const int64_t version : listing.commits) {
    if (version >= beginning->version) break;
    files.remove(commit_file(table_path, version));
    ++done.files_removed;
  }
  // Of other writers: compacted commits and checksums repeat what the commits said.
  for (const auto& file : files.list(log_folder(table_path), {}, false)) {
    const std::string name = file.path.substr(file.path.find_last_of('/') + 1);
    const bool of_other_kind = name.ends_with(".crc") || name.ends_with(".compacted.json");
    if (file.folder || !of_other_kind || name >= version_text(beginning->version)) continue;
    files.remove(file.path);
    ++done.files_removed;
  }
  done.first_kept = beginning->version;
  return done;
}

}  // namespace windrow::lake
