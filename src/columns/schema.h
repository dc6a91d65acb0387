#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Columns of rows in memory, in the layout of Apache Arrow.
namespace windrow::columns {

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

/// The kind that Delta calls by that word; nothing for decimals and nested types.
std::optional<Type::Kind> kind_named(std::string_view word);

}  // namespace windrow::columns
