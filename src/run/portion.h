#pragma once

#include <chrono>

#include "base/clock.h"

namespace windrow::run {

/// What a project holds of the slots that all projects share: the mean of the last ten minutes,
/// older ones counting ever less. So it is fair over time, also where there are fewer slots than
/// projects, and who had none for a while comes first, but not for long.
class Portion {
 public:
  static constexpr std::chrono::microseconds kRemembers = std::chrono::minutes(10);

  void set_weight(int weight) { weight_ = weight; }
  void take(SteadyTime now);
  void give_back(SteadyTime now);
  /// By its weight: whose is least is next.
  double share(SteadyTime now) const;
  int in_use() const { return in_use_; }

 private:
  double mean(SteadyTime now) const;

  int weight_ = 1;
  int in_use_ = 0;
  double mean_ = 0;  ///< as it was at `since_`
  SteadyTime since_;
};

}  // namespace windrow::run
