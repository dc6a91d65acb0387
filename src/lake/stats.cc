#include "lake/stats.h"

#include <algorithm>
#include <set>

#include "lake/log.h"
#include "lake/optimize.h"

namespace windrow::lake {
namespace {

constexpr double kDay = 86'400e6;             // microseconds
constexpr double kSpanMin = 1;                // days: sizes of less say nothing of the next ones
constexpr int64_t kTrendCommitsMax = 10'000;  // looked at for the trend, from the newest on

/// Sizes behind each commit, newest first worked out backwards: what a commit has added was not
/// there before it, what it has removed was.
std::vector<SizeAt> sizes_of(storage::FileSystem& files, const std::string& table_path,
                             const LogListing& listing, const Snapshot& now) {
  std::vector<SizeAt> out;
  int64_t bytes = now.bytes();
  for (int64_t version = now.version, n = 0; n < kTrendCommitsMax && listing.has_commit(version);
       --version, ++n) {
    const Commit commit = read_commit(files, table_path, version);
    int64_t change = 0;
    for (const auto& add : commit.adds) change += add.size;
    for (const auto& remove : commit.removes) change -= remove.size;
    if (change != 0 || out.empty()) out.push_back({commit_time(files, table_path, commit), bytes});
    bytes -= change;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::optional<Growth> growth_of(const std::vector<SizeAt>& sizes) {
  if (sizes.size() < 2) return {};
  const Time start = sizes.front().time;
  const auto days = [&](const SizeAt& size) {
    return double(micros(size.time) - micros(start)) / kDay;
  };
  double x = 0, y = 0;
  for (const auto& size : sizes) x += days(size), y += double(size.bytes);
  x /= double(sizes.size());
  y /= double(sizes.size());
  double xx = 0, xy = 0;
  for (const auto& size : sizes) {
    xx += (days(size) - x) * (days(size) - x);
    xy += (days(size) - x) * (double(size.bytes) - y);
  }
  if (days(sizes.back()) < kSpanMin) return {};
  return Growth{xy / xx, sizes.size()};
}

std::optional<double> days_until(int64_t capacity, int64_t used, const Growth& growth) {
  if (used >= capacity) return 0;
  if (growth.bytes_per_day <= 0) return {};
  return double(capacity - used) / growth.bytes_per_day;
}

TableStats table_stats(storage::FileSystem& files, const std::string& table_path,
                       duck::Connection& connection) {
  const Snapshot snapshot = Table(files, table_path).snapshot({}, &connection);
  TableStats out;
  out.version = snapshot.version;
  out.timestamp = snapshot.timestamp;
  out.files = int64_t(snapshot.files.size());
  out.bytes = snapshot.bytes();
  out.rows = snapshot.rows();
  for (const auto& bin : bins_of(snapshot.files, target_file_bytes(snapshot.metadata)))
    out.small_files += int64_t(bin.size());
  std::set<PartitionValues> partitions;
  for (const auto& add : snapshot.files) partitions.insert(add.partition_values);
  out.partitions = snapshot.metadata.partition_columns.empty() ? 0 : int64_t(partitions.size());
  // A live file's former deletion vectors leave tombstones of its path, one each.
  std::set<std::string> seen;
  for (const auto& add : snapshot.files) seen.insert(snapshot.file_path(add));
  for (const auto& tombstone : snapshot.tombstones) {
    Add add;
    add.path = tombstone.path;
    const std::string path = snapshot.file_path(add);
    if (!seen.insert(path).second) continue;
    const auto there = files.stat(path);
    if (!there) continue;
    ++out.tombstones;
    out.tombstoned_bytes += int64_t(there->size);
  }
  const LogListing listing = list_log(files, table_path);
  out.versions = int64_t(listing.commits.size());
  out.first_version = listing.commits.empty() ? snapshot.version : listing.commits.front();
  for (const auto& file : files.list_tree(log_folder(table_path)))
    out.log_bytes += int64_t(file.size);
  out.sizes = sizes_of(files, table_path, listing, snapshot);
  out.growth = growth_of(out.sizes);
  return out;
}

}  // namespace windrow::lake
