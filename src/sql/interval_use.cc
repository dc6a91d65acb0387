#include <algorithm>

#include "sql/tree.h"

// A model by intervals compares an expression over an input's column with $start and $end. The
// comparison may stand anywhere and speak of the column through aliases, WITH clauses and
// sub-queries; here it is followed to the table.
namespace windrow::sql {

namespace {

/// Names that a SELECT's expressions can speak of: alias → where it leads.
struct Item {
  std::string alias;                    // lower case
  std::string table;                    // of a table of the lake
  const Json* node = nullptr;           // of a sub-query or a WITH clause
  std::shared_ptr<struct Scope> scope;  // the WITH clauses that `node` sees
};
struct Scope {
  std::map<std::string, std::pair<const Json*, std::shared_ptr<Scope>>> ctes;
};
using ScopePtr = std::shared_ptr<Scope>;

ScopePtr with_ctes(const Json& node, const ScopePtr& outer) {
  auto scope = std::make_shared<Scope>(*outer);
  for (const auto& [name, query] : ctes_of(node)) {
    scope->ctes[name] = {query, std::make_shared<Scope>(*scope)};
  }
  return scope;
}

void items_of(const Json& from, const ScopePtr& scope, std::vector<Item>& out) {
  if (!from.is_object()) return;
  const auto alias = lower(text_at(from, "alias"));
  if (is_type(from, "BASE_TABLE")) {
    const auto name = table_name(from);
    auto cte = scope->ctes.find(lower(name));
    const std::string called = alias.empty() ? lower(text_at(from, "table_name")) : alias;
    if (cte != scope->ctes.end()) {
      out.push_back({called, "", cte->second.first, cte->second.second});
    } else {
      out.push_back({called, name, nullptr, nullptr});
    }
  } else if (is_type(from, "SUBQUERY")) {
    out.push_back({alias, "", &from.at("subquery").at("node"), scope});
  } else if (is_type(from, "JOIN")) {
    items_of(from.at("left"), scope, out);
    items_of(from.at("right"), scope, out);
  }
}

struct Found {
  std::string table;
  Json expression;
};

std::optional<Found> follow(const Json& expression, const std::vector<Item>& items, int depth);

/// What a sub-query's column is, in terms of a table.
std::optional<Found> follow_into(const Json& node, const ScopePtr& outer, const std::string& column,
                                 int depth) {
  if (depth > 32) return {};
  if (!is_type(node, "SELECT_NODE")) {
    auto left = node.find("left");
    return left != node.end() ? follow_into(*left, with_ctes(node, outer), column, depth + 1)
                              : std::nullopt;
  }
  const auto scope = with_ctes(node, outer);
  std::vector<Item> items;
  items_of(node.at("from_table"), scope, items);
  for (const auto& item : node.at("select_list")) {
    if (is_class(item, "STAR")) continue;
    std::string name = text_at(item, "alias");
    if (name.empty() && is_class(item, "COLUMN_REF"))
      name = item.at("column_names").back().get<std::string>();
    if (lower(name) == lower(column)) return follow(item, items, depth + 1);
  }
  const bool star = std::any_of(node.at("select_list").begin(), node.at("select_list").end(),
                                [](const Json& item) { return is_class(item, "STAR"); });
  if (!star) return {};
  return follow(
      {{"class", "COLUMN_REF"}, {"type", "COLUMN_REF"}, {"alias", ""}, {"column_names", {column}}},
      items, depth + 1);
}

std::optional<Found> follow_column(const Json& reference, const std::vector<Item>& items,
                                   int depth) {
  const auto& names = reference.at("column_names");
  const std::string column = names.back().get<std::string>();
  const std::string alias =
      names.size() > 1 ? lower(names[names.size() - 2].get<std::string>()) : "";
  std::optional<Found> found;
  for (const auto& item : items) {
    if (!alias.empty() && item.alias != alias) continue;
    if (item.node) {
      if (auto inner = follow_into(*item.node, item.scope, column, depth)) return inner;
    } else if (!found && (!alias.empty() || items.size() == 1)) {
      found = Found{item.table,
                    {{"class", "COLUMN_REF"},
                     {"type", "COLUMN_REF"},
                     {"alias", ""},
                     {"column_names", {column}}}};
    }
  }
  return found;
}

/// The expression with every column followed; nothing where they lead to different tables or
/// nowhere.
std::optional<Found> follow(const Json& expression, const std::vector<Item>& items, int depth) {
  if (is_class(expression, "COLUMN_REF")) return follow_column(expression, items, depth);
  Found out{"", expression};
  if (expression.is_object()) out.expression["alias"] = "";
  if (!expression.is_structured()) return out;
  for (auto it = out.expression.begin(); it != out.expression.end(); ++it) {
    if (!it->is_structured()) continue;
    auto inner = follow(*it, items, depth);
    if (!inner || (!out.table.empty() && !inner->table.empty() && out.table != inner->table))
      return {};
    if (!inner->table.empty()) out.table = inner->table;
    *it = std::move(inner->expression);
  }
  return out;
}

bool mentions(const Json& node, const std::string& parameter) {
  bool found = false;
  walk(node, [&](const Json& n) {
    if (is_class(n, "PARAMETER"))
      found = found || parameter.empty() || text_at(n, "identifier") == parameter;
    return !found;
  });
  return found;
}

bool has_columns(const Json& node) {
  bool found = false;
  walk(node, [&](const Json& n) {
    found = found || is_class(n, "COLUMN_REF");
    return !found;
  });
  return found;
}

class Uses {
 public:
  Uses(duck::Connection& connection, const Parsed& select)
      : connection_(connection), select_(select) {}

  std::vector<IntervalUse> find() {
    std::vector<IntervalUse> out;
    for (const auto& use : select_.tables) {
      const bool known =
          std::any_of(out.begin(), out.end(), [&](const auto& o) { return o.table == use.name; });
      if (!known) out.push_back({use.name, {}, use.place});
    }
    uses_ = &out;
    look_at(root(select_), std::make_shared<Scope>(), {});
    problems_.raise();
    return out;
  }

 private:
  void look_at(const Json& node, const ScopePtr& outer, const std::vector<Item>& around) {
    if (node.is_array()) {
      for (const auto& child : node) look_at(child, outer, around);
      return;
    }
    if (!node.is_object()) return;
    auto scope = node.contains("cte_map") ? with_ctes(node, outer) : outer;
    auto items = around;
    if (is_type(node, "SELECT_NODE")) {
      std::vector<Item> own;
      items_of(node.at("from_table"), scope, own);
      items = own.empty() ? around : own;
    }
    comparison(node, items);
    for (const auto& child : node) look_at(child, scope, items);
  }

  void comparison(const Json& node, const std::vector<Item>& items) {
    if (is_type(node, "COMPARE_BETWEEN") && (mentions(node, "start") || mentions(node, "end"))) {
      problems_.add(Code::configuration,
                    "BETWEEN takes in its upper bound, but an interval does not hold its end",
                    "write: column >= $start AND column < $end", place(node));
      return;
    }
    if (!is_class(node, "COMPARISON")) return;
    for (const auto& [side, other] : {std::pair{"left", "right"}, std::pair{"right", "left"}}) {
      const auto& bound = node.at(side);
      const auto& value = node.at(other);
      if (!(mentions(bound, "start") || mentions(bound, "end")) || has_columns(bound) ||
          !has_columns(value))
        continue;
      auto found = follow(value, items, 0);
      if (!found || found->table.empty()) {
        problems_.add(Code::configuration,
                      "it is not clear which table's column is compared with the interval here",
                      "write the table's name or alias before the column", place(node));
        return;
      }
      note(found->table, expression_text(connection_, found->expression), node);
    }
  }

  void note(const std::string& table, const std::string& expression, const Json& node) {
    for (auto& use : *uses_) {
      if (use.table != table) continue;
      if (use.expression && *use.expression != expression) {
        problems_.add(Code::configuration,
                      "table \"" + table + "\" is compared with the interval by " +
                          *use.expression + " and by " + expression,
                      "an input has one interval expression", place(node));
        return;
      }
      use.expression = expression;
      use.place = place(node);
    }
  }

  Place place(const Json& node) const {
    return place_at(select_.begin, select_.text, location(node).value_or(0));
  }

  duck::Connection& connection_;
  const Parsed& select_;
  std::vector<IntervalUse>* uses_ = nullptr;
  Problems problems_;
};

}  // namespace

std::vector<IntervalUse> interval_uses(duck::Connection& connection, const Parsed& select) {
  return Uses(connection, select).find();
}

}  // namespace windrow::sql
