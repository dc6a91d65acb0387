#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Parquet files that an engine is asked to write, and what it says of those it has written.
namespace windrow::columns {

/// What the writer knows of one column of one file. The path of a field `a` in a struct `st` is
/// {"st", "a"}.
struct ColumnStatistics {
  std::vector<std::string> path;
  std::optional<std::string> min,
      max;  ///< DuckDB's text; absent where not known or where NaN makes them unusable
  std::optional<int64_t> null_count;
  bool has_nan = false;
};

struct WrittenFile {
  std::string path;  ///< absolute
  int64_t rows = 0;
  int64_t bytes = 0;
  std::map<std::string, std::optional<std::string>>
      partition_values;  ///< NULL is absent value; text unescaped
  std::vector<ColumnStatistics> columns;
};

struct WriteOptions {
  std::string folder;                     ///< absolute; made where it is not there
  std::vector<std::string> partition_by;  ///< columns of the SELECT; not written into the files
  std::string compression = "zstd";       ///< or `snappy`
  int64_t file_bytes = 256ll << 20;       ///< a new file is begun past this size
  int64_t row_group_rows = 122880;
  std::string field_ids;  ///< `"a": 1, "s": {__duckdb_field_id: 2, "x": 3}`; empty: files have none
  std::string file_prefix = "part-";  ///< names are prefix + UUID + `.parquet`
  /// For few rows at a time: the whole name but `.parquet`, which nothing else in the folder has.
  /// One file, or one in each partition (there with a number behind); no sorting by partition.
  std::string file_name = {};
  /// SQL expressions, optional. DuckDB's sort takes the sign off a negative zero in the columns it
  /// sorts by.
  std::vector<std::string> order_by;
};

}  // namespace windrow::columns
