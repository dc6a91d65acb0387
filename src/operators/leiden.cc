#include <algorithm>
#include <deque>
#include <numeric>

#include "operators/network_graph.h"
#include "operators/random.h"

namespace windrow::operators {
namespace {

using Groups = std::vector<int32_t>;

/// Nodes in a random order.
std::vector<int32_t> shuffled(Random& random, int32_t nodes) {
  std::vector<int32_t> out(static_cast<size_t>(nodes));
  std::iota(out.begin(), out.end(), 0);
  for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[random.next() % i]);
  return out;
}

int32_t count_of(const Groups& groups) {
  return groups.empty() ? 0 : *std::max_element(groups.begin(), groups.end()) + 1;
}

/// The same groups with numbers from 0 on, in the order of their first nodes.
Groups dense(const Groups& groups) {
  Groups number(size_t(count_of(groups)), -1), out;
  int32_t next = 0;
  out.reserve(groups.size());
  for (const auto group : groups) {
    auto& of = number[size_t(group)];
    if (of < 0) of = next++;
    out.push_back(of);
  }
  return out;
}

Groups one_each(int32_t nodes) {
  Groups out(static_cast<size_t>(nodes));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// How strongly a node is tied to each group around it.
class Ties {
 public:
  explicit Ties(int32_t groups) : weight_(size_t(groups), 0), seen_(size_t(groups), false) {}
  /// Of the neighbours that `counts` takes, by the group that they are in; loops are no ties.
  template <typename Counts>
  void look(const NetworkGraph& graph, int32_t node, const Groups& groups, const Counts& counts) {
    for (const auto group : around_) {
      weight_[size_t(group)] = 0;
      seen_[size_t(group)] = false;
    }
    around_.clear();
    graph.each(node, [&](int32_t to, double weight) {
      if (to == node || !counts(to)) return;
      const auto group = groups[size_t(to)];
      if (!seen_[size_t(group)]) around_.push_back(group);
      seen_[size_t(group)] = true;
      weight_[size_t(group)] += weight;
    });
  }
  const std::vector<int32_t>& around() const { return around_; }
  double to(int32_t group) const { return weight_[size_t(group)]; }

 private:
  std::vector<double> weight_;
  std::vector<bool> seen_;
  std::vector<int32_t> around_;  ///< in the order in which they were met
};

std::vector<double> strengths(const NetworkGraph& graph, const Groups& groups) {
  std::vector<double> out(size_t(graph.nodes()), 0);
  for (size_t node = 0; node < groups.size(); ++node)
    out[size_t(groups[node])] += graph.strength[node];
  return out;
}

/// Moves nodes to the group where they add most to the modularity, until none wants to. Whose
/// neighbour has moved is asked again.
void move_nodes(const NetworkGraph& graph, double resolution, Random& random, Groups& groups) {
  const double per = resolution / graph.total, least = graph.total * 1e-12;
  auto strength = strengths(graph, groups);
  std::vector<int32_t> size(size_t(graph.nodes()), 0), empty;
  for (const auto group : groups) ++size[size_t(group)];
  for (int32_t group = graph.nodes(); group-- > 0;)
    if (size[size_t(group)] == 0) empty.push_back(group);
  const auto order = shuffled(random, graph.nodes());
  std::deque<int32_t> queue(order.begin(), order.end());
  std::vector<bool> waits(size_t(graph.nodes()), true);
  Ties ties(graph.nodes());
  while (!queue.empty()) {
    const auto node = queue.front();
    queue.pop_front();
    waits[size_t(node)] = false;
    const double own_strength = graph.strength[size_t(node)];
    const auto own = groups[size_t(node)];
    ties.look(graph, node, groups, [](int32_t) { return true; });
    strength[size_t(own)] -= own_strength;
    const auto gain = [&](int32_t group) {
      return ties.to(group) - own_strength * strength[size_t(group)] * per;
    };
    int32_t best = own;
    double most = gain(own) + least;
    for (const auto group : ties.around()) {
      if (group == own || !(gain(group) > most)) continue;
      best = group;
      most = gain(group);
    }
    if (most < 0 && size[size_t(own)] > 1 && !empty.empty()) {
      best = empty.back();
      empty.pop_back();
    }
    strength[size_t(best)] += own_strength;
    if (best == own) continue;
    if (--size[size_t(own)] == 0) empty.push_back(own);
    ++size[size_t(best)];
    groups[size_t(node)] = best;
    graph.each(node, [&](int32_t to, double) {
      if (waits[size_t(to)] || to == node || groups[size_t(to)] == best) return;
      waits[size_t(to)] = true;
      queue.push_back(to);
    });
  }
}

/// Parts of each group that hang together well: from single nodes on, a node joins the part of its
/// group where it adds most, if both are tied well enough to the rest of the group.
Groups refined(const NetworkGraph& graph, double resolution, Random& random, const Groups& groups) {
  const double per = resolution / graph.total;
  const auto whole = strengths(graph, groups);
  Groups parts = one_each(graph.nodes());
  auto strength = graph.strength;
  std::vector<bool> alone(size_t(graph.nodes()), true);
  std::vector<double> within(size_t(graph.nodes()), 0);  // a part's ties to the rest of its group
  for (int32_t node = 0; node < graph.nodes(); ++node)
    graph.each(node, [&](int32_t to, double weight) {
      if (to != node && groups[size_t(to)] == groups[size_t(node)]) within[size_t(node)] += weight;
    });
  const auto tied = [&](int32_t part, int32_t group) {
    const double own = strength[size_t(part)];
    return within[size_t(part)] >= own * (whole[size_t(group)] - own) * per;
  };
  Ties ties(graph.nodes());
  for (const auto node : shuffled(random, graph.nodes())) {
    const auto group = groups[size_t(node)];
    if (!alone[size_t(node)] || !tied(node, group)) continue;
    ties.look(graph, node, parts, [&](int32_t to) { return groups[size_t(to)] == group; });
    int32_t best = node;
    double most = 0;
    for (const auto part : ties.around()) {
      const double gain =
          ties.to(part) - graph.strength[size_t(node)] * strength[size_t(part)] * per;
      if (gain <= most || !tied(part, group)) continue;
      best = part;
      most = gain;
    }
    if (best == node) continue;
    parts[size_t(node)] = best;
    alone[size_t(best)] = false;
    strength[size_t(best)] += graph.strength[size_t(node)];
    within[size_t(best)] += within[size_t(node)] - 2 * ties.to(best);
  }
  return dense(parts);
}

/// The graph whose nodes are the groups.
NetworkGraph joined(const NetworkGraph& graph, const Groups& groups) {
  const auto count = count_of(groups);
  std::vector<std::vector<int32_t>> members(static_cast<size_t>(count));
  for (size_t node = 0; node < groups.size(); ++node)
    members[size_t(groups[node])].push_back(int32_t(node));
  NetworkGraph out;
  out.total = graph.total;
  out.strength.assign(size_t(count), 0);
  out.begin.push_back(0);
  std::vector<double> weight(size_t(count), 0);
  std::vector<bool> seen(size_t(count), false);
  std::vector<int32_t> around;
  for (size_t group = 0; group < size_t(count); ++group) {
    for (const auto node : members[group]) {
      out.strength[group] += graph.strength[size_t(node)];
      graph.each(node, [&](int32_t to, double of) {
        const auto other = size_t(groups[size_t(to)]);
        if (!seen[other]) around.push_back(int32_t(other));
        seen[other] = true;
        weight[other] += of;
      });
    }
    std::sort(around.begin(), around.end());
    for (const auto other : around) {
      out.to.push_back(other);
      out.weight.push_back(weight[size_t(other)]);
      weight[size_t(other)] = 0;
      seen[size_t(other)] = false;
    }
    around.clear();
    out.begin.push_back(int64_t(out.to.size()));
  }
  return out;
}

double modularity(const NetworkGraph& graph, double resolution, const Groups& groups) {
  double inside = 0, expected = 0;
  for (int32_t node = 0; node < graph.nodes(); ++node)
    graph.each(node, [&](int32_t to, double weight) {
      if (groups[size_t(to)] == groups[size_t(node)]) inside += weight;
    });
  for (const double strength : strengths(graph, groups))
    expected += strength / graph.total * strength / graph.total;
  return inside / graph.total - resolution * expected;
}

/// Better groups than these, by moving nodes, then parts of groups, then parts of those.
Groups pass(const NetworkGraph& graph, double resolution, Random& random, const Groups& before) {
  NetworkGraph coarse = graph;
  Groups node_of = one_each(graph.nodes()), groups = dense(before);
  while (true) {
    move_nodes(coarse, resolution, random, groups);
    groups = dense(groups);
    if (count_of(groups) == coarse.nodes()) break;
    const auto parts = refined(coarse, resolution, random, groups);
    const auto count = count_of(parts);
    if (count == coarse.nodes()) break;
    Groups of_parts(static_cast<size_t>(count));
    for (size_t node = 0; node < parts.size(); ++node) of_parts[size_t(parts[node])] = groups[node];
    coarse = joined(coarse, parts);
    for (auto& node : node_of) node = parts[size_t(node)];
    groups = std::move(of_parts);
  }
  Groups out;
  out.reserve(node_of.size());
  for (const auto node : node_of) out.push_back(groups[size_t(node)]);
  return out;
}

/// Groups whose nodes do not hang together become several, which never lowers the modularity.
Groups connected(const NetworkGraph& graph, const Groups& groups) {
  Groups out(groups.size(), -1);
  std::vector<int32_t> waiting;
  int32_t found = 0;
  for (int32_t start = 0; start < graph.nodes(); ++start) {
    if (out[size_t(start)] >= 0) continue;
    out[size_t(start)] = found;
    waiting.push_back(start);
    while (!waiting.empty()) {
      const auto node = waiting.back();
      waiting.pop_back();
      graph.each(node, [&](int32_t to, double) {
        if (out[size_t(to)] >= 0 || groups[size_t(to)] != groups[size_t(node)]) return;
        out[size_t(to)] = found;
        waiting.push_back(to);
      });
    }
    ++found;
  }
  return out;
}

}  // namespace

std::vector<int32_t> components(const NetworkGraph& graph) {
  return by_size(connected(graph, Groups(size_t(graph.nodes()), 0)));
}

std::vector<int32_t> leiden(const NetworkGraph& graph, double resolution, uint64_t seed) {
  constexpr int kMostPasses = 20;
  Random random(seed);
  Groups groups = one_each(graph.nodes());
  if (graph.total == 0) return groups;
  double quality = modularity(graph, resolution, groups);
  for (int i = 0; i < kMostPasses; ++i) {
    auto better = pass(graph, resolution, random, groups);
    const double now = modularity(graph, resolution, better);
    if (now <= quality + 1e-9) break;
    quality = now;
    groups = std::move(better);
  }
  return by_size(connected(graph, groups));
}

}  // namespace windrow::operators
