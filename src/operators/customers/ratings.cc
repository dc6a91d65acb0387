#include "operators/customers/ratings.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace windrow::operators {
namespace {

bool better(const Scored& a, const Scored& b) {
  return a.score != b.score ? a.score > b.score : a.number < b.number;
}

}  // namespace

Ratings Ratings::turned() const {
  Ratings out;
  out.columns = rows();
  out.begin.assign(size_t(columns) + 1, 0);
  for (const auto& entry : entries) ++out.begin[size_t(entry.column) + 1];
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  out.entries.resize(entries.size());
  auto next = out.begin;
  for (int32_t row = 0; row < rows(); ++row)
    each(row, [&](int32_t column, double weight) {
      out.entries[next[size_t(column)]++] = {row, weight};
    });
  return out;
}

void Best::take(int32_t number, double score) {
  const Scored one{number, score};
  if (heap_.size() == most_) {
    if (!better(one, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), better);
    heap_.back() = one;
  } else {
    heap_.push_back(one);
  }
  std::push_heap(heap_.begin(), heap_.end(), better);
}

std::vector<Scored> Best::all() {
  std::sort(heap_.begin(), heap_.end(), better);
  return std::exchange(heap_, {});
}

std::vector<std::vector<Scored>> similar_columns(const Ratings& ratings, size_t most,
                                                 const StopCheck& stop) {
  const auto by_column = ratings.turned();
  std::vector<double> length(size_t(ratings.columns), 0), sums(size_t(ratings.columns), 0);
  for (const auto& entry : ratings.entries)
    length[size_t(entry.column)] += entry.weight * entry.weight;
  for (auto& each : length) each = std::sqrt(each);
  std::vector<std::vector<Scored>> out;
  std::vector<int32_t> touched;
  Best best(most);
  for (int32_t column = 0; column < ratings.columns; ++column) {
    stop();
    by_column.each(column, [&](int32_t row, double weight) {
      ratings.each(row, [&](int32_t other, double others) {
        auto& sum = sums[size_t(other)];
        if (sum == 0) touched.push_back(other);
        sum += weight * others;
      });
    });
    for (const auto other : touched) {
      const double cosine = sums[size_t(other)] / (length[size_t(column)] * length[size_t(other)]);
      if (other != column && cosine > 0) best.take(other, cosine);
      sums[size_t(other)] = 0;
    }
    touched.clear();
    out.push_back(best.all());
  }
  return out;
}

}  // namespace windrow::operators
