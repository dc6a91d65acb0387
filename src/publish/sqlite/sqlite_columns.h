#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "clients/sqlite.h"
#include "publish/store.h"

/// Private to publish/sqlite: DuckDB's types in SQLite, so that values compare and sort there as
/// they do in the lake, and no digit is lost. What cannot have both is an error that names it, and
/// `columns` decides.
///
/// | DuckDB | SQLite |
/// |---|---|
/// | BOOLEAN | INTEGER 0 or 1 |
/// | integers of any size, DECIMAL without places | INTEGER; an error beyond 64 bits |
/// | DECIMAL with places | REAL; an error where a double does not keep the digits |
/// | DOUBLE, FLOAT | REAL; NaN, which SQLite does not know, is NULL |
/// | DATE, TIMESTAMP | TEXT, `2025-10-17`, `2025-10-17 14:00:00`; an error outside of the years 1
/// to 9999 |
/// | TIMESTAMPTZ | TEXT in UTC, `2025-10-17 14:00:00+00:00`: `+` sorts before the point of a
/// fraction, which `Z` does not |
/// | TIME, UUID | TEXT |
/// | INTERVAL | an error: no text of it sorts |
/// | lists, structs, maps, JSON | TEXT, JSON |
/// | BLOB | TEXT, hexadecimal |
/// | any other | TEXT |
namespace windrow::publish {

struct SqliteColumn {
  enum class Value {
    as_it_is,
    whole,    ///< digits that are an INTEGER
    decimal,  ///< digits that are a REAL
    time      ///< a text that begins with a year
  };
  std::string name;
  std::string type;
  std::string sql;  ///< over the SELECT's columns, yields what is stored
  Value value = Value::as_it_is;
};

/// Error(data) where two names differ only by case, which SQLite takes for one;
/// Error(configuration) for columns or types under `columns` that are not known, and types that
/// have no order there.
std::vector<SqliteColumn> sqlite_columns(const std::vector<Column>& columns, const ViewBatch& view);

/// Error(data) where SQLite would compare the value otherwise than the lake, or lose of it.
clients::SqliteValue sqlite_value(const SqliteColumn& column, const Cell& cell,
                                  const ViewBatch& view);

}  // namespace windrow::publish
