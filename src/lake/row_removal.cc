#include "lake/row_removal.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/clock.h"
#include "base/error.h"
#include "duck/duck.h"
#include "duck/quoting.h"
#include "lake/history_archive.h"
#include "lake/json_text.h"
#include "lake/maintenance.h"
#include "lake/partition_path.h"
#include "lake/protocol.h"
#include "lake/relation.h"
#include "lake/row_tracking.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/touched.h"
#include "lake/traces.h"
#include "storage/folders.h"

namespace windrow::lake {
namespace {

constexpr const char* kErasure = "erasure";
constexpr const char* kRetention = "retention";

constexpr int kPlansMax = 20;         // of one commit, each planned over a newer version
constexpr int kErasureRoundsMax = 5;  // each finds only what was appended meanwhile

/// What is to become of the files of one version.
struct Removal {
  std::vector<Add> whole;       ///< no row stays
  std::vector<Add> straddling;  ///< some rows go
  std::vector<Add> hidden;      ///< only rows go that a deletion vector has hidden
  int64_t rows_hidden = 0;      ///< of all of these
  std::string condition;        ///< of the rows that go
  int64_t rows = 0;             ///< of `straddling` that go
};
using Plan = std::function<Removal(const Snapshot&)>;

class Remover {
 public:
  Remover(storage::FileSystem& files, const std::string& path, duck::Connection& connection,
          const Clock& clock, const char* reason)
      : files_(files),
        table_(files, path),
        connection_(connection),
        clock_(clock),
        reason_(reason) {}

  const Table& table() const { return table_; }
  /// By retention, not by erasure: rows before this time go.
  void keep_from(Time time) { keep_from_ = time; }

  /// False where there was nothing to remove.
  bool run(const Plan& plan, bool dry_run, RowRemoval& out) {
    for (int attempt = 0;; ++attempt) {
      const Snapshot snapshot = table_.snapshot({}, &connection_);
      check_writable(snapshot.protocol, snapshot.metadata, snapshot.schema);
      const Removal removal = plan(snapshot);
      if (removal.whole.empty() && removal.straddling.empty() && removal.hidden.empty())
        return false;
      std::vector<Add> adds;
      if (!dry_run) adds = rewrite(snapshot, removal);
      if (dry_run || commit(snapshot, removal, adds, attempt, out)) {
        count(snapshot, removal, adds, out);
        return true;
      }
    }
  }

 private:
  std::vector<Add> rewrite(const Snapshot& snapshot, const Removal& removal) {
    RewriteOptions options;
    options.file_bytes = target_file_bytes(snapshot.metadata);
    // Apart, for rewriting rows that nobody saw go changes none.
    std::map<std::pair<bool, PartitionValues>, std::vector<Add>> partitions;
    for (const auto& add : removal.straddling)
      partitions[{true, add.partition_values}].push_back(add);
    for (const auto& add : removal.hidden) partitions[{false, add.partition_values}].push_back(add);
    std::vector<Add> adds;
    try {
      for (const auto& [kind, sources] : partitions) {
        for (size_t begin = 0; begin < sources.size();) {
          size_t end = begin;
          for (int64_t bytes = 0;
               end < sources.size() && (end == begin || bytes < options.file_bytes); ++end)
            bytes += sources[end].size;
          const std::vector<Add> group(sources.begin() + int64_t(begin),
                                       sources.begin() + int64_t(end));
          const std::string rest = "SELECT * FROM (" +
                                   duck_sql(scan(snapshot, group, Scan::Extra::row_ids)) +
                                   ") WHERE (" + removal.condition + ") IS NOT TRUE";
          for (auto& add :
               write_like(connection_, snapshot, rest, group.front(), clock_.now(), options)) {
            add.data_change = kind.first;
            adds.push_back(std::move(add));
          }
          begin = end;
        }
      }
    } catch (...) {
      discard_adds(files_, snapshot, adds);
      throw;
    }
    return adds;
  }

  bool commit(const Snapshot& snapshot, const Removal& removal, const std::vector<Add>& adds,
              int attempt, RowRemoval& out) {
    CommitRequest request = maintenance_request(snapshot, "DELETE");
    request.maintenance = true;
    request.adds = adds;
    int64_t removed_bytes = 0, added_bytes = 0, copied = 0;
    for (const auto* sources : {&removal.whole, &removal.straddling, &removal.hidden}) {
      for (const auto& add : *sources) {
        request.removes.push_back(remove_of(add, clock_.now(), sources != &removal.hidden));
        removed_bytes += add.size;
      }
    }
    for (const auto& add : adds) {
      added_bytes += add.size;
      copied += rows_of(add).value_or(0);
    }
    request.operation_parameters = {{"predicate", json_list_text({"<not recorded>"})},
                                    {"reason", json_quoted(reason_)}};
    if (keep_from_)
      request.operation_parameters[kRetentionParameter] = json_quoted("before " + iso(*keep_from_));
    request.operation_metrics = {{"numRemovedFiles", std::to_string(request.removes.size())},
                                 {"numAddedFiles", std::to_string(adds.size())},
                                 {"numDeletedRows", std::to_string(deleted_rows(removal))},
                                 {"numCopiedRows", std::to_string(copied)},
                                 {"numRemovedBytes", std::to_string(removed_bytes)},
                                 {"numAddedBytes", std::to_string(added_bytes)},
                                 {"numAddedChangeFiles", "0"},
                                 {"numDeletionVectorsAdded", "0"},
                                 {"numDeletionVectorsRemoved", "0"},
                                 {"numDeletionVectorsUpdated", "0"}};
    // An Error leaves the new files behind, for the commit may stand.
    const auto outcome = table_.commit(std::move(request), clock_);
    if (std::holds_alternative<Conflicted>(outcome)) {
      discard_adds(files_, snapshot, adds);
      if (attempt + 1 < kPlansMax) return false;
    }
    out.version = committed_version(outcome, table_.path());
    return true;
  }

  static int64_t deleted_rows(const Removal& removal) {
    int64_t rows = removal.rows;
    for (const auto& add : removal.whole) rows += rows_of(add).value_or(0);
    return rows;
  }

  static void count(const Snapshot& snapshot, const Removal& removal, const std::vector<Add>& adds,
                    RowRemoval& out) {
    out.files_removed += int64_t(removal.whole.size());
    out.files_rewritten += int64_t(removal.straddling.size() + removal.hidden.size());
    out.rows_removed += deleted_rows(removal);
    out.rows_hidden += removal.rows_hidden;
    for (const auto* sources : {&removal.whole, &removal.straddling, &removal.hidden}) {
      for (const auto& add : *sources) {
        out.bytes_removed += add.size;
        out.old_files.push_back(snapshot.file_path(add));
      }
    }
    for (const auto& add : adds) out.bytes_added += add.size;
  }

  storage::FileSystem& files_;
  const Table table_;
  duck::Connection& connection_;
  const Clock& clock_;
  const char* reason_;
  std::optional<Time> keep_from_;
};

void check_condition(duck::Connection& connection, const Snapshot& snapshot,
                     const std::string& condition) {
  try {
    connection.describe("SELECT * FROM (" + duck_sql(scan(snapshot, {})) + ") WHERE (" + condition +
                        ")");
  } catch (const SqlError& error) {
    throw Error(
        Code::usage,
        "the condition \"" + condition + "\" does not fit the table: " + error.problem().message,
        "it is SQL over the table's columns");
  }
}

/// `among` are files of the snapshot.
Removal with_rows(duck::Connection& connection, const Snapshot& snapshot,
                  const std::vector<Add>& among, const std::string& condition) {
  const auto hits = files_with(connection, snapshot, among, condition);
  // As they were before rows of them were deleted by a vector alone.
  std::vector<Add> unveiled;
  for (const auto& add : among) {
    if (!has_deletion_vector(add)) continue;
    unveiled.push_back(add);
    unveiled.back().deletion_vector.reset();
  }
  const auto all = unveiled.empty() ? hits : files_with(connection, snapshot, unveiled, condition);
  Removal out;
  out.condition = condition;
  for (const auto& add : among) {
    const std::string path = snapshot.file_path(add);
    const auto hit = hits.find(path);
    if (const auto held = all.find(path); has_deletion_vector(add) && held != all.end()) {
      out.rows_hidden += held->second - (hit == hits.end() ? 0 : hit->second);
      if (hit == hits.end()) out.hidden.push_back(add);
    }
    if (hit == hits.end()) continue;
    if (rows_of(add) == hit->second && !has_deletion_vector(add)) {
      out.whole.push_back(add);
    } else {
      out.straddling.push_back(add);
      out.rows += hit->second;
    }
  }
  return out;
}

/// Commits of earlier versions of this program do not tell the two apart: they count as erasures.
bool is_erasure(const CommitInfo& info) {
  const auto record = provenance_of(info);
  if (!record || record->kind != kMaintenanceKind || info.operation != "DELETE") return false;
  const auto json = nlohmann::json::parse(info.json, nullptr, false);
  const auto* parameters = json.is_object() && json.contains("operationParameters")
                               ? &json["operationParameters"]
                               : nullptr;
  return !parameters || !parameters->is_object() ||
         parameters->value("reason", nlohmann::json()) != kRetention;
}

// --- retention

constexpr const char* kParts[] = {"year", "month", "day", "hour"};

size_t parts_of(const Snapshot& snapshot) {
  size_t count = 0;
  const auto& columns = snapshot.metadata.partition_columns;
  while (count < 4 && std::find(columns.begin(), columns.end(), kParts[count]) != columns.end())
    ++count;
  return count;
}

/// When the partition of these values is over, in local time of `zone`. Nothing where a value is
/// not a number of the calendar.
std::optional<Time> end_of_partition(const Snapshot& snapshot, const PartitionValues& values,
                                     size_t parts, const std::string& zone) {
  int number[4] = {0, 1, 1, 0};
  for (size_t i = 0; i < parts; ++i) {
    const Field* field = snapshot.schema.find(kParts[i]);
    const auto found = field == nullptr ? values.end() : values.find(field->in_files());
    if (found == values.end() || !found->second) return {};
    char* end = nullptr;
    number[i] = int(std::strtol(found->second->c_str(), &end, 10));
    if (end == found->second->c_str() || *end != 0) return {};
  }
  using namespace std::chrono;
  auto day = year_month_day(year(number[0]), month(unsigned(number[1])),
                            std::chrono::day(unsigned(number[2])));
  if (!day.ok() || number[0] < 1 || number[0] > 9998 || number[3] < 0 || number[3] > 23) return {};
  if (parts == 1) day += years(1);
  if (parts == 2) day += months(1);
  Time local = sys_days(day);
  if (parts == 3) local += days(1);
  if (parts == 4) local += hours(number[3] + 1);
  std::string text = iso(local);
  text.pop_back();  // without the Z it is a local time
  return parse_time(text, zone);
}

Removal by_partition(const Snapshot& snapshot, const RetentionRule& rule) {
  Removal out;
  const size_t parts = parts_of(snapshot);
  for (const auto& add : snapshot.files) {
    const auto end = end_of_partition(snapshot, add.partition_values, parts, rule.zone);
    if (end && *end <= rule.keep_from) out.whole.push_back(add);
  }
  return out;
}

Removal by_column(duck::Connection& connection, const Snapshot& snapshot,
                  const RetentionRule& rule) {
  const Field* field = snapshot.schema.find(rule.column);
  if (field == nullptr || !is_time(field->type)) {
    throw Error(Code::configuration,
                "\"" + snapshot.table_path + "\" has a retention by \"" + rule.column +
                    "\", which its rows " +
                    (field ? "have as " + field->type.text() : std::string("do not have")),
                "the column must be a DATE, TIMESTAMP or TIMESTAMPTZ");
  }
  // A date goes when its whole day may go.
  const Time keep_from = field->type.kind == Type::Kind::date
                             ? Grain(Grain::Unit::day, 1, rule.zone).floor(rule.keep_from)
                             : rule.keep_from;
  const std::string literal = time_literal(keep_from, field->type, rule.zone);
  const std::string to = cell_text(connection.value("SELECT CAST(" + literal + " AS VARCHAR)"));
  const std::string from =
      field->type.kind == Type::Kind::date ? "0001-01-01" : "0001-01-01 00:00:00";
  std::vector<Add> whole, straddling;
  for (const auto& add : snapshot.files) {
    if (!may_overlap(add, *field, from, to)) continue;
    (lies_inside(add, *field, from, to) ? whole : straddling).push_back(add);
  }
  auto out =
      with_rows(connection, snapshot, straddling, duck::quote_name(field->name) + " < " + literal);
  out.whole.insert(out.whole.end(), whole.begin(), whole.end());
  return out;
}

}  // namespace

std::string key_condition(const Snapshot& snapshot, const KeyValues& key) {
  std::string out;
  for (const auto& [name, value] : key) {
    const Field* field = snapshot.schema.find_any_case(name);
    if (field == nullptr) {
      throw Error(Code::usage, "\"" + snapshot.table_path + "\" has no column \"" + name + "\"",
                  "--key is COLUMN=VALUE");
    }
    out += (out.empty() ? "" : " AND ") + duck::quote_name(field->name) + " = CAST(" +
           duck::quote_text(value) + " AS " + duck_type(field->type) + ")";
  }
  return out;
}

RowRemoval erase_rows(storage::FileSystem& files, const std::string& table_path,
                      duck::Connection& connection, const std::string& condition, bool dry_run,
                      const Clock& clock) {
  Remover remover(files, table_path, connection, clock, kErasure);
  check_condition(connection, remover.table().snapshot({}, &connection), condition);
  if (!dry_run) forget_sums(files, table_path);
  RowRemoval out;
  const Plan plan = [&](const Snapshot& snapshot) {
    return with_rows(connection, snapshot, snapshot.files, condition);
  };
  for (int round = 0; round < kErasureRoundsMax; ++round) {
    if (!remover.run(plan, dry_run, out) || dry_run) return out;
  }
  throw Error(Code::conflict,
              "\"" + table_path + "\": rows to be erased kept coming while they were erased",
              "stop what writes them, and run again");
}

void forget_sums(storage::FileSystem& files, const std::string& table_path) {
  storage::remove_folder(files, table_path + "/" + kSumsFolder);
}

std::vector<std::string> old_files_with(storage::FileSystem& files, const Snapshot& snapshot,
                                        duck::Connection& connection, const std::string& condition,
                                        std::optional<Time> left_before) {
  std::vector<std::string> out;
  for (auto& file : files_holding(files, snapshot, connection, condition)) {
    if (file.live || !(file.named || (left_before && file.modified < *left_before))) continue;
    out.push_back(std::move(file.path));
  }
  return out;
}

std::optional<std::string> partition_time(const Snapshot& snapshot) {
  if (parts_of(snapshot) > 0) return "";
  std::optional<std::string> found;
  for (const auto& name : snapshot.metadata.partition_columns) {
    const Field* field = snapshot.schema.find(name);
    if (field == nullptr || !is_time(field->type)) continue;
    if (found) return {};
    found = name;
  }
  return found;
}

bool rows_erased(const Table& table, int64_t from_version, int64_t to_version) {
  if (from_version >= to_version) return false;
  try {
    const auto commits = table.commits(from_version, to_version);
    return std::any_of(commits.begin(), commits.end(), [](const Commit& commit) {
      return commit.info && commit.changes_data() && is_erasure(*commit.info);
    });
  } catch (const Error& error) {
    if (error.code() != Code::history_lost) throw;
    return true;
  }
}

RowRemoval apply_retention(storage::FileSystem& files, const std::string& table_path,
                           duck::Connection& connection, const RetentionRule& rule, bool dry_run,
                           const Clock& clock) {
  RowRemoval out;
  Remover remover(files, table_path, connection, clock, kRetention);
  remover.keep_from(rule.keep_from);
  remover.run(
      [&](const Snapshot& snapshot) {
        return rule.column.empty() ? by_partition(snapshot, rule)
                                   : by_column(connection, snapshot, rule);
      },
      dry_run, out);
  return out;
}

}  // namespace windrow::lake
