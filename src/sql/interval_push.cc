#include "sql/interval_push.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "sql/relations.h"

// A model by intervals compares an expression over an input's column with $start and $end. Each
// comparison that every row has to pass (a conjunct of WHERE, HAVING, QUALIFY or ON) is pushed down
// from where it stands through aliases, sub-queries and WITH clauses to the tables, as an optimiser
// would push it. A table is read by intervals where each of its uses got both bounds; where
// something on the way sees other rows too (a window, a LIMIT), the bound is kept but is not exact.
namespace windrow::sql {

namespace {

/// One member of a FROM clause with what is pushed into it.
struct Item : Relation {
  Bounds bounds;
  bool nullable = false;      // an outer join may fill it with NULLs
  bool looks_around = false;  // ASOF, POSITIONAL: rows that a filter takes out matter as well
};

bool has_columns(const Json& node) {
  bool found = false;
  walk(node, [&](const Json& n) {
    found = found || is_class(n, "COLUMN_REF") || is_class(n, "SUBQUERY");
    return !found;
  });
  return found;
}

bool has_window(const Json& node) {
  bool found = false;
  walk(node, [&](const Json& n) {
    found = found || is_class(n, "WINDOW");
    return !found && !is_class(n, "SUBQUERY");
  });
  return found;
}

/// COALESCE and CASE may let a row pass that an outer join filled with NULLs.
bool gives_values_to_null(const Json& expression) {
  bool found = false;
  walk(expression, [&](const Json& n) {
    found = found || is_class(n, "CASE") || is_type(n, "OPERATOR_COALESCE");
    return !found;
  });
  return found;
}

bool is_plain(const Json& bound) {
  return is_class(bound, "PARAMETER") ||
         (is_class(bound, "CAST") && is_class(bound.at("child"), "PARAMETER"));
}

class Pusher {
 public:
  Pusher(const Parsed& select, const Catalog* catalog, Problems& problems)
      : select_(select), problems_(problems), columns_(catalog) {}

  std::vector<Leaf> leaves;
  bool names_depend = false;  ///< on the tables' columns, which were not known
  bool gave_up = false;       ///< a query that unfolds without end: nothing is known
  bool lost = false;          ///< a column of the result did not come to a table

  /// Pushes bounds over the columns of a query's result into it.
  void query(const Json& node, const ScopePtr& outer, const std::vector<std::string>& names,
             Bounds bounds) {
    if (++visits_ > 20000) gave_up = true;
    if (gave_up) return;
    const auto scope = with_ctes(node, outer);
    const bool limited = std::any_of(
        node.at("modifiers").begin(), node.at("modifiers").end(), [](const Json& modifier) {
          return is_type(modifier, "LIMIT_MODIFIER") ||
                 is_type(modifier, "LIMIT_PERCENT_MODIFIER") ||
                 (is_type(modifier, "DISTINCT_MODIFIER") &&
                  !modifier.value("distinct_on_targets", Json::array()).empty());
        });
    for (auto& bound : bounds) bound.exact = bound.exact && !limited;
    for (const auto& modifier : node.at("modifiers")) subqueries(modifier, scope);
    if (is_type(node, "SELECT_NODE")) {
      select(node, scope, names, std::move(bounds));
    } else if (is_type(node, "SET_OPERATION_NODE")) {
      set_operation(node, scope, names, bounds);
    } else {
      // A recursive query sees its own rows of all intervals.
      for (const auto& bound : bounds) lose(bound);
      auto inner = std::make_shared<Scope>(*scope);
      inner->ctes[lower(text_at(node, "cte_name"))] = {};
      for (const char* side : {"left", "right"}) {
        if (node.contains(side)) query(node.at(side), inner, {}, {});
      }
    }
  }

 private:
  void set_operation(const Json& node, const ScopePtr& scope, const std::vector<std::string>& names,
                     const Bounds& bounds) {
    // Columns have the names of the first part, and go by position in the others.
    auto all = names;
    if (text_at(node, "setop_type").find("BY_NAME") == std::string::npos) {
      const Json& first = first_select(node);
      if (is_type(first, "SELECT_NODE")) {
        const auto& list = first.at("select_list");
        for (size_t i = all.size(); i < list.size() && !is_class(list[i], "STAR"); ++i)
          all.push_back(output_name(list[i]));
      }
    }
    for (const char* side : {"left", "right"}) {
      if (node.contains(side)) query(node.at(side), scope, all, bounds);
    }
    if (node.contains("children")) {
      for (const auto& child : node.at("children")) query(child, scope, all, bounds);
    }
  }

  void select(const Json& node, const ScopePtr& scope, const std::vector<std::string>& names,
              Bounds outside) {
    std::vector<Item> items;
    from(node.at("from_table"), scope, items);
    const auto& list = node.at("select_list");
    const bool windows = has_window(list) || has_window(node.value("qualify", Json()));
    for (auto& bound : outside) bound.exact = bound.exact && !windows;
    const size_t of_result = outside.size();
    conjuncts(node.value("having", Json()), outside);
    const size_t before_windows = outside.size();
    conjuncts(node.value("qualify", Json()), outside);
    for (size_t i = before_windows; i < outside.size(); ++i)
      outside[i].exact = outside[i].exact && !windows;
    const bool grouped = !node.at("group_expressions").empty() ||
                         is(node, "aggregate_handling", "FORCE_AGGREGATES") || has_aggregate(list);
    for (size_t i = 0; i < outside.size(); ++i) {
      auto& bound = outside[i];
      auto inner = i < of_result        ? substituted(bound.expression, node, scope, names)
                   : i < before_windows ? of_groups(bound.expression, node, scope)
                                        : of_from(bound.expression, node, scope);
      if (!inner) {
        lose(bound);
        continue;
      }
      bound.expression = std::move(*inner);
      const bool key = !grouped || is_group_key(bound.expression, node, scope);
      if (!key) lose(bound);
      if (has_aggregate(bound.expression) || has_window(bound.expression)) {
        lose(bound);
        continue;
      }
      if (!key) bound.exact = false;
      push(std::move(bound), items);
    }
    Bounds where;
    conjuncts(node.value("where_clause", Json()), where);
    for (auto& bound : where) {
      auto meant = of_from(bound.expression, node, scope);
      if (!meant) continue;
      bound.expression = std::move(*meant);
      push(std::move(bound), items);
    }
    for (auto& item : items) finish(item);
    const auto around = around_;
    for (const auto& item : items) around_.insert(item.alias);
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map" && key != "from_table" && key != "modifiers") subqueries(child, scope);
    }
    around_ = around;
  }

  void lose(const Bound& bound) { lost = lost || bound.of_result; }

  void finish(Item& item) {
    if (item.query) {
      query(*item.query, item.scope, item.names, std::move(item.bounds));
    } else if (!item.table.empty()) {
      leaves.push_back({item.table, item.position, std::move(item.bounds)});
    }
  }

  /// Sub-queries of expressions are read with nothing from outside.
  void subqueries(const Json& node, const ScopePtr& scope) {
    walk(node, [&](const Json& n) {
      if (!is_class(n, "SUBQUERY") || !n.contains("subquery")) return true;
      query(n.at("subquery").at("node"), scope, {}, {});
      if (n.contains("child")) subqueries(n.at("child"), scope);
      return false;
    });
  }

  void from(const Json& table, const ScopePtr& scope, std::vector<Item>& items) {
    if (!table.is_object()) return;
    if (is_type(table, "BASE_TABLE") || is_type(table, "SUBQUERY")) {
      Item item{relation_of(table, scope), {}};
      if (item.recursive) return;
      items.push_back(std::move(item));
    } else if (is_type(table, "JOIN")) {
      join(table, scope, items);
    } else {
      // PIVOT and functions: what they read, they read whole.
      std::vector<Item> inner;
      if (table.contains("source")) from(table.at("source"), scope, inner);
      for (auto& read : inner) finish(read);
      for (const auto& [key, child] : table.items()) {
        if (key != "source") subqueries(child, scope);
      }
    }
  }

  void join(const Json& table, const ScopePtr& scope, std::vector<Item>& items) {
    std::vector<Item> left, right;
    from(table.at("left"), scope, left);
    from(table.at("right"), scope, right);
    const size_t split = left.size();
    std::move(right.begin(), right.end(), std::back_inserter(left));
    // ON keeps out rows of a side only where the join does not bring them back with NULLs.
    const auto type = text_at(table, "join_type");
    const auto kind = text_at(table, "ref_type");
    const bool around = kind == "ASOF" || kind == "POSITIONAL";
    const bool into_left = !around && (type == "INNER" || type == "RIGHT" || type == "SEMI");
    const bool into_right =
        !around && (type == "INNER" || type == "LEFT" || type == "SEMI" || type == "ANTI");
    for (size_t i = 0; i < left.size(); ++i) {
      left[i].nullable |=
          type == "OUTER" || type == "FULL" || type == (i < split ? "RIGHT" : "LEFT");
      left[i].looks_around |= around && (i >= split || kind == "POSITIONAL");
    }
    Bounds on;
    conjuncts(table.value("condition", Json()), on);
    for (auto& bound : on) {
      auto target = target_of(bound, left);
      if (target && (*target < split ? into_left : into_right)) push(std::move(bound), left);
    }
    subqueries(table.value("condition", Json()), scope);
    std::move(left.begin(), left.end(), std::back_inserter(items));
  }

  /// Comparisons with $start and $end that every row has to pass.
  void conjuncts(const Json& node, Bounds& out) {
    if (is_type(node, "CONJUNCTION_AND")) {
      for (const auto& child : node.at("children")) conjuncts(child, out);
      return;
    }
    if (!is_class(node, "COMPARISON")) return;
    for (const bool turned : {false, true}) {
      const auto& value = node.at(turned ? "right" : "left");
      const auto& limit = node.at(turned ? "left" : "right");
      const bool start = mentions(limit, "start"), end = mentions(limit, "end");
      if (!(start || end) || has_columns(limit) || !has_columns(value)) continue;
      const auto type = text_at(node, "type");
      const bool lower_bound =
          type == (turned ? "COMPARE_LESSTHANOREQUALTO" : "COMPARE_GREATERTHANOREQUALTO");
      const bool upper_bound = type == (turned ? "COMPARE_GREATERTHAN" : "COMPARE_LESSTHAN");
      Bound bound{bare(value), Side::other, false, location(node).value_or(0)};
      if (lower_bound && start && !end) bound.side = Side::start;
      if (upper_bound && end && !start) bound.side = Side::end;
      bound.exact = bound.side != Side::other && is_plain(limit);
      if (is_plain(limit)) refuse_closed(type, turned, start, bound.position);
      out.push_back(std::move(bound));
    }
  }

  void refuse_closed(const std::string& type, bool turned, bool start, size_t position) {
    const bool after = type == (turned ? "COMPARE_LESSTHAN" : "COMPARE_GREATERTHAN");
    const bool upto =
        type == (turned ? "COMPARE_GREATERTHANOREQUALTO" : "COMPARE_LESSTHANOREQUALTO");
    if ((start && after) || (!start && upto)) {
      problem(start ? "an interval holds its start, but > $start leaves it out"
                    : "an interval does not hold its end, but <= $end takes it in",
              "write: column >= $start AND column < $end", position);
    }
  }

  using Meaning = std::function<std::optional<Json>(const Json& reference)>;

  /// The expression with each column in it replaced by what it means; nothing where that is not
  /// known of one.
  static std::optional<Json> with_meanings(const Json& expression, const Meaning& meaning) {
    if (is_class(expression, "COLUMN_REF")) return meaning(expression);
    Json out = expression;
    if (out.is_structured()) {
      for (auto& child : out) {
        if (!child.is_structured()) continue;
        auto inner = with_meanings(child, meaning);
        if (!inner) return {};
        child = std::move(*inner);
      }
    }
    return out;
  }

  /// Whether FROM has a column of that name; without the tables' columns nobody may know.
  Has column_of_from(const Json& node, const ScopePtr& scope, const std::string& column,
                     const std::string& alias = {}) {
    const Has has = columns_.from_yields(node.at("from_table"), scope, column, alias);
    names_depend = names_depend || (has == Has::maybe && !columns_.knows_tables());
    return has;
  }

  /// The expression over a query's result in terms of what stands in its SELECT list: of two
  /// columns with one name the first is meant. Nothing where a column is not found.
  std::optional<Json> substituted(const Json& expression, const Json& node, const ScopePtr& scope,
                                  const std::vector<std::string>& names) {
    return with_meanings(expression, [&](const Json& reference) {
      return names.empty() ? by_list(reference, node, scope)
                           : by_names(reference, node, scope, names);
    });
  }

  std::optional<Json> by_list(const Json& reference, const Json& node, const ScopePtr& scope) {
    const auto& list = node.at("select_list");
    const auto column = first_name(reference);
    const auto named = std::find_if(list.begin(), list.end(), [&](const Json& item) {
      return !is_class(item, "STAR") && lower(output_name(item)) == column;
    });
    for (auto item = list.begin(); item != list.end(); ++item) {
      if (item == named) return fields_of(*item, reference);
      if (expands(*item)) return {};
      if (!is_class(*item, "STAR")) continue;
      const auto meaning = star_meaning(*item, column);
      if (meaning.expression) return fields_of(*meaning.expression, reference);
      if (!meaning.passes) continue;
      // A star passes the column through, if there is one. Where a later item has the name too and
      // the tables are not known yet, that one is taken until they are.
      const Has has =
          named == list.end()
              ? columns_.from_yields(node.at("from_table"), scope, column,
                                     lower(text_at(*item, "relation_name")))
              : column_of_from(node, scope, column, lower(text_at(*item, "relation_name")));
      if (has == Has::yes || (has == Has::maybe && named == list.end())) return reference;
      if (has == Has::maybe && columns_.knows_tables()) return {};
    }
    return {};
  }

  /// The result has other names, by position.
  std::optional<Json> by_names(const Json& reference, const Json& node, const ScopePtr& scope,
                               const std::vector<std::string>& names) {
    const auto& list = node.at("select_list");
    const auto column = first_name(reference);
    for (size_t i = 0; i < names.size(); ++i) {
      // Behind a star nobody knows what stands there.
      if (i >= list.size() || is_class(list[i], "STAR") || expands(list[i])) return {};
      if (lower(names[i]) == column) return fields_of(list[i], reference);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (lower(output_name(list[i])) == column) return {};  // it goes by its new name now
    }
    return by_list(reference, node, scope);
  }

  static std::string first_name(const Json& reference) {
    return lower(reference.at("column_names")[0].get<std::string>());
  }

  /// `q.pay.time`, where `pay` stands for an expression.
  static std::optional<Json> fields_of(const Json& meant, const Json& reference) {
    const auto& parts = reference.at("column_names");
    Json out = bare(meant);
    if (parts.size() == 1) return out;
    if (!is_class(out, "COLUMN_REF")) return {};
    for (size_t k = 1; k < parts.size(); ++k) out["column_names"].push_back(parts[k]);
    return out;
  }

  /// What the SELECT list calls by that name beside a column: `e AS name`, or a star that renames.
  /// Nothing where it does so by means of a column of that name.
  static std::optional<Json> alias_in(const Json& list, const std::string& name) {
    for (const auto& item : list) {
      if (is_class(item, "STAR") && !expands(item)) {
        auto meaning = star_meaning(item, name);
        const bool replaced =
            std::any_of(item.at("replace_list").begin(), item.at("replace_list").end(),
                        [&](const Json& entry) { return lower(text_at(entry, "key")) == name; });
        if (meaning.expression && !replaced) return std::move(meaning.expression);
      }
      if (text_at(item, "alias").empty() || lower(text_at(item, "alias")) != name) continue;
      bool own = false;
      walk(item, [&](const Json& n) {
        own = own || (is_class(n, "COLUMN_REF") &&
                      lower(n.at("column_names").back().get<std::string>()) == name);
        return !own;
      });
      if (!own) return bare(item);
    }
    return {};
  }

  /// WHERE, QUALIFY and GROUP BY speak of FROM's columns, and of an alias of the SELECT list only
  /// where no column has its name.
  std::optional<Json> of_from(const Json& expression, const Json& node, const ScopePtr& scope) {
    return with_meanings(expression, [&](const Json& reference) -> std::optional<Json> {
      if (reference.at("column_names").size() > 1) return reference;
      const auto name = first_name(reference);
      auto alias = alias_in(node.at("select_list"), name);
      if (!alias) return reference;
      switch (column_of_from(node, scope, name)) {
        case Has::yes: return reference;
        case Has::no: return alias;
        default: return columns_.knows_tables() ? std::nullopt : std::move(alias);
      }
    });
  }

  /// HAVING speaks of the columns that rows are grouped by, else of aliases.
  std::optional<Json> of_groups(const Json& expression, const Json& node, const ScopePtr& scope) {
    return with_meanings(expression, [&](const Json& reference) -> std::optional<Json> {
      if (reference.at("column_names").size() > 1) return reference;
      const auto name = first_name(reference);
      auto alias = alias_in(node.at("select_list"), name);
      if (!alias) return reference;
      if (groups_by_column(node, name)) return of_from(reference, node, scope);
      return alias;
    });
  }

  static bool groups_by_column(const Json& node, const std::string& name) {
    const auto is_it = [&](const Json& key) {
      return is_class(key, "COLUMN_REF") &&
             lower(key.at("column_names").back().get<std::string>()) == name;
    };
    const auto& list = node.at("select_list");
    if (is(node, "aggregate_handling", "FORCE_AGGREGATES"))
      return std::any_of(list.begin(), list.end(), is_it);
    for (const auto& key : node.at("group_expressions")) {
      const auto at = as_position(key);
      if (is_it(at && *at >= 1 && *at <= list.size() ? list[*at - 1] : key)) return true;
    }
    return false;
  }

  bool is_group_key(const Json& expression, const Json& node, const ScopePtr& scope) {
    if (is(node, "aggregate_handling", "FORCE_AGGREGATES")) return true;  // it has no aggregate
    // With GROUPING SETS a row of one set sees rows that another set's key would part.
    if (node.value("group_sets", Json::array()).size() > 1) return false;
    const auto& list = node.at("select_list");
    for (const auto& key : node.at("group_expressions")) {
      Json meant = bare(key);
      if (auto at = as_position(key); at && *at >= 1 && *at <= list.size())
        meant = bare(list[*at - 1]);
      if (meant == expression) return true;
      if (const auto named = of_from(meant, node, scope); named && bare(*named) == expression)
        return true;
    }
    return false;
  }

  /// Which item the columns of a bound belong to; nothing where they belong to several or none.
  std::optional<size_t> target_of(const Bound& bound, const std::vector<Item>& items) {
    std::optional<size_t> target;
    bool several = false, unclear = false;
    walk(bound.expression, [&](const Json& n) {
      if (is_class(n, "SUBQUERY")) several = true;
      if (!is_class(n, "COLUMN_REF")) return true;
      const auto found = owner_of(n, items, unclear);
      if (found && target && *found != *target) several = true;
      if (found) target = found;
      if (!found) several = true;
      return true;
    });
    if (unclear) {
      problem("it is not clear which table's column is compared with the interval here",
              "write the table's name or alias before the column", bound.position);
    }
    return several ? std::nullopt : target;
  }

  std::optional<size_t> owner_of(const Json& reference, const std::vector<Item>& items,
                                 bool& unclear) {
    const auto& parts = reference.at("column_names");
    if (parts.size() > 1) {
      for (size_t depth = 0; depth + 1 < std::min<size_t>(parts.size(), 3); ++depth) {
        const auto alias = lower(parts[depth].get<std::string>());
        for (size_t i = 0; i < items.size(); ++i) {
          if (items[i].alias == alias) return i;
        }
      }
      if (around_.count(lower(parts[0].get<std::string>()))) return {};  // of the query around
    }
    const auto column = lower(parts[0].get<std::string>());
    std::vector<size_t> surely, perhaps;
    for (size_t i = 0; i < items.size(); ++i) {
      const Has has = columns_.yields(items[i], column);
      if (has == Has::yes) surely.push_back(i);
      if (has == Has::maybe) perhaps.push_back(i);
    }
    if (!surely.empty()) return surely.front();
    if (perhaps.size() == 1) return perhaps.front();
    unclear = unclear || perhaps.size() > 1;
    return {};
  }

  void push(Bound bound, std::vector<Item>& items) {
    const auto target = target_of(bound, items);
    if (!target) return lose(bound);
    Item& item = items[*target];
    // `FROM t AS x(a, b)`: only the table knows which of its columns a is.
    if (!item.table.empty() && !item.names.empty()) return lose(bound);
    if (item.looks_around || (item.nullable && gives_values_to_null(bound.expression)))
      bound.exact = false;
    bound.expression = unqualified(bound.expression, item);
    item.bounds.push_back(std::move(bound));
  }

  /// `e.at`, `silver.events.at` → `at`; fields of a structure stay.
  static Json unqualified(const Json& expression, const Item& item) {
    Json out = expression;
    if (is_class(out, "COLUMN_REF")) {
      auto& parts = out.at("column_names");
      for (size_t depth = 0; depth + 1 < std::min<size_t>(parts.size(), 3); ++depth) {
        if (lower(parts[depth].get<std::string>()) != item.alias) continue;
        parts.erase(parts.begin(), parts.begin() + std::ptrdiff_t(depth) + 1);
        break;
      }
      return out;
    }
    if (out.is_structured()) {
      for (auto& child : out) {
        if (child.is_structured()) child = unqualified(child, item);
      }
    }
    return out;
  }

  void problem(const char* message, const char* hint, size_t position) {
    if (!told_.insert(position).second) return;  // a WITH clause may be read several times
    problems_.add(Code::configuration, message, hint, select_.place(position));
  }

  const Parsed& select_;
  Problems& problems_;
  ColumnFinder columns_;
  std::set<size_t> told_;
  std::set<std::string> around_;  ///< aliases of the queries around a sub-query
  size_t visits_ = 0;
};

}  // namespace

bool mentions(const Json& node, const char* parameter) {
  bool found = false;
  walk(node, [&](const Json& n) {
    found = found || (is_class(n, "PARAMETER") && is(n, "identifier", parameter));
    return !found;
  });
  return found;
}

std::vector<Leaf> push_intervals(const Json& node, const Parsed& select, const Catalog* catalog,
                                 Problems& problems, bool& names_depend) {
  Pusher pusher(select, catalog, problems);
  pusher.query(node, std::make_shared<Scope>(), {}, {});
  names_depend = pusher.names_depend;
  if (pusher.gave_up) return {};
  return std::move(pusher.leaves);
}

std::vector<Leaf> push_column(const Json& node, const Parsed& select, const std::string& column) {
  Problems told;  // when the SELECT was parsed
  Pusher pusher(select, nullptr, told);
  const Json reference = {
      {"class", "COLUMN_REF"}, {"type", "COLUMN_REF"}, {"alias", ""}, {"column_names", {column}}};
  pusher.query(node, std::make_shared<Scope>(), {}, {{reference, Side::other, true, 0, true}});
  if (pusher.gave_up || pusher.lost || pusher.names_depend) return {};
  return std::move(pusher.leaves);
}

}  // namespace windrow::sql
