#pragma once

#include <string>
#include <vector>

#include "project/values.h"

namespace windrow::project {

/// A check on a column or a table: `name` or `{name: arguments}`; `severity` and `name` may be
/// among the arguments.
struct Check {
  std::string name;    ///< not_null, unique, accepted_values, range, regex, expression, rows,
                       ///< freshness, relationship
  std::string column;  ///< empty: of the table
  Value arguments;
  bool blocks = true;  ///< severity: block (default) or warn
  Place place;
  std::string label;  ///< `name:` among the arguments: what reports call it; empty: none
};

struct ColumnDeclaration {
  std::string name;
  std::string type;  ///< empty: whatever the data has; else part of the schema contract
  std::string description;
  std::string value;         ///< sources only: SQL expression over the record
  std::string on_bad_value;  ///< streams only: as of the source; empty: what that says
  Place value_place;
  std::vector<Check> checks;
  Place place;
};

/// Tables whose rows an asset's checks look at beside its own, each once, with the place of the
/// first that names it.
std::vector<Text> related_tables(const std::vector<ColumnDeclaration>& columns,
                                 const std::vector<Check>& checks);

}  // namespace windrow::project
