#pragma once

#include <string>
#include <vector>

#include "incremental/names.h"
#include "incremental/tree.h"

namespace windrow::incremental {

/// Where a state's rows stand in FROM.
inline constexpr const char* kStateAlias = "windrow state";

/// What is kept of one SELECT's groups: aggregates that can be added to, and what the SELECT's own
/// aggregates are over them.
class GroupSums {
 public:
  /// Of a SELECT that has groups. Throws WhyNot where sums do not say what it asks for.
  GroupSums(duck::Connection& connection, const Json& select, const Names& names,
            const Parameters& parameters);

  std::vector<Json> groups;  ///< columns `k0`, … of the state; the SELECT's own come first
  size_t own = 0;
  std::vector<Json> values;  ///< columns `s0`, …
  Json where;                ///< of the rows that are summed
  /// The state has more groups than the SELECT, which groups the state's rows once more: by what
  /// DISTINCT counts, and by what rows of the query around it are compared with.
  bool finer = false;
  Json asked;  ///< then: its condition over the state's rows

  /// An expression over groups as one over the state's rows.
  Json over_state(const Json& node);
  static Json column(const std::string& name) { return column_ref({kStateAlias, name}); }

 private:
  void add_distinct(const Json& node);
  void find_asked();
  size_t add_group(Json value);
  size_t add(Json value);
  Json aggregate(const Json& call);
  std::string value_text(size_t i) const;
  std::string count_text(size_t i) const;
  bool is_narrow(const Json& argument) const;
  Json expression(const std::string& text) const;

  duck::Connection& connection_;
  const Json& select_;
  const Names& names_;
  const Parameters& parameters_;
  std::vector<Json> group_names_, value_names_;
};

}  // namespace windrow::incremental
