#include "operators/customers/gamma.h"

#include <cmath>

namespace windrow::operators {
namespace {

constexpr double kStirlingFrom = 10;
constexpr double kHalfLogTwoPi = 0.91893853320467274178;

}  // namespace

double log_gamma(double x) {
  double product = 1;
  for (; x < kStirlingFrom; ++x) product *= x;
  const double one = 1 / x, two = one * one;
  const double series =
      one * (1.0 / 12 -
             two * (1.0 / 360 -
                    two * (1.0 / 1260 -
                           two * (1.0 / 1680 - two * (1.0 / 1188 - two * (691.0 / 360360 -
                                                                          two * (1.0 / 156)))))));
  return (x - 0.5) * std::log(x) - x + kHalfLogTwoPi + series - std::log(product);
}

double digamma(double x) {
  double below = 0;
  for (; x < kStirlingFrom; ++x) below += 1 / x;
  const double one = 1 / x, two = one * one;
  const double series =
      two * (1.0 / 12 -
             two * (1.0 / 120 -
                    two * (1.0 / 252 -
                           two * (1.0 / 240 -
                                  two * (1.0 / 132 - two * (691.0 / 32760 - two * (1.0 / 12)))))));
  return std::log(x) - one / 2 - series - below;
}

}  // namespace windrow::operators
