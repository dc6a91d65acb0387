#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/rows.h"
#include "base/time.h"
#include "duck/forward.h"
#include "lake/row_work.h"
#include "project/checks.h"

namespace windrow::quality {

/// What one check found.
struct CheckResult {
  project::Check check;
  std::string description;  ///< `rank is unique`, `rows <= 50`
  bool passed = true;
  int64_t failing = 0;  ///< rows that fail; for checks of the whole table 0 or 1
  int64_t total = 0;    ///< rows looked at
  std::string message;  ///< `3 of 812 rows: "budget" is NULL`; empty where passed
  Rows sample;          ///< up to kSampleRows failing rows, whole
};
inline constexpr int kSampleRows = 20;

struct Report {
  std::vector<CheckResult> results;
  int64_t rows = 0;        ///< of the table as it would be
  int64_t valid_rows = 0;  ///< rows that no row-wise check (of any severity) fails
  double score() const { return rows == 0 ? 1.0 : double(valid_rows) / double(rows); }
  bool blocked() const;  ///< a check of severity block failed
};

struct Subject {
  std::string asset;
  lake::Relation rows;  ///< of the table as it would be
  std::vector<Column> columns;
  std::vector<project::ColumnDeclaration> declared;
  std::vector<project::Check> checks;  ///< table checks; those of columns are in `declared`
  bool contract = false;               ///< declared columns and types exactly
  std::map<std::string, lake::Relation> relations;  ///< `to` of `relationship` → its rows
  Time now;                                         ///< for freshness
  std::vector<std::string> external_files;          ///< that expressions may read
  /// Expressions that call macros, as written, with what runs; null: there are none.
  const std::map<std::string, std::string>* expressions = nullptr;
};

/// Looks at the table as it would be, in few passes (row-wise checks share one).
/// Error(configuration) with the check's place where a check cannot be run: an unknown column, an
/// expression that does not bind.
Report run_checks(lake::RowWork& session, const Subject& subject);

/// Whether the subject's checks could be run over rows such as `rows`; what is wrong goes into
/// `problems`, each with its place.
void bind_checks(duck::Connection& connection, const Subject& subject, Problems& problems);

}  // namespace windrow::quality
