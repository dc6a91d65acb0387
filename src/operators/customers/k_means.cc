#include "operators/customers/k_means.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "operators/random.h"

namespace windrow::operators {
namespace {

constexpr size_t kBlock = 512;          // points whose distances are worked out at a time
constexpr size_t kLeastOfCluster = 10;  // in a sample
constexpr double kFar = std::numeric_limits<double>::infinity();

/// The squared distances of up to kBlock points from `begin` on to one place.
void squares(const Points& points, size_t begin, size_t count, const double* place, double* out) {
  std::fill(out, out + count, 0.0);
  for (size_t f = 0; f < points.width; ++f) {
    const double* x = points.coordinate(f) + begin;
    const double at = place[f];
    for (size_t i = 0; i < count; ++i) out[i] += (x[i] - at) * (x[i] - at);
  }
}

/// Gives each point to the nearest centre, of equally near ones the first. True where one changed.
bool assign(const Points& points, Clustering& to, const StopCheck& stop) {
  const size_t k = to.centres.size() / points.width;
  double square[kBlock], best[kBlock];
  int64_t nearest[kBlock];
  bool changed = false;
  to.inertia = 0;
  for (size_t begin = 0; begin < points.count; begin += kBlock) {
    if (begin % (kBlock * 256) == 0) stop();
    const size_t count = std::min(kBlock, points.count - begin);
    squares(points, begin, count, to.centres.data(), best);
    std::fill(nearest, nearest + count, 0);
    for (size_t c = 1; c < k; ++c) {
      squares(points, begin, count, to.centres.data() + c * points.width, square);
      for (size_t i = 0; i < count; ++i) {
        const bool nearer = square[i] < best[i];
        best[i] = nearer ? square[i] : best[i];
        nearest[i] = nearer ? int64_t(c) : nearest[i];
      }
    }
    for (size_t i = 0; i < count; ++i) {
      changed |= to.cluster[begin + i] != int32_t(nearest[i]);
      to.cluster[begin + i] = int32_t(nearest[i]);
      to.squared[begin + i] = best[i];
      to.inertia += best[i];
    }
  }
  return changed;
}

double* centre_of(Clustering& clustering, size_t width, size_t cluster) {
  return clustering.centres.data() + cluster * width;
}

/// Each cluster without points gets the one that lies farthest from its centre, each another.
/// True where there was one.
bool fill_empty(const Points& points, Clustering& of, const std::vector<int64_t>& sizes) {
  std::vector<size_t> far;
  bool any = false;
  for (size_t c = 0; c < sizes.size(); ++c) {
    if (sizes[c] > 0) continue;
    if (far.empty()) {
      far.resize(points.count);
      std::iota(far.begin(), far.end(), size_t(0));
      std::stable_sort(far.begin(), far.end(),
                       [&](size_t a, size_t b) { return of.squared[a] < of.squared[b]; });
    }
    const size_t point = far.back();
    far.pop_back();
    for (size_t f = 0; f < points.width; ++f)
      centre_of(of, points.width, c)[f] = points.coordinate(f)[point];
    any = true;
  }
  return any;
}

std::vector<int64_t> sizes_of(const std::vector<int32_t>& cluster, size_t k) {
  std::vector<int64_t> out(k, 0);
  for (const auto each : cluster) ++out[size_t(each)];
  return out;
}

/// Centres become the means of their points.
void move_centres(const Points& points, Clustering& of) {
  const size_t k = of.centres.size() / points.width;
  const auto sizes = sizes_of(of.cluster, k);
  std::vector<double> sums(k);
  for (size_t f = 0; f < points.width; ++f) {
    std::fill(sums.begin(), sums.end(), 0.0);
    const double* x = points.coordinate(f);
    for (size_t i = 0; i < points.count; ++i) sums[size_t(of.cluster[i])] += x[i];
    for (size_t c = 0; c < k; ++c)
      if (sizes[c] > 0) centre_of(of, points.width, c)[f] = sums[c] / double(sizes[c]);
  }
  fill_empty(points, of, sizes);
}

/// The point where the running sum of weights passes each of some places in it.
std::vector<size_t> drawn(const std::vector<double>& weights, double total, size_t count,
                          Random& random) {
  std::vector<double> places(count);
  for (auto& place : places) place = random.unit() * total;
  std::sort(places.begin(), places.end());
  std::vector<size_t> out;
  double sum = 0;
  for (size_t i = 0; i < weights.size() && out.size() < count; ++i) {
    sum += weights[i];
    while (out.size() < count && weights[i] > 0 && places[out.size()] < sum) out.push_back(i);
  }
  // What rounding has left beyond the end is the last that has a weight.
  size_t last = weights.size() - 1;
  while (last > 0 && weights[last] <= 0) --last;
  out.resize(count, last);
  return out;
}

/// Greedy k-means++: of some points drawn by their squared distance to the nearest centre, that
/// becomes one which leaves the least of it. Fewer than k where no more points differ.
std::vector<double> first_centres(const Points& points, size_t k, Random& random,
                                  const StopCheck& stop) {
  const size_t trials = 2 + size_t(std::log(double(k)));
  std::vector<double> out, nearest(points.count, kFar), best, one(points.count);
  const auto place_of = [&](size_t point) {
    std::vector<double> place(points.width);
    for (size_t f = 0; f < points.width; ++f) place[f] = points.coordinate(f)[point];
    return place;
  };
  const auto left_by = [&](size_t point) {
    const auto place = place_of(point);
    double left = 0;
    for (size_t begin = 0; begin < points.count; begin += kBlock) {
      const size_t count = std::min(kBlock, points.count - begin);
      squares(points, begin, count, place.data(), one.data() + begin);
      for (size_t i = begin; i < begin + count; ++i) left += one[i] = std::min(one[i], nearest[i]);
    }
    return left;
  };
  std::vector<size_t> candidates{size_t(random.below(points.count))};
  while (true) {
    double least = kFar;
    size_t chosen = 0;
    for (const size_t candidate : candidates) {
      stop();
      const double left = left_by(candidate);
      if (left >= least) continue;
      least = left;
      chosen = candidate;
      best = one;
    }
    const auto place = place_of(chosen);
    out.insert(out.end(), place.begin(), place.end());
    nearest = best;
    if (out.size() == k * points.width || least <= 0) return out;
    candidates = drawn(nearest, least, trials, random);
  }
}

Points chosen_points(const Points& points, const std::vector<size_t>& chosen) {
  Points out{chosen.size(), points.width, std::vector<double>(chosen.size() * points.width)};
  for (size_t f = 0; f < points.width; ++f)
    for (size_t i = 0; i < chosen.size(); ++i)
      out.coordinate(f)[i] = points.coordinate(f)[chosen[i]];
  return out;
}

Points random_points(const Points& points, size_t count, Random& random) {
  std::vector<size_t> chosen(count);
  for (auto& each : chosen) each = size_t(random.below(points.count));
  return chosen_points(points, chosen);
}

Clustering begun_with(std::vector<double> centres, size_t points) {
  return {std::vector<int32_t>(points, -1), std::vector<double>(points), std::move(centres), 0};
}

void by_mini_batches(const Points& points, const KMeansOptions& options, Random& random,
                     Clustering& found, const StopCheck& stop) {
  std::vector<double> seen(found.centres.size() / points.width, 0);
  auto batch = begun_with(found.centres, options.batch);
  for (int64_t step = 0; step < options.iterations; ++step) {
    const auto some = random_points(points, options.batch, random);
    assign(some, batch, stop);
    const auto sizes = sizes_of(batch.cluster, seen.size());
    for (size_t c = 0; c < seen.size(); ++c) seen[c] += double(sizes[c]);
    std::vector<double> moves(batch.centres.size(), 0);
    for (size_t f = 0; f < points.width; ++f)
      for (size_t i = 0; i < some.count; ++i) {
        const auto c = size_t(batch.cluster[i]);
        moves[c * points.width + f] += some.coordinate(f)[i] - batch.centres[c * points.width + f];
      }
    for (size_t i = 0; i < moves.size(); ++i)
      if (seen[i / points.width] > 0) batch.centres[i] += moves[i] / seen[i / points.width];
  }
  found.centres = batch.centres;
  assign(points, found, stop);
  if (fill_empty(points, found, sizes_of(found.cluster, seen.size()))) assign(points, found, stop);
}

Clustering once(const Points& points, const KMeansOptions& options, uint64_t seed,
                const StopCheck& stop) {
  Random random(seed);
  auto centres = options.start;
  if (centres.empty()) {
    // Of a sample, where all points are too many to look at.
    const size_t sample = std::max(3 * options.batch, 3 * options.k);
    centres = options.batch > 0 && sample < points.count
                  ? first_centres(random_points(points, sample, random), options.k, random, stop)
                  : first_centres(points, options.k, random, stop);
  }
  auto found = begun_with(std::move(centres), points.count);
  if (options.batch > 0 && options.batch < points.count) {
    by_mini_batches(points, options, random, found, stop);
    return found;
  }
  assign(points, found, stop);
  for (int64_t i = 0; i < options.iterations; ++i) {
    move_centres(points, found);
    if (!assign(points, found, stop)) break;
  }
  return found;
}

/// Of each cluster its share of `most`, at least some, in their order.
std::vector<size_t> sample_of(const std::vector<int32_t>& cluster, size_t k, size_t most,
                              uint64_t seed) {
  const auto sizes = sizes_of(cluster, k);
  std::vector<int64_t> wanted(k), left = sizes;
  for (size_t c = 0; c < k; ++c) {
    const auto share = int64_t(double(most) * double(sizes[c]) / double(cluster.size()));
    wanted[c] = std::min(sizes[c], std::max(share, int64_t(kLeastOfCluster)));
    if (cluster.size() <= most) wanted[c] = sizes[c];
  }
  Random random(seed);
  std::vector<size_t> out;
  for (size_t i = 0; i < cluster.size(); ++i) {
    const auto c = size_t(cluster[i]);
    if (random.unit() * double(left[c]--) >= double(wanted[c])) continue;
    --wanted[c];
    out.push_back(i);
  }
  return out;
}

}  // namespace

Clustering k_means(const Points& points, const KMeansOptions& options, const StopCheck& stop) {
  if (points.count == 0) return {};
  Clustering best;
  Random seeds(options.seed);
  const int64_t times = options.start.empty() ? options.restarts : 1;
  for (int64_t i = 0; i < times; ++i) {
    auto found = once(points, options, seeds.next(), stop);
    if (i == 0 || found.inertia < best.inertia) best = std::move(found);
  }
  return best;
}

std::vector<double> silhouettes(const Points& points, const std::vector<int32_t>& cluster,
                                size_t most, uint64_t seed, const StopCheck& stop) {
  std::vector<double> out(points.count, 0);
  if (points.count == 0) return out;
  const size_t k = size_t(*std::max_element(cluster.begin(), cluster.end())) + 1;
  auto chosen = sample_of(cluster, k, most, seed);
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&](size_t a, size_t b) { return cluster[a] < cluster[b]; });
  const auto sample = chosen_points(points, chosen);
  std::vector<size_t> begins(k + 1, 0);
  for (const size_t each : chosen) ++begins[size_t(cluster[each]) + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<double> distances(sample.count), place(points.width);
  for (size_t i = 0; i < points.count; ++i) {
    if (i % 1024 == 0) stop();
    for (size_t f = 0; f < points.width; ++f) place[f] = points.coordinate(f)[i];
    for (size_t begin = 0; begin < sample.count; begin += kBlock)
      squares(sample, begin, std::min(kBlock, sample.count - begin), place.data(),
              distances.data() + begin);
    for (auto& each : distances) each = std::sqrt(each);
    double own = 0, next = kFar;
    for (size_t c = 0; c < k; ++c) {
      const auto from = distances.begin() + std::ptrdiff_t(begins[c]),
                 to = distances.begin() + std::ptrdiff_t(begins[c + 1]);
      auto count = double(to - from);
      const double sum = std::accumulate(from, to, 0.0);
      const bool is_own = int32_t(c) == cluster[i];
      // Itself is left out, or one that lies where it does: what comes out is to depend on where a
      // point lies, and not on which of equal ones was chosen.
      if (is_own && std::find(from, to, 0.0) != to) --count;
      if (is_own)
        own = count > 0 ? sum / count : -1;
      else if (count > 0)
        next = std::min(next, sum / count);
    }
    const double larger = std::max(own, next);
    if (own >= 0 && next < kFar && larger > 0) out[i] = (next - own) / larger;
  }
  return out;
}

}  // namespace windrow::operators
