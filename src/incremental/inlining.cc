#include <utility>

#include "base/text.h"
#include "incremental/tree.h"

namespace windrow::incremental {

namespace {

constexpr size_t kBytesMax = 2 << 20;  // of a tree; what is read twice is there twice
constexpr int kDepthMax = 200;

/// Tables that the SELECT may call `silver.movies.title`.
using Qualified = std::set<std::pair<std::string, std::string>>;

class Inliner {
 public:
  Inliner(duck::Connection& connection, const Question& question)
      : connection_(connection), question_(question) {}

  Json all() {
    Json tree = sql::parse_tree(connection_, question_.select, {});
    inline_in(tree, {}, 0);
    shorten_names(tree);
    return tree;
  }

 private:
  /// WITH clauses by their names, inlined.
  struct Clause {
    Json query;
    Json columns;
  };
  using Clauses = std::map<std::string, Clause>;

  void inline_in(Json& node, Clauses clauses, int depth) {
    if (depth > kDepthMax) throw WhyNot{"it is too deep"};
    if (node.is_array()) {
      for (auto& child : node) inline_in(child, clauses, depth + 1);
      return;
    }
    if (!node.is_object()) return;
    if (sql::is_type(node, "RECURSIVE_CTE_NODE")) throw WhyNot{"it is recursive"};
    if (sql::is_type(node, "BASE_TABLE")) {
      replace_table(node, clauses, depth);
      return;
    }
    if (auto map = node.find("cte_map"); map != node.end() && map->is_object()) {
      for (auto& entry : map->at("map")) {
        Clause clause{std::move(entry.at("value").at("query").at("node")),
                      entry.at("value").value("aliases", Json::array())};
        inline_in(clause.query, clauses, depth + 1);
        clauses[lower(sql::text_at(entry, "key"))] = std::move(clause);
      }
      (*map)["map"] = Json::array();
    }
    for (auto& [key, child] : node.items()) {
      if (child.is_structured()) inline_in(child, clauses, depth + 1);
    }
  }

  void replace_table(Json& node, const Clauses& clauses, int depth) {
    if (!node.value("at_clause", Json()).is_null()) throw WhyNot{"it reads a table AT a version"};
    const auto alias = sql::text_at(node, "alias");
    const auto name = alias.empty() ? sql::text_at(node, "table_name") : alias;
    Json names = node.value("column_name_alias", Json::array());
    if (const auto found = clauses.find(sql::cte_name(node)); found != clauses.end()) {
      Json columns = found->second.columns;
      for (size_t i = 0; i < names.size(); ++i) {
        if (i < columns.size())
          columns[i] = names[i];
        else
          columns.push_back(names[i]);
      }
      count(found->second.query);
      node = subquery_ref(found->second.query, name, std::move(columns));
      return;
    }
    if (const auto view = question_.views.find(sql::table_name(node));
        view != question_.views.end()) {
      Json query = sql::parse_tree(connection_, view->second, {});
      inline_in(query, {}, depth + 1);
      count(query);
      if (alias.empty()) note_qualified(node);
      node = subquery_ref(std::move(query), name, std::move(names));
      return;
    }
    if (!question_.columns.contains(sql::table_name(node)))
      throw WhyNot{"it reads \"" + sql::table_name(node) + "\", which is no table of the lake"};
    if (alias.empty()) note_qualified(node);
  }

  void count(const Json& query) {
    bytes_ += query.dump().size();
    if (bytes_ > kBytesMax) throw WhyNot{"it is too large with all that it reads in its place"};
  }

  void note_qualified(const Json& base_table) {
    if (const auto schema = sql::text_at(base_table, "schema_name"); !schema.empty())
      qualified_.insert({lower(schema), lower(sql::text_at(base_table, "table_name"))});
  }

  /// `silver.movies.title` is `movies.title` from here on: other rows stand under another name.
  void shorten_names(Json& node) {
    if (sql::is_class(node, "COLUMN_REF")) {
      auto& names = node.at("column_names");
      if (names.size() < 3) return;
      if (qualified_.contains(
              {lower(names[0].get<std::string>()), lower(names[1].get<std::string>())}))
        names.erase(0);
      return;
    }
    if (!node.is_structured()) return;
    for (auto& child : node) shorten_names(child);
  }

  duck::Connection& connection_;
  const Question& question_;
  Qualified qualified_;
  size_t bytes_ = 0;
};

}  // namespace

Json inlined(duck::Connection& connection, const Question& question) {
  return Inliner(connection, question).all();
}

}  // namespace windrow::incremental
