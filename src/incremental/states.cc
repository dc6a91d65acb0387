#include "incremental/states.h"

#include <algorithm>

#include "duck/duck.h"
#include "duck/quoting.h"
#include "incremental/group_sums.h"
#include "incremental/keys.h"
#include "sql/sql.h"

// Each group of what has changed is replaced by a row of sums that can be added to: how many rows,
// how many values, their sum. What stands around the groups is computed from those anew. Only what
// is exact is summed: integers and decimals.
namespace windrow::incremental {

namespace {

constexpr size_t kStatesMax = 8, kChangesMax = 32;

/// Types that a table keeps as they are.
bool may_be_key(const std::string& type) {
  static const std::set<std::string> exact{"BOOLEAN", "TINYINT",   "SMALLINT",
                                           "INTEGER", "BIGINT",    "VARCHAR",
                                           "DATE",    "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"};
  return exact.contains(type) || type.starts_with("DECIMAL(");
}

class Maker {
 public:
  Maker(duck::Connection& connection, const Question& question)
      : connection_(connection), question_(question) {}

  ByState run(const Json& query) {
    // Empty tables under every name that the texts read.
    std::set<std::string> tables;
    for (const auto& [name, columns] : question_.columns) tables.insert(name);
    const sql::Scratch scratch(connection_, question_.columns, tables);
    for (const auto& name : question_.changed) {
      if (!question_.columns.contains(name)) continue;
      for (const auto& as : {rows_before(name), rows_added(name), rows_removed(name)})
        make_empty(as, question_.columns.at(name));
    }
    Json tree = query;
    out_.asks = !changed_subqueries(query, question_.changed).empty();
    flatten(tree, question_.changed, question_.columns);
    if (sql::is_type(tree, "SELECT_NODE")) out_.key = row_keys(tree);
    replace_in(tree);
    if (out_.states.empty()) throw WhyNot{"it has no groups"};
    // Rows of groups of groups are nobody's alone.
    if (!tree.contains("from_table") || !sql::is(tree.at("from_table"), "alias", kStateAlias))
      out_.key.clear();
    if (out_.states.size() != 1 || own_ != out_.key.size()) out_.key.clear();
    out_.result = text_of(tree);
    bind_result();
    return std::move(out_);
  }

 private:
  void make_empty(const std::string& name, const std::vector<Column>& columns) {
    std::string list;
    for (const auto& column : columns)
      list += (list.empty() ? "" : ", ") + duck::quote_name(column.name) + " " + column.type;
    connection_.execute("CREATE OR REPLACE TABLE " + duck::quote_name(name) + " (" + list + ")");
  }

  void bind_result() {
    for (size_t i = 0; i < out_.states.size(); ++i) {
      auto columns = types_[i];
      for (size_t c = 0; c < columns.size(); ++c) columns[c].type = out_.states[i].types[c];
      make_empty(state_rows(i), columns);
    }
    connection_.describe(out_.result, question_.parameters);
  }

  std::string text_of(const Json& query) const { return sql::query_text(connection_, query); }

  /// Columns of the result by which a row of it is one group's, in the order of the groups.
  std::vector<std::string> row_keys(const Json& select) const {
    const Names names(select, question_.columns);
    if (!names.grouped() || !select.at("qualify").is_null()) return {};
    for (const auto& modifier : select.at("modifiers")) {
      if (!sql::is_type(modifier, "ORDER_MODIFIER")) return {};
    }
    std::vector<std::string> out;
    bool window = false;
    sql::walk(select.at("select_list"), [&](const Json& n) {
      window = window || sql::is_class(n, "WINDOW") || sql::is_class(n, "SUBQUERY");
      return !window;
    });
    if (window || reads_changed(select.at("having"), question_.changed)) return {};
    for (const auto& group : names.groups()) {
      for (const auto& item : select.at("select_list")) {
        if (sql::is_class(item, "STAR") || sql::has_aggregate(item)) continue;
        if (names.canonical(names.resolved(item)) != names.canonical(group)) continue;
        if (sql::output_name(item).empty()) return {};
        out.push_back(sql::output_name(item));
        break;
      }
    }
    return out.size() == names.groups().size() ? out : std::vector<std::string>{};
  }

  /// Puts states in the place of groups, outer ones first.
  void replace_in(Json& node) {
    if (!node.is_structured() || !reads_changed(node, question_.changed)) return;
    if (sql::is_type(node, "BASE_TABLE"))
      throw WhyNot{"it reads \"" + sql::table_name(node) + "\", which has changed, not by groups"};
    if (!sql::is_type(node, "SELECT_NODE") || !Names(node, question_.columns).grouped()) {
      for (auto& child : node) replace_in(child);
      return;
    }
    const size_t before = out_.states.size();
    try {
      Json replaced = from_state(node);
      // What HAVING asks for may be groups by themselves.
      for (const char* part : {"select_list", "where_clause", "qualify"})
        replace_in(replaced[part]);
      node = std::move(replaced);
    } catch (const WhyNot& why) {
      groups_inside(node, before, why);
    } catch (const SqlError& error) {  // it asks about rows of the query around it
      groups_inside(node, before, {error.problem().message});
    }
  }

  /// Groups of groups: those inside may be kept.
  void groups_inside(Json& node, size_t states, const WhyNot& why) {
    out_.states.resize(states);
    types_.resize(states);
    try {
      for (auto& child : node) replace_in(child);
    } catch (const WhyNot&) {
      throw why;
    }
  }

  Json from_state(const Json& select) {
    const Names names(select, question_.columns);
    GroupSums sums(connection_, select, names, question_.parameters);
    Json out = select;
    for (auto& item : out["select_list"]) {
      if (sql::is_class(item, "STAR")) throw WhyNot{"it groups a star"};
      const auto name = sql::output_name(item);
      item = sums.over_state(names.resolved(item));
      item["alias"] = name;
    }
    Json having = select.at("having").is_null()
                      ? Json()
                      : sums.over_state(names.resolved(select.at("having")));
    if (!out["qualify"].is_null()) out["qualify"] = sums.over_state(names.resolved(out["qualify"]));
    order_over_state(out, names, sums);
    const size_t number = add_state(select, sums);
    out["from_table"] = read_state(number, sums);
    out["where_clause"] = sums.finer ? sums.asked : std::move(having);
    out["having"] = sums.finer ? std::move(having) : nullptr;
    out["group_expressions"] = Json::array();
    out["group_sets"] = Json::array();
    out["aggregate_handling"] = "STANDARD_HANDLING";
    if (sums.finer) {
      Json set = Json::array();
      for (size_t i = 0; i < sums.own; ++i) {
        out["group_expressions"].push_back(GroupSums::column("k" + std::to_string(i)));
        set.push_back(i);
      }
      if (sums.own > 0) out["group_sets"].push_back(std::move(set));
    }
    own_ = sums.own;
    return out;
  }

  static void order_over_state(Json& select, const Names& names, GroupSums& sums) {
    const auto is_output = [&](const Json& e) {
      if (!sql::is_class(e, "COLUMN_REF") || e.at("column_names").size() != 1) return false;
      for (const auto& item : select.at("select_list")) {
        if (lower(sql::text_at(item, "alias")) == lower(e.at("column_names")[0].get<std::string>()))
          return true;
      }
      return false;
    };
    for (auto& modifier : select["modifiers"]) {
      if (!modifier.contains("orders")) {
        if (modifier.contains("distinct_on_targets") && !modifier["distinct_on_targets"].empty())
          throw WhyNot{"it has a DISTINCT ON over groups"};
        continue;
      }
      for (auto& order : modifier["orders"]) {
        auto& by = order["expression"];
        if (is_output(by) || sql::as_position(by)) continue;
        by = sums.over_state(names.resolved(by));
      }
    }
  }

  static void group_by(Json& select, size_t count) {
    Json sets = Json::array();
    for (size_t i = 0; i < count; ++i) {
      Json item = select["select_list"][i];
      item["alias"] = "";
      select["group_expressions"].push_back(std::move(item));
      sets.push_back(i);
    }
    if (count > 0) select["group_sets"].push_back(std::move(sets));
  }

  /// SELECT of the state over other rows of FROM.
  static Json state_select(const GroupSums& sums, Json from, Json where) {
    Json list = Json::array();
    for (size_t i = 0; i < sums.groups.size(); ++i)
      list.push_back(with_alias(sums.groups[i], "k" + std::to_string(i)));
    list.push_back(
        with_alias({{"class", "FUNCTION"},
                    {"type", "FUNCTION"},
                    {"alias", ""},
                    {"query_location", UINT64_MAX},
                    {"function_name", "count_star"},
                    {"schema", ""},
                    {"children", Json::array()},
                    {"filter", nullptr},
                    {"order_bys", {{"type", "ORDER_MODIFIER"}, {"orders", Json::array()}}},
                    {"distinct", false},
                    {"is_operator", false},
                    {"export_state", false},
                    {"catalog", ""}},
                   "n"));
    for (size_t i = 0; i < sums.values.size(); ++i)
      list.push_back(with_alias(sums.values[i], "s" + std::to_string(i)));
    Json out = select_node(std::move(list), std::move(from), std::move(where));
    group_by(out, sums.groups.size());
    return out;
  }

  size_t add_state(const Json& select, const GroupSums& sums) {
    if (out_.states.size() >= kStatesMax) throw WhyNot{"it groups what has changed too many times"};
    const Json plain = state_select(sums, select.at("from_table"), sums.where);
    State state;
    state.keys = sums.groups.size();
    state.sums = sums.values.size();
    state.whole = text_of(plain);
    for (size_t i = 0; i < out_.states.size(); ++i) {
      if (out_.states[i].whole == state.whole) return i;
    }
    types_.push_back(connection_.describe(state.whole, question_.parameters));
    check_types(types_.back(), state.keys);
    for (const auto& column : types_.back())
      state.types.push_back(column.type == "HUGEINT" ? "DECIMAL(38,0)" : column.type);
    add_change(plain, sums, state);
    connection_.describe(state.change, question_.parameters);
    out_.states.push_back(std::move(state));
    return out_.states.size() - 1;
  }

  static void check_types(const std::vector<Column>& columns, size_t keys) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto& type = columns[i].type;
      if (i < keys && !may_be_key(type)) throw WhyNot{"it groups by values of type " + type};
      if (i < keys) continue;
      if (type != "BIGINT" && type != "HUGEINT" && !type.starts_with("DECIMAL("))
        throw WhyNot{"a sum of type " + type + " depends on the order of its rows"};
    }
  }

  std::string summed(const std::vector<std::string>& parts, const GroupSums& sums) const {
    std::string keys, list;
    for (size_t i = 0; i < sums.groups.size(); ++i)
      keys += (i == 0 ? "" : ", ") + ("k" + std::to_string(i));
    list = keys + (keys.empty() ? "" : ", ") + "sum(n)::BIGINT AS n";
    for (size_t i = 0; i < sums.values.size(); ++i) {
      const auto name = "s" + std::to_string(i);
      list +=
          ", sum(" + name + ")::" + types_.back()[sums.groups.size() + 1 + i].type + " AS " + name;
    }
    std::string from;
    for (const auto& part : parts) from += (from.empty() ? "(" : " UNION ALL (") + part + ")";
    return "SELECT " + list + " FROM (" + from + ")" + (keys.empty() ? "" : " GROUP BY " + keys);
  }

  std::string signed_part(const std::string& text, const GroupSums& sums, bool comes) const {
    if (comes) return text;
    std::string list;
    for (size_t i = 0; i < sums.groups.size(); ++i) list += "k" + std::to_string(i) + ", ";
    list += "-n AS n";
    for (size_t i = 0; i < sums.values.size(); ++i)
      list += ", -s" + std::to_string(i) + " AS s" + std::to_string(i);
    return "SELECT " + list + " FROM (" + text + ")";
  }

  void add_change(const Json& plain, const GroupSums& sums, State& state) {
    std::vector<std::string> parts;
    for (const auto& value : sums.values) {
      if (!changed_subqueries(value, question_.changed).empty())
        throw WhyNot{"it sums what a sub-query gives"};
    }
    try {
      for (auto& term : terms_of_rows(plain, question_.changed))
        parts.push_back(signed_part(text_of(term.query), sums, term.comes));
    } catch (const WhyNot&) {
      if (!changed_subqueries(sums.where, question_.changed).empty()) {
        const Names names(plain, question_.columns);
        add_differences(plain, sums, state,
                        asked_keys(plain, names, question_.changed, question_.columns));
        return;
      }
      // A side of an outer join that may be missing: groups of the other side, as they were and
      // are.
      if (sums.groups.empty()) throw;
      add_differences(plain, sums, state, {{}, sums.groups});
      return;
    }
    if (parts.size() > kChangesMax) throw WhyNot{"it joins too many tables that have changed"};
    state.change = state.change_without_null = summed(parts, sums);
  }

  /// The sums of the rows that may be touched, as they are now and as they were.
  void add_differences(const Json& plain, const GroupSums& sums, State& state, const Keys& keys) {
    const Names names(plain, question_.columns);
    for (const auto& query : touched_keys(plain, names, keys, question_.changed, question_.columns))
      state.touched += (state.touched.empty() ? "(" : " UNION (") + text_of(query) + ")";
    state.touched_columns = keys.values.size();
    make_empty(kTouchedKeys, connection_.describe(state.touched, question_.parameters));
    for (const bool nulls_equal : {true, false}) {
      Json now = with_touched_keys(plain, names, keys, nulls_equal);
      narrow_subqueries(now, names, keys, question_.changed, question_.columns);
      Json before = now;
      read_before(before, question_.changed);
      (nulls_equal ? state.change : state.change_without_null) = summed(
          {signed_part(text_of(now), sums, true), signed_part(text_of(before), sums, false)}, sums);
    }
  }

  /// The state's rows in FROM, with the types that its sums have when they are summed.
  Json read_state(size_t number, const GroupSums& sums) const {
    std::string list;
    const auto& types = types_[number];
    for (size_t i = 0; i < sums.groups.size(); ++i) list += "k" + std::to_string(i) + ", ";
    list += "n";
    for (size_t i = 0; i < sums.values.size(); ++i) {
      const auto name = "s" + std::to_string(i);
      list += ", CAST(" + name + " AS " + types[sums.groups.size() + 1 + i].type + ") AS " + name;
    }
    return subquery_ref(
        sql::parse_tree(connection_,
                        "SELECT " + list + " FROM " + duck::quote_name(state_rows(number)), {}),
        kStateAlias);
  }

  duck::Connection& connection_;
  const Question& question_;
  ByState out_;
  std::vector<std::vector<Column>> types_;  ///< of each state's columns
  size_t own_ = 0;  ///< of the groups of the last state, those that its SELECT has
};

}  // namespace

ByState by_state(duck::Connection& connection, const Json& query, const Question& question) {
  return Maker(connection, question).run(query);
}

}  // namespace windrow::incremental
