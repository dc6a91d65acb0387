#include "operators/network_graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace windrow::operators {
namespace {

constexpr int kMostSteps = 1000;
constexpr double kLeastStep = 1e-12;

}  // namespace

NetworkGraph graph_of(int32_t nodes, std::vector<Edge> edges) {
  NetworkGraph out;
  out.strength.assign(size_t(nodes), 0);
  std::vector<Edge> both;
  both.reserve(edges.size() * 2);
  for (const auto& edge : edges) {
    if (edge.a == edge.b) {
      both.push_back({edge.a, edge.a, edge.weight * 2});
      continue;
    }
    both.push_back(edge);
    both.push_back({edge.b, edge.a, edge.weight});
  }
  edges = {};
  std::stable_sort(both.begin(), both.end(), [](const Edge& x, const Edge& y) {
    return std::pair(x.a, x.b) < std::pair(y.a, y.b);
  });
  out.begin.assign(size_t(nodes) + 1, 0);
  for (size_t i = 0; i < both.size();) {
    const Edge first = both[i];
    double weight = 0;
    for (; i < both.size() && both[i].a == first.a && both[i].b == first.b; ++i)
      weight += both[i].weight;
    out.to.push_back(first.b);
    out.weight.push_back(weight);
    out.strength[size_t(first.a)] += weight;
    ++out.begin[size_t(first.a) + 1];
  }
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.total = std::accumulate(out.strength.begin(), out.strength.end(), 0.0);
  return out;
}

std::vector<int32_t> by_size(const std::vector<int32_t>& groups) {
  if (groups.empty()) return {};
  const auto count = size_t(*std::max_element(groups.begin(), groups.end())) + 1;
  std::vector<int64_t> size(count, 0), first(count, int64_t(groups.size()));
  for (size_t node = groups.size(); node-- > 0;) {
    ++size[size_t(groups[node])];
    first[size_t(groups[node])] = int64_t(node);
  }
  std::vector<int32_t> order(count), number(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(-size[size_t(a)], first[size_t(a)]) <
           std::pair(-size[size_t(b)], first[size_t(b)]);
  });
  for (size_t i = 0; i < count; ++i) number[size_t(order[i])] = int32_t(i);
  std::vector<int32_t> out;
  out.reserve(groups.size());
  for (const auto group : groups) out.push_back(number[size_t(group)]);
  return out;
}

std::vector<double> pagerank(const NetworkGraph& graph, double damping) {
  const auto nodes = size_t(graph.nodes());
  if (nodes == 0) return {};
  std::vector<double> rank(nodes, 1.0 / double(nodes)), next(nodes);
  for (int step = 0; step < kMostSteps; ++step) {
    double alone = 0;
    for (size_t node = 0; node < nodes; ++node)
      if (graph.strength[node] == 0) alone += rank[node];
    const double base = (1 - damping + damping * alone) / double(nodes);
    double change = 0;
    for (size_t node = 0; node < nodes; ++node) {
      double sum = 0;
      graph.each(int32_t(node), [&](int32_t to, double weight) {
        sum += rank[size_t(to)] * weight / graph.strength[size_t(to)];
      });
      next[node] = base + damping * sum;
      change += std::fabs(next[node] - rank[node]);
    }
    std::swap(rank, next);
    if (change < kLeastStep) break;
  }
  const double sum = std::accumulate(rank.begin(), rank.end(), 0.0);
  for (auto& each : rank) each /= sum;
  return rank;
}

std::vector<int32_t> core_numbers(const NetworkGraph& graph) {
  const auto nodes = size_t(graph.nodes());
  std::vector<int32_t> degree(nodes, 0);
  for (size_t node = 0; node < nodes; ++node)
    graph.each(int32_t(node),
               [&](int32_t to, double) { degree[node] += to != int32_t(node) ? 1 : 0; });
  const int32_t most = nodes == 0 ? 0 : *std::max_element(degree.begin(), degree.end());
  // Nodes by degree, those of one degree side by side: `first` of each degree, `place` of each
  // node.
  std::vector<size_t> first(size_t(most) + 2, 0), place(nodes);
  for (const auto d : degree) ++first[size_t(d) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  std::vector<int32_t> order(nodes);
  {
    auto next = first;
    for (size_t node = 0; node < nodes; ++node) {
      place[node] = next[size_t(degree[node])]++;
      order[place[node]] = int32_t(node);
    }
  }
  for (size_t i = 0; i < nodes; ++i) {
    const auto node = order[i];
    graph.each(node, [&](int32_t to, double) {
      auto& d = degree[size_t(to)];
      if (to == node || d <= degree[size_t(node)]) return;
      // It goes to the beginning of its degree, which then begins one later.
      const size_t at = place[size_t(to)], begin = first[size_t(d)];
      const auto other = order[begin];
      std::swap(order[at], order[begin]);
      place[size_t(to)] = begin;
      place[size_t(other)] = at;
      ++first[size_t(d)];
      --d;
    });
  }
  return degree;
}

}  // namespace windrow::operators
