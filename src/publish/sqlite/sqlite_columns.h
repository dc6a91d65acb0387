#pragma once

#include <string>
#include <vector>

#include "clients/sqlite.h"
#include "duck/duck.h"

/// Private to publish/sqlite: DuckDB's types in SQLite, so that no digit is lost.
///
/// | DuckDB | SQLite |
/// |---|---|
/// | BOOLEAN | INTEGER 0 or 1 |
/// | integers up to BIGINT | INTEGER |
/// | HUGEINT, UBIGINT, UHUGEINT | no type: INTEGER, or the digits as TEXT where they do not fit |
/// | DOUBLE, FLOAT | REAL; NaN, which SQLite does not know, is NULL |
/// | DECIMAL of up to 15 digits | NUMERIC; of more, TEXT |
/// | DATE, TIME, INTERVAL | TEXT, `2025-10-17` |
/// | TIMESTAMP | TEXT, `2025-10-17 14:00:00` |
/// | TIMESTAMPTZ | TEXT in UTC, `2025-10-17 14:00:00Z` |
/// | lists, structs, maps, JSON | TEXT, JSON |
/// | BLOB | TEXT, hexadecimal |
/// | any other | TEXT |
namespace windrow::publish {

struct SqliteColumn {
  std::string name;
  std::string type;  ///< may be empty
  std::string sql;   ///< over the SELECT's columns, yields what is stored
};

/// Error(data) where two names differ only by case: SQLite takes them for one.
std::vector<SqliteColumn> sqlite_columns(const std::vector<duck::Column>& columns,
                                         const std::string& view);

clients::SqliteValue sqlite_value(const duck::Cell& cell);

}  // namespace windrow::publish
