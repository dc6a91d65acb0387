#include "graph/cycles.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace windrow::graph {

namespace {

/// Some cycle through assets that no order could place; they all have an unplaced input.
std::vector<Read> cycle_among(size_t start, const std::vector<std::vector<Read>>& reads,
                              const std::vector<int>& level) {
  std::vector<Read> path{{start, {}}};
  std::vector<size_t> position(reads.size(), SIZE_MAX);
  while (true) {
    const size_t at = path.back().from;
    if (position[at] != SIZE_MAX) return {path.begin() + std::ptrdiff_t(position[at]), path.end()};
    position[at] = path.size() - 1;
    const auto next = std::find_if(reads[at].begin(), reads[at].end(),
                                   [&](const Read& r) { return level[r.from] < 0; });
    path.push_back(*next);
  }
}

void report(const std::vector<Read>& cycle, const std::vector<std::string>& names,
            Problems& problems) {
  // Told from the smallest name on, so that the same cycle reads the same wherever it was entered.
  const size_t n = cycle.size() - 1;
  size_t first = 0;
  for (size_t i = 1; i < n; ++i) {
    if (names[cycle[i].from] < names[cycle[first].from]) first = i;
  }
  std::string path = names[cycle[first].from], places;
  for (size_t i = 1; i <= n; ++i) {
    const Read& read = cycle[(first + i - 1) % n + 1];
    path += " → " + names[read.from];
    places += (places.empty() ? "" : "; ") + read.place.text() +
              (read.how ? " (" + std::string(read.how) + ")" : "");
  }
  problems.add(Code::configuration, "these tables read each other in a circle: " + path,
               "take one of these reads out: " + places, cycle[first % n + 1].place);
}

}  // namespace

std::vector<size_t> topological_order(const std::vector<std::string>& names,
                                      const std::vector<std::vector<Read>>& reads,
                                      Problems& problems) {
  const size_t n = names.size();
  std::vector<int> level(n, -1);
  std::vector<size_t> waiting(n), ready;
  std::vector<std::vector<size_t>> readers(n);
  for (size_t i = 0; i < n; ++i) {
    std::set<size_t> distinct;
    for (const auto& read : reads[i]) distinct.insert(read.from);
    waiting[i] = distinct.size();
    for (const size_t from : distinct) readers[from].push_back(i);
    if (waiting[i] == 0) {
      level[i] = 0;
      ready.push_back(i);
    }
  }
  for (size_t next = 0; next < ready.size(); ++next) {
    for (const size_t reader : readers[ready[next]]) {
      if (--waiting[reader] > 0) continue;
      for (const auto& read : reads[reader])
        level[reader] = std::max(level[reader], level[read.from] + 1);
      ready.push_back(reader);
    }
  }
  std::set<size_t> told;
  for (size_t i = 0; i < n; ++i) {
    if (level[i] >= 0 || told.count(i)) continue;
    const auto cycle = cycle_among(i, reads, level);
    bool known = false;
    for (const auto& read : cycle)
      known |= !told.insert(read.from).second && &read != &cycle.back();
    told.insert(i);
    if (!known) report(cycle, names, problems);
  }
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(level[a], names[a]) < std::tie(level[b], names[b]);
  });
  return order;
}

}  // namespace windrow::graph
