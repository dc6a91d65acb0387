#include "lake/changes.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "base/local_time.h"
#include "duck/duck.h"
#include "lake/extent.h"
#include "lake/history_archive.h"
#include "lake/json_reader.h"
#include "lake/maintenance.h"
#include "lake/protocol.h"
#include "lake/statistics.h"
#include "lake/table.h"
#include "lake/touched.h"

namespace windrow::lake {

namespace {

constexpr int64_t kMinute = 60'000'000;
constexpr size_t kMinutesMax =
    2'000'000;  // nearly four years of distinct minutes; beyond that: everything

/// The commit changed rows that somebody may have read, and not by retention or erasure.
bool counts(const Commit& commit) {
  if (!commit.changes_data()) return false;
  if (!commit.info) return true;
  const auto record = provenance_of(*commit.info);
  return !record || record->kind != kMaintenanceKind;
}

/// What was there before keeps its columns, types and partitions: rows of both can be compared.
bool widens(const Metadata& before, const Metadata& after) {
  if (before.partition_columns != after.partition_columns) return false;
  const Schema now = schema_of(after);
  for (const auto& field : schema_of(before).fields) {
    const Field* found = now.find(field.name);
    if (!found || (!(found->type == field.type) && field.type.kind != Type::Kind::struct_))
      return false;
    // Under another name in the files the older rows would read as NULL.
    if (found->in_files() != field.in_files()) return false;
  }
  return true;
}

/// One input's changes while they are being looked at.
class Finder {
 public:
  Finder(const Table& table, const Snapshot& after, const std::string& expression,
         const Grain& grain, duck::Connection& connection)
      : table_(table),
        after_(after),
        expression_(expression),
        grain_(grain),
        connection_(connection),
        column_(time_column(after.schema, expression)) {}

  void look_at(const Commit& commit) {
    for (const auto& add : commit.adds) out_.files += add.data_change;
    for (const auto& remove : commit.removes) {
      out_.files += remove.data_change;
      out_.rows_removed |= remove.data_change;
    }
    if (out_.everything) return;
    if (replaces_schema(commit)) {
      out_.everything = true;
      how("schema replaced");
      return;
    }
    if (recorded(commit) || by_statistics(commit)) return;
    by_rows(commit);
  }

  /// What the commit itself says; false where it does not.
  bool look_at_record(const Commit& commit) { return !commit.changes_data() || recorded(commit); }

  ChangedIntervals finish() {
    if (out_.everything) out_.intervals = {};
    out_.intervals = grain_.widen(out_.intervals);
    return std::move(out_);
  }

 private:
  bool local() const { return column_ && column_->type.kind != Type::Kind::timestamp; }

  void how(const char* means) {
    if (out_.how.find(means) == std::string::npos)
      out_.how += (out_.how.empty() ? "" : ", ") + std::string(means);
  }

  /// The interval of moments that a column's times lie in.
  Interval moments(const Interval& part) const {
    return local() ? moments_of(part, grain_.zone()) : part;
  }

  bool replaces_schema(const Commit& commit) const {
    if (!commit.metadata) return false;
    try {
      return !widens(table_.snapshot(commit.version - 1, &connection_).metadata, *commit.metadata);
    } catch (const Error& error) {
      if (error.code() != Code::not_found && error.code() != Code::corrupt &&
          error.code() != Code::history_lost)
        throw;
      return true;  // what was there before is not known any more
    }
  }

  bool recorded(const Commit& commit) {
    if (!column_ || !commit.info) return false;
    const auto record = provenance_of(*commit.info);
    if (!record) return false;
    auto found = record->touched.columns.find(column_->name);
    if (found == record->touched.columns.end()) return false;
    for (const auto& part : found->second.parts()) out_.intervals.add(moments(part));
    how("recorded");
    return true;
  }

  /// Only where nothing was removed and every file lies inside one interval.
  bool by_statistics(const Commit& commit) {
    if (!column_) return false;
    for (const auto& remove : commit.removes) {
      if (remove.data_change) return false;
    }
    IntervalSet found;
    for (const auto& add : commit.adds) {
      if (!add.data_change) continue;
      const auto range = range_of(add);
      if (!range) return false;
      if (range->empty()) continue;
      const Interval whole = grain_.widen(*range);
      if (grain_.next(whole.start) != whole.end) return false;
      found.add(whole);
    }
    out_.intervals.add(found);
    how("statistics");
    return true;
  }

  std::optional<Interval> range_of(const Add& add) const {
    return column_ ? times_of(add, *column_, std::string(grain_.zone())) : std::nullopt;
  }

  /// Data files are gone, so that rows cannot be compared: all that the changed files may have held
  /// counts.
  bool by_ranges(const Commit& commit) {
    if (!column_) return false;
    std::vector<Add> changed;
    for (const auto& add : commit.adds) {
      if (add.data_change) changed.push_back(add);
    }
    std::set<std::string> removed;
    for (const auto& remove : commit.removes) {
      if (remove.data_change) removed.insert(remove.path);
    }
    if (!removed.empty()) {
      const Snapshot before = table_.snapshot(commit.version - 1, &connection_);
      for (const auto& add : before.files) {
        if (removed.erase(add.path) > 0) changed.push_back(add);
      }
      if (!removed.empty()) return false;
    }
    IntervalSet found;
    for (const auto& add : changed) {
      const auto range = range_of(add);
      if (!range) return false;
      if (!range->empty()) found.add(*range);
    }
    out_.intervals.add(found);
    how("statistics");
    return true;
  }

  /// A file is gone, or its rows do not read as the table's columns any more.
  void without_rows(const Commit& commit) {
    try {
      if (by_ranges(commit)) return;
    } catch (const Error& error) {
      if (!is_unreadable(error)) throw;
    }
    out_.everything = true;
    how("unreadable");
  }
  static bool is_unreadable(const Error& error) {
    switch (error.code()) {
      case Code::not_found:
      case Code::corrupt:
      case Code::data:
      case Code::configuration:  // a column that the rows no longer have
      case Code::history_lost: return true;
      default: return false;
    }
  }

  void by_rows(const Commit& commit) {
    std::vector<Add> fresh, old;
    for (const auto& add : commit.adds) {
      if (add.data_change) fresh.push_back(add);
    }
    for (const auto& remove : commit.removes) {
      if (remove.data_change) old.push_back(add_of(remove));
    }
    const auto [gone, come] = sides_of(after_, old, fresh);
    try {
      add_minutes(old.empty() ? come
                              : "((" + come + ") EXCEPT ALL (" + gone + ")) UNION ALL ((" + gone +
                                    ") EXCEPT ALL (" + come + "))");
      how("read");
    } catch (const Error& error) {
      if (!is_unreadable(error)) throw;
      without_rows(commit);
    }
  }

  void add_minutes(const Relation& rows) {
    const std::string typed = duck_sql("SELECT (" + expression_ + ") AS e FROM (" + rows + ")");
    const std::string type = connection_.describe(typed)[0].type;
    const bool instant = type == "TIMESTAMP WITH TIME ZONE", date = type == "DATE";
    const std::string minute = std::to_string(kMinute);
    // `//` cuts towards zero; what lies before 1970 has to go down.
    const auto found =
        connection_.query("SELECT DISTINCT (us - if(us < 0, " + minute + " - 1, 0)) // " + minute +
                          " AS m FROM (SELECT " +
                          calendar_micros(instant || date ? "e" : "e::TIMESTAMP",
                                          instant ? Type::Kind::timestamp
                                          : date  ? Type::Kind::date
                                                  : Type::Kind::timestamp_ntz) +
                          " AS us FROM (" + typed + ") WHERE e IS NOT NULL) ORDER BY m LIMIT " +
                          std::to_string(kMinutesMax + 1));
    if (found.rows.size() > kMinutesMax) {
      out_.everything = true;
      return;
    }
    Interval last{};
    for (const auto& row : found.rows) {
      Interval part = calendar_part(std::get<int64_t>(row[0]), std::chrono::microseconds(kMinute));
      if (!instant) part = moments_of(part, grain_.zone());
      if (last.start <= part.start && part.end <= last.end) continue;
      last = grain_.widen(part);
      out_.intervals.add(last);
    }
  }

  const Table& table_;
  const Snapshot& after_;
  const std::string& expression_;
  const Grain& grain_;
  duck::Connection& connection_;
  const Field* column_;
  ChangedIntervals out_;
};

/// Commits of (from, to]. What looks after a table makes nothing stale, so of that it is enough to
/// know that it was so: the log may have been cleaned of it.
std::vector<Commit> commits_between(const Table& table, int64_t from, int64_t to) {
  try {
    return table.commits(from, to);
  } catch (const Error& error) {
    if (error.code() != Code::history_lost) throw;
  }
  std::set<int64_t> maintenance;
  for (const auto& entry : table.history()) {
    if (entry.provenance && entry.provenance->kind == kMaintenanceKind)
      maintenance.insert(entry.version);
  }
  std::vector<Commit> out;
  for (int64_t version = from + 1; version <= to; ++version) {
    if (maintenance.contains(version)) continue;
    for (auto& commit : table.commits(version - 1, version)) out.push_back(std::move(commit));
  }
  return out;
}

/// The rows that were added, less those that were erased afterwards: whoever reads them now must
/// not bring them back; and the rows that were removed. Of a file that only got another deletion
/// vector they are those of the vectors' difference.
class Changes {
 public:
  explicit Changes(const Snapshot& after) : after_(after) {}

  void look_at(const Commit& commit) {
    if (counts(commit)) return take(commit);
    std::vector<Add> held;
    for (const auto& remove : commit.removes) {
      if (paths_.contains(remove.path)) held.push_back(add_of(remove));
    }
    if (held.empty()) return;
    for (const auto& add : commit.adds) paths_.insert(add.path);
    if (!commit.changes_data()) return;  // packed: the same rows
    const auto [gone, come] = sides_of(after_, held, commit.adds);
    fold();
    rows_ = "(" + rows_ + ") EXCEPT ALL ((" + gone + ") EXCEPT ALL (" + come + "))";
  }

  Relation added() {
    fold();
    return rows_;
  }
  bool any_removed() const { return !gone_.empty() || !lost_.empty(); }
  Relation removed() const { return both(gone_, lost_); }

 private:
  void take(const Commit& commit) {
    std::vector<Add> fresh, gone;
    for (const auto& add : commit.adds) {
      if (add.data_change) fresh.push_back(add);
    }
    for (const auto& remove : commit.removes) {
      if (remove.data_change) gone.push_back(add_of(remove));
    }
    for (auto& [then, now] : same_files(gone, fresh)) {
      if (then.deletion_vector == now.deletion_vector) continue;
      if (now.deletion_vector) lost_.push_back({then, *now.deletion_vector});
      if (!then.deletion_vector) continue;
      back_.push_back({now, *then.deletion_vector});
      paths_.insert(now.path);
    }
    for (auto& add : gone) gone_.push_back(std::move(add));
    for (auto& add : fresh) {
      paths_.insert(add.path);
      fresh_.push_back(std::move(add));
    }
  }

  void fold() {
    if (rows_.empty()) {
      rows_ = both(fresh_, back_);
    } else if (!fresh_.empty() || !back_.empty()) {
      rows_ = "(" + rows_ + ") UNION ALL (" + both(fresh_, back_) + ")";
    }
    fresh_.clear();
    back_.clear();
  }

  /// A file may come with several vectors: a scan reads it with one of them.
  Relation both(const std::vector<Add>& whole, const std::vector<Thinned>& thinned) const {
    std::vector<std::vector<Add>> scans(1);
    std::vector<std::vector<Thinned>> taken(1);
    each_once(whole, scans, [](const Add& add) { return add.path; });
    each_once(thinned, taken, [](const Thinned& file) { return file.before.path; });
    Relation out;
    const auto plus = [&](const Relation& rows) {
      out = out.empty() ? rows : "(" + out + ") UNION ALL (" + rows + ")";
    };
    for (const auto& files : scans) {
      if (!files.empty() || thinned.empty()) plus(scan(after_, files));
    }
    for (const auto& files : taken) {
      if (!files.empty()) plus(scan_taken(after_, files));
    }
    return out;
  }

  template <typename File>
  static void each_once(const std::vector<File>& files, std::vector<std::vector<File>>& scans,
                        const auto& path_of) {
    std::map<std::string, size_t> times;
    for (const auto& file : files) {
      const size_t nth = times[path_of(file)]++;
      if (nth == scans.size()) scans.emplace_back();
      scans[nth].push_back(file);
    }
  }

  const Snapshot& after_;
  std::vector<Add> fresh_;     // not yet in rows_
  std::vector<Thinned> back_;  // the same
  std::vector<Add> gone_;
  std::vector<Thinned> lost_;
  std::set<std::string> paths_;  // files that hold added rows, packed ones too
  Relation rows_;
};

}  // namespace

ChangedIntervals changed_intervals(const Table& table, int64_t from_version, int64_t to_version,
                                   const std::string& expression, const Grain& grain,
                                   duck::Connection& connection) {
  const auto commits = commits_between(table, from_version, to_version);
  std::optional<Snapshot> after;
  std::optional<Finder> finder;
  for (const auto& commit : commits) {
    if (!counts(commit)) continue;
    if (!finder) {
      after = table.snapshot(to_version, &connection);
      finder.emplace(table, *after, expression, grain, connection);
    }
    finder->look_at(commit);
  }
  return finder ? finder->finish() : ChangedIntervals{};
}

std::optional<IntervalSet> recorded_intervals(const Table& table, const Snapshot& now,
                                              const std::string& expression, const Grain& grain,
                                              duck::Connection& connection) {
  Finder finder(table, now, expression, grain, connection);
  try {
    for (const auto& commit : table.commits(-1, now.version)) {
      if (!finder.look_at_record(commit)) return {};
    }
  } catch (const Error& error) {
    if (error.code() != Code::history_lost && error.code() != Code::not_found) throw;
    return {};
  }
  return finder.finish().intervals;
}

ChangedIntervals changed_files(const Table& table, int64_t from_version, int64_t to_version) {
  ChangedIntervals out;
  for (const auto& commit : commits_between(table, from_version, to_version)) {
    if (!counts(commit)) continue;
    for (const auto& add : commit.adds) out.files += add.data_change;
    for (const auto& remove : commit.removes) {
      out.files += remove.data_change;
      out.rows_removed |= remove.data_change;
    }
  }
  return out;
}

std::optional<int64_t> taken_by_retention(const Table& table, int64_t from_version,
                                          int64_t to_version) {
  std::optional<int64_t> out;
  for (const auto& entry : table.history()) {
    if (entry.version <= from_version || entry.version > to_version) continue;
    if (!entry.provenance || entry.provenance->kind != kMaintenanceKind) continue;
    reading_json("a commitInfo", [&] {
      simdjson::dom::parser parser;
      const std::string none = "{}";
      const auto& given = entry.parameters_json.empty() ? none : entry.parameters_json;
      if (!find(JsonObject(parser.parse(given)), kRetentionParameter)) return;
      const auto& metrics = entry.metrics_json.empty() ? none : entry.metrics_json;
      const std::string rows = string_at(parser.parse(metrics), "numDeletedRows", "0");
      out = out.value_or(0) + std::strtoll(rows.c_str(), nullptr, 10);
    });
  }
  return out;
}

RowChanges row_changes(const Table& table, int64_t from_version, int64_t to_version,
                       duck::Connection& connection) {
  const Snapshot after = table.snapshot(to_version, &connection);
  Changes changes(after);
  for (const auto& commit : commits_between(table, from_version, to_version))
    changes.look_at(commit);
  RowChanges out;
  out.added = changes.added();
  if (!changes.any_removed()) return out;
  const Relation a = out.added, b = changes.removed();
  out.added = "(" + a + ") EXCEPT ALL (" + b + ")";
  out.removed = "(" + b + ") EXCEPT ALL (" + a + ")";
  try {
    out.clean = std::get<int64_t>(
                    connection.value(duck_sql("SELECT count(*) FROM (" + out.removed + ")"))) == 0;
  } catch (const Error& error) {
    if (error.code() != Code::not_found) throw;
    throw Error(Code::not_found,
                "rows that \"" + table.path() + "\" lost since version " +
                    std::to_string(from_version) +
                    " are gone for good: its files have been cleaned away",
                "build what reads it from scratch: --full-refresh");
  }
  if (out.clean) out.removed = {};
  return out;
}

}  // namespace windrow::lake
