#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "incremental/incremental.h"
#include "sql/relations.h"
#include "sql/tree.h"

/// Private to incremental/: the query trees that rules are made of.
namespace windrow::incremental {

using sql::Json;

/// Why a rule does not hold; the text of `Whole`.
struct WhyNot {
  std::string reason;
};

/// The question's tree with views and WITH clauses in the place of their names, so that every
/// BASE_TABLE is a table of the lake.
Json inlined(duck::Connection& connection, const Question& question);

/// Where FROM is one sub-query of plain rows, and a sub-query in its WHERE reads what has changed,
/// the SELECT reads what that one reads: `SELECT … FROM (SELECT … FROM a WHERE EXISTS (…))`.
void flatten(Json& node, const std::set<std::string>& changed, const sql::Catalog& columns);

/// Tables and what is read of them.
enum class Version { before, added, removed };
/// What one BASE_TABLE is replaced by.
void read_as(Json& base_table, Version version);
/// Every changed table inside is read as it was before.
void read_before(Json& node, const std::set<std::string>& changed);
bool reads_changed(const Json& node, const std::set<std::string>& changed);

/// A change of rows: the tree gives rows that come, or that go.
struct Term {
  Json query;
  bool comes = true;
};
/// The change of a query's rows as a sum of terms. Throws WhyNot where it is not linear in what has
/// changed.
std::vector<Term> terms_of_query(const Json& query, const std::set<std::string>& changed);
/// The same of the rows of FROM that WHERE lets through: of a SELECT with another FROM and WHERE in
/// each term. Sub-queries in WHERE that give one value for all rows may read what has changed.
std::vector<Term> terms_of_rows(const Json& select, const std::set<std::string>& changed);
/// The same of what stands in FROM, in `query` of each term.
std::vector<Term> terms_of_from(const Json& from, const std::set<std::string>& changed);

/// Sub-queries in expressions (not those in FROM) that read what has changed.
std::vector<const Json*> changed_subqueries(const Json& expression,
                                            const std::set<std::string>& changed);

/// Of a FUNCTION: an aggregate itself, whatever its arguments are.
bool is_aggregate_call(const Json& function);

// Making trees.
Json table_ref(const std::string& name, const std::string& alias);
Json subquery_ref(Json query, const std::string& alias, Json columns = Json::array());
Json column_ref(std::vector<std::string> names);
Json compared(Json left, Json right, bool nulls_equal);
/// `all` joined by AND; null where there is none.
Json conjunction(std::vector<Json> all, const char* type = "CONJUNCTION_AND");
std::vector<Json> conjuncts(const Json& condition);
Json exists(Json query);
Json star();  ///< a SELECT list that is `*`
Json select_node(Json list, Json from, Json where);
Json with_alias(Json expression, const std::string& alias);
/// Everything but ORDER BY, which changes no rows where nothing is cut off. Throws WhyNot at LIMIT.
Json without_order(Json query);
const Json* distinct_of(const Json& query);

}  // namespace windrow::incremental
