#pragma once

#include <string>
#include <vector>

#include "lake/actions.h"
#include "lake/row_work.h"
#include "lake/schema.h"

/// Private to lake/: what a table demands of its rows: NOT NULL, CHECK constraints and invariants,
/// generated columns (PROTOCOL.md, "Column Invariants", "CHECK Constraints", "Generated Columns").
namespace windrow::lake {

/// `rows`, a SELECT with the table's columns, that fails at the first row which breaks a rule;
/// `rows` itself where there is none. Columns in `missing` that are generated are computed.
/// Expressions are Spark SQL: those that DuckDB does not understand are an Error(unsupported) that
/// names the rule, raised here.
Relation enforced(RowWork& engine, const Relation& rows, const Schema& schema,
                  const Metadata& metadata, const std::vector<std::string>& missing = {});

}  // namespace windrow::lake
