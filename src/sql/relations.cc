#include "sql/relations.h"

#include <algorithm>

namespace windrow::sql {

namespace {

std::vector<std::string> names_in(const Json& array) {
  std::vector<std::string> out;
  if (array.is_array()) {
    for (const auto& name : array) out.push_back(name.get<std::string>());
  }
  return out;
}

bool holds(const std::vector<std::string>& names, const std::string& column) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return lower(name) == column; });
}

/// Columns of functions in FROM that were given no names.
bool is_name_of_function(const Json& table, const std::string& alias, const std::string& column) {
  static const std::set<std::string> made = {"key",    "value",   "type", "atom", "id",
                                             "parent", "fullkey", "path", "json", "rowid"};
  const Json function = table.value("function", Json::object());
  return column == alias || column == lower(text_at(function, "function_name")) ||
         made.count(column) > 0;
}

Has either(Has a, Has b) { return std::max(a, b); }

}  // namespace

ScopePtr with_ctes(const Json& node, const ScopePtr& outer) {
  auto scope = std::make_shared<Scope>(*outer);
  for (const auto& cte : ctes_of(node))
    scope->ctes[cte.name] = {cte, std::make_shared<Scope>(*scope)};
  return scope;
}

const Json& first_select(const Json& query) {
  const Json* at = &query;
  while (!is_type(*at, "SELECT_NODE") && at->contains("left")) at = &at->at("left");
  return *at;
}

Relation relation_of(const Json& table, const ScopePtr& scope) {
  Relation out;
  out.node = &table;
  out.alias = lower(text_at(table, "alias"));
  out.names = names_in(table.value("column_name_alias", Json()));
  if (is_type(table, "SUBQUERY")) {
    out.query = &table.at("subquery").at("node");
    out.scope = scope;
  } else if (is_type(table, "BASE_TABLE")) {
    if (out.alias.empty()) out.alias = lower(text_at(table, "table_name"));
    const auto found = scope->ctes.find(cte_name(table));
    if (found == scope->ctes.end()) {
      out.table = table_name(table);
      out.position = location(table).value_or(0);
    } else if (!found->second.cte.node) {
      out.recursive = true;
    } else {
      out.query = found->second.cte.node;
      out.scope = found->second.sees;
      if (out.names.empty()) out.names = found->second.cte.columns;
    }
  }
  return out;
}

StarMeaning star_meaning(const Json& star, const std::string& column) {
  for (const auto& entry : star.value("replace_list", Json::array())) {
    if (lower(text_at(entry, "key")) == column) return {false, entry.at("value")};
  }
  bool gone = holds(names_in(star.value("exclude_list", Json())), column);
  for (const auto& entry : star.value("qualified_exclude_list", Json::array()))
    gone = gone || lower(text_at(entry, "column")) == column;
  for (const auto& entry : star.value("rename_list", Json::array())) {
    const auto& key = entry.at("key");
    gone = gone || lower(text_at(key, "column")) == column;
    if (lower(text_at(entry, "value")) != column) continue;
    Json names = Json::array();
    if (const auto table = text_at(key, "table"); !table.empty()) names.push_back(table);
    names.push_back(text_at(key, "column"));
    return {false, Json{{"class", "COLUMN_REF"},
                        {"type", "COLUMN_REF"},
                        {"alias", ""},
                        {"column_names", std::move(names)}}};
  }
  return {!gone, {}};
}

bool expands(const Json& item) {
  if (is_class(item, "STAR")) return item.value("columns", false);
  bool found = false;
  walk(item, [&](const Json& n) {
    found = found || is_class(n, "STAR");
    return !found && !is_class(n, "SUBQUERY");
  });
  // A structure that is unnested becomes its fields. `count(*)` is a function without a star.
  return found || (is(item, "function_name", "unnest") && text_at(item, "alias").empty());
}

Has ColumnFinder::yields(const Relation& relation, const std::string& column) {
  if (holds(relation.names, column)) return Has::yes;
  if (left_ == 0) return Has::maybe;
  --left_;
  if (relation.query) return query_yields(relation, column);
  if (!relation.table.empty()) return table_yields(relation, column);
  if (!relation.node || relation.recursive) return Has::maybe;
  const Json& node = *relation.node;
  if (is_type(node, "EMPTY")) return Has::no;
  if (is_type(node, "TABLE_FUNCTION")) {
    return relation.names.empty() && is_name_of_function(node, relation.alias, column) ? Has::maybe
                                                                                       : Has::no;
  }
  if (is_type(node, "EXPRESSION_LIST"))
    return relation.names.empty() && column.starts_with("col") ? Has::maybe : Has::no;
  return Has::maybe;  // PIVOT
}

Has ColumnFinder::table_yields(const Relation& relation, const std::string& column) const {
  if (!catalog_) return Has::maybe;
  const auto found = catalog_->find(relation.table);
  if (found == catalog_->end()) return Has::maybe;
  const auto& columns = found->second;
  for (size_t i = relation.names.size(); i < columns.size(); ++i) {
    if (lower(columns[i].name) == column) return Has::yes;
  }
  return Has::no;
}

Has ColumnFinder::query_yields(const Relation& relation, const std::string& column) {
  auto scope = with_ctes(*relation.query, relation.scope);
  const Json* node = relation.query;
  Has out = Has::no;
  while (!is_type(*node, "SELECT_NODE") && node->contains("left")) {
    // By name the other parts add columns.
    if (text_at(*node, "setop_type").find("BY_NAME") != std::string::npos) out = Has::maybe;
    node = &node->at("left");
    scope = with_ctes(*node, scope);
  }
  if (!is_type(*node, "SELECT_NODE")) return Has::maybe;
  const auto& list = node->at("select_list");
  for (size_t i = 0; i < list.size(); ++i) {
    const auto& item = list[i];
    const bool star = is_class(item, "STAR");
    if (expands(item) || (star && i < relation.names.size())) {
      out = either(out, Has::maybe);
    } else if (star) {
      const auto meaning = star_meaning(item, column);
      if (meaning.expression) return Has::yes;
      if (meaning.passes) {
        out = either(out, from_yields(node->at("from_table"), scope, column,
                                      lower(text_at(item, "relation_name"))));
      }
    } else if (i >= relation.names.size() && lower(output_name(item)) == column) {
      return Has::yes;
    }
  }
  return out;
}

Has ColumnFinder::from_yields(const Json& from, const ScopePtr& scope, const std::string& column,
                              const std::string& alias) {
  if (!from.is_object()) return Has::no;
  if (is_type(from, "JOIN")) {
    return either(from_yields(from.at("left"), scope, column, alias),
                  from_yields(from.at("right"), scope, column, alias));
  }
  const auto relation = relation_of(from, scope);
  if (!alias.empty() && relation.alias != alias) return Has::no;
  return yields(relation, column);
}

}  // namespace windrow::sql
