#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "duck/forward.h"
#include "lake/table.h"

/// Changes of a table's schema and properties: commits of metadata alone, no file is rewritten.
namespace windrow::lake {

/// Columns are named by their dotted path (`address.street`); quotes around a part hold dots.
struct AddColumn {
  std::string column;
  std::string duck_type;  ///< as in a CAST
};
/// RENAME and DROP need column mapping: it is switched on (`delta.columnMapping.mode` = name) where
/// the table has none.
struct RenameColumn {
  std::string column, to;  ///< `to` is the last part alone
};
struct DropColumn {
  std::string column;
};
/// To a type that holds every value of the old one; Spark reads it where typeWidening is on, which
/// is switched on.
struct WidenColumn {
  std::string column, duck_type;
};
struct SetNotNull {
  std::string column;
  bool not_null = true;
};
/// CHECK. Refused where rows break it.
struct AddConstraint {
  std::string name, expression;
};
struct DropConstraint {
  std::string name;
};
/// A property, or nothing to take it away. Features that a property needs are added to the
/// protocol.
struct SetProperty {
  std::string key;
  std::optional<std::string> value;
};
using Alteration = std::variant<AddColumn, RenameColumn, DropColumn, WidenColumn, SetNotNull,
                                AddConstraint, DropConstraint, SetProperty>;

/// Does all of them in one commit, or none. Error(usage) names all that cannot be done.
int64_t alter(storage::FileSystem& files, const std::string& table_path,
              duck::Connection& connection, const std::vector<Alteration>& alterations,
              const Clock& clock);

}  // namespace windrow::lake
