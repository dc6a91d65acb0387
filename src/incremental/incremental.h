#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/rows.h"
#include "duck/forward.h"

/// How the result of a SELECT follows from the rows that came into its inputs and went from them:
/// incremental view maintenance, by rules over the syntax tree.
namespace windrow::incremental {

/// The columns of tables, in order.
using Columns = std::map<std::string, std::vector<Column>>;

/// A SELECT over tables of which some have other rows than when its result was built.
struct Question {
  std::string select;                        ///< macros expanded
  std::map<std::string, std::string> views;  ///< by name as written: a SELECT without parameters
  Columns columns;                           ///< of tables, by name as written
  std::set<std::string> changed;             ///< tables, by name as written
  Parameters parameters;                     ///< of the SELECT, for its types
  enum class Rule { any, by_row, by_key, by_state } rule = Rule::any;  ///< asked for
};

/// What texts of a `Maintenance` read. A table's rows as they are now have the table's own name.
std::string rows_before(const std::string& table);  ///< when the result was built
/// The difference between the two, as multisets: now = before - removed + added.
std::string rows_added(const std::string& table);
std::string rows_removed(const std::string& table);
inline constexpr const char* kTouchedKeys = "windrow touched keys";

/// The rows of the result that come and those that go, each as often as it is there:
/// result now = result before - removed + added, as multisets. One row may be in both.
struct ByRow {
  std::string added, removed;  ///< SELECTs with the result's columns; empty: none
  bool asks = false;           ///< of rows that have not changed, by sub-queries in expressions
};

/// Rows of the result with equal values in `key` (NULL equals NULL) follow from rows of the inputs
/// that no others follow from. Of keys that are not touched nothing has changed.
struct ByKey {
  std::vector<std::string> key;  ///< columns of the result
  /// SELECT of the keys that may be touched, each once, for kTouchedKeys: columns `windrow key 0`,
  /// …
  std::string touched;
  /// The result's rows as they are now, of the keys in kTouchedKeys alone.
  std::string recomputed;
  std::string recomputed_without_null;  ///< the same where no key has a NULL: it may be quicker
};

/// Sums of groups, kept beside the table, from which the result follows without its inputs.
struct State {
  size_t keys = 0;  ///< columns `k0`, `k1`, …; none: one row for all
  size_t sums = 0;  ///< columns `s0`, `s1`, … of integers or decimals; and `n`: rows of the group
  std::vector<std::string> types;  ///< that its columns are kept with: keys, `n`, sums
  std::string whole;               ///< SELECT of it from the inputs as they are now
  /// Where it is not empty: SELECT of the values that `change` finds under kTouchedKeys.
  std::string touched;
  size_t touched_columns = 0;
  /// SELECT of what is to be added to it, by groups: with negative numbers of what went. A group
  /// of which no row is left goes.
  std::string change;
  std::string change_without_null;  ///< the same where no touched key has a NULL
};
struct ByState {
  std::vector<State> states;
  std::string result;  ///< SELECT over the states' rows under state_rows(0), …
  bool asks = false;   ///< as that of ByRow
  /// Of the result, in the order of `k0`, `k1`, …: a row of it follows from those rows of the one
  /// state that are equal to it in so many keys. Empty: from all there is.
  std::vector<std::string> key;
};
std::string state_rows(size_t state);

/// The SELECT cannot be maintained by these rules: it is built whole.
struct Whole {
  std::string reason;  ///< `it has a LIMIT`
};

using Maintenance = std::variant<Whole, ByRow, ByKey, ByState>;

/// The first rule that holds and was asked for: by row, from state, by key. Parses and binds; a
/// table that has changed and is not read changes nothing.
Maintenance maintenance_of(duck::Connection& connection, const Question& question);

}  // namespace windrow::incremental
