#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/cassandra/murmur3.h"
#include "clients/cassandra/values.h"

namespace windrow::clients::cassandra {

/// Which node a token belongs to: a node owns what lies after the token before its own, up to it.
class Ring {
 public:
  void clear() { tokens_.clear(); }
  void add(int64_t token, size_t node) { tokens_.emplace_back(token, node); }
  void sort() { std::sort(tokens_.begin(), tokens_.end()); }
  bool empty() const { return tokens_.empty(); }
  /// Nodes from the owner on, each once.
  std::vector<size_t> from(int64_t token) const {
    std::vector<size_t> out;
    const auto first =
        std::lower_bound(tokens_.begin(), tokens_.end(), std::pair<int64_t, size_t>(token, 0));
    const auto begin = size_t(first - tokens_.begin());
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const size_t node = tokens_[(begin + i) % tokens_.size()].second;
      if (std::find(out.begin(), out.end(), node) == out.end()) out.push_back(node);
    }
    return out;
  }
  size_t owner(int64_t token) const {
    const auto first =
        std::lower_bound(tokens_.begin(), tokens_.end(), std::pair<int64_t, size_t>(token, 0));
    return first == tokens_.end() ? tokens_.front().second : first->second;
  }

 private:
  std::vector<std::pair<int64_t, size_t>> tokens_;
};

/// The bytes that a partition key of these values is hashed as: one value as it is; several each
/// behind its length and before a zero.
inline void put_routing_key(std::string& out, const Values& values,
                            const std::vector<uint16_t>& partition) {
  if (partition.size() == 1) {
    out += values.at(partition[0]);
    return;
  }
  for (const auto index : partition) {
    put_string(out, values.at(index));
    out += '\0';
  }
}

}  // namespace windrow::clients::cassandra
