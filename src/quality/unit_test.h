#pragma once

#include <optional>
#include <string>

#include "base/rows.h"
#include "columns/forward.h"
#include "duck/forward.h"
#include "project/forward.h"
#include "sql/sql.h"

namespace windrow::quality {

struct UnitTestResult {
  std::string name, model;
  Place place;
  bool passed = true;
  int64_t expected_rows = 0, found_rows = 0;
  std::string difference;  ///< where the rows differ: lines for a person; empty otherwise
  std::optional<Problem>
      problem;  ///< it could not be run: a row that does not fit, an error in the SELECT
};

/// Runs a model's SELECT over the given rows and compares what comes out.
///
/// Given rows become tables `layer.table` in a catalog of their own, gone afterwards, so that tests
/// cannot see each other. They have the columns of `catalog` where it knows the table (a column
/// that a row does not name is NULL), else the columns and types that the rows show: ISO dates and
/// times become DATE and TIMESTAMP. A table that the model reads and the test does not give is
/// empty. `parameters` are the caller's: `$start`, `$end`, `$run_time` and the variables.
///
/// Compared are the columns that an expected row names; the order of rows counts only where the
/// test says `ordered`. Numbers compare by value (those with a binary point to a billionth),
/// decimals digit by digit, times and nested values after a cast to the type that came out, NaN
/// equals NaN, NULL equals NULL.
///
/// The SELECT's rows go `through` the model's operator, where it has one.
UnitTestResult run_unit_test(duck::Connection& connection, const project::UnitTest& test,
                             const sql::Parsed& select, const sql::Catalog& catalog,
                             const Parameters& parameters,
                             const columns::OperatorUse* through = nullptr);

}  // namespace windrow::quality
