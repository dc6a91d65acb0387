#include <algorithm>
#include <set>

#include "base/local_time.h"
#include "base/time.h"
#include "duck/quoting.h"
#include "lake/partition_path.h"
#include "lake/rewrite.h"
#include "lake/row_tracking.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/touched.h"

// The new rows are computed once into a table of the session's own. One look at the files that may
// hold their keys finds the rows of the table that they meet, with their places; what is equal to
// the row that is there already is left out. The files that hold a row to be replaced or deleted
// are written anew, or get a deletion vector (fates.h).
namespace windrow::lake {

namespace {

const std::string kFile = duck::quote_name(kFileColumn);

/// Keys must be there, and be unique where nothing says which row is the latest.
void check_keys(Stager& stager, const std::string& rows, const std::vector<std::string>& key,
                bool unique) {
  const std::string list = column_list(key);
  std::string null;
  for (const auto& name : key)
    null += (null.empty() ? "" : " OR ") + duck::quote_name(name) + " IS NULL";
  const std::string nulls = "SELECT * FROM " + rows + " WHERE " + null;
  if (const int64_t n = stager.count(nulls); n > 0) {
    throw Error(Code::data,
                "table \"" + stager.context().table_name + "\" is merged by " + list +
                    ", which is NULL in " + std::to_string(n) + " rows: " + stager.samples(nulls),
                "filter these rows out, or give them a key");
  }
  if (!unique) return;
  const std::string twice = "SELECT " + list + ", count(*) FROM " + rows + " GROUP BY " + list +
                            " HAVING count(*) > 1 ORDER BY " + list;
  if (const int64_t n = stager.count(twice); n > 0) {
    throw Error(Code::data,
                "table \"" + stager.context().table_name + "\" is merged by " + list + ", but " +
                    std::to_string(n) +
                    " keys come more than once (key, rows): " + stager.samples(twice),
                "make the SELECT yield one row per key, or say which one counts: merge: {key: …, "
                "latest_by: COLUMN}");
  }
}

// Of several rows of a key the one with the greatest `latest_by` counts; of equal ones the first by
// all columns. It is the same order for rows that come together (`latest_only`) and for those that
// are there already (`precedence`), so it does not matter which came first.

Relation latest_only(const Relation& rows, const Schema& schema, const MergeOptions& options) {
  std::string order = duck::quote_name(options.latest_by) + " DESC NULLS LAST";
  for (const auto& name : names_of(schema)) order += ", " + duck::quote_name(name) + " NULLS LAST";
  return "SELECT * FROM (" + rows + ") QUALIFY row_number() OVER (PARTITION BY " +
         column_list(options.key) + " ORDER BY " + order + ") = 1";
}

/// A value that is the less, the earlier the row stands in that order.
std::string precedence(const Schema& schema, const std::string& latest_by,
                       const std::string& prefix) {
  std::string out =
      "create_sort_key(" + prefix + duck::quote_name(latest_by) + ", 'DESC NULLS LAST'";
  for (const auto& name : names_of(schema))
    out += ", " + prefix + duck::quote_name(name) + ", 'ASC NULLS LAST'";
  return out + ")";
}

void need_columns(const Schema& schema, const std::string& table,
                  const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (!name.empty() && !schema.find(name)) {
      throw Error(Code::configuration, "table \"" + table + "\" is merged by \"" + name +
                                           "\", which its rows do not have");
    }
  }
}

/// One end of a file's range of a column, as SQL; nothing where it is not known well enough to
/// prune by.
std::optional<std::string> bound_sql(const Add& add, const Field& column,
                                     const std::optional<std::string>& text, bool greatest) {
  using Kind = Type::Kind;
  if (!text) return {};
  if (add.partition_values.count(column.in_files())) return partition_literal(column.type, text);
  switch (column.type.kind) {
    case Kind::long_:
    case Kind::integer:
    case Kind::short_:
    case Kind::byte:
    case Kind::string:
    case Kind::date: break;
    case Kind::timestamp:
    case Kind::timestamp_ntz: {
      // Read here, for a session's time zone must not matter. Many writers cut the maximum to
      // milliseconds.
      const auto time = parse_time(*text);
      if (!time) return {};
      const int64_t us = micros(*time) + (greatest ? 999 : 0);
      return time_literal(time_from_micros(us), column.type, "UTC");
    }
    default: return {};  // NaN, rounded decimals, structures
  }
  return "CAST(" + duck::quote_text(*text) + " AS " + duck_type(column.type) + ")";
}

/// Files whose range of `column`, made longer by `slack` (SQL of an interval) at both ends, holds
/// one of the values in `keys`, and those whose range is not known.
std::vector<Add> pruned(Stager& stager, std::vector<Add> files, const Field& column,
                        const std::string& keys, const std::string& slack = {}) {
  std::vector<Add> out;
  std::string ranges;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto range = column_range(files[i], column);
    if (range && range->all_null) continue;  // a key is never NULL
    auto low = range ? bound_sql(files[i], column, range->min, false) : std::nullopt;
    auto high = range ? bound_sql(files[i], column, range->max, true) : std::nullopt;
    if (low && high) {
      if (!slack.empty()) *low += " - " + slack, *high += " + " + slack;
      ranges +=
          (ranges.empty() ? "(" : ", (") + std::to_string(i) + ", " + *low + ", " + *high + ")";
    } else {
      out.push_back(files[i]);
    }
  }
  if (ranges.empty()) return out;
  // The least key that is not below the range decides whether any lies in it.
  const std::string name = duck::quote_name(column.name);
  const auto found = stager.rows().query(
      "SELECT f.i FROM (VALUES " + ranges + ") f(i, low, high) ASOF JOIN (SELECT DISTINCT " + name +
      " AS k FROM " + keys + ") n ON f.low <= n.k WHERE n.k <= f.high ORDER BY f.i");
  for (const auto& row : found.rows) out.push_back(files[size_t(std::get<int64_t>(row[0]))]);
  return out;
}

/// Files that may hold rows with the keys in `keys`.
std::vector<Add> files_with_keys(Stager& stager, const std::vector<std::string>& key,
                                 const std::string& keys) {
  std::vector<Add> files = stager.before().files;
  for (const auto& name : key) {
    if (files.empty()) break;
    files = pruned(stager, std::move(files), *stager.schema().find(name), keys);
  }
  return files;
}

/// Columns of old rows that are wanted after they were found: their keys, and what says which times
/// the change touches.
std::vector<std::string> held_columns(const Schema& schema, const std::vector<std::string>& key) {
  auto out = key;
  for (const auto& field : schema.fields) {
    if (is_time(field.type) && std::find(key.begin(), key.end(), field.name) == key.end())
      out.push_back(field.name);
  }
  return out;
}

const std::string kAt =
    duck::quote_name(kFileColumn) + ", " + duck::quote_name(kPlaceColumn);  // where a row lies

/// The rows of these files that have a key of `wanted`, in which no key comes twice: where they
/// lie, held_columns, their ids where the table keeps them, and `more`, SQL over the old row `t`
/// and the wanted one `n`.
Relation old_rows(const Stager& stager, const std::vector<Add>& files, const std::string& wanted,
                  const std::vector<std::string>& key, const std::string& more = {}) {
  return "SELECT t." + kFile + ", t." + duck::quote_name(kPlaceColumn) + ", " +
         column_list(held_columns(stager.schema(), key), "t.") + row_id_columns(stager.before()) +
         more + " FROM (" + scan(stager.before(), files, Scan::Extra::places) + ") t JOIN " +
         wanted + " n ON " + same_key(key, "t", "n");
}

/// Rows of `fresh` with the ids of those of `going` that they take the place of. Where several
/// rows share a key the first one takes the place of the first, so that no id comes twice.
Relation in_place_of(const Stager& stager, const std::string& fresh, const std::string& going,
                     const std::vector<std::string>& key) {
  const std::string names = column_list(names_of(stager.schema()));
  if (row_id_columns(stager.before()).empty()) return "SELECT " + names + " FROM " + fresh;
  const std::string id = duck::quote_name(kRowId), keys = column_list(key);
  const auto numbered = [&](const std::string& rows, const std::string& order) {
    return "(SELECT *, row_number() OVER (PARTITION BY " + keys + order +
           ") AS \"windrow nth\" FROM " + rows + ")";
  };
  return "SELECT " + column_list(names_of(stager.schema()), "n.") + ", o." + id +
         ", NULL::BIGINT AS " + duck::quote_name(kRowCommitVersion) + " FROM " +
         numbered(fresh, "") + " n LEFT JOIN " + numbered(going, " ORDER BY " + id) + " o ON " +
         same_key(key, "n", "o") + " AND n.\"windrow nth\" = o.\"windrow nth\"";
}

/// Which times go and come.
void touch_both(Stager& stager, const std::string& fresh, const std::string& going, bool any_go) {
  std::string times;
  for (const auto& field : stager.schema().fields) {
    if (is_time(field.type)) times += (times.empty() ? "" : ", ") + duck::quote_name(field.name);
  }
  if (!any_go || times.empty()) {
    stager.touch("SELECT " + column_list(names_of(stager.schema())) + " FROM " + fresh, true);
  } else {
    stager.touch(
        "SELECT " + times + " FROM " + fresh + " UNION ALL SELECT " + times + " FROM " + going,
        true);
  }
}

/// Replaces the rows of `going` (see old_rows) by those of `fresh`; both are tables of the session.
void rewrite(Stager& stager, const std::string& fresh, const std::string& going,
             const std::vector<std::string>& key) {
  auto& staged = stager.staged();
  const auto& before = stager.before();
  const std::string names = column_list(names_of(stager.schema()));
  const Fates fates = stager.fates("SELECT * FROM " + going);
  const int64_t gone = stager.count("FROM " + going), come = stager.count("FROM " + fresh);
  const int64_t updated = gone == 0 ? 0
                                    : stager.count("SELECT 1 FROM " + going + " t SEMI JOIN " +
                                                   fresh + " n ON " + same_key(key, "t", "n"));
  touch_both(stager, fresh, going, gone > 0);
  int64_t written = 0;
  if (!fates.rewritten.empty()) {
    written = stager.write_kept("SELECT " + names + row_id_columns(before) + " FROM (" +
                                stager.kept_rows(fates.rewritten) + ") t ANTI JOIN " + going +
                                " g ON " + same_key(key, "t", "g") + " UNION ALL " +
                                in_place_of(stager, fresh, going, key));
  } else if (come > 0 && gone > 0) {
    written = stager.write_kept(in_place_of(stager, fresh, going, key));
  } else if (come > 0) {
    written = stager.write("SELECT " + names + " FROM " + fresh);
  }
  stager.thin(fates.thinned, "SELECT " + kAt + " FROM " + going);
  stager.remove(fates.gone());
  const int64_t kept = written - come, deleted = gone - updated;
  staged.rows_written = come;
  staged.rows_changed = come + deleted;
  staged.metrics = {{"numTargetRowsInserted", std::to_string(come - updated)},
                    {"numTargetRowsUpdated", std::to_string(updated)},
                    {"numTargetRowsDeleted", std::to_string(deleted)},
                    {"numTargetRowsCopied", std::to_string(kept)},
                    {"numOutputRows", std::to_string(written)},
                    {"numTargetFilesAdded", std::to_string(staged.adds.size())},
                    {"numTargetFilesRemoved", std::to_string(fates.gone().size())}};
  stager.count_vectors("numTargetDeletionVectors");
}

/// `"low 0", "high 0", …`: least and greatest of each column of the key, as `text` of them makes
/// it.
std::string key_ends(const Stager& stager, const std::vector<std::string>& key) {
  std::string out;
  for (size_t i = 0; i < key.size(); ++i) {
    const auto kind = stager.schema().find(key[i])->type.kind;
    const bool moment = kind == Type::Kind::timestamp || kind == Type::Kind::timestamp_ntz;
    const std::string n = std::to_string(i);
    for (const auto& [end, name] : {std::pair{"min(", "low "}, std::pair{"max(", "high "}}) {
      // Times in a way that no session's time zone changes.
      const std::string value = end + duck::quote_name(key[i]) + ")";
      out += (out.empty() ? "" : ", ") + (moment ? calendar_micros(value, kind) : value) + " AS " +
             duck::quote_name(name + n);
    }
  }
  return out;
}

/// Everything that a merge reads of the table: rows whose keys lie between the ends.
void read_keys(Stager& stager, const std::vector<std::string>& key, const std::string& ends) {
  ReadScope::Box box;
  for (size_t i = 0; i < key.size(); ++i) {
    const Field& column = *stager.schema().find(key[i]);
    const std::string n = std::to_string(i);
    const auto row =
        stager.rows()
            .query("SELECT min(\"low " + n + "\"), max(\"high " + n + "\") FROM (" + ends + ")")
            .rows.front();
    if (std::holds_alternative<std::monostate>(row[0])) return;  // no key at all
    const auto text = [&](const Cell& value) -> std::optional<std::string> {
      const bool moment = column.type.kind == Type::Kind::timestamp ||
                          column.type.kind == Type::Kind::timestamp_ntz;
      if (!moment) return cell_text(value);
      const Time t = time_from_micros(std::get<int64_t>(value));
      if (t < kCalendarBegin || t >= kCalendarEnd) return {};  // it stands for all beyond
      return iso(t);
    };
    box.push_back({column, text(row[0]), text(row[1])});
  }
  stager.staged().scope.boxes.push_back(std::move(box));
}

/// Files with rows that were compared and stay: log paths.
void keep_files(Stager& stager, const std::string& matched) {
  const auto found = stager.rows().query("SELECT DISTINCT " + kFile + " FROM " + matched +
                                         " WHERE \"windrow same\" OR \"windrow later\"");
  for (const auto& add : files_at(stager.before(), found))
    stager.staged().scope.kept_files.push_back(add.path);
}

/// Where a merge looks for the keys of its rows. `fresh` are the rows, `deleted` keys that go and
/// that no row has; empty: none.
std::vector<Add> candidates_of(Stager& stager, const MergeOptions& options,
                               const std::string& fresh, const std::string& deleted) {
  auto files = files_with_keys(stager, options.key, fresh);
  if (options.within) {
    const auto& within = *options.within;
    files = pruned(stager, std::move(files), *stager.schema().find(within.column), fresh,
                   "to_microseconds(" + std::to_string(within.most.count()) + ")");
  }
  if (deleted.empty()) return files;
  std::set<std::string> there;
  for (const auto& add : files) there.insert(add.path);
  for (auto& add : files_with_keys(stager, options.key, deleted)) {
    if (there.insert(add.path).second) files.push_back(std::move(add));
  }
  return files;
}

/// SQL of what a merge wants to know of an old row `t` and the new one `n` of its key: whether they
/// are equal, whether the old one counts before the new one, and whether they lie too far apart.
std::string comparison(const Stager& stager, const MergeOptions& options) {
  const auto& schema = stager.schema();
  const auto names = names_of(schema);
  const std::string alone = "n.\"windrow alone\"";  // a key that goes
  const std::string later = options.latest_by.empty() || options.whole_keys
                                ? "false"
                                : "NOT " + alone + " AND " +
                                      precedence(schema, options.latest_by, "t.") + " < " +
                                      precedence(schema, options.latest_by, "n.");
  std::string out = ", NOT " + alone + " AND row(" + column_list(names, "t.") +
                    ") IS NOT DISTINCT FROM row(" + column_list(names, "n.") +
                    ") AS \"windrow same\", " + later + " AS \"windrow later\"";
  if (options.within) {
    const auto kind = schema.find(options.within->column)->type.kind;
    const auto at = [&](const char* row) {
      return "(" + calendar_micros(row + duck::quote_name(options.within->column), kind) + ")";
    };
    out += ", NOT " + alone + " AND coalesce(abs(" + at("t.") + " - " + at("n.") + ") > " +
           std::to_string(options.within->most.count()) + ", true) AS \"windrow apart\", n." +
           duck::quote_name(options.within->column) + " AS \"windrow new time\"";
  }
  return out;
}

void check_within_column(const Stager& stager, const MergeOptions& options) {
  if (!options.within) return;
  const auto& table = stager.context().table_name;
  need_columns(stager.schema(), table, {options.within->column});
  if (is_time(stager.schema().find(options.within->column)->type)) return;
  throw Error(Code::configuration,
              "table \"" + table + "\" is merged within times of \"" + options.within->column +
                  "\", which its rows have as " +
                  stager.schema().find(options.within->column)->type.text(),
              "the column must be a DATE, TIMESTAMP or TIMESTAMPTZ");
}

/// A row without a time could lie anywhere.
void check_times(Stager& stager, const MergeOptions& options, const std::string& fresh) {
  if (!options.within) return;
  const auto& column = options.within->column;
  const std::string without =
      "SELECT * FROM " + fresh + " WHERE " + duck::quote_name(column) + " IS NULL";
  const int64_t n = stager.count(without);
  if (n == 0) return;
  throw Error(Code::data,
              "table \"" + stager.context().table_name + "\" is merged within times of \"" +
                  column + "\", which is NULL in " + std::to_string(n) +
                  " rows: " + stager.samples(without),
              "filter these rows out, or give them a time");
}

/// A row of the same key was met further away than any may be.
void refuse_apart(Stager& stager, const MergeOptions& options, const std::string& pairs) {
  if (!options.within) return;
  const std::string apart =
      "SELECT " + column_list(options.key) + ", " + duck::quote_name(options.within->column) +
      ", \"windrow new time\" FROM " + pairs + " WHERE \"windrow apart\" ORDER BY ALL";
  const int64_t n = stager.count(apart);
  if (n == 0) return;
  throw Error(Code::data,
              "table \"" + stager.context().table_name + "\" is merged within " +
                  duration_text(options.within->most) + " of \"" + options.within->column +
                  "\", but " + std::to_string(n) +
                  " rows have the key of one that is further away (key, time in the table, time of "
                  "the row): " +
                  stager.samples(apart),
              "a longer within: looks further; without it the whole table is looked at");
}

/// Keys that go and that no row of `fresh` has.
std::string deleted_keys(Stager& stager, const MergeOptions& options, const std::string& fresh) {
  if (options.delete_keys.empty()) return {};
  return stager.materialize("windrow merge deleted",
                            "SELECT DISTINCT " + column_list(options.key) + " FROM (" +
                                options.delete_keys + ") d WHERE NOT EXISTS (SELECT 1 FROM " +
                                fresh + " n WHERE " + same_key(options.key, "d", "n") + ")",
                            stager.parameters());
}

}  // namespace

Staged stage_merge(const StageContext& context, const Relation& select,
                   const Parameters& parameters, const MergeOptions& options) {
  Stager stager(context, select, parameters);
  need_columns(stager.schema(), context.table_name, options.key);
  need_columns(stager.schema(), context.table_name, {options.latest_by});
  check_within_column(stager, options);
  const Relation source = options.latest_by.empty()
                              ? stager.conforming()
                              : latest_only(stager.conforming(), stager.schema(), options);
  std::string fresh = stager.materialize("windrow merge new", source, parameters);
  check_keys(stager, fresh, options.key, options.latest_by.empty());
  check_times(stager, options, fresh);
  const std::string deleted = deleted_keys(stager, options, fresh);
  const std::string ends = key_ends(stager, options.key), keys = column_list(options.key);
  read_keys(stager, options.key,
            "SELECT " + ends + " FROM " + fresh +
                (deleted.empty() ? "" : " UNION ALL SELECT " + ends + " FROM " + deleted));

  std::string wanted = "(SELECT *, false AS \"windrow alone\" FROM " + fresh;
  if (!deleted.empty())
    wanted += " UNION ALL BY NAME SELECT *, true AS \"windrow alone\" FROM " + deleted;
  const std::string pairs = stager.materialize(
      "windrow merge pairs", old_rows(stager, candidates_of(stager, options, fresh, deleted),
                                      wanted + ")", options.key, comparison(stager, options)));
  refuse_apart(stager, options, pairs);
  keep_files(stager, pairs);
  // A row that says nothing new is left out, and all that the table has of its key stays.
  const std::string settled = stager.materialize(
      "windrow merge settled", "SELECT DISTINCT " + keys + " FROM " + pairs +
                                   " WHERE \"windrow same\" OR \"windrow later\"");
  const auto unsettled = [&](const std::string& rows) {
    return "SELECT * FROM " + rows + " r ANTI JOIN " + settled + " s ON " +
           same_key(options.key, "r", "s");
  };
  fresh = stager.materialize("windrow merge changed", unsettled(fresh));
  rewrite(stager, fresh, stager.materialize("windrow merge going", unsettled(pairs)), options.key);
  return stager.finish("MERGE", {{"predicate", "\"key\""}}, Reads::scope, {options.key, {}});
}

Staged stage_scd2(const StageContext& context, const Relation& select, const Parameters& parameters,
                  const Scd2Options& options) {
  Stager stager(
      context, select, parameters,
      {{"valid_from", "TIMESTAMP"}, {"valid_to", "TIMESTAMP"}, {"is_current", "BOOLEAN"}});
  need_columns(stager.schema(), context.table_name, options.key);
  const std::string at = time_literal(options.at, Type{Type::Kind::timestamp_ntz}, "UTC");
  const std::string given =
      stager.materialize("windrow scd2 given", stager.conforming(), parameters);
  check_keys(stager, given, options.key, true);

  auto values = names_of(stager.schema());
  std::erase_if(values, [](const std::string& n) {
    return n == "valid_from" || n == "valid_to" || n == "is_current";
  });
  const std::string columns = column_list(values);
  const std::string old = stager.materialize(
      "windrow scd2 old",
      "SELECT * FROM (" + scan(stager.before(), stager.before().files) + ") WHERE is_current", {});
  const std::string same = "row(" + column_list(values, "o.") + ") IS NOT DISTINCT FROM row(" +
                           column_list(values, "n.") + ")";
  const std::string on = same_key(options.key, "o", "n");
  // Opened: new or different. Closed: different or gone.
  const std::string all = column_list(names_of(stager.schema()));
  const std::string opened = "SELECT " + columns + ", " + at +
                             " AS valid_from, NULL::TIMESTAMP AS valid_to, true AS "
                             "is_current FROM " +
                             given + " n WHERE NOT EXISTS (SELECT 1 FROM " + old + " o WHERE " +
                             on + " AND " + same + ")";
  const std::string closed =
      "SELECT " + columns + ", valid_from, " + at + " AS valid_to, false AS is_current FROM " +
      old + " o WHERE NOT EXISTS (SELECT 1 FROM " + given + " n WHERE " + on + " AND " + same + ")";
  if (const std::string later = "SELECT " + column_list(options.key) + ", valid_from FROM (" +
                                closed + ") WHERE valid_from > valid_to";
      stager.count(later) > 0) {
    throw Error(Code::conflict,
                "table \"" + context.table_name + "\" has rows that are valid from later than " +
                    iso(options.at) + ", at which they would end: " + stager.samples(later),
                "older rows never overwrite newer ones: rebuild the table with --full-refresh");
  }
  // What began at this very moment never was: it goes without a trace.
  const std::string fresh =
      stager.materialize("windrow scd2 new",
                         "SELECT " + all + " FROM (" + opened + ") UNION ALL SELECT " + all +
                             " FROM (" + closed + ") WHERE valid_from < valid_to",
                         {});
  std::vector<std::string> row_key = options.key;
  row_key.push_back("valid_from");
  const std::string gone =
      stager.materialize("windrow scd2 gone",
                         "SELECT DISTINCT " + column_list(row_key) + " FROM (" + closed + ")", {});
  rewrite(
      stager, fresh,
      stager.materialize("windrow scd2 going",
                         old_rows(stager, files_with_keys(stager, row_key, gone), gone, row_key)),
      row_key);
  return stager.finish("MERGE", {{"predicate", "\"scd2\""}}, Reads::whole_table);
}

}  // namespace windrow::lake
