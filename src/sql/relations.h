#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/tree.h"

/// Private to sql/: what a FROM clause reads, and which columns each member of it yields. Without
/// the tables' columns a star may yield anything.
namespace windrow::sql {

/// The WITH clauses that a query sees.
struct Scope {
  struct Entry {
    Cte cte;
    std::shared_ptr<const Scope> sees;
  };
  std::map<std::string, Entry> ctes;
};
using ScopePtr = std::shared_ptr<const Scope>;

ScopePtr with_ctes(const Json& node, const ScopePtr& outer);

/// One member of a FROM clause that is not a join.
struct Relation {
  const Json* node = nullptr;      // of the syntax tree
  std::string alias;               // lower case
  std::string table;               // a table of the lake
  size_t position = 0;             // of the table
  const Json* query = nullptr;     // a sub-query or a WITH clause
  ScopePtr scope;                  // what `query` sees
  std::vector<std::string> names;  // that it gives to its first columns
  bool recursive = false;          // a recursive query's own name
};
Relation relation_of(const Json& table, const ScopePtr& scope);

/// The SELECT that gives a query's columns their names.
const Json& first_select(const Json& query);

enum class Has { no, maybe, yes };

/// What a star of a SELECT list makes of a name: another expression (REPLACE, RENAME), nothing
/// (EXCLUDE), or the column of FROM, if there is one.
struct StarMeaning {
  bool passes = false;
  std::optional<Json> expression;
};
StarMeaning star_meaning(const Json& star, const std::string& column);

/// COLUMNS(…), or an expression around it: which columns it yields, and under which names, only the
/// tables decide.
bool expands(const Json& item);

/// Whether relations yield a column. `catalog` may be nothing: then only the SELECT's own text
/// says.
class ColumnFinder {
 public:
  explicit ColumnFinder(const Catalog* catalog) : catalog_(catalog) {}

  bool knows_tables() const { return catalog_ != nullptr; }
  Has yields(const Relation& relation, const std::string& column);
  /// Of all that stands in a FROM clause, or of the one member with that alias.
  Has from_yields(const Json& from, const ScopePtr& scope, const std::string& column,
                  const std::string& alias = {});

 private:
  Has query_yields(const Relation& relation, const std::string& column);
  Has table_yields(const Relation& relation, const std::string& column) const;

  const Catalog* catalog_;
  size_t left_ = 10'000;  ///< looks, of queries that unfold without end
};

}  // namespace windrow::sql
