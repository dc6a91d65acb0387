#include "lake/copies.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "lake/deletion_vector.h"
#include "lake/external_files.h"
#include "lake/history_archive.h"
#include "lake/json_text.h"
#include "lake/maintenance.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/row_tracking.h"

namespace windrow::lake {
namespace {

constexpr size_t kNamedMax = 3;  // missing files in a message

int64_t bytes_of(const std::vector<Add>& adds) {
  int64_t bytes = 0;
  for (const auto& add : adds) bytes += add.size;
  return bytes;
}

/// Files of `from` that `of` has not, or has with other rows.
std::vector<Add> only_in(const Snapshot& from, const Snapshot& of) {
  std::vector<Add> out;
  for (const auto& add : from.files) {
    if (!all_live(of, {add})) out.push_back(add);
  }
  return out;
}

/// Files that had no row ids then, and were given some since, come back with these.
void keep_row_ids(const Snapshot& now, std::vector<Add>& adds) {
  std::map<std::string, Add*> without;
  for (auto& add : adds) {
    if (!add.base_row_id) without[add.path] = &add;
  }
  if (without.empty()) return;
  const auto keep = [&](const auto& files) {
    for (const auto& file : files) {
      const auto found = without.find(file.path);
      if (found == without.end() || !file.base_row_id) continue;
      found->second->base_row_id = file.base_row_id;
      found->second->default_row_commit_version = file.default_row_commit_version;
    }
  };
  keep(now.tombstones);
  keep(now.files);
}

/// What the table is known to be built from once it is an older version again: what was known then,
/// so that a plan finds stale what has changed since. A source has still read what it has read.
std::optional<Provenance> record_of_then(const Table& table, int64_t version) {
  const auto last = table.provenance().last;
  if (!last) return {};
  static const std::set<std::string> kBuilt = {"table", "interval", "append",
                                               "merge", "scd2",     "seed"};
  std::optional<Provenance> out;
  if (!kBuilt.contains(last->kind)) {
    out = last;
  } else {
    for (auto& entry : table.history()) {
      if (entry.version > version || !entry.provenance) continue;
      if (entry.provenance->kind == kMaintenanceKind) continue;
      out = std::move(entry.provenance);
      break;
    }
  }
  if (!out) return {};
  out->run.clear();
  out->intervals = {};
  out->touched = {};  // whoever reads the table compares its rows
  return out;
}

void check_there(storage::FileSystem& files, const Snapshot& then, const std::vector<Add>& adds) {
  std::string missing;
  size_t count = 0;
  std::set<std::string> wanted;  // one file holds the vectors of many
  for (const auto& add : adds) {
    wanted.insert(then.file_path(add));
    if (!add.deletion_vector) continue;
    const auto vector = vector_path(then.table_path, *add.deletion_vector);
    if (!vector.empty()) wanted.insert(vector);
  }
  for (const auto& path : wanted) {
    if (files.stat(path)) continue;
    if (++count <= kNamedMax) missing += (count == 1 ? "" : ", ") + path;
  }
  if (count == 0) return;
  if (count > kNamedMax) missing += ", and " + std::to_string(count - kNamedMax) + " more";
  throw Error(Code::not_found,
              "version " + std::to_string(then.version) +
                  " cannot come back: data files are gone: " + missing,
              "nothing was changed; vacuum removes the files of versions beyond the retention");
}

}  // namespace

Restored restore(storage::FileSystem& files, const std::string& table_path,
                 duck::Connection& connection, int64_t version, std::optional<Time> asked_for,
                 const Clock& clock) {
  const Table table(files, table_path);
  const auto now = table.snapshot({}, &connection), then = table.snapshot(version, &connection);
  auto adds = only_in(then, now), removed = only_in(now, then);
  Restored out{-1, int64_t(adds.size()), int64_t(removed.size())};
  Metadata metadata = then.metadata;
  take_row_tracking_names(now.metadata, metadata);
  if (adds.empty() && removed.empty() && now.metadata == metadata) return out;
  check_there(files, then, adds);

  CommitRequest request;
  request.operation = "RESTORE";
  request.operation_parameters = {{"version", asked_for ? "null" : std::to_string(version)},
                                  {"timestamp", asked_for ? json_quoted(iso(*asked_for)) : "null"}};
  request.operation_metrics = {{"tableSizeAfterRestore", std::to_string(bytes_of(then.files))},
                               {"numOfFilesAfterRestore", std::to_string(then.files.size())},
                               {"numRemovedFiles", std::to_string(removed.size())},
                               {"numRestoredFiles", std::to_string(adds.size())},
                               {"removedFilesSize", std::to_string(bytes_of(removed))},
                               {"restoredFilesSize", std::to_string(bytes_of(adds))}};
  request.read_version = now.version;
  request.base = base_of(now);
  request.reads = Reads::whole_table;
  keep_row_ids(now, adds);
  for (auto& add : adds) {
    add.data_change = true;
    request.adds.push_back(std::move(add));
  }
  for (const auto& add : removed) request.removes.push_back(remove_of(add, clock.now()));
  if (!(metadata == now.metadata)) request.metadata = std::move(metadata);
  request.provenance = record_of_then(table, version);
  out.version = committed_version(table.commit(std::move(request), clock), table_path);
  return out;
}

std::string absolute_uri(const std::string& path) {
  const size_t scheme = path.find("://");
  if (scheme == std::string::npos) return "file://" + uri_encoded(path);
  return path.substr(0, scheme + 3) + uri_encoded(std::string_view(path).substr(scheme + 3));
}

Cloned clone(storage::FileSystem& files, const std::string& source_path,
             const std::string& target_path, duck::Connection& connection,
             std::optional<int64_t> version, const Clock& clock) {
  const Table target(files, target_path);
  if (target.exists()) {
    throw Error(Code::usage, "there is a table in \"" + target_path + "\" already",
                "name a folder that is not there yet");
  }
  const Snapshot source = Table(files, source_path).snapshot(version, &connection);
  check_writable(source.protocol, source.metadata, source.schema);
  CommitRequest request;
  request.operation = "CLONE";
  request.operation_parameters = {
      {"source", json_quoted("delta.`" + absolute_uri(source_path) + "`")},
      {"sourceVersion", std::to_string(source.version)}};
  request.protocol = source.protocol;
  request.metadata = source.metadata;
  request.metadata->id = new_uuid();
  request.metadata->created_time = micros(clock.now()) / 1000;
  // Ids and versions of rows are one table's own: the clone's rows are new, and what their files
  // carry from the source is not called by the clone's names.
  take_row_tracking_names({}, *request.metadata);
  if (switched_on(*request.metadata, kEnableRowTracking))
    give_row_tracking_names(*request.metadata);
  for (Add add : source.files) {
    if (auto& vector = add.deletion_vector; vector && vector->storage_type == "u") {
      vector->path_or_inline = absolute_uri(vector_path(source_path, *vector));
      vector->storage_type = "p";
    }
    if (!is_absolute_path(add.path)) add.path = absolute_uri(source.file_path(add));
    add.data_change = true;
    add.base_row_id.reset();
    add.default_row_commit_version.reset();
    request.adds.push_back(std::move(add));
  }
  for (const auto& [app, txn] : source.txns) request.txns.push_back(txn);
  for (const auto& [name, domain] : source.domains) {
    if (name != kRowTrackingDomain) request.domains.push_back(domain);
  }
  Cloned out{source.version, int64_t(source.files.size()), bytes_of(source.files)};
  request.operation_metrics = {{"sourceTableSize", std::to_string(out.bytes)},
                               {"sourceNumOfFiles", std::to_string(out.files)},
                               {"numRemovedFiles", "0"},
                               {"numCopiedFiles", "0"},
                               {"removedFilesSize", "0"},
                               {"copiedFilesSize", "0"}};
  // Who clones a table allows its clone to read it.
  std::vector<std::string> folders;
  ExternalFiles lent(files, source_path);
  for (const auto& add : source.files) {
    const bool own_vector = add.deletion_vector && add.deletion_vector->storage_type == "u";
    if (!is_absolute_path(add.path) || own_vector) folders.push_back(source_path);
    if (!is_absolute_path(add.path)) continue;
    if (const auto folder = lent.allowed_by(source.file_path(add))) folders.push_back(*folder);
  }
  allow_external(files, target_path, folders);
  committed_version(target.commit(std::move(request), clock), target_path);
  return out;
}

}  // namespace windrow::lake
