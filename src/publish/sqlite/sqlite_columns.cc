#include "publish/sqlite/sqlite_columns.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

namespace windrow::publish {

namespace {

using duck::quote_name;

/// More significant digits than a double keeps.
constexpr int kDoubleDigits = 15;

SqliteColumn column_of(const duck::Column& column) {
  const std::string& type = column.type;
  const std::string name = quote_name(column.name);
  const auto is = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* each) { return type == each; });
  };
  if (type.ends_with("]") || type.starts_with("STRUCT(") || type.starts_with("MAP(") ||
      type.starts_with("UNION(")) {
    return {column.name, "TEXT", "CAST(to_json(" + name + ") AS VARCHAR)"};
  }
  if (is({"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT",
          "UINTEGER"})) {
    return {column.name, "INTEGER", name};
  }
  if (is({"HUGEINT", "UBIGINT", "UHUGEINT"})) return {column.name, "", name};
  if (is({"DOUBLE", "FLOAT"})) return {column.name, "REAL", name};
  if (type.starts_with("DECIMAL(")) {
    const int digits = std::atoi(type.c_str() + 8);
    return {column.name, digits <= kDoubleDigits ? "NUMERIC" : "TEXT",
            "CAST(" + name + " AS VARCHAR)"};
  }
  if (type == "TIMESTAMP WITH TIME ZONE")
    return {column.name, "TEXT", "CAST(" + name + " AT TIME ZONE 'UTC' AS VARCHAR) || 'Z'"};
  if (type == "BLOB") return {column.name, "TEXT", "hex(" + name + ")"};
  return {column.name, "TEXT", "CAST(" + name + " AS VARCHAR)"};
}

}  // namespace

std::vector<SqliteColumn> sqlite_columns(const std::vector<duck::Column>& columns,
                                         const std::string& view) {
  std::vector<SqliteColumn> out;
  std::map<std::string, std::string> seen;
  for (const auto& column : columns) {
    std::string lower = column.name;
    for (char& c : lower) c = char(std::tolower(static_cast<unsigned char>(c)));
    const auto [other, fresh] = seen.emplace(lower, column.name);
    if (!fresh) {
      throw Error(Code::data,
                  "view \"" + view + "\" has the columns \"" + other->second + "\" and \"" +
                      column.name + "\", which SQLite takes for one",
                  "rename one of them in the view's SELECT");
    }
    out.push_back(column_of(column));
  }
  return out;
}

clients::SqliteValue sqlite_value(const duck::Cell& cell) {
  if (const auto* flag = std::get_if<bool>(&cell)) return int64_t(*flag);
  if (const auto* whole = std::get_if<int64_t>(&cell)) return *whole;
  if (const auto* number = std::get_if<double>(&cell)) {
    if (std::isnan(*number)) return std::monostate{};
    return *number;
  }
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return std::monostate{};
}

}  // namespace windrow::publish
