#include "lake/row_delta.h"

#include <map>

#include "duck/duck.h"
#include "lake/fates.h"
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
int64_t rows_of_all(const std::vector<Add>& files, const std::map<std::string, Add>& others) {
  int64_t sum = 0;
  for (const auto& add : files) {
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

std::vector<Add> values_of(const std::map<std::string, Add>& files) {
  std::vector<Add> out;
  for (const auto& [name, add] : files) out.push_back(add);
  return out;
}

int64_t hidden_by(const Add& add) {
  return add.deletion_vector ? add.deletion_vector->cardinality : 0;
}

/// What came and went in files: of those that only got another vector, the rows that it says.
void add_rows(const Snapshot& from, const Snapshot& to, const NetFiles& files, RowDelta& out) {
  auto removed = values_of(files.removed), added = values_of(files.added);
  const auto sides = sides_of(to, removed, added);
  const auto same = same_files(removed, added);
  out.added_rows = rows_of_all(added, {});
  out.removed_rows = rows_of_all(removed, files_of(from));
  bool gone = !removed.empty(), come = !added.empty();
  for (const auto& [then, now] : same) {
    const auto more = hidden_by(now) - hidden_by(then);
    // One vector may hold what the other has not, both ways.
    gone = gone || now.deletion_vector.has_value();
    come = come || then.deletion_vector.has_value();
    if (more > 0 && out.removed_rows >= 0) out.removed_rows += more;
    if (more < 0 && out.added_rows >= 0) out.added_rows -= more;
    out.bytes += now.size;
    ++out.files;
  }
  for (const auto* side : {&removed, &added}) {
    for (const auto& add : *side) out.bytes += add.size;
    out.files += int64_t(side->size());
  }
  if (gone) out.removed = sides.gone;
  if (come) out.added = sides.come;
}

}  // namespace

RowDelta row_delta(const Table& table, int64_t from, int64_t to, duck::Connection& connection) {
  RowDelta out;
  NetFiles files;
  std::optional<Snapshot> before;
  for (const auto& commit : table.commits(from, to)) {
    if (commit.metadata) {
      if (!before) before = table.snapshot(from, &connection);
      if (!differ_in_vectors_alone(before->metadata, *commit.metadata)) {
        out.unusable = "its columns or properties were changed";
        return out;
      }
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
  if (!before) before = table.snapshot(from, &connection);
  add_rows(*before, table.snapshot(to, &connection), files, out);
  return out;
}

}  // namespace windrow::lake
