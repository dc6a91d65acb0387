#include <algorithm>
#include <cmath>

#include "operators/customers/ratings.h"
#include "operators/random.h"

namespace windrow::operators {
namespace {

using Doubles = std::vector<double>;

constexpr size_t kLanes = 4;  // sums that go side by side, in the same order on every machine
constexpr int kGradientSteps = 3;
constexpr double kSolved = 1e-20;
constexpr double kFirstValues = 0.01;

void add(double* to, double times, const double* what, size_t stride) {
  for (size_t i = 0; i < stride; ++i) to[i] += times * what[i];
}

/// Σ yyᵀ over all vectors.
Doubles squares_of(const Doubles& vectors, size_t stride, const StopCheck& stop) {
  Doubles out(stride * stride, 0);
  for (size_t begin = 0; begin < vectors.size(); begin += stride) {
    if (begin % (stride * 4096) == 0) stop();
    const double* y = vectors.data() + begin;
    for (size_t i = 0; i < stride; ++i) add(out.data() + i * stride, y[i], y, stride);
  }
  return out;
}

/// One side's vectors, each by itself: least squares against the other side's.
class Side {
 public:
  Side(const Ratings& ratings, const FactorOptions& options, size_t stride)
      : ratings_(ratings), options_(options), stride_(stride) {}

  void solve(Doubles& mine, const Doubles& others, const StopCheck& stop) {
    all_ = squares_of(others, stride_, stop);
    for (size_t i = 0; i < stride_; ++i) all_[i * stride_ + i] += options_.regularization;
    for (int32_t row = 0; row < ratings_.rows(); ++row) {
      if (row % 256 == 0) stop();
      solve_one(row, mine.data() + size_t(row) * stride_, others);
    }
  }

 private:
  /// What is left to make good at x: b − Ax, where b = Σ c y and A = Σ yyᵀ + Σ (c − 1) yyᵀ + λ.
  void solve_one(int32_t row, double* x, const Doubles& others) {
    Doubles left(stride_, 0), turned(stride_);
    apply(row, x, others, turned);
    ratings_.each(row, [&](int32_t other, double weight) {
      add(left.data(), 1 + options_.confidence * weight, of(others, other), stride_);
    });
    add(left.data(), -1, turned.data(), stride_);
    Doubles direction = left;
    double size = product(left.data(), left.data(), stride_);
    for (int i = 0; i < kGradientSteps && size > kSolved; ++i) {
      apply(row, direction.data(), others, turned);
      const double step = size / product(direction.data(), turned.data(), stride_);
      add(x, step, direction.data(), stride_);
      add(left.data(), -step, turned.data(), stride_);
      const double next = product(left.data(), left.data(), stride_);
      for (size_t k = 0; k < stride_; ++k) direction[k] = left[k] + next / size * direction[k];
      size = next;
    }
  }

  void apply(int32_t row, const double* x, const Doubles& others, Doubles& out) const {
    std::fill(out.begin(), out.end(), 0.0);
    for (size_t i = 0; i < stride_; ++i) add(out.data(), x[i], all_.data() + i * stride_, stride_);
    ratings_.each(row, [&](int32_t other, double weight) {
      const double* y = of(others, other);
      add(out.data(), options_.confidence * weight * product(y, x, stride_), y, stride_);
    });
  }

  const double* of(const Doubles& vectors, int32_t i) const {
    return vectors.data() + size_t(i) * stride_;
  }

  const Ratings& ratings_;
  const FactorOptions& options_;
  size_t stride_;
  Doubles all_;
};

Doubles begun(int32_t count, size_t factors, size_t stride, Random& random) {
  Doubles out(size_t(count) * stride, 0);
  for (size_t i = 0; i < size_t(count); ++i)
    for (size_t f = 0; f < factors; ++f) out[i * stride + f] = (random.unit() - 0.5) * kFirstValues;
  return out;
}

}  // namespace

double product(const double* a, const double* b, size_t stride) {
  double lanes[kLanes] = {};
  for (size_t i = 0; i < stride; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

Factors factorized(const Ratings& ratings, const FactorOptions& options, const StopCheck& stop) {
  Factors out;
  out.stride = (options.factors + kLanes - 1) / kLanes * kLanes;
  Random random(options.seed);
  out.rows = begun(ratings.rows(), options.factors, out.stride, random);
  out.columns = begun(ratings.columns, options.factors, out.stride, random);
  const auto turned = ratings.turned();
  Side rows(ratings, options, out.stride), columns(turned, options, out.stride);
  for (int64_t i = 0; i < options.iterations; ++i) {
    rows.solve(out.rows, out.columns, stop);
    columns.solve(out.columns, out.rows, stop);
  }
  return out;
}

}  // namespace windrow::operators
