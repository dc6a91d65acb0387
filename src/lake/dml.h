#pragma once

#include <string>
#include <vector>

#include "base/rows.h"
#include "lake/rewrite.h"

/// DELETE, UPDATE, replaceWhere and MERGE with clauses, staged by copy on write as everything in
/// rewrite.h. Conditions and values are SQL over the table's columns; in a merge the table is `t`
/// and the SELECT is `s`.
namespace windrow::lake {

/// Rows for which `condition` is true go. Empty: all rows.
Staged stage_delete(const StageContext&, const std::string& condition);

/// `column` = `expression`, over the row as it was.
struct Assignment {
  std::string column, expression;
};
Staged stage_update(const StageContext&, const std::vector<Assignment>& set,
                    const std::string& condition);

/// Replaces exactly the rows for which `condition` is true. Rows of the SELECT for which it is not
/// are an Error(data) that shows some.
Staged stage_replace_where(const StageContext&, const Relation& select, const Parameters&,
                           const std::string& condition);

/// The first clause of a kind whose condition holds decides what becomes of a row.
struct MergeClause {
  enum class When { matched, not_matched, not_matched_by_source };
  enum class Then { update, remove, insert };
  When when;
  Then then;
  std::string condition;  ///< empty: always
  /// Of an update or insert; empty: every column of the SELECT by name.
  std::vector<Assignment> set;
};
/// The SELECT may have columns that the table has not, for conditions; they are not added to it.
/// A row of the table that several rows of the SELECT would change is an Error(data).
Staged stage_merge_clauses(const StageContext&, const Relation& select, const Parameters&,
                           const std::string& on, const std::vector<MergeClause>& clauses);

}  // namespace windrow::lake
