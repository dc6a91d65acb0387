#include "operators/risk/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace windrow::operators::risk {
namespace {

constexpr double kWhole = 1e-9;  // 0.07 × 100 is 7, whatever doubles say

/// A profit that no more than about twice `count` scenarios are below and at least `count` are not
/// above, guessed by a sample; infinity where that may not be.
double guessed_bound(const double* profits, size_t scenarios, size_t count) {
  constexpr size_t kSample = 4096;
  if (scenarios < 8 * kSample) return std::numeric_limits<double>::infinity();
  std::vector<double> sample;
  for (size_t i = 0; i < kSample; ++i) sample.push_back(profits[i * (scenarios / kSample)]);
  const double share = double(count) / double(scenarios);
  const auto at = size_t(share * kSample + 5 * std::sqrt(share * kSample) + 5);
  if (at >= kSample) return std::numeric_limits<double>::infinity();
  std::nth_element(sample.begin(), sample.begin() + std::ptrdiff_t(at), sample.end());
  return sample[at];
}

}  // namespace

double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

double normal_quantile(double level) {
  if (level < 0.5) return -normal_quantile(1 - level);
  const double above = 1 - level;
  // Abramowitz and Stegun 26.2.23, to 5e-4; each step of Newton's squares that.
  const double t = std::sqrt(-2 * std::log(above));
  double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                     (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int i = 0; i < 4; ++i)
    x += (std::erfc(x / std::numbers::sqrt2) / 2 - above) / normal_density(x);
  return x;
}

double chi_squared_tail(double x, int degrees) {
  return degrees == 1 ? std::erfc(std::sqrt(x / 2)) : std::exp(-x / 2);
}

double binomial_cumulative(int64_t count, int64_t trials, double p) {
  double out = 0;
  for (int64_t i = 0; i <= std::min(count, trials); ++i)
    out += std::exp(std::lgamma(double(trials + 1)) - std::lgamma(double(i + 1)) -
                    std::lgamma(double(trials - i + 1)) + double(i) * std::log(p) +
                    double(trials - i) * std::log1p(-p));
  return std::min(out, 1.0);
}

Tail tail_of(const double* profits, size_t scenarios, size_t count, const Workers& workers) {
  using Loss = std::pair<double, uint32_t>;  // no two are equal, so there is one order of them
  constexpr size_t kScenariosOfPart = 1 << 17;
  std::vector<std::vector<Loss>> parts((scenarios + kScenariosOfPart - 1) / kScenariosOfPart);
  std::vector<Loss> least;
  const auto collect = [&](double bound) {
    in_parallel(parts.size(), workers, [&](size_t part) {
      parts[part].clear();
      const size_t end = std::min(scenarios, (part + 1) * kScenariosOfPart);
      for (size_t i = part * kScenariosOfPart; i < end; ++i)
        if (profits[i] <= bound) parts[part].emplace_back(profits[i], uint32_t(i));
    });
    least.clear();
    for (const auto& part : parts) least.insert(least.end(), part.begin(), part.end());
  };
  collect(guessed_bound(profits, scenarios, count));
  if (least.size() < count) collect(std::numeric_limits<double>::infinity());
  const auto at = [&](size_t place) { return least.begin() + std::ptrdiff_t(place); };
  if (count < least.size()) std::nth_element(least.begin(), at(count), least.end());
  const size_t half = count / 2;
  std::nth_element(least.begin(), at(half), at(count));
  in_parallel(2, workers, [&](size_t part) {
    part == 0 ? std::sort(at(0), at(half)) : std::sort(at(half), at(count));
  });
  Tail out;
  out.profit.reserve(count);
  out.scenario.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    out.profit.push_back(least[i].first);
    out.scenario.push_back(least[i].second);
  }
  return out;
}

Measures::Measures(size_t scenarios, double level, Quantile quantile) {
  const auto n = double(scenarios);
  tail_size_ = (1 - level) * n;
  whole_ = size_t(tail_size_ + kWhole);
  if (quantile == Quantile::inverted_cdf) {
    rank_ = scenarios - size_t(std::max(1.0, std::ceil(level * n - kWhole)));
  } else {
    const double place = (1 - level) * (n - 1);
    rank_ = size_t(place + kWhole);
    next_ = std::max(0.0, place - double(rank_));
  }
  depth_ = std::min(scenarios, std::max(whole_ + 1, rank_ + around() + 2));
}

double Measures::value_at_risk(const Tail& tail) const {
  const double out = 0 - tail.profit[rank_];  // 0 where it is 0, not -0
  return next_ > 0 ? out + next_ * (-tail.profit[rank_ + 1] - out) : out;
}

double Measures::expected_shortfall(const Tail& tail) const {
  double out = 0;
  for (size_t i = 0; i < whole_; ++i) out -= tail.profit[i];
  if (const double part = tail_size_ - double(whole_); part > kWhole)
    out -= part * tail.profit[whole_];
  return out / tail_size_;
}

std::vector<Weight> Measures::at_risk(const Tail& tail, size_t around) const {
  std::vector<Weight> out;
  if (around == 0) {
    out.push_back({tail.scenario[rank_], 1 - next_});
    if (next_ > 0) out.push_back({tail.scenario[rank_ + 1], next_});
    return out;
  }
  for (size_t i = rank_ - around; i <= rank_ + around; ++i)
    out.push_back({tail.scenario[i], 1.0 / double(2 * around + 1)});
  return out;
}

std::vector<Weight> Measures::shortfall(const Tail& tail) const {
  std::vector<Weight> out;
  for (size_t i = 0; i < whole_; ++i) out.push_back({tail.scenario[i], 1 / tail_size_});
  if (const double part = tail_size_ - double(whole_); part > kWhole)
    out.push_back({tail.scenario[whole_], part / tail_size_});
  return out;
}

bool cholesky(std::vector<double>& matrix, size_t size) {
  // Rounding leaves about 1e-16 × size of a variance where nothing of its own is left.
  constexpr double kNothing = 1e-11;
  for (size_t j = 0; j < size; ++j) {
    double* row = &matrix[j * size];
    const double variance = row[j];
    double own = variance;
    for (size_t k = 0; k < j; ++k) own -= row[k] * row[k];
    if (!std::isfinite(own) || variance < 0 || own < -kNothing * variance) return false;
    const bool moves = own > kNothing * variance;
    const double root = moves ? std::sqrt(own) : 0;
    row[j] = root;
    for (size_t i = j + 1; i < size; ++i) {
      double* below = &matrix[i * size];
      double left = below[j];
      const double scale = std::sqrt(variance) * std::sqrt(std::max(0.0, below[i]));
      for (size_t k = 0; k < j; ++k) left -= below[k] * row[k];
      // What has no movement of its own left shares none with anybody.
      if (!moves && !(std::abs(left) <= 1e-5 * scale)) return false;
      below[j] = moves ? left / root : 0;
    }
    std::fill(row + j + 1, row + size, 0.0);
  }
  return true;
}

}  // namespace windrow::operators::risk
