#pragma once

// Private to sql/: walking DuckDB's syntax tree as json_serialize_sql gives it.
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "sql/sql.h"

namespace windrow::sql {

using Json = nlohmann::json;

std::string lower(std::string_view text);

inline std::string text_at(const Json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}
inline bool is_class(const Json& node, const char* name) {
  return node.is_object() && text_at(node, "class") == name;
}
inline bool is_type(const Json& node, const char* name) {
  return node.is_object() && text_at(node, "type") == name;
}

/// Byte in the SQL where the node stands; nothing where DuckDB does not say.
std::optional<size_t> location(const Json& node);

/// Calls `visit` for every object, parents first. Where it returns false the children are left out.
void walk(const Json& node, const std::function<bool(const Json&)>& visit);

/// The statement's query node.
const Json& root(const Parsed& select);

/// The full name of a BASE_TABLE.
std::string table_name(const Json& base_table);

/// The SQL text of an expression.
std::string expression_text(duck::Connection& connection, const Json& expression);

/// WITH clauses of a node: name → query node, in order.
std::vector<std::pair<std::string, const Json*>> ctes_of(const Json& node);

}  // namespace windrow::sql
