#include "lake/vacuum.h"

#include <algorithm>
#include <map>

#include "base/clock.h"
#include "base/error.h"
#include "lake/deletion_vector.h"
#include "lake/json_text.h"
#include "lake/maintenance.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"

namespace windrow::lake {
namespace {

using std::chrono::microseconds;

/// Folders and files that belong to somebody else. A partition column may begin with such a
/// character, and files of changed rows are ours to remove.
bool hidden(std::string_view name) {
  if (name.starts_with(".tmp-")) return false;  // what a killed writer has left
  if (!name.starts_with('_') && !name.starts_with('.')) return false;
  return name != "_change_data" && name.find('=') == std::string_view::npos;
}

struct Found {
  std::vector<storage::FileInfo> files;
  std::set<std::string> folders;
};

Found look_through(storage::FileSystem& files, const std::string& table_path) {
  Found found;
  found.folders.insert(table_path);
  const auto take = [&](storage::FileInfo info) {
    // The whole path below the table decides.
    std::string_view rest = std::string_view(info.path).substr(table_path.size() + 1);
    for (size_t begin = 0; begin <= rest.size();) {
      const size_t slash = std::min(rest.find('/', begin), rest.size());
      if (hidden(rest.substr(begin, slash - begin))) return;
      begin = slash + 1;
    }
    found.folders.insert(info.path.substr(0, info.path.find_last_of('/')));
    found.files.push_back(std::move(info));
  };
  // From the table's folder on, so that links to folders are not followed, not even its first ones:
  // what lies behind them is not the table's.
  for (auto& entry : files.list_tree(table_path)) take(std::move(entry));
  return found;
}

/// What the files of a snapshot are, their vectors' too.
std::set<std::string> live_paths(const Snapshot& snapshot) {
  std::set<std::string> out;
  for (const auto& add : snapshot.files) {
    out.insert(snapshot.file_path(add));
    if (add.deletion_vector) out.insert(vector_path(snapshot.table_path, *add.deletion_vector));
  }
  return out;
}

/// The two commits and what lies between them.
class FileRemoval {
 public:
  FileRemoval(storage::FileSystem& files, const Table& table, duck::Connection& connection,
              const Clock& clock)
      : files_(files), table_(table), connection_(connection), clock_(clock) {}

  void run(Snapshot snapshot, std::map<std::string, std::string> parameters,
           std::vector<VacuumedFile> doomed, Vacuumed& out) {
    int64_t bytes = 0;
    for (const auto& file : doomed) bytes += file.bytes;
    auto start = maintenance_request(snapshot, "VACUUM START");
    start.operation_parameters = std::move(parameters);
    start.operation_metrics = {{"numFilesToDelete", std::to_string(doomed.size())},
                               {"sizeOfDataToDelete", std::to_string(bytes)}};
    const int64_t started =
        committed_version(table_.commit(std::move(start), clock_), table_.path());
    // Others may have committed while we were looking, even brought old files back.
    if (started > snapshot.version + 1) {
      const auto live = live_paths(table_.snapshot(started, &connection_));
      std::erase_if(doomed, [&](const VacuumedFile& file) { return live.contains(file.path); });
    }
    try {
      for (auto& file : doomed) {
        files_.remove(file.path);
        out.bytes += file.bytes;
        out.files.push_back(std::move(file));
      }
    } catch (const Error&) {
      try {
        end(started, "FAILED", out);
      } catch (const Error&) {
        // The first failure is the one to tell.
      }
      throw;
    }
    end(started, "COMPLETED", out);
  }

 private:
  void end(int64_t started, const char* status, Vacuumed& out) {
    const auto snapshot = table_.snapshot(started, &connection_);
    auto request = maintenance_request(snapshot, "VACUUM END");
    request.operation_parameters = {{"status", json_quoted(status)}};
    request.operation_metrics = {{"numDeletedFiles", std::to_string(out.files.size())},
                                 {"numVacuumedDirectories", std::to_string(out.folders)}};
    out.version = committed_version(table_.commit(std::move(request), clock_), table_.path());
  }

  storage::FileSystem& files_;
  const Table& table_;
  duck::Connection& connection_;
  const Clock& clock_;
};

std::string millis_text(microseconds d) { return std::to_string(d.count() / 1000); }

microseconds checked_retention(const VacuumOptions& options, const Metadata& metadata,
                               const std::string& table_path) {
  const microseconds least = deleted_file_retention(metadata);
  const microseconds wanted = options.retention.value_or(least);
  if (wanted < least && !options.force) {
    throw Error(Code::usage,
                "a retention of " + duration_text(wanted) + " is less than the " +
                    duration_text(least) + " of \"" + table_path +
                    "\": older versions and unfinished writes would lose files",
                "--force does it all the same");
  }
  return wanted;
}

}  // namespace

std::set<std::string> needed_files(const Table& table, const Snapshot& snapshot, Time since) {
  std::set<std::string> out;
  const auto keep = [&](const auto& file) {
    out.insert(resolved_path(snapshot.table_path, file.path));
    if (file.deletion_vector) out.insert(vector_path(snapshot.table_path, *file.deletion_vector));
  };
  for (const auto& add : snapshot.files) keep(add);
  const int64_t since_ms = micros(since) / 1000;
  for (const auto& tombstone : snapshot.tombstones) {
    if (tombstone.deletion_timestamp >= since_ms) keep(tombstone);
  }
  // Tombstones say when a writer thought that it was; commits say it in order. Where the two
  // differ, both are kept. Older commits than these need not be read.
  for (int64_t version = snapshot.version; version >= 0; --version) {
    std::vector<Commit> commit;
    try {
      commit = table.commits(version - 1, version);
    } catch (const Error& error) {
      if (error.code() != Code::history_lost) throw;
      break;  // the log begins here
    }
    // What an older one removed was gone before the first moment that counts.
    if (commit[0].info && commit[0].info->timestamp > 0 && commit[0].info->timestamp < since_ms)
      break;
    for (const auto& add : commit[0].adds) keep(add);
    for (const auto& remove : commit[0].removes) keep(remove);
    for (const auto& cdc : commit[0].cdcs) out.insert(resolved_path(snapshot.table_path, cdc.path));
  }
  return out;
}

Vacuumed vacuum(storage::FileSystem& files, const std::string& table_path,
                duck::Connection& connection, const VacuumOptions& options, const Clock& clock) {
  const Table table(files, table_path);
  const Snapshot snapshot = table.snapshot({}, &connection);
  check_writable(snapshot.protocol, snapshot.metadata, snapshot.schema);
  Vacuumed out;
  out.retention = checked_retention(options, snapshot.metadata, table_path);
  const Time since = clock.now() - out.retention;
  const auto needed = needed_files(table, snapshot, since);

  auto found = look_through(files, table_path);
  out.folders = int64_t(found.folders.size());
  std::vector<VacuumedFile> doomed;
  for (auto& file : found.files) {
    if (file.modified < since && !needed.contains(file.path))
      doomed.push_back({std::move(file.path), int64_t(file.size)});
  }
  if (options.dry_run) {
    for (const auto& file : doomed) out.bytes += file.bytes;
    out.files = std::move(doomed);
    return out;
  }
  if (doomed.empty()) return out;
  std::map<std::string, std::string> parameters = {
      {"retentionCheckEnabled", options.force ? "false" : "true"},
      {"defaultRetentionMillis", millis_text(deleted_file_retention(snapshot.metadata))}};
  if (options.retention) parameters["specifiedRetentionMillis"] = millis_text(*options.retention);
  FileRemoval(files, table, connection, clock).run(snapshot, parameters, std::move(doomed), out);
  return out;
}

Vacuumed purge(storage::FileSystem& files, const std::string& table_path,
               duck::Connection& connection, const std::vector<std::string>& paths,
               const Clock& clock) {
  const Table table(files, table_path);
  const Snapshot snapshot = table.snapshot({}, &connection);
  const auto live = live_paths(snapshot);
  // Only what lies in the table itself: not another table's that is lent to a shallow clone, nor
  // what is reached through a link to a folder.
  std::map<std::string, int64_t> own;
  for (auto& file : files.list_tree(table_path)) own.emplace(std::move(file.path), file.size);
  Vacuumed out;
  std::vector<VacuumedFile> doomed;
  std::set<std::string> folders;
  for (const auto& path : paths) {
    WINDROW_INVARIANT(!live.contains(path));
    const auto there = own.find(path);
    if (there == own.end()) continue;
    folders.insert(path.substr(0, path.find_last_of('/')));
    doomed.push_back({path, there->second});
  }
  out.folders = int64_t(folders.size());
  if (doomed.empty()) return out;
  FileRemoval(files, table, connection, clock)
      .run(snapshot,
           {{"retentionCheckEnabled", "false"},
            {"defaultRetentionMillis", millis_text(deleted_file_retention(snapshot.metadata))},
            {"specifiedRetentionMillis", "0"}},
           std::move(doomed), out);
  return out;
}

}  // namespace windrow::lake
