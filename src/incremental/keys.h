#pragma once

#include <string>
#include <vector>

#include "incremental/names.h"
#include "incremental/tree.h"

namespace windrow::incremental {

/// Which items of the SELECT list are keys (see ByKey): rows of FROM with other values of them do
/// not matter to a row of the result. Throws WhyNot where there are none.
struct Keys {
  std::vector<std::string> columns;  ///< of the result
  std::vector<Json> values;          ///< over FROM
};
Keys keys_of(const Json& select, const Names& names);

/// SELECTs (columns `windrow key 0`, …) whose rows are, together, at least the keys of all rows of
/// FROM that have come or gone, or that a changed sub-query in an expression looks at differently.
/// Throws WhyNot.
std::vector<Json> touched_keys(const Json& select, const Names& names, const Keys& keys,
                               const std::set<std::string>& changed, const sql::Catalog& columns);

/// What rows of FROM are told apart by for sub-queries in expressions that read what has changed:
/// the columns that these are asked about. Throws WhyNot.
Keys asked_keys(const Json& select, const Names& names, const std::set<std::string>& changed,
                const sql::Catalog& columns);

/// The SELECT with the rows of FROM alone whose keys are in kTouchedKeys.
Json with_touched_keys(const Json& select, const Names& names, const Keys& keys, bool nulls_equal);
/// The same inside its sub-queries that ask about the keys: rows that nobody asks for are not read.
void narrow_subqueries(Json& select, const Names& names, const Keys& keys,
                       const std::set<std::string>& changed, const sql::Catalog& columns);

}  // namespace windrow::incremental
