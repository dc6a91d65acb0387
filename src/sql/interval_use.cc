#include <algorithm>

#include "sql/interval_push.h"

// Which inputs a SELECT reads by intervals: what all uses of a table have in common.
namespace windrow::sql {

namespace {

void refuse_between(const Json& node, const Parsed& select, Problems& problems) {
  walk(node, [&](const Json& n) {
    if (is_type(n, "COMPARE_BETWEEN") && (mentions(n, "start") || mentions(n, "end"))) {
      problems.add(Code::configuration,
                   "BETWEEN takes in its upper bound, but an interval does not hold its end",
                   "write: column >= $start AND column < $end",
                   select.place(location(n).value_or(0)));
    }
    return true;
  });
}

/// What all uses of one table have in common.
IntervalUse merged(duck::Connection& connection, const Parsed& select, const TableUse& table,
                   const std::vector<Leaf>& leaves, Problems& problems) {
  IntervalUse out{table.name, {}, true, table.place, table.position};
  std::map<std::string, size_t> expressions;  // text → where
  std::set<size_t> positions;
  size_t uses = 0;
  for (const auto& leaf : leaves) {
    if (leaf.table != table.name) continue;
    ++uses;
    positions.insert(leaf.position);
    bool start = false, end = false;
    for (const auto& bound : leaf.bounds) {
      expressions.try_emplace(expression_text(connection, bound.expression), bound.position);
      start = start || (bound.exact && bound.side == Side::start);
      end = end || (bound.exact && bound.side == Side::end);
    }
    out.exact = out.exact && start && end;
  }
  // A use that was not come upon (in a WITH clause that nothing reads) proves nothing.
  for (const auto& use : select.tables)
    out.exact = out.exact && (use.name != table.name || positions.count(use.position));
  if (uses == 0 || expressions.empty()) {
    out.exact = false;
    return out;
  }
  const auto& [text, position] = *expressions.begin();
  out.expression = text;
  out.position = position;
  out.place = select.place(position);
  if (expressions.size() > 1) {
    problems.add(Code::configuration,
                 "table \"" + table.name + "\" is compared with the interval by " + text +
                     " and by " + std::next(expressions.begin())->first,
                 "an input has one interval expression",
                 select.place(std::next(expressions.begin())->second));
  }
  return out;
}

}  // namespace

std::vector<IntervalUse> find_intervals(duck::Connection& connection, const Json& node,
                                        const Parsed& select, const Catalog* catalog,
                                        Problems& problems, bool& names_depend) {
  std::vector<Leaf> leaves;
  const auto names = select.parameter_names();
  if (names.count("start") || names.count("end")) {
    refuse_between(node, select, problems);
    leaves = push_intervals(node, select, catalog, problems, names_depend);
  }
  std::vector<IntervalUse> out;
  for (const auto& table : select.tables) {
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const auto& o) { return o.table == table.name; });
    if (!known) out.push_back(merged(connection, select, table, leaves, problems));
  }
  return out;
}

std::vector<IntervalUse> intervals_over(duck::Connection& connection, const Parsed& select,
                                        const Catalog& catalog) {
  Problems problems;
  bool names_depend = false;
  const Json node = parse_tree(connection, select.text, select.begin);
  auto out = find_intervals(connection, node, select, &catalog, problems, names_depend);
  if (problems.empty()) return out;
  // What is compared in two ways, now that the columns are known, proves nothing.
  for (auto& use : out) {
    use.expression.reset();
    use.exact = false;
  }
  return out;
}

}  // namespace windrow::sql
