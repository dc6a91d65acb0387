#include <algorithm>

#include "base/nearest.h"
#include "graph/graph.h"

namespace windrow::graph {

namespace {

/// Whether rows go from one to the other: a table that only a check looks at gives none.
bool gives_rows(const Graph& graph, size_t up, size_t down) {
  return !graph.assets[down].checked_against.contains(up);
}

void reach(const Graph& graph, size_t from, std::vector<size_t> Asset::*edges,
           std::set<size_t>& out) {
  const bool up = edges == &Asset::upstream;
  std::vector<size_t> todo{from};
  while (!todo.empty()) {
    const size_t i = todo.back();
    todo.pop_back();
    for (const size_t other : graph.assets[i].*edges) {
      if (!gives_rows(graph, up ? other : i, up ? i : other)) continue;
      if (out.insert(other).second) todo.push_back(other);
    }
  }
}

const Asset& asset_named(const Graph& graph, const std::string& name) {
  if (const Asset* asset = graph.resolve(name)) return *asset;
  std::vector<std::string> known;
  for (const auto& asset : graph.assets) known.push_back(asset.name);
  auto hint = did_you_mean(name, known);
  throw Error(Code::usage, "there is no table \"" + name + "\" in this project",
              hint.empty() ? "`windrow ls` shows what there is" : hint);
}

bool in_catalog(const sql::Catalog& catalog, const std::string& table, const std::string& column) {
  auto found = catalog.find(table);
  return found != catalog.end() && std::any_of(found->second.begin(), found->second.end(),
                                               [&](const auto& c) { return c.name == column; });
}

/// Columns by the names that the model itself writes, which may be bare.
sql::Catalog catalog_for(const Graph& graph, const sql::Parsed& select,
                         const sql::Catalog& catalog) {
  sql::Catalog out;
  for (const auto& name : select.table_names()) {
    const Asset* asset = graph.resolve(name);
    auto found = catalog.find(asset ? asset->name : name);
    if (found != catalog.end()) out[name] = found->second;
  }
  return out;
}

}  // namespace

Lineage table_lineage(const Graph& graph, const std::string& asset) {
  std::set<size_t> members;
  Lineage out;
  if (asset.empty()) {
    for (size_t i = 0; i < graph.assets.size(); ++i) members.insert(i);
  } else {
    out.subject = asset_named(graph, asset).name;
    const size_t at = graph.by_name.at(out.subject);
    members.insert(at);
    reach(graph, at, &Asset::upstream, members);
    std::set<size_t> down;
    reach(graph, at, &Asset::downstream, down);
    members.insert(down.begin(), down.end());
  }
  for (const size_t i : members) {
    out.nodes.push_back(graph.assets[i].name);
    for (const size_t up : graph.assets[i].upstream) {
      if (members.count(up) && gives_rows(graph, up, i))
        out.edges.push_back({graph.assets[up].name, graph.assets[i].name});
    }
  }
  return out;
}

Lineage column_lineage(const Graph& graph, const std::string& asset, const std::string& column,
                       const sql::Catalog& catalog, duck::Connection& connection) {
  const auto& start = asset_named(graph, asset);
  Lineage out;
  out.subject = start.name + "." + column;
  std::set<std::string> seen;
  std::set<LineageEdge> edges;
  std::map<std::string, std::vector<sql::ColumnLineage>> known;
  std::vector<std::pair<std::string, std::string>> todo{{start.name, column}};
  while (!todo.empty()) {
    const auto [table, name] = todo.back();
    todo.pop_back();
    const std::string node = table + "." + name;
    if (!seen.insert(node).second) continue;
    auto select = graph.selects.find(table);
    if (select == graph.selects.end()) {
      auto columns = catalog.find(table);
      if (node == out.subject && columns != catalog.end() && !in_catalog(catalog, table, name)) {
        std::vector<std::string> names;
        for (const auto& c : columns->second) names.push_back(c.name);
        throw Error(Code::usage, "table \"" + table + "\" has no column \"" + name + "\"",
                    did_you_mean(name, names));
      }
      continue;  // a source or a seed: it begins here
    }
    if (!known.count(table)) {
      known[table] = sql::column_lineage(connection, select->second,
                                         catalog_for(graph, select->second, catalog));
    }
    const auto& columns = known.at(table);
    auto found = std::find_if(columns.begin(), columns.end(),
                              [&](const auto& c) { return c.column == name; });
    const bool made_by_build = node != out.subject || in_catalog(catalog, table, name);
    if (found == columns.end() && made_by_build) continue;  // `valid_from`, a column of PIVOT
    if (found == columns.end()) {
      std::vector<std::string> names;
      for (const auto& c : columns) names.push_back(c.column);
      throw Error(Code::usage, "table \"" + table + "\" has no column \"" + name + "\"",
                  did_you_mean(name, names));
    }
    out.expressions[node] = found->expression;
    for (const auto& source : found->from) {
      const Asset* from = graph.resolve(source.table);
      const std::string from_table = from ? from->name : source.table;
      edges.insert({from_table + "." + source.column, node});
      todo.emplace_back(from_table, source.column);
    }
  }
  out.nodes.assign(seen.begin(), seen.end());
  const auto position = [&](const std::string& node) {
    auto found = graph.by_name.find(node.substr(0, node.rfind('.')));
    return found == graph.by_name.end() ? SIZE_MAX : found->second;
  };
  std::stable_sort(out.nodes.begin(), out.nodes.end(),
                   [&](const auto& a, const auto& b) { return position(a) < position(b); });
  out.edges.assign(edges.begin(), edges.end());
  return out;
}

}  // namespace windrow::graph
