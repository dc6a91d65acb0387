#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/progress.h"
#include "duck/duck.h"
#include "lake/rewrite.h"
#include "project/project.h"

/// An engine runs a model's SELECT over pinned inputs and stages the result as Parquet files. It
/// never commits.
namespace windrow::engine {

/// A table as a SELECT sees it: `silver.movies` and the SELECT that yields its rows at the pinned
/// version.
struct Input {
  std::string name;
  std::string sql;
};

/// How the rows of a SELECT enter the table.
struct Method {
  enum class Kind { append, replace, replace_interval, merge, scd2 } kind = Kind::replace;
  std::string column;        ///< replace_interval
  Interval interval;         ///< replace_interval
  std::string zone = "UTC";  ///< replace_interval
  lake::MergeOptions merge;  ///< merge
  lake::Scd2Options scd2;    ///< scd2
};

/// Where the rows go.
struct Target {
  std::string name;  ///< asset, for messages
  std::string path;  ///< the table's folder
  std::optional<lake::Snapshot> current;
  std::vector<std::string> partition_by;
  bool evolve = true;
  bool may_replace_schema = false;
  Time now;
};

/// The pinned world of one task. One thread at a time; `cancel` given at opening interrupts what
/// runs.
class Session {
 public:
  virtual ~Session() = default;
  /// Runs the SELECT and stages its rows. Errors in the SQL are duck::SqlError with the position in
  /// `select`.
  virtual lake::Staged stage(const std::string& select, const duck::Parameters& parameters,
                             const Method& method, const Target& target) = 0;
  /// A small result over the inputs, staged rows (Staged::after_sql) or both: for checks and
  /// samples.
  virtual duck::Rows query(const std::string& sql, const duck::Parameters& parameters = {}) = 0;
  virtual std::vector<duck::Column> describe(const std::string& select,
                                             const duck::Parameters& parameters = {}) = 0;
  /// The DuckDB connection whose views are the inputs, for stores that stream rows through it;
  /// nothing on other engines.
  virtual duck::Connection* connection() { return nullptr; }
};

/// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// Inputs become views under their names. The session holds their snapshots for as long as it
  /// lives.
  virtual std::unique_ptr<Session> open(const std::vector<Input>& inputs, Cancel& cancel,
                                        const ProgressSink& progress) = 0;
};

}  // namespace windrow::engine
