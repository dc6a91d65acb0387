#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "duck/forward.h"
#include "lake/table.h"

/// What the ways of looking after a table share (optimize.h, vacuum.h, row_removal.h). All of them
/// commit with a provenance record of kind `maintenance`: they build nothing and make nothing
/// stale.
namespace windrow::lake {

/// A property that is written `interval 1 week`; `otherwise` where it is absent or not understood.
std::chrono::microseconds interval_property(const Metadata& metadata, const std::string& key,
                                            std::chrono::microseconds otherwise);
/// `delta.deletedFileRetentionDuration`, a week where it is not set.
std::chrono::microseconds deleted_file_retention(const Metadata& metadata);
/// `delta.targetFileSize` in bytes (`268435456`, `256mb`), kTargetFileBytes where it is not set.
int64_t target_file_bytes(const Metadata& metadata);
inline constexpr int64_t kTargetFileBytes = 256ll << 20;

/// In the operationParameters of what retention removes: before which time. Erasure has none.
inline constexpr const char* kRetentionParameter = "retention";

/// The record of a commit that only looks after the table.
Provenance maintenance_record(const Snapshot& snapshot);
/// A request over the snapshot with such a record, and nothing else yet.
CommitRequest maintenance_request(const Snapshot& snapshot, std::string operation);

bool has_deletion_vector(const Add& add);
/// The same rows of the same file: other entries of a file (statistics, tags) do not matter.
bool same_rows(const Add& a, const Add& b);
/// True where each of `sources` is live in the snapshot with the same rows.
bool all_live(const Snapshot& snapshot, const std::vector<Add>& sources);
/// Files that were staged over `before` can be committed over `after`.
bool same_layout(const Snapshot& before, const Snapshot& after);

/// `["a","b"]` as JSON text inside a JSON string, as Spark writes lists in operationParameters.
std::string json_list_text(const std::vector<std::string>& texts);

inline constexpr int64_t kRowGroupRows = 122'880;
/// Rows of a group so that files of `file_bytes` come out of rows like those of `sources`.
int64_t row_group_rows_for(const std::vector<Add>& sources, int64_t file_bytes);
struct RewriteOptions {
  int64_t file_bytes = kTargetFileBytes;
  std::vector<std::string> order_by;  ///< expressions over the columns of the rows
  /// A file is ended between row groups only, so they have to be smaller than it.
  int64_t row_group_rows = kRowGroupRows;
};
/// Streams rows (a SELECT over a scan with row ids) that are all of the partition of `like` into
/// new files beside it. Nothing is made durable: that is the commit's part.
std::vector<Add> write_like(duck::Connection& connection, const Snapshot& snapshot,
                            const std::string& rows, const Add& like, Time now,
                            const RewriteOptions& options);
/// Removes staged files that no commit refers to. What cannot be removed is left to vacuum.
void discard_adds(storage::FileSystem& files, const Snapshot& snapshot,
                  const std::vector<Add>& adds) noexcept;

}  // namespace windrow::lake
