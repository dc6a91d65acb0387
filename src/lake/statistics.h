#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "columns/parquet_files.h"
#include "lake/actions.h"
#include "lake/read_scope.h"
#include "lake/schema.h"

/// Statistics per file (PROTOCOL.md, "Per-file Statistics"): JSON text in `add.stats`.
namespace windrow::lake {

/// From what the Parquet writer knows. numRecords always; minValues, maxValues and nullCount of
/// every column and of fields of structures, where known. Left out: min and max of booleans,
/// binaries and of columns that hold NaN; everything below lists and maps. Strings are cut to 32
/// characters (the maximum rounded up), times keep all their microseconds.
std::string stats_json(const Schema& schema, const columns::WrittenFile& file);

/// The same statistics of a file with a deletion vector: `tightBounds` is false, for the rows that
/// bounds and counts are of need not be there any more.
std::string loose_stats(const std::string& stats);

/// Rows that are not deleted; nothing where there are no statistics.
std::optional<int64_t> rows_of(const Add& add);

/// What is known of one top-level column in one file, from partition values or statistics.
struct ColumnRange {
  std::optional<std::string> min, max;  ///< text of the JSON value, without quotes
  bool all_null = false;
  bool no_null = false;  ///< certain: there is no NULL
};
/// Nothing where nothing is known of the column.
std::optional<ColumnRange> column_range(const Add& add, const Field& column);

/// False only where it is certain that no row of the file has `column` in [from, to). Bounds are
/// SQL literals' texts of the column's type.
bool may_overlap(const Add& add, const Field& column, const std::string& from,
                 const std::string& to);
/// True only where it is certain that every row of the file has `column` (a time) in [from, to).
bool lies_inside(const Add& add, const Field& column, const std::string& from,
                 const std::string& to);

/// False only where it is certain that no row of the file meets the condition.
bool may_hold(const Add& add, const ReadScope::Condition& condition);

}  // namespace windrow::lake
