#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace windrow::operators {

/// Two nodes with the strength of what is between them.
struct Edge {
  int32_t a, b;
  double weight;
};

/// An undirected, weighted graph. Nodes are 0 … nodes() − 1. Each edge is there from both its ends,
/// a loop once, with double its weight, as modularity wants it.
struct NetworkGraph {
  std::vector<int64_t> begin;    ///< nodes() + 1: where the neighbours of each begin
  std::vector<int32_t> to;       ///< neighbours, ascending
  std::vector<double> weight;    ///< of the edge to each
  std::vector<double> strength;  ///< of each node: the sum of its weights
  double total = 0;              ///< the sum of all strengths, twice that of all weights

  int32_t nodes() const { return int32_t(strength.size()); }
  template <typename Visit>
  void each(int32_t node, const Visit& visit) const {
    for (int64_t i = begin[size_t(node)]; i < begin[size_t(node) + 1]; ++i)
      visit(to[size_t(i)], weight[size_t(i)]);
  }
};

/// Edges between the same two nodes are added up, in their order.
NetworkGraph graph_of(int32_t nodes, std::vector<Edge> edges);

/// Numbers from 0 on for groups of nodes: the largest first, of equal ones that with the first
/// node.
std::vector<int32_t> by_size(const std::vector<int32_t>& groups);

/// Which component each node is in, numbered as by_size does.
std::vector<int32_t> components(const NetworkGraph& graph);

/// Which community each node is in, numbered as by_size does: by the Leiden algorithm (Traag,
/// Waltman and van Eck: From Louvain to Leiden, Scientific Reports 9, 2019) for modularity with
/// `resolution`, repeated until nothing changes. Each community is connected. The same seed gives
/// the same communities.
std::vector<int32_t> leiden(const NetworkGraph& graph, double resolution, uint64_t seed);

/// The share of time that a walker is at each node who follows an edge, by weight, with probability
/// `damping`, and else begins anew anywhere; from a node without edges always (Brin and Page 1998).
/// They add up to 1; the last step changed them by less than 1e-12 in all.
std::vector<double> pagerank(const NetworkGraph& graph, double damping);

/// The largest k for which each node is in a part of the graph where all have k neighbours
/// (Batagelj and Zaveršnik 2003). Loops do not count.
std::vector<int32_t> core_numbers(const NetworkGraph& graph);

}  // namespace windrow::operators
