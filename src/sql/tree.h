#pragma once

// Private to sql/ and incremental/: walking DuckDB's syntax tree as json_serialize_sql gives it.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rows.h"
#include "base/text.h"
#include "duck/forward.h"
#include "duck/sandbox.h"

namespace windrow::sql {

// Of sql.h, which takes with it what a tree alone does not need.
struct IntervalUse;
struct Parsed;
using Catalog = std::map<std::string, std::vector<Column>>;

using Json = nlohmann::json;

inline std::string text_at(const Json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}
inline bool is(const Json& node, const char* key, const char* value) {
  if (!node.is_object()) return false;
  auto found = node.find(key);
  return found != node.end() && found->is_string() && found->get_ref<const std::string&>() == value;
}
inline bool is_class(const Json& node, const char* name) { return is(node, "class", name); }
inline bool is_type(const Json& node, const char* name) { return is(node, "type", name); }

/// The query node of the one SELECT that `text` is. Error(configuration) with its place where it is
/// not one.
Json parse_tree(duck::Connection& connection, std::string_view text, const Place& begin);

/// DuckDB's answers to many texts, by few statements; each is for `tree_of`. A statement costs ten
/// times what its text does.
std::vector<std::string> parse_answers(duck::Connection& connection,
                                       const std::vector<std::string_view>& texts);
/// What `parse_tree` gives, of an answer that is there.
Json tree_of(const std::string& answer, std::string_view text, const Place& begin);

/// Byte in the SQL where the node stands; nothing where DuckDB does not say.
std::optional<size_t> location(const Json& node);

/// Calls `visit` for every object, parents first. Where it returns false the children are left out.
void walk(const Json& node, const std::function<bool(const Json&)>& visit);

/// The full name of a BASE_TABLE.
std::string table_name(const Json& base_table);

/// The expression without places and aliases, so that equal ones are equal.
Json bare(const Json& expression);

/// The SQL text of an expression.
std::string expression_text(duck::Connection& connection, const Json& expression);

/// The SQL text of a query node. Error(unsupported) where DuckDB writes another query than it read.
std::string query_text(duck::Connection& connection, const Json& query);

/// A WITH clause: its name in lower case, and the names it gives to its columns.
struct Cte {
  std::string name;
  std::vector<std::string> columns;
  const Json* node = nullptr;
};
/// The WITH clauses of a query node, in order.
std::vector<Cte> ctes_of(const Json& node);

/// The name by which a BASE_TABLE may mean a WITH clause (lower case); empty where it has a schema.
std::string cte_name(const Json& base_table);

/// The name that an item of a SELECT's list has in the result; empty where DuckDB makes one up.
std::string output_name(const Json& item);

/// `GROUP BY 2`, `ORDER BY 2`: the position, from 1.
std::optional<size_t> as_position(const Json& expression);

/// True where the expression calls an aggregate function outside of sub-queries.
bool has_aggregate(const Json& expression);

/// Hash of the tree without what is not meaning.
std::string meaning_of(const Json& node);

bool says_star(const Json& node);

/// What the tree of `parsed.text` reads, into `parsed.tables`; what it may not say, into
/// `problems`.
void find_tables(const Json& node, Parsed& parsed, const duck::Sandbox& sandbox,
                 Problems& problems);

/// One entry per table of `select.tables`; what is wrong with comparisons goes into `problems`.
/// `catalog` may be nothing: `names_depend` then says whether another one would have said more.
std::vector<IntervalUse> find_intervals(duck::Connection& connection, const Json& node,
                                        const Parsed& select, const Catalog* catalog,
                                        Problems& problems, bool& names_depend);

}  // namespace windrow::sql
