#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/rows.h"
#include "duck/forward.h"
#include "duck/sandbox.h"
#include "sql/cache.h"

/// What a SELECT says, read from DuckDB's own syntax tree (`json_serialize_sql`).
namespace windrow::sql {

/// A table that a statement reads (names of its own WITH clauses are not among them).
struct TableUse {
  std::string name;  ///< as written, parts joined by a dot, quotes removed: `silver.movies`
  Place place;
  size_t position = 0;  ///< byte in the SQL
};

struct ParameterUse {
  std::string name;  ///< without the dollar
  Place place;
  size_t position = 0;
};

/// What part of an input a SELECT takes for the interval [$start, $end): the expression over that
/// table's columns which is compared with the parameters, as SQL text over the table's own column
/// names (aliases resolved).
struct IntervalUse {
  std::string table;
  std::optional<std::string> expression;  ///< nothing: this input is read whole
  /// True where every use of the table is filtered by `expression >= $start AND expression < $end`,
  /// so that rows of other intervals cannot matter. False where some use has no such filter, is
  /// filtered by one bound or a moved one (`$start - INTERVAL 1 DAY`), or where a window or a LIMIT
  /// stands between the filter and the table: then only `reads` can say how far the model reads.
  bool exact = false;
  Place place;
  size_t position = 0;
};

class Macros;  // macros.h

/// A part of an expanded text: from byte `at` to the next piece it is as it stands in a file.
struct Piece {
  size_t at = 0;
  Place begin;
  size_t written = 0;  ///< byte in the text as it was written; of a macro's: where it is called
  Place call;          ///< of a macro's: that place
};

/// One parsed SELECT: what was read from its syntax tree. The tree itself is not kept: ten thousand
/// of them would fill the memory, and what was read fits into the cache.
struct Parsed {
  std::string text;              ///< the SQL alone, with macros expanded: what runs
  Place begin;                   ///< where the text begins in the user's file
  std::vector<Piece> pieces;     ///< of the text; none where it stands in the file as it is
  std::vector<TableUse> tables;  ///< every use, in order; a table may be used twice
  std::vector<ParameterUse> parameters;
  /// One entry per table read. An alias is taken to be no column's name unless the SELECT says so.
  std::vector<IntervalUse> intervals;
  /// It depends on the tables' columns whether that is so: ask `intervals_over`.
  bool names_depend = false;
  std::string meaning;  ///< hash of the tree without places, comments and layout
  /// It says `*` somewhere, so that the columns of its inputs are a part of its meaning.
  bool star = false;

  std::set<std::string> table_names() const;
  std::set<std::string> parameter_names() const;
  /// Where byte `position` of the text lies in the user's files.
  Place place(size_t position) const;
  /// `macro called in models/gold/a.sql:3:8` where that is in a macro, else nothing.
  std::string call(size_t position) const;
};

/// Where byte `position` of `text` lies in the user's file, when `begin` is where the text begins.
Place place_at(const Place& begin, std::string_view text, size_t position);

/// Parses one SELECT. Error(configuration) with its place: a syntax error, another statement than
/// SELECT, several statements, and the functions that a model may not call because two runs over
/// the same input would differ (now, current_date, current_timestamp, today, random, uuid,
/// gen_random_uuid, …), as well as everything that leaves the sandbox (files, settings, …). So are
/// comparisons with $start and $end that take in the end of an interval (BETWEEN, `<= $end`), leave
/// out its start (`> $start`), are of an unclear table, or compare one table in two different ways.
/// All problems at once. `macros` are expanded before anything else looks at the SELECT.
Parsed parse_select(duck::Connection& connection, std::string_view text, const Place& begin,
                    Cache* cache = nullptr, const duck::Sandbox& sandbox = {},
                    const Macros* macros = nullptr);

/// The same from the cache alone; nothing where it does not hold the text. Needs no DuckDB.
std::optional<Parsed> known_select(std::string_view text, const Place& begin, const Cache& cache,
                                   const duck::Sandbox& sandbox = {},
                                   const Macros* macros = nullptr);

/// A name of the tables' columns, for binding: table → columns in order.
using Catalog = std::map<std::string, std::vector<Column>>;

/// `intervals` of a SELECT over tables with these columns: a name in WHERE is a column's where a
/// table has one, else an alias of the SELECT list, as DuckDB reads it. Of a table that is not in
/// the catalog nothing is taken for granted.
std::vector<IntervalUse> intervals_over(duck::Connection& connection, const Parsed& select,
                                        const Catalog& catalog);

/// Columns in the cache, under a key of the caller's.
std::optional<std::vector<Column>> cached_columns(const Cache& cache, const std::string& key);
void cache_columns(Cache& cache, const std::string& key, const std::vector<Column>& columns);

/// Empty tables in a catalog of their own, for as long as it lives; the connection's default until
/// then.
class Scratch {
 public:
  Scratch(duck::Connection& connection, const Catalog& catalog,
          const std::set<std::string>& tables);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  duck::Connection& connection_;
  std::string name_;
};

/// DuckDB's error with its place in the user's file.
Error placed(const SqlError& error, const Parsed& select);

/// Where a column of the SELECT's result is written: `name` is the result's `index`th. The SELECT's
/// beginning where that is not clear (`SELECT *`).
Place place_of_column(duck::Connection& connection, const Parsed& select, const std::string& name,
                      size_t index);

/// The names and types a SELECT yields over tables with these columns. Binds in `connection` by
/// means of empty tables in a schema of its own, dropped afterwards. Errors carry the place in the
/// user's file. `cache` remembers results, by meaning, inputs' columns and parameters; values of
/// $start, $end and $run_time do not count.
std::vector<Column> bind(duck::Connection& connection, const Parsed& select, const Catalog& catalog,
                         const Parameters& parameters, Cache* cache = nullptr);

/// The fingerprint of a meaning, as hexadecimal digits: the syntax tree without places, comments
/// and layout, the columns (name and type) of every table it reads where it says `*`, and
/// `settings` (kind of build, keys, variable values, operator version, time zone: name → text).
/// Equal texts under different engine versions may have different trees: compare with
/// `same_meaning`.
std::string fingerprint(const Parsed& select, const Catalog& catalog,
                        const std::map<std::string, std::string>& settings);

/// True where `old_text`, parsed by the engine of today, has the fingerprint `now` under the same
/// settings.
bool same_meaning(duck::Connection& connection, const std::string& old_text, const std::string& now,
                  const Catalog& catalog, const std::map<std::string, std::string>& settings);

/// Where each output column comes from.
struct ColumnSource {
  std::string table, column;
  bool operator<(const ColumnSource& o) const {
    return std::tie(table, column) < std::tie(o.table, o.column);
  }
  bool operator==(const ColumnSource&) const = default;
};
struct ColumnLineage {
  std::string column;
  std::set<ColumnSource> from;  ///< columns whose values it is computed from
  std::set<ColumnSource>
      filtered_by;  ///< columns that decide which rows there are (WHERE, JOIN, GROUP BY, …)
  std::string expression;  ///< SQL text of the outermost expression
};
std::vector<ColumnLineage> column_lineage(duck::Connection& connection, const Parsed& select,
                                          const Catalog& catalog);

}  // namespace windrow::sql
