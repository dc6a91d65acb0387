#include <algorithm>

#include "duck/quoting.h"
#include "sql/carried.h"
#include "sql/sql.h"
#include "sql/tree.h"

// Names are resolved over the syntax tree: each query node yields columns with the table columns
// they come from; what decides which rows there are (WHERE, JOIN, GROUP BY, HAVING, QUALIFY, ORDER
// BY with LIMIT) is kept apart.
namespace windrow::sql {

namespace {

using Sources = std::set<ColumnSource>;

struct Output {
  std::string name;
  Sources from;
  const Json* expression = nullptr;
  std::optional<ColumnSource> carried = {};  ///< it is this column, unchanged
};
struct Visible {
  std::string alias;  // lower case
  std::vector<Output> columns;
  Sources rest;  // of columns whose names only the data knows: PIVOT, functions
};
using Ctes = std::map<std::string, std::vector<Output>>;

class Resolver {
 public:
  explicit Resolver(const Catalog& catalog) : catalog_(catalog) {}

  Sources filters;  ///< of all nodes seen

  std::vector<Output> node(const Json& query, Ctes ctes, const std::vector<Visible>& outer,
                           int depth = 0) {
    if (depth > 64) return {};
    for (const auto& cte : ctes_of(query)) {
      auto columns = node(*cte.node, ctes, outer, depth + 1);
      for (size_t i = 0; i < cte.columns.size() && i < columns.size(); ++i)
        columns[i].name = cte.columns[i];
      ctes[cte.name] = std::move(columns);
    }
    if (is_type(query, "SELECT_NODE")) return select(query, ctes, outer, depth);
    auto out = combined(query, ctes, outer, depth);
    modifiers(query, {}, out, ctes, outer, depth);
    return out;
  }

 private:
  /// UNION and its like, and recursive queries: columns by position, or by name where it says so.
  std::vector<Output> combined(const Json& query, Ctes& ctes, const std::vector<Visible>& outer,
                               int depth) {
    std::vector<const Json*> parts;
    for (const char* key : {"left", "right", "child", "query"}) {
      if (query.contains(key) && query.at(key).is_object()) parts.push_back(&query.at(key));
    }
    if (query.contains("children")) {
      for (const auto& child : query.at("children")) parts.push_back(&child);
    }
    std::vector<Output> out;
    for (const Json* part : parts) {
      const Json& inner = part->contains("node") ? part->at("node") : *part;
      auto columns = node(inner, ctes, outer, depth + 1);
      if (is_type(query, "RECURSIVE_CTE_NODE"))
        ctes.try_emplace(lower(text_at(query, "cte_name")), columns);
      if (out.empty()) {
        out = std::move(columns);
        continue;
      }
      const bool by_name = text_at(query, "setop_type").find("BY_NAME") != std::string::npos;
      for (size_t i = 0; i < columns.size(); ++i) {
        auto into = by_name ? std::find_if(out.begin(), out.end(),
                                           [&](const Output& o) {
                                             return lower(o.name) == lower(columns[i].name);
                                           })
                            : (i < out.size() ? out.begin() + std::ptrdiff_t(i) : out.end());
        if (into == out.end()) {
          if (by_name) out.push_back(columns[i]);
        } else {
          if (into->carried != columns[i].carried) into->carried.reset();
          into->from.insert(columns[i].from.begin(), columns[i].from.end());
        }
      }
    }
    return out;
  }

  std::vector<Output> select(const Json& query, const Ctes& ctes, const std::vector<Visible>& outer,
                             int depth) {
    std::vector<Visible> relations;
    from(query.at("from_table"), ctes, outer, relations, depth);
    std::vector<Output> out;
    for (const auto& item : query.at("select_list")) {
      if (is_class(item, "STAR")) {
        star(item, relations, ctes, outer, out, depth);
      } else {
        out.push_back({name_of(item), columns_in(item, relations, out, ctes, outer, depth), &item,
                       carried_by(item, relations)});
      }
    }
    for (const char* key : {"where_clause", "having", "qualify"}) {
      if (query.contains(key)) filter(query.at(key), relations, out, ctes, outer, depth);
    }
    for (const auto& key : query.at("group_expressions"))
      filter_by_key(key, relations, out, ctes, outer, depth);
    if (is(query, "aggregate_handling", "FORCE_AGGREGATES")) {
      for (const auto& column : out) {
        if (!column.expression || !has_aggregate(*column.expression))
          filters.insert(column.from.begin(), column.from.end());
      }
    }
    modifiers(query, relations, out, ctes, outer, depth);
    return out;
  }

  void filter(const Json& expression, const std::vector<Visible>& relations,
              const std::vector<Output>& out, const Ctes& ctes, const std::vector<Visible>& outer,
              int depth) {
    const auto found = columns_in(expression, relations, out, ctes, outer, depth);
    filters.insert(found.begin(), found.end());
  }

  /// GROUP BY and ORDER BY may name a column by its position.
  void filter_by_key(const Json& key, const std::vector<Visible>& relations,
                     const std::vector<Output>& out, const Ctes& ctes,
                     const std::vector<Visible>& outer, int depth) {
    if (const auto at = as_position(key); at && *at >= 1 && *at <= out.size()) {
      filters.insert(out[*at - 1].from.begin(), out[*at - 1].from.end());
    } else {
      filter(key, relations, out, ctes, outer, depth);
    }
  }

  /// LIMIT takes rows by the order, DISTINCT by all columns or by those of ON.
  void modifiers(const Json& query, const std::vector<Visible>& relations,
                 const std::vector<Output>& out, const Ctes& ctes,
                 const std::vector<Visible>& outer, int depth) {
    bool limited = false;
    for (const auto& modifier : query.value("modifiers", Json::array())) {
      limited =
          limited || text_at(modifier, "type").starts_with("LIMIT") ||
          (is_type(modifier, "DISTINCT_MODIFIER") && !modifier.at("distinct_on_targets").empty());
    }
    for (const auto& modifier : query.value("modifiers", Json::array())) {
      if (is_type(modifier, "DISTINCT_MODIFIER")) {
        const auto& on = modifier.at("distinct_on_targets");
        for (const auto& key : on) filter_by_key(key, relations, out, ctes, outer, depth);
        if (!on.empty()) continue;
        for (const auto& column : out) filters.insert(column.from.begin(), column.from.end());
      } else if (is_type(modifier, "ORDER_MODIFIER") && limited) {
        for (const auto& order : modifier.at("orders"))
          filter_by_key(order.at("expression"), relations, out, ctes, outer, depth);
      }
    }
  }

  static std::string name_of(const Json& item) {
    const auto name = output_name(item);
    if (!name.empty()) return name;
    auto function = text_at(item, "function_name");
    return function.empty() ? "expression" : function;
  }

  void from(const Json& table, const Ctes& ctes, const std::vector<Visible>& outer,
            std::vector<Visible>& out, int depth) {
    if (!table.is_object()) return;
    const auto alias = lower(text_at(table, "alias"));
    if (is_type(table, "BASE_TABLE")) {
      const auto name = table_name(table);
      Visible relation{alias.empty() ? lower(text_at(table, "table_name")) : alias, {}};
      if (auto cte = ctes.find(cte_name(table)); cte != ctes.end()) {
        relation.columns = cte->second;
      } else if (auto found = catalog_.find(name); found != catalog_.end()) {
        for (const auto& column : found->second)
          relation.columns.push_back(
              {column.name, {{name, column.name}}, nullptr, ColumnSource{name, column.name}});
      }
      rename(table, relation);
      out.push_back(std::move(relation));
    } else if (is_type(table, "SUBQUERY")) {
      auto around = outer;
      around.insert(around.end(), out.begin(), out.end());  // LATERAL sees what stands before it
      Visible relation{alias, node(table.at("subquery").at("node"), ctes, around, depth + 1)};
      rename(table, relation);
      out.push_back(std::move(relation));
    } else if (is_type(table, "JOIN")) {
      from(table.at("left"), ctes, outer, out, depth);
      from(table.at("right"), ctes, outer, out, depth);
      const auto found = columns_in(table.at("condition"), out, {}, ctes, outer, depth);
      filters.insert(found.begin(), found.end());
      for (const auto& name : table.at("using_columns")) {
        joined_.insert(lower(name.get<std::string>()));
        for (const auto& relation : out) {
          for (const auto& column : relation.columns) {
            if (lower(column.name) == lower(name.get<std::string>()))
              filters.insert(column.from.begin(), column.from.end());
          }
        }
      }
    } else {
      // PIVOT, table functions: every column may come from everything inside. VALUES: by position.
      std::vector<Visible> inner;
      for (const char* key : {"source"}) {
        if (table.contains(key)) from(table.at(key), ctes, outer, inner, depth);
      }
      auto around = outer;
      around.insert(around.end(), out.begin(), out.end());
      Sources read;
      for (const auto& [key, part] : table.items()) {
        if (key == "source") continue;
        const auto found = columns_in(part, inner, {}, ctes, around, depth);
        read.insert(found.begin(), found.end());
      }
      Visible relation{alias, {}};
      for (const auto& r : inner)
        relation.columns.insert(relation.columns.end(), r.columns.begin(), r.columns.end());
      if (is_type(table, "PIVOT")) {
        pivoted(table, read, inner, relation);
      } else if (table.contains("values")) {
        listed(table.at("values"), ctes, around, depth, relation);
      }
      if (relation.columns.empty()) relation.columns.push_back({alias, read, nullptr});
      rename(table, relation);
      relation.rest = read;
      out.push_back(std::move(relation));
    }
  }

  /// PIVOT keeps the columns that it does not use; UNPIVOT those that it does not turn into rows.
  /// The columns that it makes come from all that it uses.
  static void pivoted(const Json& table, const Sources& used, const std::vector<Visible>& inner,
                      Visible& relation) {
    Sources made = used;
    std::set<std::string> gone;
    for (const auto& pivot : table.at("pivots")) {
      for (const auto& entry : pivot.at("entries")) {
        for (const auto& value : entry.at("values")) {
          if (!table.at("unpivot_names").empty() && value.contains("value"))
            gone.insert(lower(value.value("value", Json("")).is_string()
                                  ? value.at("value").get<std::string>()
                                  : ""));
        }
      }
    }
    std::vector<Output> kept;
    for (const auto& r : inner) {
      for (const auto& column : r.columns) {
        const bool unpivoted = gone.count(lower(column.name)) > 0;
        const bool part = std::any_of(column.from.begin(), column.from.end(),
                                      [&](const auto& source) { return used.count(source) > 0; });
        if (unpivoted) made.insert(column.from.begin(), column.from.end());
        if (!unpivoted && !part) kept.push_back(column);
      }
    }
    for (const auto& name : table.at("unpivot_names"))
      kept.push_back({name.get<std::string>(), made, nullptr});
    for (const auto& pivot : table.at("pivots")) {
      for (const auto& name : pivot.at("unpivot_names"))
        kept.push_back({name.get<std::string>(), {}, nullptr});
      if (!table.at("unpivot_names").empty() || table.at("pivots").size() > 1) continue;
      for (const auto& entry : pivot.at("entries")) {
        if (entry.at("values").empty()) continue;
        const auto& value = entry.at("values")[0].value("value", Json());
        const auto alias = text_at(entry, "alias");
        const auto name = value.is_string() ? value.get<std::string>() : value.dump();
        if (table.at("aggregates").size() == 1)
          kept.push_back({alias.empty() ? name : alias, made, nullptr});
      }
    }
    relation.columns = std::move(kept);
  }

  void listed(const Json& rows, const Ctes& ctes, const std::vector<Visible>& around, int depth,
              Visible& relation) {
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i) {
        if (i == relation.columns.size())
          relation.columns.push_back({"col" + std::to_string(i), {}, nullptr});
        const auto read = columns_in(row[i], {}, {}, ctes, around, depth);
        relation.columns[i].from.insert(read.begin(), read.end());
      }
    }
  }

  static void rename(const Json& table, Visible& relation) {
    if (!table.contains("column_name_alias")) return;
    const auto& names = table.at("column_name_alias");
    for (size_t i = 0; i < names.size() && i < relation.columns.size(); ++i) {
      relation.columns[i].name = names[i].get<std::string>();
    }
  }

  void star(const Json& item, const std::vector<Visible>& relations, const Ctes& ctes,
            const std::vector<Visible>& outer, std::vector<Output>& out, int depth) {
    const auto only = lower(text_at(item, "relation_name"));
    std::set<std::string> excluded;
    for (const char* key : {"exclude_list", "qualified_exclude_list"}) {
      for (const auto& name : item.value(key, Json::array()))
        excluded.insert(
            lower(name.is_string() ? name.get<std::string>() : text_at(name, "column")));
    }
    std::map<std::string, int> seen;
    for (const auto& relation : relations) {
      if (!only.empty() && relation.alias != only) continue;
      for (auto column : relation.columns) {
        const auto name = lower(column.name);
        if (excluded.count(name)) continue;
        const int before = seen[name]++;
        if (before > 0 && joined_.count(name)) continue;  // USING shows it once
        for (const auto& replaced : item.value("replace_list", Json::array())) {
          if (lower(text_at(replaced, "key")) != name) continue;
          column.expression = &replaced.at("value");
          column.carried = carried_by(*column.expression, relations);
          column.from = columns_in(*column.expression, relations, {}, ctes, outer, depth);
        }
        for (const auto& renamed : item.value("rename_list", Json::array())) {
          if (lower(text_at(renamed.at("key"), "column")) == name)
            column.name = text_at(renamed, "value");
        }
        if (before > 0) column.name += "_" + std::to_string(before);
        out.push_back(std::move(column));
      }
    }
  }

  /// Table columns that an expression's value depends on. Aliases of the same SELECT count for what
  /// they stand for.
  Sources columns_in(const Json& expression, const std::vector<Visible>& relations,
                     const std::vector<Output>& aliases, const Ctes& ctes,
                     const std::vector<Visible>& outer, int depth) {
    Sources out;
    const std::function<void(const Json&)> look = [&](const Json& n) {
      if (is_class(n, "COLUMN_REF")) {
        const auto found = reference(n, relations, aliases, outer);
        out.insert(found.begin(), found.end());
        return;
      }
      if (is_class(n, "SUBQUERY") && n.contains("subquery")) {
        auto around = outer;
        around.insert(around.end(), relations.begin(), relations.end());
        for (const auto& column : node(n.at("subquery").at("node"), ctes, around, depth + 1)) {
          out.insert(column.from.begin(), column.from.end());
        }
      }
      if (!n.is_structured()) return;
      for (const auto& child : n) {
        if (!(is_class(n, "SUBQUERY") && child.is_object() && child.contains("node"))) look(child);
      }
    };
    look(expression);
    return out;
  }

  /// The table's column that an expression is, where it is nothing but that.
  static std::optional<ColumnSource> carried_by(const Json& n,
                                                const std::vector<Visible>& relations) {
    if (!is_class(n, "COLUMN_REF")) return {};
    std::vector<std::string> names;
    for (const auto& part : n.at("column_names")) names.push_back(lower(part.get<std::string>()));
    // Behind the column's name there are fields of it.
    if (names.empty() || names.size() > 3) return {};
    for (const auto& relation : relations) {
      if (names.size() > 1 && relation.alias != names[names.size() - 2]) continue;
      for (const auto& column : relation.columns) {
        if (lower(column.name) == names.back()) return column.carried;
      }
    }
    return {};
  }

  static Sources reference(const Json& n, const std::vector<Visible>& relations,
                           const std::vector<Output>& aliases, const std::vector<Visible>& outer) {
    std::vector<std::string> names;
    for (const auto& part : n.at("column_names")) names.push_back(lower(part.get<std::string>()));
    const auto in = [&](const std::vector<Visible>& where) -> const Output* {
      for (const auto& relation : where) {
        for (size_t i = 0; i < names.size(); ++i) {
          // `column`, `alias.column`, `schema.table.column`, each perhaps followed by fields of a
          // structure.
          if (i > 0 && relation.alias != names[i - 1]) continue;
          for (const auto& column : relation.columns) {
            if (lower(column.name) == names[i]) return &column;
          }
        }
      }
      return nullptr;
    };
    if (const Output* found = in(relations)) return found->from;
    // A column that only the data names: of the relation that is named, or of any such.
    for (const auto& relation : relations) {
      if (!relation.rest.empty() && (names.size() == 1 || relation.alias == names[0]))
        return relation.rest;
    }
    if (names.size() == 1) {
      for (const auto& alias : aliases) {
        if (lower(alias.name) == names[0]) return alias.from;
      }
    }
    const Output* found = in(outer);
    return found ? found->from : Sources{};
  }

  const Catalog& catalog_;
  std::set<std::string> joined_;  ///< columns of USING, lower case
};

}  // namespace

std::map<std::string, ColumnSource> carried_columns(duck::Connection& connection,
                                                    const Parsed& select, const Catalog& catalog) {
  Resolver resolver(catalog);
  const Json tree = parse_tree(connection, select.text, select.begin);
  std::map<std::string, ColumnSource> out;
  for (const auto& column : resolver.node(tree, {}, {})) {
    if (column.carried) out.emplace(column.name, *column.carried);
  }
  return out;
}

std::vector<ColumnLineage> column_lineage(duck::Connection& connection, const Parsed& select,
                                          const Catalog& catalog) {
  Resolver resolver(catalog);
  const Json tree = parse_tree(connection, select.text, select.begin);
  const auto columns = resolver.node(tree, {}, {});
  std::vector<ColumnLineage> out;
  for (const auto& column : columns) {
    std::string text;
    if (column.expression) {
      Json plain = *column.expression;
      plain["alias"] = "";
      text = expression_text(connection, plain);
    } else {
      text = duck::quote_name(column.name);
    }
    out.push_back({column.name, column.from, resolver.filters, std::move(text)});
  }
  return out;
}

}  // namespace windrow::sql
