#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "columns/forward.h"
#include "project/checks.h"
#include "project/values.h"

namespace windrow::project {

enum class BuildKind { table, interval, append, merge, scd2, view };
std::string_view name_of(BuildKind kind);

struct Build {
  BuildKind kind = BuildKind::table;
  // interval
  std::string column, grain;       ///< column of the result; `hour`, `day`, `15m`, …
  std::optional<int> batch;        ///< at most so many intervals in one commit; nothing: chosen
  std::optional<Time> begin, end;  ///< instead of the project's
  std::optional<Duration> wait;    ///< an interval is due only so long after its end
  // merge, scd2
  std::vector<std::string> key;
  std::string latest_by;
  /// merge: rows of one key lie at most so far apart by this column
  struct Within {
    std::string column;
    Duration most;
  };
  std::optional<Within> within;
  Place place;
};

struct Reads {
  std::optional<Duration> before, after;  ///< reads so far beyond its interval
  bool lookup = false;                    ///< its changes touch no interval
};

struct Model {
  std::string name;  ///< `silver.movies`: folder and file name
  Common common;
  Build build;
  std::vector<ColumnDeclaration> columns;
  bool contract =
      false;  ///< `contract: true`: the result has exactly the declared columns and types
  std::vector<Check> checks;
  std::string new_rows;  ///< the input bound to its new rows, or empty
  std::map<std::string, Reads> reads;
  std::vector<std::string> partition_by;
  std::string retention_column;  ///< empty: the interval column, or what partitions say
  std::string renamed_from;
  std::optional<bool> deletion_vectors;  ///< nothing: as the layer says
  /// How a `table` follows from what has changed in its inputs: auto, never, rows, sums
  /// or keys.
  std::string incremental = "auto";
  /// What the SELECT's rows go through; nothing: nothing.
  std::shared_ptr<const columns::OperatorUse> through;
  std::string sql;   ///< the SELECT alone
  Place sql_begin;   ///< where it begins
  std::string file;  ///< relative to the project
  Place place;
};

}  // namespace windrow::project
