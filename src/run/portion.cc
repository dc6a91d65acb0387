#include "run/portion.h"

#include <cmath>

namespace windrow::run {

namespace {

/// Of what is in use now, beside the mean: slots that become free in one moment are shared, too.
constexpr double kPresent = 0.1;

}  // namespace

void Portion::take(SteadyTime now) {
  mean_ = mean(now);
  since_ = now;
  ++in_use_;
}

void Portion::give_back(SteadyTime now) {
  mean_ = mean(now);
  since_ = now;
  --in_use_;
}

double Portion::share(SteadyTime now) const { return (mean(now) + kPresent * in_use_) / weight_; }

double Portion::mean(SteadyTime now) const {
  const double passed = std::chrono::duration<double>(now - since_).count();
  const double stays = std::exp(-passed / std::chrono::duration<double>(kRemembers).count());
  return mean_ * stays + in_use_ * (1 - stays);
}

}  // namespace windrow::run
