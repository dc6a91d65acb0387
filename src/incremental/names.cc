#include "incremental/names.h"

#include <algorithm>

#include "base/text.h"

namespace windrow::incremental {

namespace {

constexpr int kAliasesMax = 50;  // of aliases of aliases

}  // namespace

Names::Names(const Json& select, const sql::Catalog& columns)
    : select_(select), columns_(columns), scope_(std::make_shared<sql::Scope>()) {
  add_relations(select.at("from_table"));
}

void Names::add_relations(const Json& from) {
  if (!sql::is_type(from, "JOIN")) {
    if (!sql::is_type(from, "EMPTY")) relations_.push_back(sql::relation_of(from, scope_));
    return;
  }
  natural_ = natural_ || sql::is(from, "ref_type", "NATURAL");
  for (const auto& name : from.value("using_columns", Json::array()))
    joined_.insert(lower(name.get<std::string>()));
  add_relations(from.at("left"));
  add_relations(from.at("right"));
}

Json Names::resolved(const Json& expression, int depth) const {
  if (depth > kAliasesMax) throw WhyNot{"its names stand for one another"};
  if (sql::is_class(expression, "SUBQUERY")) {
    Json out = expression;  // aliases are not seen inside
    if (!out.at("child").is_null()) out["child"] = resolved(expression.at("child"), depth);
    return out;
  }
  if (sql::is_class(expression, "LAMBDA")) return expression;
  if (sql::is_class(expression, "COLUMN_REF") && expression.at("column_names").size() == 1) {
    const auto name = lower(expression.at("column_names")[0].get<std::string>());
    for (const auto& item : select_.at("select_list")) {
      if (lower(sql::text_at(item, "alias")) != name || name.empty()) continue;
      sql::ColumnFinder finder(&columns_);
      const auto has = finder.from_yields(select_.at("from_table"), scope_, name);
      if (has == sql::Has::yes) return expression;
      if (has == sql::Has::maybe) throw WhyNot{"it is not clear what \"" + name + "\" stands for"};
      return with_alias(resolved(item, depth + 1), sql::text_at(expression, "alias"));
    }
    return expression;
  }
  if (!expression.is_structured()) return expression;
  Json out = expression;
  for (auto& child : out) {
    if (child.is_structured()) child = resolved(child, depth);
  }
  return out;
}

const sql::Relation* Names::relation_of_column(const Json& column) const {
  const auto& names = column.at("column_names");
  const auto first = lower(names[0].get<std::string>());
  if (names.size() > 1) {
    for (const auto& relation : relations_) {
      if (relation.alias == first) return &relation;
    }
  }
  const sql::Relation* found = nullptr;
  for (const auto& relation : relations_) {
    sql::ColumnFinder finder(&columns_);
    const auto has = finder.yields(relation, first);
    if (has == sql::Has::maybe) return nullptr;
    if (has == sql::Has::no) continue;
    if (found) return joined_.contains(first) || natural_ ? found : nullptr;
    found = &relation;
  }
  return found;
}

Json Names::canonical(const Json& resolved) const {
  Json out = sql::bare(resolved);
  const auto visit = [this](auto& self, Json& node) -> void {
    if (sql::is_class(node, "COLUMN_REF")) {
      const auto* relation = relation_of_column(node);
      auto& names = node.at("column_names");
      for (auto& name : names) name = lower(name.get<std::string>());
      if (relation && !(names.size() > 1 && names[0] == relation->alias))
        names.insert(names.begin(), relation->alias);
      return;
    }
    if (!node.is_structured() || sql::is_class(node, "SUBQUERY")) return;
    for (auto& child : node) self(self, child);
  };
  visit(visit, out);
  return out;
}

std::optional<std::string> Names::owner(const Json& resolved) const {
  std::optional<std::string> out;
  bool clear = true;
  sql::walk(resolved, [&](const Json& node) {
    if (sql::is_class(node, "SUBQUERY") || sql::is_class(node, "LAMBDA")) clear = false;
    if (!clear || !sql::is_class(node, "COLUMN_REF")) return clear;
    const auto* relation = relation_of_column(node);
    clear = relation && !relation->alias.empty() && (!out || *out == relation->alias);
    if (clear) out = relation->alias;
    return clear;
  });
  // Two of one alias are told apart by nothing.
  if (!clear || !out ||
      std::count_if(relations_.begin(), relations_.end(),
                    [&](const auto& relation) { return relation.alias == *out; }) != 1)
    return {};
  return out;
}

bool Names::reads(const Json& column) const {
  const auto& names = column.at("column_names");
  const auto first = lower(names[0].get<std::string>());
  if (names.size() > 1) {
    for (const auto& relation : relations_) {
      if (relation.alias == first) return true;
    }
  }
  bool found = false;
  for (const auto& relation : relations_) {
    sql::ColumnFinder finder(&columns_);
    const auto has = finder.yields(relation, first);
    if (has == sql::Has::maybe) throw WhyNot{"it is not clear whose \"" + first + "\" is"};
    found = found || has == sql::Has::yes;
  }
  return found;
}

bool Names::grouped() const {
  if (!select_.at("group_expressions").empty() || !select_.at("having").is_null() ||
      sql::text_at(select_, "aggregate_handling") == "FORCE_AGGREGATES")
    return true;
  const auto& list = select_.at("select_list");
  return std::any_of(list.begin(), list.end(),
                     [](const Json& item) { return sql::has_aggregate(item); });
}

std::vector<Json> Names::groups() const {
  std::vector<Json> out;
  const auto& list = select_.at("select_list");
  if (sql::text_at(select_, "aggregate_handling") == "FORCE_AGGREGATES") {
    for (const auto& item : list) {
      if (sql::is_class(item, "STAR") || sql::expands(item))
        throw WhyNot{"it groups by all columns of a star"};
      if (!sql::has_aggregate(item)) out.push_back(resolved(item));
    }
    return out;
  }
  const auto& groups = select_.at("group_expressions");
  const auto& sets = select_.at("group_sets");
  if (sets.size() > 1 || (sets.size() == 1 && sets[0].size() != groups.size()))
    throw WhyNot{"it groups by ROLLUP, CUBE or GROUPING SETS"};
  for (const auto& group : groups) {
    if (const auto position = sql::as_position(group)) {
      if (*position < 1 || *position > list.size())
        throw WhyNot{"it groups by a position that is not there"};
      out.push_back(resolved(list[*position - 1]));
    } else {
      out.push_back(resolved(group));
    }
  }
  return out;
}

}  // namespace windrow::incremental
