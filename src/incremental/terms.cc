#include "incremental/tree.h"

#include "base/text.h"

// A query is linear in a table where the rows that come out of it are those of each row of the
// table by itself: filters, projections, UNION ALL, inner joins, the preserved side of outer joins,
// the left side of semi and anti joins. Where several tables have changed, they change one after
// the other, from left to right: what stands before the one that changes is read as it is now, what
// stands behind it as it was before.
namespace windrow::incremental {

namespace {

using Pointer = Json::json_pointer;

/// Tables and sub-queries in FROM that read what has changed, from left to right.
void find_leaves(const Json& from, const Pointer& at, const std::set<std::string>& changed,
                 std::vector<Pointer>& out) {
  if (!reads_changed(from, changed)) return;
  if (sql::is_type(from, "BASE_TABLE") || sql::is_type(from, "SUBQUERY")) {
    out.push_back(at);
    return;
  }
  if (!sql::is_type(from, "JOIN")) throw WhyNot{"it reads what has changed through a function"};
  const auto type = sql::text_at(from, "join_type"), how = sql::text_at(from, "ref_type");
  if (how != "REGULAR" && how != "CROSS" && how != "NATURAL" && how != "DEPENDENT")
    throw WhyNot{"it reads what has changed through an ASOF or a POSITIONAL join"};
  if (reads_changed(from.value("condition", Json()), changed))
    throw WhyNot{"a sub-query in the condition of a join reads what has changed"};
  const bool left = reads_changed(from.at("left"), changed),
             right = reads_changed(from.at("right"), changed);
  const bool left_linear = type == "INNER" || type == "LEFT" || type == "SEMI" || type == "ANTI";
  const bool right_linear = type == "INNER" || type == "RIGHT";
  if ((left && !left_linear) || (right && !right_linear))
    throw WhyNot{
        "what has changed stands on the side of an outer, semi or anti join that others' "
        "rows depend on"};
  find_leaves(from.at("left"), at / "left", changed, out);
  find_leaves(from.at("right"), at / "right", changed, out);
}

/// `'t'::BOOLEAN`
Json truth(const char* value) {
  Json out = Json::parse(R"({"class": "CAST", "type": "OPERATOR_CAST", "alias": "",
    "query_location": 18446744073709551615, "child": {"class": "CONSTANT", "type": "VALUE_CONSTANT",
    "alias": "", "query_location": 18446744073709551615, "value": {"type": {"id": "VARCHAR",
    "type_info": null}, "is_null": false}}, "cast_type": {"id": "BOOLEAN", "type_info": null},
    "try_cast": false})");
  out["child"]["value"]["value"] = value;
  return out;
}

/// Its columns without a row.
Json emptied(const Json& query) {
  return select_node(star(), subquery_ref(query, "windrow none"), truth("f"));
}

std::vector<Term> terms_of_union(const Json& query, const std::set<std::string>& changed) {
  const auto type = sql::text_at(query, "setop_type");
  if (!type.starts_with("UNION") || !query.value("setop_all", false))
    throw WhyNot{"it is an INTERSECT, an EXCEPT or a UNION without ALL"};
  // The whole keeps its names and types where a part of it has no rows.
  std::vector<Term> out;
  for (const char* side : {"left", "right"}) {
    const char* other = side[0] == 'l' ? "right" : "left";
    for (auto& term : terms_of_query(query.at(side), changed)) {
      Json whole = query;
      whole[side] = std::move(term.query);
      whole[other] = emptied(query.at(other));
      out.push_back({std::move(whole), term.comes});
    }
  }
  return out;
}

void refuse_unless_by_row(const Json& query, const std::set<std::string>& changed) {
  if (!query.at("group_expressions").empty() || !query.at("having").is_null() ||
      sql::text_at(query, "aggregate_handling") == "FORCE_AGGREGATES")
    throw WhyNot{"it reads groups of what has changed"};
  if (!query.at("qualify").is_null()) throw WhyNot{"it reads a window over what has changed"};
  if (distinct_of(query)) throw WhyNot{"it reads a DISTINCT of what has changed"};
  for (const auto& item : query.at("select_list")) {
    if (sql::has_aggregate(item)) throw WhyNot{"it reads an aggregate of what has changed"};
    bool window = false;
    sql::walk(item, [&](const Json& n) {
      window = window || sql::is_class(n, "WINDOW");
      return !sql::is_class(n, "SUBQUERY");
    });
    if (window) throw WhyNot{"it reads a window over what has changed"};
  }
  if (!changed_subqueries(query.at("select_list"), changed).empty())
    throw WhyNot{"a sub-query in an expression reads what has changed"};
}

/// Whether the same rows, asked for again, give the same: no choice among equals is left open.
bool gives_the_same_again(const Json& query) {
  static const std::set<std::string> kOfAnyOrder = {"min", "max", "count",    "count_star",
                                                    "sum", "avg", "bool_and", "bool_or"};
  bool out = true;
  sql::walk(query, [&](const Json& n) {
    if (sql::is_type(n, "LIMIT_MODIFIER") || sql::is_type(n, "LIMIT_PERCENT_MODIFIER") ||
        sql::is_class(n, "WINDOW") || (n.contains("sample") && !n.at("sample").is_null()))
      out = false;
    if (sql::is_class(n, "FUNCTION") && is_aggregate_call(n))
      out = out && kOfAnyOrder.contains(lower(sql::text_at(n, "function_name")));
    return out;
  });
  return out;
}

/// Whether a sub-query is a value that all rows of FROM share, as far as can be seen: `(SELECT
/// max(x) FROM b)`. Where it reads a row of FROM after all, that costs time and is right.
bool is_shared_value(const Json& subquery) {
  if (!sql::is(subquery, "subquery_type", "SCALAR")) return false;
  const Json& inner = subquery.at("subquery").at("node");
  if (!sql::is_type(inner, "SELECT_NODE") || !inner.at("group_expressions").empty()) return false;
  const Json& from = inner.at("from_table");
  return gives_the_same_again(inner) && inner.at("where_clause").is_null() &&
         (sql::is_type(from, "BASE_TABLE") || sql::is_type(from, "SUBQUERY"));
}

/// Of rows that the condition does not let through.
Json not_let_through(const Json& condition) {
  return {{"class", "COMPARISON"}, {"type", "COMPARE_DISTINCT_FROM"},
          {"alias", ""},           {"query_location", UINT64_MAX},
          {"left", condition},     {"right", truth("t")}};
}

}  // namespace

std::vector<Term> terms_of_rows(const Json& select, const std::set<std::string>& changed) {
  std::vector<Json> plain, asked;
  for (auto& part : conjuncts(select.at("where_clause"))) {
    const auto subqueries = changed_subqueries(part, changed);
    for (const auto* one : subqueries) {
      if (!is_shared_value(*one))
        throw WhyNot{"a sub-query in an expression reads what has changed"};
    }
    (subqueries.empty() ? plain : asked).push_back(std::move(part));
  }
  std::vector<Term> out;
  const auto add = [&](Json from, std::vector<Json> conditions, bool comes) {
    Json whole = select;
    whole["from_table"] = std::move(from);
    conditions.insert(conditions.begin(), plain.begin(), plain.end());
    whole["where_clause"] = conjunction(std::move(conditions));
    out.push_back({std::move(whole), comes});
  };
  const Json now = conjunction(asked);
  Json before = now;
  if (!now.is_null()) read_before(before, changed);
  for (auto& term : terms_of_from(select.at("from_table"), changed))
    add(std::move(term.query), {before}, term.comes);
  if (now.is_null()) return out;
  // Of all rows as they are now: those that pass another value.
  const Json& rows = select.at("from_table");
  add(rows, {now, not_let_through(before)}, true);
  add(rows, {before, not_let_through(now)}, false);
  return out;
}

std::vector<Term> terms_of_from(const Json& from, const std::set<std::string>& changed) {
  std::vector<Pointer> leaves;
  find_leaves(from, Pointer(), changed, leaves);
  std::vector<Term> out;
  Json base = from;
  for (const auto& leaf : leaves) read_before(base[leaf], changed);
  for (const auto& leaf : leaves) {
    const Json& now = from[leaf];
    if (sql::is_type(now, "BASE_TABLE")) {
      for (const auto version : {Version::added, Version::removed}) {
        base[leaf] = now;
        read_as(base[leaf], version);
        out.push_back({base, version == Version::added});
      }
    } else {
      for (auto& term : terms_of_query(now.at("subquery").at("node"), changed)) {
        base[leaf] = now;
        base[leaf]["subquery"]["node"] = std::move(term.query);
        out.push_back({base, term.comes});
      }
    }
    base[leaf] = now;
  }
  return out;
}

std::vector<Term> terms_of_query(const Json& given, const std::set<std::string>& changed) {
  if (!reads_changed(given, changed)) return {};
  const Json query = without_order(given);
  if (sql::is_type(query, "SET_OPERATION_NODE")) {
    if (distinct_of(query)) throw WhyNot{"it reads a DISTINCT of what has changed"};
    return terms_of_union(query, changed);
  }
  if (!sql::is_type(query, "SELECT_NODE")) throw WhyNot{"it is no plain SELECT"};
  refuse_unless_by_row(query, changed);
  return terms_of_rows(query, changed);
}

}  // namespace windrow::incremental
