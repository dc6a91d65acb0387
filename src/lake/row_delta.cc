#include "lake/row_delta.h"

#include <map>

#include "duck/duck.h"
#include "lake/history_archive.h"
#include "lake/partition_path.h"
#include "lake/replay.h"
#include "lake/statistics.h"
#include "lake/table.h"

namespace windrow::lake {

namespace {

std::string file_of(const Add& add) { return logical_file(add.path, add.deletion_vector); }

/// Files by their rows: what was added and removed again is in neither.
class NetFiles {
 public:
  void look_at(const Commit& commit) {
    for (const auto& remove : commit.removes) {
      if (!remove.data_change) continue;
      const Add file = add_of(remove);
      if (added.erase(file_of(file)) == 0) removed.emplace(file_of(file), file);
    }
    for (const auto& add : commit.adds) {
      if (!add.data_change) continue;
      if (removed.erase(file_of(add)) == 0) added.emplace(file_of(add), add);
    }
  }

  std::map<std::string, Add> added, removed;
};

/// What was taken since by a file's vector has no count of its own: the file's is the most.
int64_t rows_of_all(const std::map<std::string, Add>& files,
                    const std::map<std::string, Add>& others) {
  int64_t sum = 0;
  for (const auto& [name, add] : files) {
    auto rows = rows_of(add);
    if (!rows) {
      // The log says of a removed file how many rows it has where it was added.
      for (const auto& [other, file] : others) {
        if (file.path == add.path) rows = rows_of(file);
      }
    }
    if (!rows) return -1;
    sum += *rows;
  }
  return sum;
}

std::map<std::string, Add> files_of(const Snapshot& snapshot) {
  std::map<std::string, Add> out;
  for (const auto& add : snapshot.files) out.emplace(file_of(add), add);
  return out;
}

Relation rows_of_files(const Snapshot& shape, const std::map<std::string, Add>& files) {
  std::vector<Add> all;
  for (const auto& [name, add] : files) all.push_back(add);
  return all.empty() ? Relation() : scan(shape, std::move(all));
}

}  // namespace

RowDelta row_delta(const Table& table, int64_t from, int64_t to, duck::Connection& connection) {
  RowDelta out;
  NetFiles files;
  for (const auto& commit : table.commits(from, to)) {
    if (commit.metadata || commit.protocol) {
      out.unusable = "its columns or properties were changed";
      return out;
    }
    if (!commit.changes_data()) continue;
    const auto record = commit.info ? provenance_of(*commit.info) : std::nullopt;
    if (record && record->kind == kMaintenanceKind) {
      out.unusable = "retention or erasure has taken rows";
      return out;
    }
    files.look_at(commit);
  }
  if (files.added.empty() && files.removed.empty()) return out;
  const Snapshot shape = table.snapshot(to, &connection);
  out.added_rows = rows_of_all(files.added, files.removed);
  out.removed_rows = rows_of_all(files.removed, files_of(table.snapshot(from, &connection)));
  for (const auto* side : {&files.added, &files.removed}) {
    for (const auto& [name, add] : *side) out.bytes += add.size;
    out.files += int64_t(side->size());
  }
  out.added = rows_of_files(shape, files.added);
  out.removed = rows_of_files(shape, files.removed);
  return out;
}

}  // namespace windrow::lake
