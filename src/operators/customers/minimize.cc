#include "operators/customers/minimize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace windrow::operators {
namespace {

using Vector = std::vector<double>;

constexpr int kStepsMost = 500, kTriesMost = 60;
constexpr double kRounding = 1e-14;                            // of a value
constexpr double kEnoughDescent = 1e-4, kEnoughFlatter = 0.9;  // Wolfe's two constants

double dot(const Vector& a, const Vector& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out += a[i] * b[i];
  return out;
}

struct Point {
  Vector at, gradient;
  double value = 0;

  double steepest() const {
    double out = 0;
    for (const double each : gradient) out = std::max(out, std::fabs(each));
    return out;
  }
  /// Lower; near the bottom, where values differ by rounding alone, flatter.
  bool better_than(const Point& other) const {
    if (std::fabs(value - other.value) > rounding(other)) return value < other.value;
    return steepest() < other.steepest();
  }
  static double rounding(const Point& of) { return kRounding * std::fabs(of.value); }
};

/// A point along `direction` that is low and flat enough, by halving the interval in which it has
/// to lie. The point that it began at where there is none.
Point searched(const Smooth& function, const Point& from, const Vector& direction) {
  const double slope = dot(from.gradient, direction);
  double low = 0, high = std::numeric_limits<double>::infinity(), step = 1;
  Point best = from;
  for (int i = 0; i < kTriesMost; ++i) {
    Point next;
    next.at = from.at;
    for (size_t k = 0; k < next.at.size(); ++k) next.at[k] += step * direction[k];
    next.gradient.resize(next.at.size());
    next.value = function(next.at, next.gradient);
    const double enough = from.value + kEnoughDescent * step * slope + Point::rounding(from);
    if (!(next.value <= enough)) {
      high = step;
    } else {
      const bool flat = dot(next.gradient, direction) >= kEnoughFlatter * slope;
      if (next.better_than(best)) best = std::move(next);
      if (flat) return best;
      low = step;
    }
    step = std::isinf(high) ? 2 * low : (low + high) / 2;
  }
  return best;
}

/// The inverse Hessian, as the last step shows it.
void learn(std::vector<Vector>& inverse, const Vector& step, const Vector& change, bool first) {
  const size_t n = step.size();
  const double along = dot(step, change);
  if (!(along > 0)) return;
  if (first)
    for (size_t i = 0; i < n; ++i) inverse[i][i] = along / dot(change, change);
  Vector turned(n);
  for (size_t i = 0; i < n; ++i) turned[i] = dot(inverse[i], change);
  const double scale = (1 + dot(change, turned) / along) / along;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      inverse[i][j] +=
          scale * step[i] * step[j] - (turned[i] * step[j] + step[i] * turned[j]) / along;
}

}  // namespace

Vector minimize(const Smooth& function, Vector at, double gradient_most) {
  const size_t n = at.size();
  Point here;
  here.at = std::move(at);
  here.gradient.resize(n);
  here.value = function(here.at, here.gradient);
  std::vector<Vector> inverse(n, Vector(n, 0));
  const auto forget = [&] {
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) inverse[i][j] = i == j ? 1 : 0;
  };
  forget();
  bool fresh = true;  // `inverse` has seen nothing yet
  for (int i = 0; i < kStepsMost; ++i) {
    if (here.steepest() <= gradient_most) break;
    Vector direction(n);
    for (size_t k = 0; k < n; ++k) direction[k] = -dot(inverse[k], here.gradient);
    Point next = searched(function, here, direction);
    if (!next.better_than(here)) {
      if (fresh) break;
      forget();
      fresh = true;
      continue;
    }
    Vector step(n), change(n);
    for (size_t k = 0; k < n; ++k) {
      step[k] = next.at[k] - here.at[k];
      change[k] = next.gradient[k] - here.gradient[k];
    }
    learn(inverse, step, change, fresh);
    fresh = false;
    here = std::move(next);
  }
  return here.at;
}

}  // namespace windrow::operators
