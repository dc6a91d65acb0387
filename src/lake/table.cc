#include "lake/table.h"

#include <algorithm>
#include <deque>
#include <future>
#include <set>
#include <thread>

#include "base/error.h"
#include "duck/duck.h"
#include "duck/files.h"
#include "lake/action_json.h"
#include "lake/checkpoint.h"
#include "lake/external_files.h"
#include "lake/history_archive.h"
#include "lake/json_reader.h"
#include "lake/log.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/replay.h"
#include "lake/statistics.h"

namespace windrow::lake {
namespace {

std::string there_are(int64_t first, int64_t last) {
  return first == last
             ? "there is version " + std::to_string(first)
             : "there are versions " + std::to_string(first) + " to " + std::to_string(last);
}

/// The earliest version that can still be built: 0, or that of the first checkpoint.
int64_t earliest(const LogListing& listing) {
  if (listing.has_commit(0)) return 0;
  return listing.checkpoints.empty() ? listing.latest() : listing.checkpoints.front().version;
}

bool commits_whole(const LogListing& listing, int64_t first, int64_t last) {
  for (int64_t version = first; version <= last; ++version) {
    if (!listing.has_commit(version)) return false;
  }
  return true;
}

/// An instance of our own where the caller has no connection at hand. Made only where a checkpoint
/// is read.
struct OwnConnection {
  explicit OwnConnection(storage::FileSystem& files) { attach(database, files); }
  duck::Database database{duck::Options{}};
  duck::Connection connection{database};
};

/// Commits one after the other; where there are many, some are read and parsed ahead by threads.
class ReadAhead {
 public:
  ReadAhead(storage::FileSystem& files, const std::string& path, const LogListing& listing,
            int64_t first, int64_t last)
      : files_(files), path_(path), next_(first), last_(last) {
    constexpr int64_t kFew = 16;
    // Compacted commits are passed over, and nobody takes what would be read for them.
    if (last - first < kFew || !listing.compacted.empty()) next_ = last + 1;
    for (unsigned i = 0; i < 2 * std::max(2u, std::thread::hardware_concurrency()); ++i) begin();
  }

  Commit take(int64_t version) {
    if (begun_.empty()) return read_commit(files_, path_, version);
    auto result = std::move(begun_.front());
    begun_.pop_front();
    begin();
    return result.get();
  }

 private:
  void begin() {
    if (next_ > last_) return;
    begun_.push_back(std::async(std::launch::async, [this, version = next_++] {
      return read_commit(files_, path_, version);
    }));
  }

  storage::FileSystem& files_;
  const std::string& path_;
  int64_t next_;
  const int64_t last_;
  std::deque<std::future<Commit>> begun_;
};

Time modified_of(storage::FileSystem& files, const std::string& path) {
  const auto info = files.stat(path);
  return info ? info->modified : Time{};
}

/// Commits of one table. The same one asked for twice in a row is read once.
class CommitReader {
 public:
  CommitReader(storage::FileSystem& files, const std::string& path) : files_(files), path_(path) {}

  const Commit& at(int64_t version) {
    if (!commit_ || commit_->version != version) commit_ = read_commit(files_, path_, version);
    return *commit_;
  }

 private:
  storage::FileSystem& files_;
  const std::string& path_;
  std::optional<Commit> commit_;
};

std::string json_field(const std::string& json, std::string_view key) {
  return reading_json("a commitInfo", [&] {
    simdjson::dom::parser parser;
    return text_at(parser.parse(json), key);
  });
}

std::string table_id_of(const CommitInfo& info) {
  return reading_json("a commitInfo", [&] {
    simdjson::dom::parser parser;
    return string_at(parser.parse(info.json), kTableIdKey);
  });
}

/// Our own commits carry the table's id; of other writers' the newest metadata does. Nothing where
/// the newest commits have neither.
std::optional<std::string> recent_id(const LogListing& listing, CommitReader& commits) {
  constexpr int kLookedAt = 16;
  for (int64_t version = listing.latest(), n = 0; n < kLookedAt && listing.has_commit(version);
       --version, ++n) {
    const Commit& commit = commits.at(version);
    if (commit.metadata) return commit.metadata->id;
    if (!commit.info) continue;
    if (std::string id = table_id_of(*commit.info); !id.empty()) return id;
  }
  return {};
}

ProvenanceState provenance_in(const LogListing& listing, CommitReader& commits,
                              storage::FileSystem& files, const std::string& path) {
  ProvenanceState state;
  int64_t version = listing.latest();
  for (; listing.has_commit(version); --version) {
    const Commit& commit = commits.at(version);
    auto record = commit.info ? provenance_of(*commit.info) : std::nullopt;
    if (record && record->kind != kMaintenanceKind) {
      state.last = std::move(record);
      state.last_version = version;
      return state;
    }
    if (!record && commit.changes_data())
      state.foreign_versions.insert(state.foreign_versions.begin(), version);
  }
  if (version < 0) return state;  // whole back to its beginning: nobody of ours has built it
  // What is older was cleaned. Our own clean-up has kept every record; it must reach up to where
  // the log begins.
  for (auto& archived : archived_history(files, path)) {
    if (archived.entry.version > version) continue;
    if (archived.entry.version < version) break;
    --version;
    auto& record = archived.entry.provenance;
    if (record && record->kind != kMaintenanceKind) {
      state.last = std::move(record);
      state.last_version = archived.entry.version;
      return state;
    }
    if (!record && archived.changes_data) {
      state.foreign_versions.insert(state.foreign_versions.begin(), archived.entry.version);
    }
  }
  state.history_lost = version >= 0;
  return state;
}

}  // namespace

int64_t Snapshot::rows() const {
  int64_t total = 0;
  for (const auto& file : files) {
    const auto rows = rows_of(file);
    if (!rows) return -1;
    total += *rows;
  }
  return total;
}

int64_t Snapshot::bytes() const {
  int64_t total = 0;
  for (const auto& file : files) total += file.size;
  return total;
}

bool Snapshot::append_only() const { return switched_on(metadata, "delta.appendOnly"); }

std::string Snapshot::file_path(const Add& add) const {
  return resolved_path(table_path, add.path);
}

CommitBase base_of(const Snapshot& snapshot) {
  return {snapshot.version,  snapshot.timestamp, snapshot.protocol,
          snapshot.metadata, snapshot.txns,      snapshot.domains};
}

Table::Table(storage::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

bool Table::exists() const { return !list_log(files_, path_).empty(); }

int64_t Table::latest_version() const { return list_table(files_, path_).latest(); }

Snapshot Table::snapshot(std::optional<int64_t> version, duck::Connection* connection) const {
  // With an earlier version asked for, a gap behind it is no matter.
  const LogListing listing = version ? list_log(files_, path_) : list_table(files_, path_);
  if (listing.empty()) list_table(files_, path_);  // says why
  const int64_t target = version.value_or(listing.latest());
  if (target < 0 || target > listing.latest()) {
    throw Error(Code::not_found, "\"" + path_ + "\" has no version " + std::to_string(target),
                there_are(earliest(listing), listing.latest()));
  }
  std::unique_ptr<OwnConnection> own;
  std::optional<Error> broken;
  // The newest checkpoint first; where it does not read, an older one and more commits give the
  // same state.
  for (size_t i = listing.checkpoints.size() + 1; i-- > 0;) {
    const CheckpointFiles* checkpoint = i == 0 ? nullptr : &listing.checkpoints[i - 1];
    const int64_t from = checkpoint == nullptr ? -1 : checkpoint->version;
    if (from > target || !commits_whole(listing, from + 1, target)) continue;
    Replay replay(path_);
    Time timestamp{};
    if (checkpoint != nullptr) {
      try {
        if (connection == nullptr) {
          if (!own) own = std::make_unique<OwnConnection>(files_);
          connection = &own->connection;
        }
        replay.apply(read_checkpoint(files_, *checkpoint, *connection));
      } catch (const Error& error) {
        if (error.code() != Code::corrupt) throw;
        broken = error;
        continue;
      }
      if (from == target) {
        timestamp = listing.has_commit(from)
                        ? commit_time(files_, path_, read_commit(files_, path_, from))
                        : modified_of(files_, checkpoint->paths.front());
      }
    }
    ReadAhead ahead(files_, path_, listing, from + 1, target);
    for (int64_t next = from + 1; next <= target; ++next) {
      // The last one is read itself, for its time.
      if (const auto* compacted = listing.compacted_from(next, target - 1)) {
        replay.apply(commit_from_json(files_.read(compacted->path), compacted->last,
                                      "\"" + compacted->path + "\""));
        next = compacted->last;
        continue;
      }
      Commit commit = ahead.take(next);
      if (next == target) timestamp = commit_time(files_, path_, commit);
      replay.apply(std::move(commit));
    }
    Snapshot snapshot = replay.done(target, timestamp);
    ExternalFiles(files_, path_).check(snapshot.files);
    return snapshot;
  }
  if (broken) throw *broken;
  throw Error(
      Code::not_found,
      "version " + std::to_string(target) + " of \"" + path_ + "\" is gone: its log was cleaned",
      there_are(earliest(listing), listing.latest()));
}

int64_t Table::version_at(Time at) const {
  const LogListing listing = list_table(files_, path_);
  Time oldest{};
  for (int64_t version = listing.latest(); version >= listing.first_of_tail(); --version) {
    if (!listing.has_commit(version)) break;
    oldest = commit_time(files_, path_, read_commit(files_, path_, version));
    if (oldest <= at) return version;
  }
  throw Error(Code::not_found, "\"" + path_ + "\" has no version that is as old as " + iso(at),
              "the oldest that is known is of " + iso(oldest));
}

InputVersion Table::identity() const {
  const LogListing listing = list_table(files_, path_);
  CommitReader commits(files_, path_);
  const auto id = recent_id(listing, commits);
  return {id ? *id : snapshot().metadata.id, listing.latest()};
}

std::vector<HistoryEntry> Table::history(std::optional<size_t> limit) const {
  const LogListing listing = list_table(files_, path_);
  std::vector<HistoryEntry> out;
  const size_t most = limit.value_or(SIZE_MAX);
  for (auto next = listing.commits.rbegin(); next != listing.commits.rend() && out.size() < most;
       ++next) {
    out.push_back(history_entry(read_commit(files_, path_, *next)));
    auto& entry = out.back();
    if (micros(entry.timestamp) == 0)
      entry.timestamp = modified_of(files_, commit_file(path_, *next));
  }
  if (out.size() >= most) return out;
  const int64_t before = listing.commits.empty() ? INT64_MAX : listing.commits.front();
  for (auto& entry : archived_history(files_, path_)) {
    if (entry.entry.version < before && out.size() < most) out.push_back(std::move(entry.entry));
  }
  return out;
}

std::vector<Commit> Table::commits(int64_t from, int64_t to) const {
  std::vector<Commit> out;
  ExternalFiles external(files_, path_);
  std::optional<std::set<int64_t>> unchanging;  // of those that are cleaned away
  for (int64_t version = from + 1; version <= to; ++version) {
    try {
      out.push_back(read_commit(files_, path_, version));
      external.check(out.back());
    } catch (const Error& error) {
      if (error.code() != Code::not_found) throw;
      if (!unchanging) {
        unchanging.emplace();
        for (const auto& archived : archived_history(files_, path_)) {
          if (!archived.changes_data) unchanging->insert(archived.entry.version);
        }
      }
      if (!unchanging->contains(version)) {
        throw Error(
            Code::history_lost,
            "the log of \"" + path_ + "\" no longer holds version " + std::to_string(version),
            "the changes since version " + std::to_string(from) +
                " are not known; rebuild what reads this table");
      }
      out.emplace_back().version = version;
    }
  }
  return out;
}

Time Table::time_of(const Commit& commit) const { return commit_time(files_, path_, commit); }

HistoryEntry history_entry(const Commit& commit) {
  HistoryEntry entry{commit.version, {}, {}, {}, {}, {}, {}};
  if (!commit.info) return entry;
  const int64_t in_commit = commit.info->in_commit_timestamp;
  entry.timestamp = time_from_micros((in_commit > 0 ? in_commit : commit.info->timestamp) * 1000);
  entry.operation = commit.info->operation;
  entry.engine_info = commit.info->engine_info;
  entry.parameters_json = json_field(commit.info->json, "operationParameters");
  entry.metrics_json = json_field(commit.info->json, "operationMetrics");
  try {
    entry.provenance = provenance_of(*commit.info);
  } catch (const Error&) {
    // A record that does not read, or a newer one, is no reason not to list what else is known.
  }
  return entry;
}

ProvenanceState Table::provenance() const {
  CommitReader commits(files_, path_);
  return provenance_in(list_table(files_, path_), commits, files_, path_);
}

std::optional<TableState> Table::state() const {
  const LogListing listing = list_log(files_, path_);
  if (listing.empty()) return {};
  check_whole(listing, path_);
  CommitReader commits(files_, path_);
  TableState state;
  const auto id = recent_id(listing, commits);
  state.identity = {id ? *id : snapshot().metadata.id, listing.latest()};
  if (listing.has_commit(listing.latest())) {
    const auto& info = commits.at(listing.latest()).info;
    if (info) state.committed = time_from_micros(info->timestamp * 1000);
  }
  state.provenance = provenance_in(listing, commits, files_, path_);
  return state;
}

int64_t committed_version(const CommitOutcome& outcome, const std::string& table_name) {
  if (const auto* committed = std::get_if<Committed>(&outcome)) return committed->version;
  if (const auto* conflicted = std::get_if<Conflicted>(&outcome)) {
    throw Error(Code::conflict,
                "table \"" + table_name + "\" was changed by another writer: " + conflicted->reason,
                "run again: it is planned anew");
  }
  const int64_t version = std::get<Unknown>(outcome).version;
  throw Error(Code::unavailable,
              "it is not known whether version " + std::to_string(version) + " of table \"" +
                  table_name + "\" was committed: the storage did not answer",
              "run again: what was committed is found in the log");
}

}  // namespace windrow::lake
