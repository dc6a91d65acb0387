#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "duck/duck.h"

namespace windrow::lake {

struct Field;

/// A Delta type (PROTOCOL.md, "Schema Serialization Format"). A value; compares by meaning.
struct Type {
  enum class Kind {
    string,
    long_,
    integer,
    short_,
    byte,
    float_,
    double_,
    decimal,
    boolean,
    binary,
    date,
    timestamp,
    timestamp_ntz,
    struct_,
    array,
    map
  };
  Kind kind = Kind::string;
  int precision = 0, scale = 0;  ///< decimal
  std::vector<Field>
      fields;  ///< struct: its fields; array: one field `element`; map: `key` and `value`

  bool operator==(const Type&) const;
  /// Delta's word: `long`, `decimal(10,2)`, `array<string>`, `struct<a:long,b:string>`.
  std::string text() const;
};

struct Field {
  std::string name;
  Type type;
  bool nullable = true;
  std::string metadata = "{}";  ///< JSON object text, kept as it was read
  /// Column mapping: what files, statistics and partition values call it; empty: as `name`.
  std::string physical = {};
  int64_t id = 0;  ///< column mapping by id: `field_id` in the files; 0: none

  const std::string& in_files() const { return physical.empty() ? name : physical; }
  bool operator==(const Field&) const;
};

struct Schema {
  std::vector<Field> fields;

  const Field* find(std::string_view name) const;  ///< exact spelling
  const Field* find_any_case(
      std::string_view name) const;  ///< letters' case ignored, as Delta demands uniqueness
  bool operator==(const Schema&) const = default;
};

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
Schema schema_from_duck(const std::vector<duck::Column>& columns);

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
