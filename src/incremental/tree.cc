#include "incremental/tree.h"

#include <algorithm>
#include <cstdint>

namespace windrow::incremental {

namespace {

constexpr uint64_t kNowhere = UINT64_MAX;  // no place in a text

}  // namespace

namespace {

/// A name of its own, without a schema.
std::string named(const char* rows, std::string table) {
  std::replace(table.begin(), table.end(), '.', '/');
  return rows + table;
}

}  // namespace

std::string rows_before(const std::string& table) { return named("windrow before ", table); }
std::string rows_added(const std::string& table) { return named("windrow added ", table); }
std::string rows_removed(const std::string& table) { return named("windrow removed ", table); }
std::string state_rows(size_t state) { return "windrow state " + std::to_string(state); }

void read_as(Json& base_table, Version version) {
  const auto name = sql::table_name(base_table);
  if (sql::text_at(base_table, "alias").empty())
    base_table["alias"] = sql::text_at(base_table, "table_name");
  base_table["schema_name"] = "";
  base_table["catalog_name"] = "";
  base_table["table_name"] = version == Version::before  ? rows_before(name)
                             : version == Version::added ? rows_added(name)
                                                         : rows_removed(name);
}

void read_before(Json& node, const std::set<std::string>& changed) {
  if (sql::is_type(node, "BASE_TABLE")) {
    if (changed.contains(sql::table_name(node))) read_as(node, Version::before);
    return;
  }
  if (!node.is_structured()) return;
  for (auto& child : node) read_before(child, changed);
}

bool reads_changed(const Json& node, const std::set<std::string>& changed) {
  bool found = false;
  sql::walk(node, [&](const Json& n) {
    found = found || (sql::is_type(n, "BASE_TABLE") && changed.contains(sql::table_name(n)));
    return !found;
  });
  return found;
}

std::vector<const Json*> changed_subqueries(const Json& expression,
                                            const std::set<std::string>& changed) {
  std::vector<const Json*> out;
  sql::walk(expression, [&](const Json& node) {
    if (!sql::is_class(node, "SUBQUERY")) return true;
    if (reads_changed(node, changed)) out.push_back(&node);
    return false;
  });
  return out;
}

Json table_ref(const std::string& name, const std::string& alias) {
  return {{"type", "BASE_TABLE"},
          {"alias", alias},
          {"sample", nullptr},
          {"query_location", kNowhere},
          {"schema_name", ""},
          {"table_name", name},
          {"column_name_alias", Json::array()},
          {"catalog_name", ""},
          {"at_clause", nullptr}};
}

Json subquery_ref(Json query, const std::string& alias, Json columns) {
  return {{"type", "SUBQUERY"},
          {"alias", alias},
          {"sample", nullptr},
          {"query_location", kNowhere},
          {"subquery", {{"node", std::move(query)}, {"named_param_map", Json::array()}}},
          {"column_name_alias", std::move(columns)}};
}

Json column_ref(std::vector<std::string> names) {
  return {{"class", "COLUMN_REF"},
          {"type", "COLUMN_REF"},
          {"alias", ""},
          {"query_location", kNowhere},
          {"column_names", std::move(names)}};
}

Json compared(Json left, Json right, bool nulls_equal) {
  return {{"class", "COMPARISON"},
          {"type", nulls_equal ? "COMPARE_NOT_DISTINCT_FROM" : "COMPARE_EQUAL"},
          {"alias", ""},
          {"query_location", kNowhere},
          {"left", std::move(left)},
          {"right", std::move(right)}};
}

Json conjunction(std::vector<Json> all, const char* type) {
  std::erase_if(all, [](const Json& one) { return one.is_null(); });
  if (type == std::string_view("CONJUNCTION_AND")) {
    // One in another is not what DuckDB reads from its text.
    std::vector<Json> flat;
    for (const auto& one : all) {
      for (auto& part : conjuncts(one)) flat.push_back(std::move(part));
    }
    all = std::move(flat);
  }
  if (all.empty()) return nullptr;
  if (all.size() == 1) return std::move(all.front());
  return {{"class", "CONJUNCTION"},
          {"type", type},
          {"alias", ""},
          {"query_location", kNowhere},
          {"children", std::move(all)}};
}

std::vector<Json> conjuncts(const Json& condition) {
  if (condition.is_null()) return {};
  if (!sql::is_type(condition, "CONJUNCTION_AND")) return {condition};
  std::vector<Json> out;
  for (const auto& child : condition.at("children")) {
    for (auto& part : conjuncts(child)) out.push_back(std::move(part));
  }
  return out;
}

Json exists(Json query) {
  return {{"class", "SUBQUERY"},
          {"type", "SUBQUERY"},
          {"alias", ""},
          {"query_location", kNowhere},
          {"subquery_type", "EXISTS"},
          {"subquery", {{"node", std::move(query)}, {"named_param_map", Json::array()}}},
          {"child", nullptr},
          {"comparison_type", "INVALID"}};
}

Json star() {
  return Json::array({{{"class", "STAR"},
                       {"type", "STAR"},
                       {"alias", ""},
                       {"query_location", kNowhere},
                       {"relation_name", ""},
                       {"exclude_list", Json::array()},
                       {"replace_list", Json::array()},
                       {"columns", false},
                       {"expr", nullptr},
                       {"qualified_exclude_list", Json::array()},
                       {"rename_list", Json::array()}}});
}

Json select_node(Json list, Json from, Json where) {
  return {{"type", "SELECT_NODE"},
          {"modifiers", Json::array()},
          {"cte_map", {{"map", Json::array()}}},
          {"select_list", std::move(list)},
          {"from_table", std::move(from)},
          {"where_clause", std::move(where)},
          {"group_expressions", Json::array()},
          {"group_sets", Json::array()},
          {"aggregate_handling", "STANDARD_HANDLING"},
          {"having", nullptr},
          {"sample", nullptr},
          {"qualify", nullptr}};
}

Json with_alias(Json expression, const std::string& alias) {
  expression["alias"] = alias;
  return expression;
}

bool is_aggregate_call(const Json& function) {
  Json alone = function;
  alone["children"] = Json::array();
  alone["filter"] = nullptr;
  return sql::has_aggregate(alone);
}

Json without_order(Json query) {
  Json kept = Json::array();
  for (auto& modifier : query.at("modifiers")) {
    if (sql::is_type(modifier, "ORDER_MODIFIER")) continue;
    if (!sql::is_type(modifier, "DISTINCT_MODIFIER")) throw WhyNot{"it has a LIMIT"};
    kept.push_back(std::move(modifier));
  }
  // What DISTINCT ON keeps follows from the order.
  for (const auto& modifier : kept) {
    if (!modifier.at("distinct_on_targets").empty()) return query;
  }
  query["modifiers"] = std::move(kept);
  return query;
}

const Json* distinct_of(const Json& query) {
  for (const auto& modifier : query.at("modifiers")) {
    if (sql::is_type(modifier, "DISTINCT_MODIFIER")) return &modifier;
  }
  return nullptr;
}

}  // namespace windrow::incremental
