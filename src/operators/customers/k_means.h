#pragma once

#include <cstdint>
#include <vector>

#include "operators/stop.h"

/// Groups of points that lie together, by k-means. What comes out depends on the points in their
/// order, on the options and on nothing else.
namespace windrow::operators {

/// Points with so many coordinates each, coordinate by coordinate.
struct Points {
  size_t count = 0, width = 0;
  std::vector<double> values;  ///< of the first coordinate those of all points, then of the second

  const double* coordinate(size_t i) const { return values.data() + i * count; }
  double* coordinate(size_t i) { return values.data() + i * count; }
};

struct KMeansOptions {
  size_t k = 8;
  int64_t iterations = 300;  ///< at most; of mini-batches: so many
  int64_t restarts = 1;      ///< how often it is begun anew; the best counts
  uint64_t seed = 1;
  size_t batch = 0;           ///< points of a mini-batch; 0: all points each time
  std::vector<double> start;  ///< centres, one after the other; empty: k-means++
};

struct Clustering {
  std::vector<int32_t> cluster;  ///< of each point, from 0 on
  std::vector<double> squared;   ///< its squared distance to the centre
  std::vector<double> centres;   ///< one after the other
  double inertia = 0;            ///< the sum of all squared distances
};

/// By Lloyd's algorithm until nothing changes, or by mini-batches (Sculley, Web-Scale K-Means
/// Clustering, WWW 2010) and a last look at all points. Begins with greedy k-means++ (Arthur and
/// Vassilvitskii, SODA 2007), as scikit-learn does. A cluster that loses all its points begins anew
/// with the one that lies farthest from its centre. Where fewer than k points differ, there are so
/// many clusters.
Clustering k_means(const Points& points, const KMeansOptions& options, const StopCheck& stop);

/// Of each point (b − a) / max(a, b), from −1 to 1, where a is the mean distance to the other
/// points of its cluster and b that to the points of the cluster next to it; 0 where it is alone
/// (Rousseeuw 1987). Beyond `most` points, distances are to about so many chosen by `seed`, at
/// least ten of each cluster.
std::vector<double> silhouettes(const Points& points, const std::vector<int32_t>& cluster,
                                size_t most, uint64_t seed, const StopCheck& stop);

}  // namespace windrow::operators
