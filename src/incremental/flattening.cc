#include <map>
#include <optional>

#include "base/text.h"
#include "incremental/names.h"
#include "incremental/tree.h"

namespace windrow::incremental {

namespace {

bool holds_class(const Json& node, const char* name) {
  bool found = false;
  sql::walk(node, [&](const Json& n) { return !(found = found || sql::is_class(n, name)); });
  return found;
}

/// Whether the query gives its rows one by one, each from one row of FROM.
bool is_plain(const Json& query) {
  if (!sql::is_type(query, "SELECT_NODE") || !query.at("group_expressions").empty() ||
      !query.at("having").is_null() || !query.at("qualify").is_null() ||
      !query.at("modifiers").empty() || !query.at("sample").is_null() ||
      !sql::is(query, "aggregate_handling", "STANDARD_HANDLING"))
    return false;
  for (const auto& item : query.at("select_list")) {
    if (sql::is_class(item, "STAR") || sql::expands(item) || sql::has_aggregate(item) ||
        holds_class(item, "WINDOW") || holds_class(item, "SUBQUERY"))
      return false;
  }
  return true;
}

/// Columns of a sub-query by name, and what they stand for.
class Substitution {
 public:
  Substitution(const Json& subquery, const Names& inside)
      : alias_(lower(sql::text_at(subquery, "alias"))) {
    const auto& given = subquery.at("column_name_alias");
    const auto& list = subquery.at("subquery").at("node").at("select_list");
    for (size_t i = 0; i < list.size(); ++i) {
      const auto name = i < given.size() ? given[i].get<std::string>() : sql::output_name(list[i]);
      if (!name.empty() && !columns_.emplace(lower(name), inside.resolved(list[i])).second)
        throw WhyNot{"a sub-query has two columns of one name"};
    }
  }

  /// The expression over what the sub-query reads; false where a name is not one of its columns.
  bool put_in(Json& node) const {
    if (!node.is_structured()) return true;
    if (sql::is_class(node, "SUBQUERY") || sql::is_class(node, "LAMBDA") ||
        sql::is_class(node, "STAR"))
      return false;
    if (sql::is_class(node, "COLUMN_REF")) {
      const auto& names = node.at("column_names");
      if (names.size() > 2 || (names.size() == 2 && lower(names[0].get<std::string>()) != alias_))
        return false;
      const auto found = columns_.find(lower(names.back().get<std::string>()));
      if (found == columns_.end()) return false;
      node = with_alias(found->second, sql::text_at(node, "alias"));
      return true;
    }
    for (auto& child : node) {
      if (!put_in(child)) return false;
    }
    return true;
  }

 private:
  std::string alias_;
  std::map<std::string, Json> columns_;
};

bool put_in_order(Json& modifier, const Json& list, const Names& names,
                  const Substitution& columns) {
  if (modifier.contains("distinct_on_targets") && !modifier["distinct_on_targets"].empty())
    return false;
  if (!modifier.contains("orders")) return true;
  for (auto& order : modifier["orders"]) {
    auto& by = order["expression"];
    bool is_output = sql::as_position(by).has_value();
    if (sql::is_class(by, "COLUMN_REF") && by.at("column_names").size() == 1) {
      for (const auto& item : list)
        is_output = is_output || lower(sql::output_name(item)) ==
                                     lower(by.at("column_names")[0].get<std::string>());
    }
    if (is_output) continue;
    by = names.resolved(by);
    if (!columns.put_in(by)) return false;
  }
  return true;
}

/// The SELECT over what the sub-query in its FROM reads; nothing where it is not sure.
std::optional<Json> over_what_is_inside(const Json& select, const sql::Catalog& columns) {
  const Json& from = select.at("from_table");
  const Json& inner = from.at("subquery").at("node");
  const Names names(select, columns), inside(inner, columns);
  const Substitution put(from, inside);
  Json out = select;
  for (auto& item : out["select_list"]) {
    const auto name = sql::output_name(item);
    item = names.resolved(item);
    if (!put.put_in(item)) return {};
    item["alias"] = name;
  }
  for (auto& group : out["group_expressions"]) {
    if (sql::as_position(group)) continue;
    group = names.resolved(group);
    if (!put.put_in(group)) return {};
  }
  for (const char* part : {"where_clause", "having", "qualify"}) {
    if (out[part].is_null()) continue;
    out[part] = names.resolved(out[part]);
    if (!put.put_in(out[part])) return {};
  }
  for (auto& modifier : out["modifiers"]) {
    if (!put_in_order(modifier, select.at("select_list"), names, put)) return {};
  }
  auto where = conjuncts(inside.resolved(inner.at("where_clause")));
  for (auto& part : conjuncts(out["where_clause"])) where.push_back(std::move(part));
  out["where_clause"] = conjunction(std::move(where));
  out["from_table"] = inner.at("from_table");
  return out;
}

}  // namespace

void flatten(Json& node, const std::set<std::string>& changed, const sql::Catalog& columns) {
  if (!node.is_structured()) return;
  for (auto& child : node) flatten(child, changed, columns);
  if (!sql::is_type(node, "SELECT_NODE") || !sql::is_type(node.at("from_table"), "SUBQUERY") ||
      !node.at("from_table").at("sample").is_null() || !node.at("sample").is_null())
    return;
  const Json& inner = node.at("from_table").at("subquery").at("node");
  if (!is_plain(inner) || changed_subqueries(inner.at("where_clause"), changed).empty()) return;
  try {
    if (auto flat = over_what_is_inside(node, columns)) node = std::move(*flat);
  } catch (const WhyNot&) {
    // It stays as it is.
  }
}

}  // namespace windrow::incremental
