#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "operators/risk/parallel.h"

namespace windrow::operators::risk {

/// Density of the standard normal distribution, and the value that a share `level` of it, between 0
/// and 1, is below.
double normal_density(double x);
double normal_quantile(double level);
/// How likely a chi-squared number with 1 or 2 degrees of freedom is greater.
double chi_squared_tail(double x, int degrees);
/// How likely at most `count` of `trials` happen, each with probability `p`, between 0 and 1.
double binomial_cumulative(int64_t count, int64_t trials, double p);

/// How a loss that a share of all scenarios does not exceed is read from their number, named as in
/// numpy (Hyndman and Fan 1996: types 1 and 7).
enum class Quantile { inverted_cdf, linear };

/// A scenario with its part in a measure.
struct Weight {
  uint32_t scenario;
  double weight;
};

/// The scenarios of the greatest losses: the least profit first, of equal ones the first scenario.
struct Tail {
  std::vector<uint32_t> scenario;
  std::vector<double> profit;
};
/// The `count` of them with the greatest losses; 0 < count ≤ scenarios.
Tail tail_of(const double* profits, size_t scenarios, size_t count, const Workers& workers = {});

/// Value at risk and expected shortfall of a number of scenarios at one level.
class Measures {
 public:
  Measures(size_t scenarios, double level, Quantile quantile);

  /// How much of the tail is looked at.
  size_t depth() const { return depth_; }
  /// A loss is positive. `tail` has at least depth() scenarios.
  double value_at_risk(const Tail& tail) const;
  /// The mean of the losses of the worst scenarios, of as many as the level leaves; of one of them
  /// perhaps a part (Acerbi and Tasche 2002).
  double expected_shortfall(const Tail& tail) const;
  /// The scenarios that make the value at risk; their weights add up to 1. With `around` > 0 those
  /// with so many places more on both sides too, all of one weight.
  std::vector<Weight> at_risk(const Tail& tail, size_t around) const;
  std::vector<Weight> shortfall(const Tail& tail) const;
  /// A tenth of the places that are before it.
  size_t around() const { return rank_ / 10; }

 private:
  double tail_size_ = 0;  ///< how many scenarios the level leaves, perhaps not whole
  size_t whole_ = 0;      ///< of them, whole ones
  size_t rank_ = 0;       ///< the value at risk is that of this place of the tail, from 0 on,
  double next_ = 0;       ///< but for this part, which is that of the next one
  size_t depth_ = 0;
};

/// L with L Lᵀ = `matrix`, a covariance of `size` rows: lower, row by row, L in place of the
/// matrix. What moves exactly with others, or not at all, gets a column of zeros. False where it is
/// no covariance: not positive semi-definite, or not finite.
bool cholesky(std::vector<double>& matrix, size_t size);

}  // namespace windrow::operators::risk
