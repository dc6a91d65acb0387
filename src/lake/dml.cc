#include "lake/dml.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "duck/quoting.h"
#include "lake/constraints.h"
#include "lake/json_text.h"
#include "lake/predicate_scope.h"
#include "lake/row_tracking.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/table.h"
#include "lake/touched.h"

namespace windrow::lake {
namespace {

constexpr const char* kAction = "\"windrow action\"";
constexpr const char* kSourceRow = "\"windrow source row\"";

const Snapshot& current_of(const StageContext& context) {
  if (!context.current)
    throw Error(Code::not_found, "there is no table \"" + context.table_name + "\"");
  return *context.current;
}

/// A SELECT with the table's columns and no rows: for ways of staging that bring none.
Relation no_rows(const StageContext& context) { return scan(current_of(context), {}); }

std::string or_true(const std::string& condition) { return condition.empty() ? "true" : condition; }

/// Where a condition or an expression does not bind, it is the caller's to mend.
template <typename Work>
auto with_users_sql(const StageContext& context, const std::string& sql, Work work) {
  try {
    return work();
  } catch (const SqlError& error) {
    if (error.kind() != "Parser" && error.kind() != "Binder" && error.kind() != "Catalog") throw;
    throw Error(Code::usage,
                "table \"" + context.table_name + "\": " + error.problem().message + " in: " + sql,
                error.problem().hint);
  }
}

/// What becomes of files with rows for which `condition` is true, and how many rows these are.
struct Hit {
  Fates fates;
  int64_t rows = 0;
};
Hit files_with(Stager& stager, const std::string& condition) {
  const std::string file = duck::quote_name(kFileColumn);
  const auto found =
      stager.rows().query("SELECT " + file + ", count(*) FROM (" +
                          scan(stager.before(), stager.before().files, Scan::Extra::file) +
                          ") WHERE (" + condition + ") GROUP BY 1");
  Hit hit{fates_of(stager.before(), found, stager.context().vectors), 0};
  for (const auto& row : found.rows) hit.rows += std::get<int64_t>(row[1]);
  return hit;
}

/// Takes the rows for which `condition` is true out of the files that are not written anew.
void take_out(Stager& stager, const Fates& fates, const std::string& condition) {
  stager.thin(fates.thinned, "SELECT " + duck::quote_name(kFileColumn) + ", " +
                                 duck::quote_name(kPlaceColumn) + " FROM (" +
                                 scan(stager.before(), fates.thinned, Scan::Extra::places) +
                                 ") WHERE (" + condition + ")");
  stager.remove(fates.gone());
}

/// SELECT of the rows of files that are written anew for which it is not.
Relation staying(const Stager& stager, const Fates& fates, const std::string& condition) {
  return "SELECT * FROM (" + stager.kept_rows(fates.rewritten) + ") WHERE (" + condition +
         ") IS NOT TRUE";
}

void set_metrics(Stager& stager, const Fates& fates) {
  auto& staged = stager.staged();
  int64_t added = 0, removed = 0;
  for (const auto& add : staged.adds) added += add.size;
  for (const auto& remove : staged.removes) removed += remove.size;
  staged.metrics = {{"numRemovedFiles", std::to_string(fates.gone().size())},
                    {"numAddedFiles", std::to_string(staged.adds.size())},
                    {"numRemovedBytes", std::to_string(removed)},
                    {"numAddedBytes", std::to_string(added)}};
  stager.count_vectors("numDeletionVectors");
}

/// Columns must be there, each at most once.
void check_assignments(const StageContext& context, const std::vector<Assignment>& set) {
  std::set<std::string> seen;
  for (const auto& each : set) {
    if (current_of(context).schema.find(each.column) == nullptr) {
      throw Error(Code::usage,
                  "table \"" + context.table_name + "\" has no column \"" + each.column + "\"");
    }
    if (!seen.insert(each.column).second)
      throw Error(Code::usage, "column \"" + each.column + "\" is set twice");
  }
}

/// Only rows for which the condition is true matter to a statement; the files that hold some are
/// rewritten.
Reads reads_where(Stager& stager, const std::string& condition) {
  auto box = box_of(stager.rows(), stager.schema(), condition);
  if (box.empty()) return Reads::whole_table;
  stager.staged().scope.boxes.push_back(std::move(box));
  return Reads::scope;
}

/// The rows as a predicate: lists in operationParameters are JSON text.
std::string predicate_parameter(const std::string& condition) {
  return json_quoted(nlohmann::json::array({or_true(condition)}).dump());
}

}  // namespace

Staged stage_delete(const StageContext& context, const std::string& condition) {
  const std::string wanted = or_true(condition);
  Stager stager(context, no_rows(context), {});
  auto& staged = stager.staged();
  const Hit hit = with_users_sql(context, wanted, [&] { return files_with(stager, wanted); });
  const Relation old = scan(stager.before(), hit.fates.all());
  staged.touched = touched_by(stager.rows(), stager.schema(),
                              "SELECT * FROM (" + old + ") WHERE (" + wanted + ")", true);
  if (!hit.fates.rewritten.empty()) stager.write_kept(staying(stager, hit.fates, wanted));
  take_out(stager, hit.fates, wanted);
  staged.rows_changed = hit.rows;
  set_metrics(stager, hit.fates);
  staged.metrics["numDeletedRows"] = std::to_string(hit.rows);
  return stager.finish("DELETE", {{"predicate", predicate_parameter(condition)}},
                       reads_where(stager, condition));
}

Staged stage_update(const StageContext& context, const std::vector<Assignment>& set,
                    const std::string& condition) {
  const std::string wanted = or_true(condition);
  check_assignments(context, set);
  Stager stager(context, no_rows(context), {});
  auto& staged = stager.staged();
  const Hit hit = with_users_sql(context, wanted, [&] { return files_with(stager, wanted); });
  std::string list;
  std::vector<std::string> not_set;  // of which those that are generated follow what is set
  for (const auto& field : stager.schema().fields) {
    const std::string name = duck::quote_name(field.name);
    const auto found = std::find_if(set.begin(), set.end(),
                                    [&](const Assignment& a) { return a.column == field.name; });
    if (found == set.end()) not_set.push_back(field.name);
    list += (list.empty() ? "" : ", ") +
            (found == set.end()
                 ? name
                 : "CASE WHEN (" + wanted + ") THEN CAST((" + found->expression + ") AS " +
                       duck_type(field.type) + ") ELSE " + name + " END AS " + name);
  }
  const auto all = hit.fates.all();
  const Relation old = scan(stager.before(), all);
  if (!all.empty()) {
    with_users_sql(context, list,
                   [&] { stager.rows().describe("SELECT " + list + " FROM (" + old + ")"); });
    const auto checked = [&](const Relation& each) {
      return enforced(stager.rows(), each, stager.schema(), stager.before().metadata, not_set);
    };
    const std::string updated = " WHERE (" + wanted + ")";
    const auto become = [&](const std::vector<Add>& files, const std::string& which) -> Relation {
      return "SELECT " + list + row_id_columns_of_changed(stager.before(), wanted) + " FROM (" +
             stager.kept_rows(files) + ")" + which;
    };
    // All rows of files that are written anew; of others those that are updated.
    Relation rows = become(hit.fates.gone(), "");
    if (!hit.fates.thinned.empty())
      rows = "(" + rows + ") UNION ALL (" + become(hit.fates.thinned, updated) + ")";
    stager.write_kept(checked(rows));
    staged.touched =
        touched_by(stager.rows(), stager.schema(),
                   "(SELECT * FROM (" + old + ")" + updated + ") UNION ALL (" +
                       checked("SELECT " + list + " FROM (" + old + ")" + updated) + ")",
                   true);
  }
  take_out(stager, hit.fates, wanted);
  staged.rows_changed = staged.rows_written = hit.rows;
  set_metrics(stager, hit.fates);
  staged.metrics["numUpdatedRows"] = std::to_string(hit.rows);
  return stager.finish("UPDATE", {{"predicate", predicate_parameter(condition)}},
                       reads_where(stager, condition), {{}, Updates::Others{}});
}

Staged stage_replace_where(const StageContext& context, const Relation& select,
                           const Parameters& parameters, const std::string& condition) {
  Stager stager(context, select, parameters);
  auto& staged = stager.staged();
  const std::string fresh =
      stager.materialize("windrow replacing", stager.conforming(), parameters);
  const std::string outside = "SELECT * FROM " + fresh + " WHERE (" + condition + ") IS NOT TRUE";
  const int64_t wrong = with_users_sql(context, condition, [&] { return stager.count(outside); });
  if (wrong > 0) {
    throw Error(Code::data, "table \"" + context.table_name + "\": " + std::to_string(wrong) +
                                " rows of the SELECT are not among those that are replaced (" +
                                condition + "): " + stager.samples(outside));
  }
  const Hit hit = files_with(stager, condition);
  const Relation old = scan(stager.before(), hit.fates.all());
  staged.touched = touched_by(
      stager.rows(), stager.schema(),
      "SELECT * FROM (" + old + ") WHERE (" + condition + ") UNION ALL SELECT * FROM " + fresh,
      true);
  staged.rows_written = stager.count("SELECT * FROM " + fresh);
  if (staged.rows_written > 0) stager.write("SELECT * FROM " + fresh);
  if (!hit.fates.rewritten.empty()) stager.write_kept(staying(stager, hit.fates, condition));
  take_out(stager, hit.fates, condition);
  staged.rows_changed = staged.rows_written + hit.rows;
  set_metrics(stager, hit.fates);
  staged.metrics["numDeletedRows"] = std::to_string(hit.rows);
  return stager.finish(
      "WRITE", {{"mode", json_quoted("Overwrite")}, {"predicate", predicate_parameter(condition)}},
      reads_where(stager, condition));
}

namespace {

using When = MergeClause::When;
using Then = MergeClause::Then;

/// One MERGE. `t` are rows of the table, `s` those of the SELECT, in a table of the session.
class Merge {
 public:
  Merge(const StageContext& context, Stager& stager, const std::string& on,
        const std::vector<MergeClause>& clauses, const Relation& select,
        const Parameters& parameters)
      : context_(context), stager_(stager), on_("(" + on + ")"), clauses_(clauses) {
    for (const auto& clause : clauses) {
      check_assignments(context, clause.set);
      if ((clause.then == Then::insert) != (clause.when == When::not_matched))
        throw Error(Code::usage,
                    "rows that are not matched are inserted, others updated or deleted");
    }
    source_ = stager.materialize(
        "windrow merge source",
        "SELECT *, row_number() OVER () AS " + std::string(kSourceRow) + " FROM (" + select + ")",
        parameters);
    source_columns_ = stager.rows().describe("FROM " + source_);
    from_source_ = context.vectors.allowed && takes_vectors(stager.before()) &&
                   row_id_columns(stager.before()).empty() && asks_nothing_of_rows();
  }

  Staged run() {
    const std::string pairs = with_users_sql(context_, on_, [&] {
      return stager_.materialize("windrow merge pairs", matched_pairs(), {});
    });
    const std::string inserted = stager_.materialize("windrow merge inserted", inserts(pairs), {});
    const Fates fates = fates_of_pairs(pairs);
    const auto files = fates.all();
    const Relation old = scan(stager_.before(), files);
    const auto done = counts(pairs, old);
    const auto checked = [&](const Relation& rows) {
      return enforced(stager_.rows(), rows, stager_.schema(), stager_.before().metadata);
    };
    const std::string names = column_list(names_of(stager_.schema()));
    const std::string changed = thinned_rows(fates.thinned, pairs);
    const auto rewritten = fates.gone();
    const std::string columns =
        "SELECT " + names +
        row_id_columns_of_changed(stager_.before(), std::string(kAction) + " = 'update'") +
        " FROM ";
    Relation after =
        columns + "(" +
        changed_rows(stager_.kept_rows(rewritten), true, row_id_columns(stager_.before())) +
        ") WHERE " + kAction + " IS DISTINCT FROM 'delete'";
    after += " UNION ALL " + columns + changed + " WHERE " + kAction + " = 'update'";
    std::string rows = "SELECT * FROM " + inserted;
    const int64_t inserts = stager_.count(rows);
    const Updates updates{{},
                          Updates::Others{"SELECT " + names + " FROM (" + changed_rows(old) +
                                              ") WHERE " + kAction + " = 'delete'",
                                          checked(rows)}};
    auto& staged = stager_.staged();
    touch(rewritten, changed, inserted);
    int64_t copied = 0;
    if (inserts > 0 || !files.empty()) {
      const int64_t written =
          files.empty() ? stager_.write(checked(rows))
                        : stager_.write_kept(checked(after + " UNION ALL BY NAME " + rows));
      const int64_t hidden = stager_.count("FROM " + changed + " WHERE " + kAction + " = 'delete'");
      const int64_t stay = rewritten.empty() ? 0 : stager_.count(scan(stager_.before(), rewritten));
      const int64_t expected =
          stay + stager_.count(places_in(changed)) - hidden - (done.deleted - hidden) + inserts;
      check_unambiguous(written - expected);
      copied = written - inserts - done.updated;
    }
    stager_.thin(fates.thinned, places_in(changed));
    stager_.remove(rewritten);
    staged.rows_written = inserts + done.updated;
    staged.rows_changed = inserts + done.updated + done.deleted;
    staged.metrics = {{"numSourceRows", std::to_string(stager_.count("SELECT * FROM " + source_))},
                      {"numTargetRowsInserted", std::to_string(inserts)},
                      {"numTargetRowsUpdated", std::to_string(done.updated)},
                      {"numTargetRowsDeleted", std::to_string(done.deleted)},
                      {"numTargetRowsCopied", std::to_string(copied)},
                      {"numOutputRows", std::to_string(inserts + done.updated + copied)},
                      {"numTargetFilesAdded", std::to_string(staged.adds.size())},
                      {"numTargetFilesRemoved", std::to_string(rewritten.size())}};
    stager_.count_vectors("numTargetDeletionVectors");
    return stager_.finish("MERGE", {{"predicate", json_quoted(on_)}}, Reads::whole_table, updates);
  }

 private:
  struct Counts {
    int64_t updated = 0, deleted = 0;
  };

  bool any(When when) const {
    return std::any_of(clauses_.begin(), clauses_.end(),
                       [&](const MergeClause& clause) { return clause.when == when; });
  }

  /// True where some clause of this kind applies.
  std::string applies(When when) const {
    std::string out;
    for (const auto& clause : clauses_) {
      if (clause.when == when)
        out += (out.empty() ? "(" : " OR (") + or_true(clause.condition) + ")";
    }
    return out.empty() ? "false" : "(" + out + ")";
  }

  /// Each row of the table with each of the source that it matches: file, the source's row, what
  /// is to be done (NULL: nothing). Of the table only what the conditions name is read.
  Relation matched_pairs() const {
    const std::string action = branches(When::matched, action_of);
    const Relation target = scan(stager_.before(), stager_.before().files,
                                 from_source_ ? Scan::Extra::places : Scan::Extra::file);
    std::string more;
    if (from_source_) {
      more = ", t." + duck::quote_name(kPlaceColumn);
      for (const auto& name : times()) more += ", t." + name + " AS " + was(name);
    }
    return "SELECT t." + duck::quote_name(kFileColumn) + " AS file, s." + kSourceRow +
           " AS source_row, " + (action.empty() ? "NULL::VARCHAR" : "CASE" + action + " END") +
           " AS action" + more + " FROM (" + target + ") t JOIN " + source_ + " s ON " + on_;
  }

  Fates fates_of_pairs(const std::string& pairs) {
    const std::string file = duck::quote_name(kFileColumn);
    Relation going = "SELECT file AS " + file + " FROM " + pairs + " WHERE action IS NOT NULL";
    if (any(When::not_matched_by_source)) {
      const Relation target = scan(stager_.before(), stager_.before().files, Scan::Extra::file);
      going += " UNION ALL SELECT t." + file + " FROM (" + target + ") t ANTI JOIN " + source_ +
               " s ON " + on_ + " WHERE " + applies(When::not_matched_by_source);
    }
    return with_users_sql(context_, on_, [&] { return stager_.fates(going); });
  }

  /// Rows of files that stay which are updated or deleted: as they become, with what is done to
  /// them and where they lie. Gives what stands for them in FROM.
  std::string thinned_rows(const std::vector<Add>& files, const std::string& pairs) {
    if (from_source_) return thinned_from_source(files, pairs);
    std::string carried = ", " + duck::quote_name(kFileColumn) + ", " +
                          duck::quote_name(kPlaceColumn) + row_id_columns(stager_.before());
    for (const auto& name : times()) carried += ", t." + name + " AS " + was(name);
    return stager_.materialize("windrow merge thinned",
                               "SELECT * FROM (" +
                                   changed_rows(scan(stager_.before(), files, Scan::Extra::places),
                                                true, carried, !any(When::not_matched_by_source)) +
                                   ") WHERE " + kAction + " IS NOT NULL");
  }

  /// True where rows that are matched become rows of the source, or go, whatever they were: then
  /// nothing of them needs to be read but what they are found by.
  bool asks_nothing_of_rows() const {
    const auto from_source = [&](const MergeClause& clause) {
      if (clause.when == When::not_matched) return true;
      if (clause.when != When::matched || !clause.condition.empty()) return false;
      if (clause.then == Then::remove) return true;
      const auto has = [&](const Field& field) {
        return std::any_of(source_columns_.begin(), source_columns_.end(),
                           [&](const Column& column) { return column.name == field.name; });
      };
      const auto& fields = stager_.schema().fields;
      return clause.set.empty() && std::all_of(fields.begin(), fields.end(), has);
    };
    return std::all_of(clauses_.begin(), clauses_.end(), from_source);
  }

  std::string thinned_from_source(const std::vector<Add>& files, const std::string& pairs) {
    std::string list, paths;
    for (const auto& field : stager_.schema().fields) {
      const std::string name = duck::quote_name(field.name);
      list += "CAST(s." + name + " AS " + duck_type(field.type) + ") AS " + name + ", ";
    }
    for (const auto& name : times()) list += "p." + was(name) + ", ";
    for (const auto& add : files)
      paths += (paths.empty() ? "" : ", ") + duck::quote_text(stager_.before().file_path(add));
    return stager_.materialize(
        "windrow merge thinned",
        "SELECT " + list + "p.action AS " + kAction + ", p.file AS " +
            duck::quote_name(kFileColumn) + ", p." + duck::quote_name(kPlaceColumn) + " FROM " +
            pairs + " p JOIN " + source_ + " s ON p.source_row = s." + kSourceRow +
            " WHERE p.action IS NOT NULL AND p.file IN (" + (paths.empty() ? "NULL" : paths) + ")");
  }

  /// The columns of times, quoted.
  std::vector<std::string> times() const {
    std::vector<std::string> out;
    for (const auto& field : stager_.schema().fields) {
      if (is_time(field.type)) out.push_back(duck::quote_name(field.name));
    }
    return out;
  }
  /// A column of `thinned_rows`: what it was in the table.
  static std::string was(const std::string& quoted) { return "\"windrow was " + quoted.substr(1); }

  /// Which times go and come: of files that are written anew, of those that stay, and of new rows.
  void touch(const std::vector<Add>& rewritten, const std::string& changed,
             const std::string& inserted) {
    std::string now, before;
    for (const auto& name : times()) {
      const std::string comma = now.empty() ? "" : ", ";
      now += comma + name;
      before += comma + was(name) + " AS " + name;
    }
    if (now.empty()) return;
    Relation all = "SELECT " + now + " FROM " + inserted + " UNION ALL SELECT " + now + " FROM " +
                   changed + " UNION ALL SELECT " + before + " FROM " + changed;
    if (!rewritten.empty())
      all +=
          " UNION ALL SELECT " + now + " FROM (" + changes(scan(stager_.before(), rewritten)) + ")";
    stager_.staged().touched = touched_by(stager_.rows(), stager_.schema(), all, true);
  }

  static std::string places_in(const std::string& rows) {
    return "SELECT DISTINCT " + duck::quote_name(kFileColumn) + ", " +
           duck::quote_name(kPlaceColumn) + " FROM " + rows;
  }

  /// Several rows of the source for one of the table would leave its fate to chance: it would come
  /// out more than once.
  void check_unambiguous(int64_t too_many) {
    if (too_many == 0) return;
    throw Error(Code::data,
                "table \"" + context_.table_name + "\": " + std::to_string(too_many) +
                    " rows of the SELECT match a row of the table that another one matches too",
                "make the SELECT yield one row per row of the table, for instance with QUALIFY");
  }

  static std::string action_of(const MergeClause& clause) {
    return clause.then == Then::remove ? "'delete'" : "'update'";
  }

  /// The first clause of the kind that applies, as CASE branches over `value_of`.
  std::string branches(When when, const auto& value_of) const {
    std::string out;
    for (const auto& clause : clauses_) {
      if (clause.when == when)
        out += " WHEN (" + or_true(clause.condition) + ") THEN " + value_of(clause);
    }
    return out;
  }

  /// What the first clause of the kind that applies says, else `otherwise`. Of a clause without a
  /// condition nothing is asked, so that no column is read that is set anyway.
  std::string decided(When when, const auto& value_of, const std::string& otherwise) const {
    std::string out, last = otherwise;
    for (const auto& clause : clauses_) {
      if (clause.when != when) continue;
      if (clause.condition.empty()) {
        last = value_of(clause);
        break;
      }
      out += " WHEN (" + clause.condition + ") THEN " + value_of(clause);
    }
    return out.empty() ? last : "CASE" + out + " ELSE " + last + " END";
  }

  std::string set_value(const MergeClause& clause, const Field& field,
                        const std::string& otherwise) const {
    if (clause.then == Then::remove) return otherwise;
    const auto cast = [&](const std::string& value) {
      return "CAST((" + value + ") AS " + duck_type(field.type) + ")";
    };
    if (clause.set.empty()) {
      const bool there =
          std::any_of(source_columns_.begin(), source_columns_.end(),
                      [&](const Column& column) { return column.name == field.name; });
      return there ? cast("s." + duck::quote_name(field.name)) : otherwise;
    }
    for (const auto& each : clause.set) {
      if (each.column == field.name) return cast(each.expression);
    }
    return otherwise;
  }

  /// Rows of `old` as they become, or stay, with what is done to them: update, delete or NULL.
  /// `carried` columns of them stay what they are. `matched_alone`: only rows that a clause for
  /// matched ones applies to.
  Relation changed_rows(const Relation& old, bool become = true, const std::string& carried = {},
                        bool matched_alone = false) const {
    const auto choose = [&](const auto& value_of, const std::string& otherwise) {
      const std::string matched = decided(When::matched, value_of, otherwise);
      if (matched_alone) return matched;
      return "CASE WHEN s.\"windrow there\" THEN " + matched +
             " WHEN NOT t.\"windrow matched\" THEN " +
             decided(When::not_matched_by_source, value_of, otherwise) + " ELSE " + otherwise +
             " END";
    };
    std::string list;
    for (const auto& field : stager_.schema().fields) {
      const std::string own = "t." + duck::quote_name(field.name);
      const auto value = [&](const MergeClause& clause) { return set_value(clause, field, own); };
      list += (become ? choose(value, own) + " AS " + duck::quote_name(field.name) : own) + ", ";
    }
    list += choose(action_of, "NULL") + " AS " + kAction + carried;
    // A row that is matched, though no clause applies to it, is not one without a source.
    const std::string matched = any(When::not_matched_by_source)
                                    ? "EXISTS (SELECT 1 FROM " + source_ + " s WHERE " + on_ + ")"
                                    : std::string("true");
    return "SELECT " + list + " FROM (SELECT *, " + matched + " AS \"windrow matched\" FROM (" +
           old + ") t) t " + (matched_alone ? "" : "LEFT ") +
           "JOIN (SELECT *, true AS \"windrow there\" FROM " + source_ + ") s ON " + on_ + " AND " +
           applies(When::matched);
  }

  /// Rows that are updated or deleted, as they were and as they become.
  Relation changes(const Relation& old) const {
    const std::string names = column_list(names_of(stager_.schema()));
    return "SELECT " + names + " FROM (" + changed_rows(old, false) + ") WHERE " + kAction +
           " IS NOT NULL UNION ALL SELECT " + names + " FROM (" + changed_rows(old) + ") WHERE " +
           kAction + " = 'update'";
  }

  Counts counts(const std::string& pairs, const Relation& old) const {
    const Relation actions =
        any(When::not_matched_by_source)
            ? "SELECT " + std::string(kAction) + " AS action FROM (" + changed_rows(old) + ")"
            : "SELECT action FROM " + pairs;
    Counts out;
    for (const auto& row : stager_.rows()
                               .query("SELECT action, count(*) FROM (" + actions +
                                      ") WHERE action IS NOT NULL "
                                      "GROUP BY 1")
                               .rows)
      (cell_text(row[0]) == "update" ? out.updated : out.deleted) = std::get<int64_t>(row[1]);
    return out;
  }

  /// Rows of the source that match none of the table.
  std::string inserts(const std::string& pairs) const {
    std::string list;
    for (const auto& field : stager_.schema().fields) {
      const std::string found = branches(When::not_matched, [&](const MergeClause& clause) {
        return set_value(clause, field, "NULL");
      });
      list += (list.empty() ? "" : ", ") +
              ("CAST(" + (found.empty() ? "NULL" : "CASE" + found + " END") + " AS " +
               duck_type(field.type) + ") AS ") +
              duck::quote_name(field.name);
    }
    return "SELECT " + list + " FROM " + source_ + " s WHERE s." + kSourceRow +
           " NOT IN (SELECT source_row FROM " + pairs + ") AND " + applies(When::not_matched);
  }

  const StageContext& context_;
  Stager& stager_;
  const std::string on_;
  const std::vector<MergeClause>& clauses_;
  std::string source_;
  std::vector<Column> source_columns_;
  bool from_source_ = false;  ///< see asks_nothing_of_rows
};

}  // namespace

Staged stage_merge_clauses(const StageContext& context, const Relation& select,
                           const Parameters& parameters, const std::string& on,
                           const std::vector<MergeClause>& clauses) {
  current_of(context);
  Stager stager(context, no_rows(context), {});
  return Merge(context, stager, on, clauses, select, parameters).run();
}

}  // namespace windrow::lake
