#include "incremental/incremental.h"

#include "duck/duck.h"
#include "incremental/keys.h"
#include "incremental/states.h"
#include "incremental/tree.h"

namespace windrow::incremental {

namespace {

constexpr size_t kTermsMax = 24;  // of a change: of more the whole is quicker

std::string united(duck::Connection& connection, const std::vector<Json>& queries, const char* by) {
  std::string out;
  for (const auto& query : queries)
    out += (out.empty() ? "(" : by) + sql::query_text(connection, query) + ")";
  return out;
}

ByRow by_row(duck::Connection& connection, const Json& query,
             const std::set<std::string>& changed) {
  std::vector<Json> added, removed;
  const auto terms = terms_of_query(query, changed);
  if (terms.size() > kTermsMax) throw WhyNot{"it joins too many tables that have changed"};
  for (const auto& term : terms) (term.comes ? added : removed).push_back(term.query);
  return {united(connection, added, " UNION ALL ("), united(connection, removed, " UNION ALL ("),
          !changed_subqueries(query, changed).empty()};
}

ByKey by_key(duck::Connection& connection, const Json& given, const Question& question) {
  const Json select = without_order(given);
  if (!sql::is_type(select, "SELECT_NODE")) throw WhyNot{"it is no plain SELECT"};
  const Names names(select, question.columns);
  const auto keys = keys_of(select, names);
  const auto touched = touched_keys(select, names, keys, question.changed, question.columns);
  if (touched.size() > kTermsMax) throw WhyNot{"it joins too many tables that have changed"};
  return {keys.columns, united(connection, touched, " UNION ("),
          sql::query_text(connection, with_touched_keys(select, names, keys, true)),
          sql::query_text(connection, with_touched_keys(select, names, keys, false))};
}

}  // namespace

Maintenance maintenance_of(duck::Connection& connection, const Question& question) {
  try {
    const Json tree = inlined(connection, question);
    std::string first;
    try {
      if (question.rule == Question::Rule::any || question.rule == Question::Rule::by_row)
        return by_row(connection, tree, question.changed);
    } catch (const WhyNot& why) {
      first = why.reason;
    }
    if (question.rule == Question::Rule::by_row) return Whole{first};
    try {
      if (question.rule != Question::Rule::by_key) return by_state(connection, tree, question);
    } catch (const WhyNot& why) {
      if (question.rule == Question::Rule::by_state) return Whole{why.reason};
    } catch (const Error& error) {  // a text that does not bind
      if (question.rule == Question::Rule::by_state) return Whole{error.problem().message};
    }
    try {
      return by_key(connection, tree, question);
    } catch (const WhyNot& why) {
      // Which of the two says more: groups and windows are what the second one is for.
      const bool no_groups =
          why.reason == "it has no groups" || why.reason == "it is no plain SELECT";
      return Whole{no_groups && !first.empty() ? first : why.reason};
    }
  } catch (const WhyNot& why) {
    return Whole{why.reason};
  } catch (const Json::exception&) {
    return Whole{"a part of its SELECT is not understood"};
  }
}

}  // namespace windrow::incremental
