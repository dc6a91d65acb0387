#include "operators/credit/logistic.h"

#include <algorithm>
#include <cmath>

#include "operators/risk/statistics.h"

namespace windrow::operators::credit {
namespace {

/// ln(1 + exp(z)) without overflow.
double softplus(double z) { return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z)); }

class Fit {
 public:
  Fit(const std::vector<double>& x, const std::vector<uint8_t>& bad, size_t columns, double penalty)
      : x_(x), bad_(bad), columns_(columns), penalty_(penalty) {}

  double at(size_t row, const std::vector<double>& beta) const {
    double out = beta[0];
    for (size_t i = 0; i < columns_; ++i) out += beta[i + 1] * x_[row * columns_ + i];
    return out;
  }

  double loss(const std::vector<double>& beta) const {
    double out = 0;
    for (size_t row = 0; row < bad_.size(); ++row) {
      const double z = at(row, beta);
      out += softplus(bad_[row] ? -z : z);
    }
    for (size_t i = 0; i < columns_; ++i) out += penalty_ / 2 * beta[i + 1] * beta[i + 1];
    return out;
  }

  /// Where Newton would go from here.
  std::vector<double> step(const std::vector<double>& beta) const {
    const size_t size = columns_ + 1;
    std::vector<double> down(size, 0), curve(size * size, 0), row_of(size, 1);
    for (size_t row = 0; row < bad_.size(); ++row) {
      for (size_t i = 0; i < columns_; ++i) row_of[i + 1] = x_[row * columns_ + i];
      const double p = 1 / (1 + std::exp(-at(row, beta)));
      for (size_t i = 0; i < size; ++i) {
        down[i] += (double(bad_[row]) - p) * row_of[i];
        for (size_t j = 0; j <= i; ++j) curve[i * size + j] += p * (1 - p) * row_of[i] * row_of[j];
      }
    }
    for (size_t i = 1; i < size; ++i) {
      down[i] -= penalty_ * beta[i];
      curve[i * size + i] += penalty_;
    }
    for (size_t i = 0; i < size; ++i)
      for (size_t j = i + 1; j < size; ++j) curve[i * size + j] = curve[j * size + i];
    if (!risk::cholesky(curve, size)) return std::vector<double>(size, 0);
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < i; ++j) down[i] -= curve[i * size + j] * down[j];
      down[i] = curve[i * size + i] > 0 ? down[i] / curve[i * size + i] : 0;
    }
    for (size_t i = size; i-- > 0;) {
      for (size_t j = i + 1; j < size; ++j) down[i] -= curve[j * size + i] * down[j];
      down[i] = curve[i * size + i] > 0 ? down[i] / curve[i * size + i] : 0;
    }
    return down;
  }

 private:
  const std::vector<double>& x_;
  const std::vector<uint8_t>& bad_;
  size_t columns_;
  double penalty_;
};

}  // namespace

Logistic fitted(const std::vector<double>& x, const std::vector<uint8_t>& bad, size_t columns,
                double penalty) {
  constexpr int kMostSteps = 100;
  const Fit fit(x, bad, columns, penalty);
  std::vector<double> beta(columns + 1, 0);
  double loss = fit.loss(beta);
  for (int i = 0; i < kMostSteps; ++i) {
    const auto step = fit.step(beta);
    double share = 1, moved = 0;
    std::vector<double> next = beta;
    // Far from the least a whole step may overshoot.
    for (; share > 1e-6; share /= 2) {
      for (size_t j = 0; j < beta.size(); ++j) next[j] = beta[j] + share * step[j];
      if (fit.loss(next) <= loss) break;
    }
    if (share <= 1e-6) break;
    for (size_t j = 0; j < beta.size(); ++j) moved = std::max(moved, std::abs(next[j] - beta[j]));
    beta = std::move(next);
    loss = fit.loss(beta);
    if (moved < 1e-12) break;
  }
  return {beta[0], {beta.begin() + 1, beta.end()}};
}

}  // namespace windrow::operators::credit
