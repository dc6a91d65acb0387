#include <nlohmann/json.hpp>

#include "graph/graph.h"

namespace windrow::graph {

namespace {

using Edges = std::multimap<std::string, std::string>;

/// A branch a line. A node that was drawn before is named again, with a mark, but not unfolded
/// again.
void branch(const std::string& node, const Edges& edges, const Lineage& lineage,
            const std::string& indent, std::set<std::string>& drawn, std::string& out) {
  const auto [first, last] = edges.equal_range(node);
  for (auto it = first; it != last; ++it) {
    const bool final = std::next(it) == last;
    out += indent + (final ? "└─ " : "├─ ") + it->second;
    if (auto text = lineage.expressions.find(it->second); text != lineage.expressions.end())
      out += "  = " + text->second;
    const bool again = !drawn.insert(it->second).second && edges.count(it->second) > 0;
    out += again ? "  (above)\n" : "\n";
    if (!again) branch(it->second, edges, lineage, indent + (final ? "   " : "│  "), drawn, out);
  }
}

std::string identifier(size_t i) { return "n" + std::to_string(i); }

std::string escaped(const std::string& text, const std::map<char, std::string>& instead) {
  std::string out;
  for (const char c : text) {
    auto found = instead.find(c);
    out += found == instead.end() ? std::string(1, c) : found->second;
  }
  return out;
}

std::map<std::string, size_t> numbers(const Lineage& lineage) {
  std::map<std::string, size_t> out;
  for (const auto& node : lineage.nodes) out.emplace(node, out.size());
  return out;
}

}  // namespace

std::string as_text(const Lineage& lineage) {
  Edges up, down;
  for (const auto& edge : lineage.edges) {
    up.emplace(edge.to, edge.from);
    down.emplace(edge.from, edge.to);
  }
  std::string out;
  std::set<std::string> drawn;
  if (lineage.subject.empty()) {
    for (const auto& node : lineage.nodes) {
      if (up.count(node)) continue;
      out += node + "\n";
      branch(node, down, lineage, "", drawn, out);
    }
    return out;
  }
  out = lineage.subject;
  if (auto text = lineage.expressions.find(lineage.subject); text != lineage.expressions.end())
    out += "  = " + text->second;
  out += "\n";
  if (up.count(lineage.subject)) {
    out += "comes from\n";
    branch(lineage.subject, up, lineage, "", drawn, out);
  }
  drawn.clear();
  if (down.count(lineage.subject)) {
    out += "goes to\n";
    branch(lineage.subject, down, lineage, "", drawn, out);
  }
  return out;
}

std::string as_json(const Lineage& lineage) {
  nlohmann::ordered_json out;
  out["subject"] = lineage.subject;
  out["nodes"] = lineage.nodes;
  out["edges"] = nlohmann::ordered_json::array();
  for (const auto& edge : lineage.edges)
    out["edges"].push_back({{"from", edge.from}, {"to", edge.to}});
  if (!lineage.expressions.empty()) out["expressions"] = lineage.expressions;
  return out.dump(2) + "\n";
}

std::string as_mermaid(const Lineage& lineage) {
  const auto number = numbers(lineage);
  std::string out = "graph LR\n";
  for (const auto& node : lineage.nodes) {
    out += "  " + identifier(number.at(node)) + "[\"" +
           escaped(node, {{'"', "#quot;"}, {'#', "#35;"}}) + "\"]\n";
  }
  for (const auto& edge : lineage.edges) {
    out +=
        "  " + identifier(number.at(edge.from)) + " --> " + identifier(number.at(edge.to)) + "\n";
  }
  return out;
}

std::string as_graphviz(const Lineage& lineage) {
  const auto number = numbers(lineage);
  std::string out = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const auto& node : lineage.nodes) {
    out += "  " + identifier(number.at(node)) + " [label=\"" +
           escaped(node, {{'"', "\\\""}, {'\\', "\\\\"}}) + "\"];\n";
  }
  for (const auto& edge : lineage.edges) {
    out +=
        "  " + identifier(number.at(edge.from)) + " -> " + identifier(number.at(edge.to)) + ";\n";
  }
  return out + "}\n";
}

}  // namespace windrow::graph
