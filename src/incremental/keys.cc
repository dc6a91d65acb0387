#include "incremental/keys.h"

#include <algorithm>

namespace windrow::incremental {

namespace {

/// In what these names stand for FROM of another query is read.
constexpr const char* kTouchedAlias = "windrow touched";

std::string key_column(size_t i) { return "windrow key " + std::to_string(i); }

bool has_window(const Json& expression) {
  bool found = false;
  sql::walk(expression, [&](const Json& n) {
    found = found || sql::is_class(n, "WINDOW");
    return !found && !sql::is_class(n, "SUBQUERY");
  });
  return found;
}

/// What each window of the SELECT is partitioned by.
std::vector<std::vector<Json>> partitions_of(const Json& select, const Names& names) {
  std::vector<std::vector<Json>> out;
  const auto look = [&](const Json& expression) {
    sql::walk(expression, [&](const Json& n) {
      if (sql::is_class(n, "SUBQUERY")) return false;
      if (!sql::is_class(n, "WINDOW")) return true;
      auto& partition = out.emplace_back();
      for (const auto& by : n.at("partitions"))
        partition.push_back(names.canonical(names.resolved(by)));
      return true;
    });
  };
  look(select.at("select_list"));
  look(select.at("qualify"));
  return out;
}

bool holds(const std::vector<Json>& all, const Json& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// What the rows of the result are set apart by, each list by itself.
std::vector<std::vector<Json>> separations(const Json& select, const Names& names) {
  auto out = partitions_of(select, names);
  for (const auto& partition : out) {
    if (partition.empty()) throw WhyNot{"it has a window over all rows"};
  }
  const auto canonical = [&](std::vector<Json> all) {
    for (auto& one : all) one = names.canonical(one);
    return all;
  };
  if (names.grouped()) {
    auto groups = canonical(names.groups());
    if (groups.empty()) throw WhyNot{"it has one group for all rows"};
    out.push_back(std::move(groups));
  }
  if (const auto* distinct = distinct_of(select);
      distinct && !distinct->at("distinct_on_targets").empty()) {
    auto& on = out.emplace_back();
    for (const auto& target : distinct->at("distinct_on_targets")) {
      const auto position = sql::as_position(target);
      const auto& list = select.at("select_list");
      if (position && (*position < 1 || *position > list.size()))
        throw WhyNot{"DISTINCT ON names a position that is not there"};
      on.push_back(names.canonical(names.resolved(position ? list[*position - 1] : target)));
    }
  }
  return out;
}

}  // namespace

Keys keys_of(const Json& select, const Names& names) {
  const auto separate = separations(select, names);
  if (separate.empty() && !distinct_of(select)) throw WhyNot{"it has no groups"};
  Keys out;
  for (const auto& item : select.at("select_list")) {
    const bool star = sql::is_class(item, "STAR") || sql::expands(item);
    if (star && separate.empty()) throw WhyNot{"it is a DISTINCT of a star"};
    if (star || sql::has_aggregate(item) || has_window(item)) continue;
    const auto name = sql::output_name(item);
    auto value = with_alias(names.resolved(item), "");
    const auto canonical = names.canonical(value);
    if (!std::all_of(separate.begin(), separate.end(),
                     [&](const auto& by) { return holds(by, canonical); }))
      continue;
    if (name.empty()) {
      if (separate.empty()) throw WhyNot{"a column of its DISTINCT has no name"};
      continue;
    }
    bool subquery = false;
    sql::walk(value, [&](const Json& n) { return !(subquery |= sql::is_class(n, "SUBQUERY")); });
    if (subquery) throw WhyNot{"what it groups by is a sub-query"};
    out.columns.push_back(name);
    out.values.push_back(std::move(value));
  }
  if (out.columns.empty())
    throw WhyNot{"its result has no column that all of its groups and windows are set apart by"};
  return out;
}

namespace {

/// Finds what may be touched, one changed thing after the other.
class Toucher {
 public:
  Toucher(const Json& select, const Names& names, const Keys& keys,
          const std::set<std::string>& changed, const sql::Catalog& columns)
      : select_(select), names_(names), keys_(keys), changed_(changed), columns_(columns) {}

  std::vector<Json> run() {
    std::vector<Json> conditions;
    for (auto& part : conjuncts(select_.at("where_clause"))) {
      if (changed_subqueries(part, changed_).empty()) {
        conditions.push_back(names_.resolved(part));
      } else {
        subqueries(part);
      }
    }
    where_ = conjunction(std::move(conditions));
    for (const auto& item : select_.at("select_list")) subqueries(item);
    for (const auto* late : {&select_.at("having"), &select_.at("qualify")}) {
      if (reads_changed(*late, changed_))
        throw WhyNot{"a sub-query in HAVING or QUALIFY reads what has changed"};
    }
    for (const auto& condition : looks_)
      add(select_.at("from_table"), conjunction({where_, condition}));
    from(select_.at("from_table"), where_);
    return std::move(out_);
  }

 private:
  void add(Json from, Json where) {
    Json list = Json::array();
    for (size_t i = 0; i < keys_.values.size(); ++i)
      list.push_back(with_alias(keys_.values[i], key_column(i)));
    out_.push_back(select_node(std::move(list), std::move(from), std::move(where)));
  }

  /// Rows of what stands in FROM that come or go. On the side of a LEFT join that may be missing, a
  /// row that comes or goes touches those that it belongs to, whatever they hold without it.
  void from(const Json& tree, const Json& where) {
    if (!reads_changed(tree, changed_)) return;
    const bool left_join = sql::is_type(tree, "JOIN") && sql::is(tree, "join_type", "LEFT") &&
                           sql::is(tree, "ref_type", "REGULAR");
    if (!left_join || !reads_changed(tree.at("right"), changed_)) {
      try {
        for (auto& term : terms_of_from(tree, changed_)) add(std::move(term.query), where);
        return;
      } catch (const WhyNot&) {
        if (!left_join) throw;  // else a side of its left side may be missing
      }
    }
    if (reads_changed(tree.value("condition", Json()), changed_))
      throw WhyNot{"a sub-query in the condition of a join reads what has changed"};
    if (reads_changed(tree.at("right"), changed_)) {
      Json inner = tree;
      inner["join_type"] = "INNER";
      need_keys_of(tree.at("left"));
      for (auto& term : terms_of_from(tree.at("right"), changed_)) {
        inner["right"] = std::move(term.query);
        add(inner, nullptr);
        Json before = inner;
        read_before(before["left"], changed_);
        if (reads_changed(tree.at("left"), changed_)) add(std::move(before), nullptr);
      }
    }
    if (!reads_changed(tree.at("left"), changed_)) return;
    // Rows of the left side alone say which keys are touched.
    need_keys_of(tree.at("left"));
    from(tree.at("left"), nullptr);
  }

  void need_keys_of(const Json& tree) const {
    std::set<std::string> inside;
    const auto collect = [&](auto& self, const Json& node) -> void {
      if (sql::is_type(node, "JOIN")) {
        self(self, node.at("left"));
        self(self, node.at("right"));
        return;
      }
      inside.insert(sql::relation_of(node, std::make_shared<sql::Scope>()).alias);
    };
    collect(collect, tree);
    for (const auto& value : keys_.values) {
      const auto owner = names_.owner(value);
      if (!owner || !inside.contains(*owner))
        throw WhyNot{"what it groups by is on the side of an outer join that may be missing"};
    }
  }

  /// A sub-query in an expression gives a row of FROM something else only where rows that it reads
  /// for that row have come or gone.
  void subqueries(const Json& expression) {
    for (const auto* node : changed_subqueries(expression, changed_))
      look(*node, node == &expression);
  }

  void look(const Json& node, bool must_hold) {
    const Json& inner = node.at("subquery").at("node");
    if (!sql::is_type(inner, "SELECT_NODE"))
      throw WhyNot{"a sub-query in an expression is a UNION over what has changed"};
    if (!node.at("child").is_null() && reads_changed(node.at("child"), changed_))
      throw WhyNot{"a sub-query in an expression holds another one that reads what has changed"};
    const Names inside(inner, columns_);
    const Json where =
        inner.at("where_clause").is_null() ? Json() : inside.resolved(inner.at("where_clause"));
    if (!changed_subqueries(where, changed_).empty() ||
        !changed_subqueries(inner.at("select_list"), changed_).empty() ||
        reads_changed(inner.at("having"), changed_) || reads_changed(inner.at("qualify"), changed_))
      throw WhyNot{"a sub-query in an expression holds another one that reads what has changed"};
    const auto compared = must_hold ? compared_value(node, inside) : Json();
    for (auto& term : terms_of_from(inner.at("from_table"), changed_)) {
      if (compared.is_null()) {
        looks_.push_back(exists(select_node(star(), std::move(term.query), where)));
        continue;
      }
      Json same = node;
      same["subquery"]["node"] = select_node(Json::array({compared}), std::move(term.query), where);
      same["child"] = names_.resolved(node.at("child"));
      looks_.push_back(std::move(same));
    }
  }

  /// Of `x IN (SELECT y …)` where only rows with y = x matter to x: y over the sub-query's FROM.
  static Json compared_value(const Json& node, const Names& inside) {
    const Json& inner = node.at("subquery").at("node");
    if (!sql::is(node, "subquery_type", "ANY") ||
        !sql::is(node, "comparison_type", "COMPARE_EQUAL") || node.at("child").is_null() ||
        inner.at("select_list").size() != 1)
      return nullptr;
    for (const auto& modifier : inner.at("modifiers")) {
      if (!sql::is_type(modifier, "ORDER_MODIFIER")) return nullptr;
    }
    const Json& item = inner.at("select_list")[0];
    if (sql::is_class(item, "STAR") || sql::expands(item) || sql::has_aggregate(item) ||
        has_window(item) || has_window(inner.at("qualify")))
      return nullptr;
    auto value = with_alias(inside.resolved(item), "");
    if (inside.grouped()) {
      bool is_key = false;
      for (const auto& group : inside.groups())
        is_key = is_key || inside.canonical(group) == inside.canonical(value);
      if (!is_key) return nullptr;
    }
    return value;
  }

  const Json& select_;
  const Names& names_;
  const Keys& keys_;
  const std::set<std::string>& changed_;
  const sql::Catalog& columns_;
  Json where_;
  std::vector<Json> looks_;  ///< conditions over FROM
  std::vector<Json> out_;
};

/// `EXISTS (SELECT * FROM kTouchedKeys WHERE k0 = … AND …)` of these keys.
Json touched_condition(const Keys& keys, const std::vector<size_t>& which, bool nulls_equal) {
  std::vector<Json> same;
  for (const size_t i : which)
    same.push_back(
        compared(column_ref({kTouchedAlias, key_column(i)}), keys.values[i], nulls_equal));
  return conjunction(std::move(same));
}

/// Puts a semi join around the member of FROM of that alias; false where others' rows depend on it.
bool narrowed(Json& from, const std::string& alias, const Json& condition) {
  if (sql::is_type(from, "JOIN")) {
    const auto type = sql::text_at(from, "join_type");
    const auto how = sql::text_at(from, "ref_type");
    if (how != "REGULAR" && how != "CROSS" && how != "NATURAL") return false;
    const bool left = type == "INNER" || type == "LEFT" || type == "SEMI" || type == "ANTI";
    const bool right = type == "INNER" || type == "RIGHT";
    return (left && narrowed(from["left"], alias, condition)) ||
           (right && narrowed(from["right"], alias, condition));
  }
  if (!sql::is_type(from, "BASE_TABLE") && !sql::is_type(from, "SUBQUERY")) return false;
  if (sql::relation_of(from, std::make_shared<sql::Scope>()).alias != alias) return false;
  const auto own = sql::text_at(from, "alias");
  const auto name = own.empty() ? sql::text_at(from, "table_name") : own;
  Json join = {{"type", "JOIN"},         {"alias", ""},
               {"sample", nullptr},      {"query_location", UINT64_MAX},
               {"left", from},           {"right", table_ref(kTouchedKeys, kTouchedAlias)},
               {"condition", condition}, {"join_type", "SEMI"},
               {"ref_type", "REGULAR"},  {"using_columns", Json::array()},
               {"delim_flipped", false}, {"duplicate_eliminated_columns", Json::array()}};
  from = subquery_ref(select_node(star(), std::move(join), nullptr), name);
  return true;
}

}  // namespace

Keys asked_keys(const Json& select, const Names& names, const std::set<std::string>& changed,
                const sql::Catalog& columns) {
  Keys out;
  std::vector<Json> seen;
  const auto add = [&](const Json& column) {
    const auto value = with_alias(column, "");
    if (!names.owner(value)) throw WhyNot{"it is not clear what a sub-query is asked about"};
    const auto canonical = names.canonical(value);
    if (holds(seen, canonical)) return;
    seen.push_back(canonical);
    out.values.push_back(value);
  };
  for (const auto* part : {&select.at("where_clause"), &select.at("select_list")}) {
    for (const auto* node : changed_subqueries(*part, changed)) {
      const Json& inner = node->at("subquery").at("node");
      if (!sql::is_type(inner, "SELECT_NODE"))
        throw WhyNot{"a sub-query in an expression is a UNION over what has changed"};
      const Names inside(inner, columns);
      const auto collect = [&](const Json& n, bool outer) {
        sql::walk(n, [&](const Json& one) {
          if (sql::is_class(one, "COLUMN_REF") && (outer || !inside.reads(one))) add(one);
          return true;
        });
      };
      collect(inner.at("where_clause"), false);
      collect(inner.at("select_list"), false);
      if (!node->at("child").is_null()) collect(node->at("child"), true);
    }
  }
  if (out.values.empty()) throw WhyNot{"a sub-query in an expression is asked about nothing"};
  return out;
}

void narrow_subqueries(Json& select, const Names& names, const Keys& keys,
                       const std::set<std::string>& changed, const sql::Catalog& columns) {
  const auto key_of = [&](const Json& value) -> std::optional<size_t> {
    for (size_t i = 0; i < keys.values.size(); ++i) {
      if (names.canonical(value) == names.canonical(keys.values[i])) return i;
    }
    return {};
  };
  const auto narrow = [&](Json& from, const Names& inside, const Json& own, const Json& asked) {
    const auto owner = inside.owner(own);
    const auto key = key_of(asked);
    if (!owner || !key) return;
    narrowed(from, *owner,
             compared(column_ref({kTouchedAlias, key_column(*key)}), with_alias(own, ""), false));
  };
  const auto visit = [&](auto& self, Json& node, bool must_hold) -> void {
    if (!node.is_structured()) return;
    if (!sql::is_class(node, "SUBQUERY")) {
      for (auto& child : node) self(self, child, false);
      return;
    }
    if (!reads_changed(node, changed)) return;
    const Json inner = node.at("subquery").at("node");
    const Names inside(inner, columns);
    Json& from = node["subquery"]["node"]["from_table"];
    for (const auto& part : conjuncts(inner.at("where_clause"))) {
      if (!sql::is_type(part, "COMPARE_EQUAL")) continue;
      for (const auto& [own, asked] :
           {std::pair{part.at("left"), part.at("right")}, {part.at("right"), part.at("left")}}) {
        if (sql::is_class(asked, "COLUMN_REF") && sql::is_class(own, "COLUMN_REF") &&
            !inside.reads(asked) && inside.reads(own))
          narrow(from, inside, own, asked);
      }
    }
    if (!must_hold || !sql::is(node, "subquery_type", "ANY") ||
        !sql::is(node, "comparison_type", "COMPARE_EQUAL"))
      return;
    const auto& list = inner.at("select_list");
    if (list.size() == 1 && inner.at("modifiers").empty() && inner.at("qualify").is_null() &&
        sql::is_class(list[0], "COLUMN_REF") && inside.reads(list[0]) &&
        sql::is_class(node.at("child"), "COLUMN_REF"))
      narrow(from, inside, list[0], node.at("child"));
  };
  auto parts = conjuncts(select["where_clause"]);
  for (auto& part : parts) visit(visit, part, sql::is_class(part, "SUBQUERY"));
  select["where_clause"] = conjunction(std::move(parts));
  visit(visit, select["select_list"], false);
}

std::vector<Json> touched_keys(const Json& select, const Names& names, const Keys& keys,
                               const std::set<std::string>& changed, const sql::Catalog& columns) {
  return Toucher(select, names, keys, changed, columns).run();
}

Json with_touched_keys(const Json& select, const Names& names, const Keys& keys, bool nulls_equal) {
  Json out = select;
  std::map<std::string, std::vector<size_t>> owned;
  std::vector<size_t> all;
  for (size_t i = 0; i < keys.values.size(); ++i) {
    all.push_back(i);
    if (const auto owner = names.owner(keys.values[i])) owned[*owner].push_back(i);
  }
  bool whole = false;  // one member of FROM has all of the key
  for (const auto& [alias, which] : owned) {
    if (narrowed(out["from_table"], alias, touched_condition(keys, which, nulls_equal)))
      whole = whole || which.size() == all.size();
  }
  if (whole) return out;
  auto where = conjuncts(select.at("where_clause"));
  where.push_back(exists(select_node(star(), table_ref(kTouchedKeys, kTouchedAlias),
                                     touched_condition(keys, all, nulls_equal))));
  out["where_clause"] = conjunction(std::move(where));
  return out;
}

}  // namespace windrow::incremental
