#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rows.h"
#include "columns/schema.h"

namespace windrow::lake {

using columns::Field;
using columns::Schema;
using columns::Type;

std::string to_json(const Schema& schema);  ///< the schemaString of metaData
/// How columns of files are found (PROTOCOL.md, "Column Mapping").
enum class ColumnMapping { none, by_name, by_id };
/// Throws Error(corrupt), Error(unsupported).
Schema schema_from_json(std::string_view schema_string,
                        ColumnMapping mapping = ColumnMapping::none);

/// The type contract of docs/sql.md. Throws Error(unsupported) that names the column and DuckDB's
/// type where a type has no home in Delta. HUGEINT becomes long, ENUM, UUID and JSON string, BLOB
/// binary; the unsigned types up to UINTEGER the next wider signed one, TIMESTAMP_S and
/// TIMESTAMP_MS timestamp_ntz, which hold every value of them.
Type type_from_duck(std::string_view column, std::string_view duck_type);
std::string duck_type(const Type& type);
/// Names of the fields of a `STRUCT(…)`, whatever their types are.
std::vector<std::string> struct_field_names(std::string_view duck_type);
Schema schema_from_duck(const std::vector<Column>& columns);

/// What writing `incoming` into a table with `current` needs. Adding columns (nested too) is
/// allowed and gives the widened schema. A type whose every value the table's type holds (integer
/// into long, float into double, a shorter decimal) is written as the table's. Any other changed
/// type, or two names that differ only by case, is an Error(data) that names all of them.
struct Evolution {
  Schema schema;
  std::vector<std::string> added;  ///< dotted paths
};
Evolution evolve(const Schema& current, const Schema& incoming, const std::string& table_name);

}  // namespace windrow::lake
