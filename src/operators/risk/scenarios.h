#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "operators/risk/book.h"
#include "operators/risk/parallel.h"

namespace windrow::operators::risk {

/// Changes of each series, of one length: by series, then time.
using Changes = std::vector<std::vector<double>>;

/// What may happen to a book: profits of its groups in a number of scenarios.
class Scenarios {
 public:
  virtual ~Scenarios() = default;
  virtual size_t count() const = 0;
  /// `out` has count() profits for each group, one group after the other. The same bits for any
  /// number of threads.
  virtual void profits(const std::vector<const Group*>& groups, double* out,
                       const Workers& workers) const = 0;
};

/// Changes over `horizon` steps, of changes over one: the sums of as many that follow on one
/// another (of simple returns compounded), or each times √horizon.
Changes over_horizon(const Changes& changes, Returns returns, int horizon, bool overlapping);

/// Each change times the volatility after the last one over the volatility before it (Hull and
/// White 1998), by a variance that each square enters with the weight 1 − decay (RiskMetrics 1996);
/// it begins with the mean of all squares.
Changes filtered(const Changes& changes, double decay);

/// Each scenario is what happened at one time.
std::unique_ptr<Scenarios> that_happened(const Changes& changes, Returns returns);

/// How changes move together: weights of the times, which add up to 1 or, for a sample, to
/// n / (n − 1), and what is taken off each before it is squared.
struct Together {
  std::vector<double> weight;
  bool about_mean = true;
};
Together equally(size_t times);
Together by_decay(size_t times, double decay);
/// Sum of weight × a × b, each about its mean where that is so.
double covariance(const Together& together, const std::vector<double>& a,
                  const std::vector<double>& b);
double mean(const std::vector<double>& values);

/// Paths of normal or Student's t changes with this covariance.
struct Simulation {
  int64_t paths = 0;
  uint64_t seed = 0;
  int degrees_of_freedom = 0;  ///< 0: normal
  int horizon = 1;
  bool with_mean = false;
};
std::unique_ptr<Scenarios> simulated(const Simulation& simulation, const Changes& changes,
                                     const Together& together, Returns returns);

}  // namespace windrow::operators::risk
