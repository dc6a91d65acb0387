#include <algorithm>

#include "base/local_time.h"
#include "duck/quoting.h"
#include "lake/partition_path.h"
#include "lake/rewrite.h"
#include "lake/row_tracking.h"
#include "lake/stager.h"
#include "lake/statistics.h"
#include "lake/touched.h"

// Copy on write. The new rows are computed once into a table of the session's own; what is equal to
// the row that is there already is left out; only the files that hold a row to be replaced or
// deleted are written anew.
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

/// Files whose range of `column` holds one of the keys in the table `keys`, and those whose range
/// is not known.
std::vector<Add> pruned(Stager& stager, std::vector<Add> files, const Field& column,
                        const std::string& keys) {
  std::vector<Add> out;
  std::string ranges;
  for (size_t i = 0; i < files.size(); ++i) {
    const auto range = column_range(files[i], column);
    if (range && range->all_null) continue;  // a key is never NULL
    const auto low = range ? bound_sql(files[i], column, range->min, false) : std::nullopt;
    const auto high = range ? bound_sql(files[i], column, range->max, true) : std::nullopt;
    if (low && high) {
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

/// Files that may hold rows with the keys in the table `keys`.
std::vector<Add> files_with_keys(Stager& stager, const std::vector<std::string>& key,
                                 const std::string& keys) {
  std::vector<Add> files = stager.before().files;
  for (const auto& name : key) {
    if (files.empty()) break;
    files = pruned(stager, std::move(files), *stager.schema().find(name), keys);
  }
  return files;
}

/// Rows of these files; from the log where it says.
int64_t rows_in(Stager& stager, const std::vector<Add>& files) {
  int64_t sum = 0;
  for (const auto& add : files) {
    const auto rows = rows_of(add);
    if (!rows) return stager.count(scan(stager.before(), files));
    sum += *rows;
  }
  return sum;
}

/// What `target` has for the keys of `fresh`: file, key, whether the row is equal, and whether the
/// old one counts before the new one.
Relation matched(const Stager& stager, const std::string& fresh, const MergeOptions& options,
                 const std::vector<Add>& candidates) {
  const auto names = names_of(stager.schema());
  const std::string later = options.latest_by.empty() || options.whole_keys
                                ? "false"
                                : precedence(stager.schema(), options.latest_by, "t.") + " < " +
                                      precedence(stager.schema(), options.latest_by, "n.");
  return "SELECT t." + kFile + ", " + column_list(options.key, "n.") + ", row(" +
         column_list(names, "t.") + ") IS NOT DISTINCT FROM row(" + column_list(names, "n.") +
         ") AS \"windrow same\", " + later + " AS \"windrow later\" FROM (" +
         scan(stager.before(), candidates, Scan::Extra::file) + ") t JOIN " + fresh + " n ON " +
         same_key(options.key, "t", "n");
}

/// Rows of `fresh` with the ids of those of the files that they take the place of. Where several
/// rows share a key the first one takes the place of the first, so that no id comes twice.
Relation in_place_of(const Stager& stager, const std::string& fresh, const std::vector<Add>& files,
                     const std::vector<std::string>& key) {
  const std::string names = column_list(names_of(stager.schema()));
  if (row_id_columns(stager.before()).empty()) return "SELECT " + names + " FROM " + fresh;
  const std::string id = duck::quote_name(kRowId), keys = column_list(key);
  const auto numbered = [&](const Relation& rows, const std::string& order) {
    return "(SELECT *, row_number() OVER (PARTITION BY " + keys + order +
           ") AS \"windrow nth\" FROM " + rows + ")";
  };
  return "SELECT " + column_list(names_of(stager.schema()), "n.") + ", o." + id +
         ", NULL::BIGINT AS " + duck::quote_name(kRowCommitVersion) + " FROM " +
         numbered(fresh, "") + " n LEFT JOIN " +
         numbered("(" + stager.kept_rows(files) + ") t SEMI JOIN " + fresh + " f ON " +
                      same_key(key, "t", "f"),
                  " ORDER BY " + id) +
         " o ON " + same_key(key, "n", "o") + " AND n.\"windrow nth\" = o.\"windrow nth\"";
}

/// Replaces the rows of `gone` keys by those of `fresh` (both tables of the session).
void rewrite(Stager& stager, const std::string& fresh, const std::string& gone,
             const std::vector<std::string>& key) {
  auto& staged = stager.staged();
  const auto& before = stager.before();
  const std::string names = column_list(names_of(stager.schema()));
  const std::string hit =
      "EXISTS (SELECT 1 FROM " + gone + " g WHERE " + same_key(key, "t", "g") + ")";
  std::vector<Add> files = files_with_keys(stager, key, gone);
  if (!files.empty()) {
    const auto found =
        stager.rows().query("SELECT DISTINCT " + kFile + " FROM (" +
                            scan(before, files, Scan::Extra::file) + ") t WHERE " + hit);
    files = files_at(before, found);
  }
  Relation changed = "SELECT " + names + " FROM " + fresh;
  int64_t updated = 0;
  if (!files.empty()) {
    const Relation old = "SELECT " + names + " FROM (" + scan(before, files) + ") t WHERE ";
    changed += " UNION ALL " + old + hit;
    updated = stager.count(old + "EXISTS (SELECT 1 FROM " + fresh + " n WHERE " +
                           same_key(key, "t", "n") + ")");
  }
  const int64_t inserted_or_updated = stager.count("SELECT * FROM " + fresh);
  stager.touch(changed, true);
  int64_t written = 0;
  if (!files.empty()) {
    written = stager.write_kept("SELECT " + names + row_id_columns(before) + " FROM (" +
                                stager.kept_rows(files) + ") t WHERE NOT " + hit + " UNION ALL " +
                                in_place_of(stager, fresh, files, key));
  } else if (inserted_or_updated > 0) {
    written = stager.write("SELECT " + names + " FROM " + fresh);
  }
  stager.remove(files);
  const int64_t kept = written - inserted_or_updated;
  const int64_t deleted = rows_in(stager, files) - kept - updated;
  staged.rows_written = inserted_or_updated;
  staged.rows_changed = inserted_or_updated + deleted;
  staged.metrics = {{"numTargetRowsInserted", std::to_string(inserted_or_updated - updated)},
                    {"numTargetRowsUpdated", std::to_string(updated)},
                    {"numTargetRowsDeleted", std::to_string(deleted)},
                    {"numTargetRowsCopied", std::to_string(kept)},
                    {"numOutputRows", std::to_string(written)},
                    {"numTargetFilesAdded", std::to_string(staged.adds.size())},
                    {"numTargetFilesRemoved", std::to_string(files.size())}};
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

}  // namespace

Staged stage_merge(const StageContext& context, const Relation& select,
                   const Parameters& parameters, const MergeOptions& options) {
  Stager stager(context, select, parameters);
  need_columns(stager.schema(), context.table_name, options.key);
  need_columns(stager.schema(), context.table_name, {options.latest_by});
  const Relation source = options.latest_by.empty()
                              ? stager.conforming()
                              : latest_only(stager.conforming(), stager.schema(), options);
  std::string fresh = stager.materialize("windrow merge new", source, parameters);
  check_keys(stager, fresh, options.key, options.latest_by.empty());
  const std::string keys = column_list(options.key);

  const std::string ends = key_ends(stager, options.key);
  const std::string fresh_ends =
      stager.materialize("windrow merge ends", "SELECT " + ends + " FROM " + fresh, {});
  Relation gone_rows = "SELECT " + keys + " FROM " + fresh;
  if (!options.delete_keys.empty()) {
    gone_rows += " UNION SELECT " + keys + " FROM (" + options.delete_keys + ") WHERE true";
  }
  // Rows that say nothing new leave `fresh` before anything is compared with `gone`.
  if (const auto candidates = files_with_keys(stager, options.key, fresh); !candidates.empty()) {
    const std::string pairs =
        stager.materialize("windrow merge pairs", matched(stager, fresh, options, candidates));
    const std::string settled =
        stager.materialize("windrow merge settled",
                           "SELECT DISTINCT " + keys + " FROM " + pairs +
                               " WHERE \"windrow same\" OR \"windrow later\"",
                           {});
    keep_files(stager, pairs);
    fresh = stager.materialize("windrow merge changed",
                               "SELECT * FROM " + fresh + " n WHERE NOT EXISTS (SELECT 1 FROM " +
                                   settled + " g WHERE " + same_key(options.key, "n", "g") + ")");
    gone_rows = "SELECT * FROM (" + gone_rows + ") d WHERE NOT EXISTS (SELECT 1 FROM " + settled +
                " g WHERE " + same_key(options.key, "d", "g") + ")";
  }
  const std::string gone = stager.materialize("windrow merge gone", gone_rows, parameters);
  read_keys(stager, options.key,
            "FROM " + fresh_ends + " UNION ALL SELECT " + ends + " FROM " + gone);
  rewrite(stager, fresh, gone, options.key);
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
  const std::string gone = stager.materialize(
      "windrow scd2 gone", "SELECT " + column_list(row_key) + " FROM (" + closed + ")", {});
  rewrite(stager, fresh, gone, row_key);
  return stager.finish("MERGE", {{"predicate", "\"scd2\""}}, Reads::whole_table);
}

}  // namespace windrow::lake
