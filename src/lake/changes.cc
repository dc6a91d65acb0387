#include "lake/changes.h"

#include <set>

#include "lake/history_archive.h"
#include "lake/statistics.h"
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

/// The column that an expression is, where it is nothing but one.
const Field* plain_column(const Schema& schema, std::string expression) {
  if (expression.size() > 2 && expression.front() == '"' && expression.back() == '"') {
    expression = expression.substr(1, expression.size() - 2);
  }
  const Field* field = schema.find_any_case(expression);
  return field && is_time(field->type) ? field : nullptr;
}

/// Local times of `zone` as moments: a DATE or TIMESTAMP column was recorded as if it were UTC.
Interval from_local(const Interval& local, std::string_view zone) {
  const auto moment = [&](Time t) {
    std::string text = iso(t);
    text.pop_back();
    return parse_time(text, zone).value_or(t);
  };
  return {moment(local.start), moment(local.end)};
}

/// One input's changes while they are being looked at.
class Finder {
 public:
  Finder(const Snapshot& after, const std::string& expression, const Grain& grain,
         duck::Connection& connection)
      : after_(after),
        expression_(expression),
        grain_(grain),
        connection_(connection),
        column_(plain_column(after.schema, expression)) {}

  void look_at(const Commit& commit) {
    for (const auto& add : commit.adds) out_.files += add.data_change;
    for (const auto& remove : commit.removes) {
      out_.files += remove.data_change;
      out_.rows_removed |= remove.data_change;
    }
    if (recorded(commit) || by_statistics(commit)) return;
    by_rows(commit);
  }

  ChangedIntervals finish() {
    out_.intervals = grain_.widen(out_.intervals);
    return std::move(out_);
  }

 private:
  bool local() const { return column_ && column_->type.kind != Type::Kind::timestamp; }

  void how(const char* means) {
    if (out_.how.find(means) == std::string::npos)
      out_.how += (out_.how.empty() ? "" : ", ") + std::string(means);
  }

  bool recorded(const Commit& commit) {
    if (!column_ || !commit.info) return false;
    const auto record = provenance_of(*commit.info);
    if (!record) return false;
    auto found = record->touched.columns.find(column_->name);
    if (found == record->touched.columns.end()) return false;
    for (const auto& part : found->second.parts()) {
      out_.intervals.add(local() ? from_local(part, grain_.zone()) : part);
    }
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
      const auto range = column_range(add, column_->name);
      if (range && range->all_null) continue;
      if (!range || !range->min || !range->max) return false;
      const auto zone = local() ? grain_.zone() : std::string_view("UTC");
      const auto least = parse_time(*range->min, zone), most = parse_time(*range->max, zone);
      if (!least || !most || grain_.floor(*least) != grain_.floor(*most)) return false;
      found.add(grain_.around(*least));
    }
    out_.intervals.add(found);
    how("statistics");
    return true;
  }

  void by_rows(const Commit& commit) {
    std::vector<Add> fresh, old;
    for (const auto& add : commit.adds) {
      if (add.data_change) fresh.push_back(add);
    }
    for (const auto& remove : commit.removes) {
      if (!remove.data_change) continue;
      Add add;
      add.path = remove.path;
      add.partition_values = remove.partition_values;
      old.push_back(std::move(add));
    }
    const std::string a = scan_sql(after_, fresh), b = scan_sql(after_, old);
    try {
      add_minutes(old.empty() ? a
                              : "((" + a + ") EXCEPT ALL (" + b + ")) UNION ALL ((" + b +
                                    ") EXCEPT ALL (" + a + "))");
    } catch (const Error& error) {
      if (error.code() != Code::not_found) throw;
      out_.everything =
          true;  // a removed file is gone for good: nobody can say any more what was in it
    }
    how("read");
  }

  void add_minutes(const std::string& rows) {
    const std::string typed = "SELECT (" + expression_ + ") AS e FROM (" + rows + ")";
    const auto type = connection_.describe(typed)[0].type;
    std::string moment = "e";
    if (type != "TIMESTAMP WITH TIME ZONE") {
      moment = "e::TIMESTAMP";
      if (grain_.zone() != "UTC")
        moment = "(" + moment + " AT TIME ZONE " + duck::quote_text(grain_.zone()) + ")";
    }
    const auto found = connection_.query("SELECT DISTINCT epoch_us(" + moment + ") // " +
                                         std::to_string(kMinute) + " AS m FROM (" + typed +
                                         ") WHERE e IS NOT NULL AND isfinite(e) ORDER BY m LIMIT " +
                                         std::to_string(kMinutesMax + 1));
    if (found.rows.size() > kMinutesMax) {
      out_.everything = true;
      return;
    }
    Interval last{};
    for (const auto& row : found.rows) {
      const Time t = time_from_micros(std::get<int64_t>(row[0]) * kMinute);
      if (last.contains(t)) continue;
      last = grain_.around(t);
      out_.intervals.add(last);
    }
  }

  const Snapshot& after_;
  const std::string& expression_;
  const Grain& grain_;
  duck::Connection& connection_;
  const Field* column_;
  ChangedIntervals out_;
};

}  // namespace

ChangedIntervals changed_intervals(const Table& table, int64_t from_version, int64_t to_version,
                                   const std::string& expression, const Grain& grain,
                                   duck::Connection& connection) {
  const auto commits = table.commits(from_version, to_version);
  std::optional<Snapshot> after;
  std::optional<Finder> finder;
  for (const auto& commit : commits) {
    if (!counts(commit)) continue;
    if (!finder) {
      after = table.snapshot(to_version, &connection);
      finder.emplace(*after, expression, grain, connection);
    }
    finder->look_at(commit);
  }
  return finder ? finder->finish() : ChangedIntervals{};
}

ChangedIntervals changed_files(const Table& table, int64_t from_version, int64_t to_version) {
  ChangedIntervals out;
  for (const auto& commit : table.commits(from_version, to_version)) {
    if (!counts(commit)) continue;
    for (const auto& add : commit.adds) out.files += add.data_change;
    for (const auto& remove : commit.removes) {
      out.files += remove.data_change;
      out.rows_removed |= remove.data_change;
    }
  }
  return out;
}

RowChanges row_changes(const Table& table, int64_t from_version, int64_t to_version,
                       duck::Connection& connection) {
  std::vector<Add> added, removed;
  for (const auto& commit : table.commits(from_version, to_version)) {
    if (!counts(commit)) continue;
    for (const auto& add : commit.adds) {
      if (add.data_change) added.push_back(add);
    }
    for (const auto& remove : commit.removes) {
      if (!remove.data_change) continue;
      Add add;
      add.path = remove.path;
      add.partition_values = remove.partition_values;
      removed.push_back(std::move(add));
    }
  }
  const Snapshot after = table.snapshot(to_version, &connection);
  RowChanges out;
  out.added_sql = scan_sql(after, added);
  if (removed.empty()) return out;
  const std::string a = out.added_sql, b = scan_sql(after, removed);
  out.added_sql = "(" + a + ") EXCEPT ALL (" + b + ")";
  out.removed_sql = "(" + b + ") EXCEPT ALL (" + a + ")";
  out.clean =
      std::get<int64_t>(connection.value("SELECT count(*) FROM (" + out.removed_sql + ")")) == 0;
  if (out.clean) out.removed_sql.clear();
  return out;
}

}  // namespace windrow::lake
