#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rows.h"
#include "lsp/sql_words.h"

/// Which names a SELECT that is being written knows at a place. Found by words and parentheses, so
/// that it works in a text that does not parse; what a SELECT means is sql/'s to say.
namespace windrow::lsp {

struct SqlQuery;

/// A member of a FROM clause.
struct SqlRelation {
  std::string alias;  ///< or the table's own name
  std::string table;  ///< as written, parts joined by a dot; empty where it is a sub-query
  Span table_span;    ///< of all parts
  Span alias_span;    ///< empty where none is written
  std::shared_ptr<const SqlQuery> query;  ///< a sub-query
};

/// An item of a SELECT list.
struct SqlItem {
  std::string name;  ///< in the result; empty where DuckDB makes one up
  Span span, name_span;
  bool star = false;
  bool bare = false;                 ///< nothing but a column, maybe qualified, without an alias
  std::string of;                    ///< of a star: the alias before it; empty: all
  std::vector<std::string> without;  ///< EXCLUDE
  std::vector<SqlWord> words;
};

struct SqlSelect {
  Span span;
  Span from;  ///< its FROM clause, from the word on; empty where there is none
  bool distinct_or_set = false;
  std::vector<SqlItem> items;
  std::vector<SqlRelation> relations;
  std::vector<std::shared_ptr<const SqlQuery>> inside;  ///< sub-queries, also those of FROM
};

struct SqlWith {
  std::string name;
  Span name_span;
  std::vector<std::string> columns;
  std::shared_ptr<const SqlQuery> query;
};

/// WITH clauses and the SELECTs that UNION and its like put together.
struct SqlQuery {
  Span span;
  std::vector<SqlWith> withs;
  std::vector<SqlSelect> selects;
};

std::shared_ptr<const SqlQuery> sql_query(const std::vector<SqlWord>& words);

/// Columns of a table as it is written; nothing where they are not known.
using ColumnsOf = std::function<std::optional<std::vector<Column>>(const std::string& table)>;

/// A column that something in scope yields.
struct ScopeColumn {
  std::string name;
  std::string type;               ///< empty: not known
  std::string table;              ///< that it comes from unchanged, as written; empty: computed
  std::string column;             ///< its name there
  const SqlItem* item = nullptr;  ///< that yields it, of a WITH clause or a sub-query
  bool by_star = false;           ///< it has its name from the table, through stars alone
};

/// What is known at a place of the query.
class SqlScope {
 public:
  SqlScope(std::shared_ptr<const SqlQuery> query, size_t at, ColumnsOf columns_of);

  /// Of the innermost SELECT first, then of those around it.
  const std::vector<const SqlRelation*>& relations() const { return relations_; }
  /// Of them, those of the SELECT that the place is in.
  size_t own_relations() const { return own_; }
  std::vector<const SqlWith*> withs() const;
  const SqlSelect* select() const { return select_; }
  bool in_from() const;

  /// A WITH clause of that name.
  const SqlWith* with(std::string_view name) const;
  const SqlRelation* relation(std::string_view alias) const;
  std::vector<ScopeColumn> columns(const SqlRelation& relation) const;
  /// By name, in the innermost relations that have it; more than one where it is ambiguous.
  std::vector<ScopeColumn> find(std::string_view column) const;
  /// What the whole query yields.
  std::vector<ScopeColumn> outputs() const;

 private:
  struct Frame {
    const SqlQuery* query;
    size_t withs;  ///< so many of its WITH clauses are seen
  };
  using Frames = std::vector<Frame>;

  bool enter(const SqlQuery& query, size_t at);
  std::vector<ScopeColumn> columns_in(const SqlRelation& relation, const Frames& frames,
                                      int depth) const;
  std::vector<ScopeColumn> yields(const SqlQuery& query, Frames frames, int depth) const;
  void star(const SqlItem& item, const SqlSelect& select, const Frames& frames, int depth,
            std::vector<ScopeColumn>& out) const;
  ScopeColumn computed(const SqlItem& item, const SqlSelect& select, const Frames& frames,
                       int depth) const;
  static const SqlWith* find_with(std::string_view name, const Frames& frames, Frames& seen);

  std::shared_ptr<const SqlQuery> query_;
  size_t at_;
  ColumnsOf columns_of_;
  Frames frames_;
  /// What each query yields: a chain of WITH clauses asks for the same again and again.
  mutable std::map<const SqlQuery*, std::vector<ScopeColumn>> known_;
  mutable std::map<std::string, std::vector<ScopeColumn>> tables_;
  const SqlSelect* select_ = nullptr;
  std::vector<const SqlRelation*> relations_;
  size_t own_ = 0;
};

}  // namespace windrow::lsp
