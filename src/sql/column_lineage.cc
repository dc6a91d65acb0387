#include <algorithm>

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
};
struct Relation {
  std::string alias;  // lower case
  std::vector<Output> columns;
};
using Ctes = std::map<std::string, std::vector<Output>>;

class Resolver {
 public:
  explicit Resolver(const Catalog& catalog) : catalog_(catalog) {}

  Sources filters;  ///< of all nodes seen

  std::vector<Output> node(const Json& query, Ctes ctes, const std::vector<Relation>& outer,
                           int depth = 0) {
    if (depth > 64) return {};
    for (const auto& [name, inner] : ctes_of(query))
      ctes[name] = node(*inner, ctes, outer, depth + 1);
    if (is_type(query, "SELECT_NODE")) return select(query, ctes, outer, depth);
    return combined(query, ctes, outer, depth);
  }

 private:
  /// UNION and its like, and recursive queries: columns by position, or by name where it says so.
  std::vector<Output> combined(const Json& query, Ctes& ctes, const std::vector<Relation>& outer,
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
          into->from.insert(columns[i].from.begin(), columns[i].from.end());
        }
      }
    }
    return out;
  }

  std::vector<Output> select(const Json& query, const Ctes& ctes,
                             const std::vector<Relation>& outer, int depth) {
    std::vector<Relation> relations;
    from(query.at("from_table"), ctes, outer, relations, depth);
    std::vector<Output> out;
    for (const auto& item : query.at("select_list")) {
      if (is_class(item, "STAR")) {
        star(item, relations, ctes, outer, out, depth);
      } else {
        out.push_back({name_of(item), columns_in(item, relations, out, ctes, outer, depth), &item});
      }
    }
    for (const char* key : {"where_clause", "group_expressions", "having", "qualify"}) {
      if (!query.contains(key)) continue;
      const auto found = columns_in(query.at(key), relations, out, ctes, outer, depth);
      filters.insert(found.begin(), found.end());
    }
    return out;
  }

  static std::string name_of(const Json& item) {
    auto alias = text_at(item, "alias");
    if (!alias.empty()) return alias;
    if (is_class(item, "COLUMN_REF")) return item.at("column_names").back().get<std::string>();
    auto function = text_at(item, "function_name");
    return function.empty() ? "expression" : function;
  }

  void from(const Json& table, const Ctes& ctes, const std::vector<Relation>& outer,
            std::vector<Relation>& out, int depth) {
    if (!table.is_object()) return;
    const auto alias = lower(text_at(table, "alias"));
    if (is_type(table, "BASE_TABLE")) {
      const auto name = table_name(table);
      Relation relation{alias.empty() ? lower(text_at(table, "table_name")) : alias, {}};
      if (auto cte = ctes.find(lower(name)); cte != ctes.end()) {
        relation.columns = cte->second;
      } else if (auto found = catalog_.find(name); found != catalog_.end()) {
        for (const auto& column : found->second)
          relation.columns.push_back({column.name, {{name, column.name}}, nullptr});
      }
      rename(table, relation);
      out.push_back(std::move(relation));
    } else if (is_type(table, "SUBQUERY")) {
      auto around = outer;
      around.insert(around.end(), out.begin(), out.end());  // LATERAL sees what stands before it
      Relation relation{alias, node(table.at("subquery").at("node"), ctes, around, depth + 1)};
      rename(table, relation);
      out.push_back(std::move(relation));
    } else if (is_type(table, "JOIN")) {
      from(table.at("left"), ctes, outer, out, depth);
      from(table.at("right"), ctes, outer, out, depth);
      const auto found = columns_in(table.at("condition"), out, {}, ctes, outer, depth);
      filters.insert(found.begin(), found.end());
      for (const auto& name : table.at("using_columns")) {
        for (const auto& relation : out) {
          for (const auto& column : relation.columns) {
            if (lower(column.name) == lower(name.get<std::string>()))
              filters.insert(column.from.begin(), column.from.end());
          }
        }
      }
    } else {
      // PIVOT, table functions, VALUES: every column may come from everything inside.
      std::vector<Relation> inner;
      for (const char* key : {"source"}) {
        if (table.contains(key)) from(table.at(key), ctes, outer, inner, depth);
      }
      auto around = outer;
      around.insert(around.end(), out.begin(), out.end());
      const auto read = columns_in(table, inner, {}, ctes, around, depth);
      Relation relation{alias, {}};
      for (const auto& r : inner)
        relation.columns.insert(relation.columns.end(), r.columns.begin(), r.columns.end());
      if (relation.columns.empty()) relation.columns.push_back({alias, read, nullptr});
      rename(table, relation);
      out.push_back(std::move(relation));
    }
  }

  static void rename(const Json& table, Relation& relation) {
    if (!table.contains("column_name_alias")) return;
    const auto& names = table.at("column_name_alias");
    for (size_t i = 0; i < names.size() && i < relation.columns.size(); ++i) {
      relation.columns[i].name = names[i].get<std::string>();
    }
  }

  void star(const Json& item, const std::vector<Relation>& relations, const Ctes& ctes,
            const std::vector<Relation>& outer, std::vector<Output>& out, int depth) {
    const auto only = lower(text_at(item, "relation_name"));
    std::set<std::string> excluded, seen;
    for (const auto& name : item.value("exclude_list", Json::array())) {
      if (name.is_string()) excluded.insert(lower(name.get<std::string>()));
    }
    for (const auto& relation : relations) {
      if (!only.empty() && relation.alias != only) continue;
      for (auto column : relation.columns) {
        const auto name = lower(column.name);
        if (excluded.count(name) || !seen.insert(name).second) continue;
        for (const auto& replaced : item.value("replace_list", Json::array())) {
          if (lower(text_at(replaced, "key")) != name) continue;
          column.expression = &replaced.at("value");
          column.from = columns_in(*column.expression, relations, {}, ctes, outer, depth);
        }
        out.push_back(std::move(column));
      }
    }
  }

  /// Table columns that an expression's value depends on. Aliases of the same SELECT count for what
  /// they stand for.
  Sources columns_in(const Json& expression, const std::vector<Relation>& relations,
                     const std::vector<Output>& aliases, const Ctes& ctes,
                     const std::vector<Relation>& outer, int depth) {
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

  static Sources reference(const Json& n, const std::vector<Relation>& relations,
                           const std::vector<Output>& aliases, const std::vector<Relation>& outer) {
    std::vector<std::string> names;
    for (const auto& part : n.at("column_names")) names.push_back(lower(part.get<std::string>()));
    const auto in = [&](const std::vector<Relation>& where) -> const Output* {
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
    if (names.size() == 1) {
      for (const auto& alias : aliases) {
        if (lower(alias.name) == names[0]) return alias.from;
      }
    }
    const Output* found = in(outer);
    return found ? found->from : Sources{};
  }

  const Catalog& catalog_;
};

}  // namespace

std::vector<ColumnLineage> column_lineage(duck::Connection& connection, const Parsed& select,
                                          const Catalog& catalog) {
  Resolver resolver(catalog);
  const auto columns = resolver.node(root(select), {}, {});
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
