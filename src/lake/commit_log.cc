#include "lake/commit_log.h"

#include <algorithm>
#include <thread>

#include "lake/external_files.h"
#include "lake/history_archive.h"
#include "lake/log.h"
#include "storage/parallel.h"

namespace windrow::lake {
namespace {

constexpr size_t kAheadFirst = 4, kAheadMax = 256;

}  // namespace

CommitLog::CommitLog(storage::FileSystem& files, const Table& table)
    : files_(files), table_(table), ahead_(kAheadFirst) {
  const LogListing listing = list_table(files, table.path());
  latest_ = listing.latest();
  // Where only a checkpoint is left of the latest version, no commit is.
  first_ = listing.has_commit(latest_) ? listing.first_of_tail() : latest_ + 1;
}

const Commit& CommitLog::at(int64_t version) {
  if (const auto found = commits_.find(version); found != commits_.end()) return found->second;
  std::vector<int64_t> wanted;
  for (int64_t next = version; next >= first_ && wanted.size() < ahead_; --next) {
    if (!commits_.contains(next)) wanted.push_back(next);
  }
  ahead_ = std::min(2 * ahead_, kAheadMax);
  std::vector<Commit> read(wanted.size());
  const int threads = int(2 * std::max(2u, std::thread::hardware_concurrency()));
  storage::in_parallel(wanted.size(), threads,
                       [&](size_t i) { read[i] = read_commit(files_, table_.path(), wanted[i]); });
  ExternalFiles external(files_, table_.path());
  for (auto& commit : read) {
    external.check(commit);
    commits_.emplace(commit.version, std::move(commit));
  }
  return commits_.at(version);
}

const CommitLog::Archived* CommitLog::archived(int64_t version) {
  if (!archive_) {
    archive_.emplace();
    for (auto& each : archived_history(files_, table_.path())) {
      const int64_t of = each.entry.version;
      archive_->emplace(of, Archived{std::move(each.entry), each.changes_data});
    }
  }
  const auto found = archive_->find(version);
  return found == archive_->end() ? nullptr : &found->second;
}

std::optional<HistoryEntry> CommitLog::entry(int64_t version) {
  if (version >= first_ && version <= latest_) {
    const Commit& commit = at(version);
    HistoryEntry out = history_entry(commit);
    if (micros(out.timestamp) == 0) out.timestamp = table_.time_of(commit);
    return out;
  }
  const auto* found = version < 0 ? nullptr : archived(version);
  return found ? std::optional(found->entry) : std::nullopt;
}

bool CommitLog::changed_data(int64_t version) {
  if (version >= first_ && version <= latest_) return at(version).changes_data();
  const auto* found = version < 0 ? nullptr : archived(version);
  return found && found->changes_data;
}

}  // namespace windrow::lake
