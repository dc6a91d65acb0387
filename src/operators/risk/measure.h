#pragma once

#include <optional>

#include "operators/risk/scenarios.h"
#include "operators/risk/statistics.h"

namespace windrow::operators::risk {

enum class Method { historical, filtered, parametric, monte_carlo };

/// What is asked of a book.
struct Question {
  std::vector<Method> methods;
  std::vector<int> horizons;
  std::vector<double> levels;
  Returns returns = Returns::simple;
  bool overlapping = false;  ///< longer horizons of historical scenarios: else × √horizon
  Quantile quantile = Quantile::inverted_cdf;
  bool decaying = false;  ///< covariances weigh times by `decay`
  double decay = 0.94;
  bool with_mean = false;
  int64_t paths = 0;
  int degrees_of_freedom = 0;
  uint64_t seed = 0;
};

/// What a group may lose, a loss being positive, and its part in what all may lose together.
struct Measured {
  size_t group = 0;
  Method method = Method::historical;
  int horizon = 1;
  double level = 0;
  size_t scenarios = 0;
  double value_at_risk = 0, expected_shortfall = 0;
  double component_value_at_risk = 0, component_expected_shortfall = 0;
  double incremental_value_at_risk = 0;
};

/// In the order of groups, then methods, horizons and levels. `groups.front()` is all there is.
/// There are at least two changes of each series, and more than the longest horizon where they
/// overlap.
std::vector<Measured> measured(const Question& question, const std::vector<Group>& groups,
                               const Changes& changes, const Workers& workers);

}  // namespace windrow::operators::risk
