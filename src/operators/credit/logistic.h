#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace windrow::operators::credit {

struct Logistic {
  double intercept = 0;
  std::vector<double> coefficient;
};

/// The coefficients that make Σ ln(1 + exp(∓z)) + penalty / 2 × Σ coefficient² least, z = intercept
/// + Σ coefficient × x, the sign by `bad`; by Newton's steps. `x` is row by row, as many numbers in
/// each as `columns`. There are rows of both outcomes, and `penalty` is greater than 0.
Logistic fitted(const std::vector<double>& x, const std::vector<uint8_t>& bad, size_t columns,
                double penalty);

}  // namespace windrow::operators::credit
