#pragma once

#include <string>

/// Private to sources/files: what becomes of objects and lists in columns of a nested type.
/// DuckDB's own cast makes NULL of a value inside that does not fit, and drops a field that the
/// type has not, without a word. Types are DuckDB's, as text.
namespace windrow::sources {

/// Lists and objects, as far as a type of DuckDB's keeps them.
bool is_nested(const std::string& type);

/// `known` with the fields that objects were found to have beside, however deep.
std::string widened(const std::string& known, const std::string& found);

/// Whether `type` keeps whatever was found to be of the type `found`.
bool keeps_all(const std::string& type, const std::string& found);

/// SQL of a boolean: casting the JSON `value` to the type of the column would lose a part of it.
/// `all_fields`: a field that the type has not is such a part.
std::string loses_sql(const std::string& value, const std::string& column, const std::string& type,
                      bool all_fields);

}  // namespace windrow::sources
