#include "incremental/group_sums.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "duck/duck.h"
#include "duck/functions.h"
#include "duck/quoting.h"

namespace windrow::incremental {

namespace {

std::string state_name(const std::string& column) {
  return duck::quote_name(kStateAlias) + "." + duck::quote_name(column);
}

bool is_distinct(const Json& node) { return node.value("distinct", false); }

/// Whether an unqualified name of the query around a state may mean a column of the state.
bool may_be_state_column(const Json& column) {
  const auto& names = column.at("column_names");
  const auto first = lower(names[0].get<std::string>());
  if (names.size() > 1) return first == kStateAlias;
  return first == "n" ||
         ((first[0] == 'k' || first[0] == 's') &&
          std::all_of(first.begin() + 1, first.end(), [](char c) { return std::isdigit(c); }));
}

void refuse_state_columns(const Json& expression) {
  sql::walk(expression, [](const Json& node) {
    if (sql::is_class(node, "COLUMN_REF") && may_be_state_column(node))
      throw WhyNot{"a column has a name that columns of sums have"};
    return true;
  });
}

/// Whose columns an expression of a sub-query reads.
enum class Reads { nobody, own, around, both };

Reads reads_of(const Json& expression, const Names& names) {
  bool own = false, around = false;
  try {
    sql::walk(expression, [&](const Json& n) {
      if (sql::is_class(n, "SUBQUERY") || sql::is_class(n, "LAMBDA")) own = around = true;
      if (sql::is_class(n, "COLUMN_REF")) (names.reads(n) ? own : around) = true;
      return true;
    });
  } catch (const WhyNot&) {  // it is not clear
    return Reads::both;
  }
  return own && around ? Reads::both : own ? Reads::own : around ? Reads::around : Reads::nobody;
}

}  // namespace

GroupSums::GroupSums(duck::Connection& connection, const Json& select, const Names& names,
                     const Parameters& parameters)
    : connection_(connection), select_(select), names_(names), parameters_(parameters) {
  for (auto& group : names.groups()) add_group(std::move(group));
  own = groups.size();
  for (const char* part : {"select_list", "having", "qualify", "modifiers"})
    add_distinct(select.at(part));
  where = select.at("where_clause").is_null() ? Json() : names.resolved(select.at("where_clause"));
  if (own == 0) find_asked();
}

size_t GroupSums::add_group(Json value) {
  auto name = names_.canonical(value);
  for (size_t i = 0; i < groups.size(); ++i) {
    if (group_names_[i] == name) return i;
  }
  groups.push_back(with_alias(std::move(value), ""));
  group_names_.push_back(std::move(name));
  return groups.size() - 1;
}

size_t GroupSums::add(Json value) {
  const auto name = sql::bare(value);
  for (size_t i = 0; i < value_names_.size(); ++i) {
    if (value_names_[i] == name) return i;
  }
  value_names_.push_back(name);
  values.push_back(with_alias(std::move(value), ""));
  return values.size() - 1;
}

/// What DISTINCT counts is grouped by.
void GroupSums::add_distinct(const Json& node) {
  sql::walk(node, [&](const Json& n) {
    if (sql::is_class(n, "SUBQUERY") || sql::is_class(n, "WINDOW"))
      return !sql::is_class(n, "SUBQUERY");
    if (!sql::is_class(n, "FUNCTION") || !is_distinct(n) || !is_aggregate_call(n)) return true;
    if (lower(sql::text_at(n, "function_name")) != "count" || n.at("children").size() != 1)
      throw WhyNot{"it aggregates DISTINCT values otherwise than by count()"};
    if (!n.at("filter").is_null()) throw WhyNot{"it counts DISTINCT values with a FILTER"};
    add_group(names_.resolved(n.at("children")[0]));
    finer = true;
    return true;
  });
}

/// `inner = outer` in WHERE, where `outer` is a value of the query around: rows are kept for each
/// `inner`, and the SELECT asks for some of them.
void GroupSums::find_asked() {
  std::vector<Json> kept, conditions;
  for (auto& part : conjuncts(where)) {
    bool found = false;
    if (sql::is_type(part, "COMPARE_EQUAL")) {
      for (const auto& [inner, outer] :
           {std::pair{part.at("left"), part.at("right")}, {part.at("right"), part.at("left")}}) {
        if (found || reads_of(inner, names_) != Reads::own ||
            reads_of(outer, names_) != Reads::around)
          continue;
        refuse_state_columns(outer);
        const auto group = add_group(inner);
        conditions.push_back(compared(column("k" + std::to_string(group)), outer, false));
        found = finer = true;
      }
    }
    if (!found) kept.push_back(std::move(part));
  }
  where = conjunction(std::move(kept));
  asked = conjunction(std::move(conditions));
}

Json GroupSums::over_state(const Json& node) {
  if (!node.is_structured()) return node;
  if (node.is_object() && node.contains("class")) {
    const auto canonical = names_.canonical(node);
    for (size_t i = 0; i < own; ++i) {
      if (group_names_[i] == canonical)
        return with_alias(column("k" + std::to_string(i)), sql::text_at(node, "alias"));
    }
    if (sql::is_class(node, "COLUMN_REF")) throw WhyNot{"it reads a column that is not grouped by"};
    if (sql::is_class(node, "FUNCTION") && sql::has_aggregate(node) && is_aggregate_call(node))
      return with_alias(aggregate(node), sql::text_at(node, "alias"));
    if (sql::is_class(node, "SUBQUERY")) {
      // What is a column around it here would be the sums' there.
      refuse_state_columns(node);
      return node;
    }
  }
  Json out = node;
  for (auto& child : out) {
    if (child.is_structured()) child = over_state(child);
  }
  return out;
}

std::string GroupSums::value_text(size_t i) const {
  const auto name = state_name("s" + std::to_string(i));
  return finer ? "sum(" + name + ")" : name;
}

std::string GroupSums::count_text(size_t i) const {
  return finer ? "CAST(coalesce(" + value_text(i) + ", 0) AS BIGINT)" : value_text(i);
}

Json GroupSums::expression(const std::string& text) const {
  return sql::parse_tree(connection_, "SELECT " + text, {}).at("select_list")[0];
}

/// Whether avg() adds 16 bits up, and divides in a narrower type.
bool GroupSums::is_narrow(const Json& argument) const {
  const auto type =
      connection_
          .describe(
              sql::query_text(connection_, select_node(Json::array({with_alias(argument, "")}),
                                                       select_.at("from_table"), nullptr)),
              parameters_)
          .at(0)
          .type;
  if (type == "TINYINT" || type == "SMALLINT") return true;
  if (type == "INTEGER" || type == "BIGINT") return false;
  if (!type.starts_with("DECIMAL("))
    throw WhyNot{"a mean of type " + type + " depends on the order of its rows"};
  return std::stoi(type.substr(8)) <= 4;
}

Json GroupSums::aggregate(const Json& call) {
  const auto name = lower(sql::text_at(call, "function_name"));
  if (is_distinct(call)) {  // add_distinct() has looked
    const auto group = add_group(call.at("children")[0]);
    return expression("count(DISTINCT " + state_name("k" + std::to_string(group)) + ")");
  }
  const auto like = [&](const char* function) {
    Json out = with_alias(call, "");
    out["function_name"] = function;
    return out;
  };
  const auto rows = state_name("n");
  if (name == "count_star" && call.at("filter").is_null())
    return expression(finer ? "CAST(coalesce(sum(" + rows + "), 0) AS BIGINT)" : rows);
  if (name == "count" || name == "count_star")
    return expression(count_text(add(like(name.c_str()))));
  static const std::set<std::string> known{"sum", "avg", "mean", "bool_or", "bool_and"};
  if (!known.contains(name) || call.at("children").size() != 1)
    throw WhyNot{name + "() is not worked out from sums"};
  const auto count = count_text(add(like("count")));
  const auto where_any = [&](const std::string& value) {
    return expression("CASE WHEN " + count + " > 0 THEN " + value + " END");
  };
  if (name == "sum") return where_any(value_text(add(like("sum"))));
  if (name == "avg" || name == "mean") {
    const bool narrow = is_narrow(call.at("children")[0]);
    return where_any(std::string(duck::kMean) + "(" + value_text(add(like("sum"))) + ", " + count +
                     (narrow ? ", true)" : ", false)"));
  }
  Json holds = like("count");
  Json one = expression("CASE WHEN NULL THEN 1 END");
  one["case_checks"][0]["when_expr"] = call.at("children")[0];
  holds["children"][0] = std::move(one);
  const auto held = count_text(add(std::move(holds)));
  return where_any(held + (name == "bool_or" ? " > 0" : " = " + count));
}

}  // namespace windrow::incremental
