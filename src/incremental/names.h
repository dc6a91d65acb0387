#pragma once

#include <optional>
#include <string>
#include <vector>

#include "incremental/tree.h"

namespace windrow::incremental {

/// What names mean in one SELECT_NODE of an inlined tree.
class Names {
 public:
  Names(const Json& select, const sql::Catalog& columns);

  /// The expression with aliases of the SELECT list replaced by what they stand for, so that it
  /// reads FROM alone. Throws WhyNot where the tables' columns do not say what a name means.
  Json resolved(const Json& expression) const { return resolved(expression, 0); }
  /// Equal for equal expressions, however their columns are written.
  Json canonical(const Json& resolved) const;
  /// The member of FROM whose columns it reads, by alias (lower case); nothing where it reads none,
  /// several, or it is not clear.
  std::optional<std::string> owner(const Json& resolved) const;
  /// What GROUP BY says, resolved; of GROUP BY ALL what the list yields. Throws WhyNot at ROLLUP,
  /// CUBE and GROUPING SETS.
  std::vector<Json> groups() const;
  bool grouped() const;
  /// Whether FROM has the column; else it is another query's. Throws WhyNot where that is not
  /// clear.
  bool reads(const Json& column) const;

 private:
  Json resolved(const Json& expression, int depth) const;
  const sql::Relation* relation_of_column(const Json& column) const;
  void add_relations(const Json& from);

  const Json& select_;
  const sql::Catalog& columns_;
  sql::ScopePtr scope_;
  std::vector<sql::Relation> relations_;
  std::set<std::string> joined_;  ///< columns of USING, lower case
  bool natural_ = false;
};

}  // namespace windrow::incremental
