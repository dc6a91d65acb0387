#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "lake/row_work.h"
#include "project/source.h"

/// Private to sources/files: a record's fields as columns. Decides; reads nothing.
namespace windrow::sources {

/// A field of the records, as it becomes a column.
struct FieldColumn {
  std::string name;
  std::string type;  ///< DuckDB's
  bool declared = false;
  bool whole = false;  ///< of objects: each of their fields has to be kept
  bool fits = false;   ///< every value is known to be of the type
};

/// A column with a type that somebody has written, in whichever way; without one it is text.
FieldColumn declared_field(const project::ColumnDeclaration& column, lake::DuckRows& session);
/// The type of a column that is `known` to the table, where its values were `found` to be of
/// another one. Objects may have got fields.
FieldColumn known_field(const std::string& name, const std::string& known, const std::string& found,
                        const project::Source& source);

/// Names of fields, in lower case, that cannot all be columns: they differ by case only, or are
/// empty. Records that have them are to be told apart first.
struct Clash {
  std::set<std::string> names;
};

/// What `json_group_structure` says of all records, as fields; those that are NULL everywhere are
/// left out until they have a value, unless `with_nulls`, which makes them texts. `told`: names of
/// columns that are there already. Objects that no column type can hold (very deep, fields that
/// clash) are JSON. Throws Clash.
std::vector<FieldColumn> fields_of_structure(const std::string& structure,
                                             const std::vector<std::string>& told,
                                             bool with_nulls = false);
/// Whether a column type can hold objects of this structure.
bool fits_type(const nlohmann::ordered_json& structure);

/// Fields as SQL over `texts`, a list of the record's values as text. Typed by TRY_CAST, so that a
/// value that does not fit is NULL; `misfit` is then true.
struct FieldSql {
  std::string texts;   ///< SQL over `raw`; empty where there is no field
  std::string select;  ///< `, … AS "a", … AS "b"`
  std::string misfit;  ///< SQL of a boolean; empty where nothing can be wrong
};
FieldSql field_sql(const std::vector<FieldColumn>& fields);

/// `"a"` → `/a`, with the escapes of a JSON pointer.
std::string pointer(const std::string& field);

/// The select list of the table's columns over the fields: the raw column, declared ones in their
/// order, then the others.
std::string table_columns(const project::Source& source, const std::vector<std::string>& fields);

}  // namespace windrow::sources
