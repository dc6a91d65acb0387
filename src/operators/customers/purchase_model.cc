#include "operators/customers/purchase_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "operators/customers/gamma.h"
#include "operators/customers/minimize.h"

namespace windrow::operators {
namespace {

constexpr double kLogMost = 8;
constexpr double kGradientMost = 1e-9;  // of the likelihood of one customer
constexpr double kLeastTerm = 1e-16;
constexpr double kLarge = 0x1p800, kLogLarge = 554.51774444795625;  // 800 log 2

/// A parameter's logarithm, of any number: the same in the middle, never beyond ±kLogMost.
double bent(double any) { return kLogMost * std::tanh(any / kLogMost); }
double slope_of_bent(double any) {
  const double t = std::tanh(any / kLogMost);
  return 1 - t * t;
}

/// Customers of whom the same is known, as the likelihood of the BG/NBD model wants them: what
/// depends on one of the numbers alone is worked out once for each.
class Alike {
 public:
  /// Times are divided by `unit`.
  Alike(const std::vector<Buyer>& buyers, double unit) : customers_(double(buyers.size())) {
    using Known = std::tuple<double, int64_t, double>;
    std::vector<Known> all;
    all.reserve(buyers.size());
    for (const auto& buyer : buyers)
      all.emplace_back(buyer.age / unit, buyer.frequency, buyer.recency / unit);
    std::sort(all.begin(), all.end());
    std::map<int64_t, double> frequencies;
    for (size_t i = 0; i < all.size();) {
      const Known first = all[i];
      double count = 0;
      for (; i < all.size() && all[i] == first; ++i) ++count;
      const auto& [age, frequency, recency] = first;
      if (ages_.empty() || ages_.back().age != age) ages_.push_back({age, 0, 0, groups_.size()});
      frequencies[frequency] += count;
      ages_.back().count += count;
      ages_.back().purchases += count * double(frequency);
      if (frequency > 0) groups_.push_back({double(frequency), recency, count});
    }
    ages_.push_back({0, 0, 0, groups_.size()});
    for (const auto& [frequency, count] : frequencies)
      if (frequency > 0) frequencies_.push_back({double(frequency), count});
  }

  /// The logarithm of the likelihood, and by the way its derivatives by r, alpha, a and b.
  double likelihood(const BuyingModel& m, std::array<double, 4>& slopes) const {
    slopes = {};
    return of_counts(m, slopes) + of_times(m, slopes);
  }
  double customers() const { return customers_; }

 private:
  struct Group {
    double frequency, recency, count;
  };
  struct Age {
    double age, count, purchases;
    size_t begin;  // of its groups
  };
  struct Frequency {
    double frequency, count;
  };

  /// Γ(r+x)/Γ(r) · Γ(a+b)Γ(b+x)/(Γ(b)Γ(a+b+x))
  double of_counts(const BuyingModel& m, std::array<double, 4>& slopes) const {
    const double constant = log_gamma(m.a + m.b) - log_gamma(m.b) - log_gamma(m.r);
    const double by_r = digamma(m.r), by_b = digamma(m.b), by_ab = digamma(m.a + m.b);
    double out = 0;
    for (const auto& [x, count] : frequencies_) {
      out +=
          count * (constant + log_gamma(m.r + x) + log_gamma(m.b + x) - log_gamma(m.a + m.b + x));
      const double all = by_ab - digamma(m.a + m.b + x);
      slopes[0] += count * (digamma(m.r + x) - by_r);
      slopes[2] += count * all;
      slopes[3] += count * (all + digamma(m.b + x) - by_b);
    }
    return out;
  }

  /// α^r (α+T)^−(r+x) · (1 + a/(b+x−1) · ((α+T)/(α+t))^(r+x)), the last only where x > 0
  double of_times(const BuyingModel& m, std::array<double, 4>& slopes) const {
    const double log_alpha = std::log(m.alpha);
    double out = 0;
    for (size_t i = 0; i + 1 < ages_.size(); ++i) {
      const auto& age = ages_[i];
      const double log_age = std::log(m.alpha + age.age), one = 1 / (m.alpha + age.age);
      const double power = m.r * age.count + age.purchases;
      out += m.r * age.count * log_alpha - power * log_age;
      slopes[0] += age.count * (log_alpha - log_age);
      slopes[1] += m.r * age.count / m.alpha - power * one;
      for (size_t k = age.begin; k < ages_[i + 1].begin; ++k) {
        const auto& [x, recency, count] = groups_[k];
        const double since = m.alpha + recency, longer = log_age - std::log(since);
        const double left = m.b + x - 1;
        const double odds = std::log(m.a / left) + (m.r + x) * longer;
        const double small = std::exp(-std::fabs(odds));  // never overflows
        out += count * (std::max(odds, 0.0) + std::log1p(small));
        const double gone = count * (odds > 0 ? 1 : small) / (1 + small);
        slopes[0] += gone * longer;
        slopes[1] += gone * (m.r + x) * (one - 1 / since);
        slopes[2] += gone / m.a;
        slopes[3] -= gone / left;
      }
    }
    return out;
  }

  double customers_;
  std::vector<Group> groups_;  // those with x > 0, by age
  std::vector<Age> ages_;      // the last is an end
  std::vector<Frequency> frequencies_;
};

/// Buyers whose purchases have a worth, in units of its mean, as the likelihood of the Gamma-Gamma
/// model wants them: by frequency.
class Spenders {
 public:
  Spenders(const std::vector<Buyer>& buyers, double unit) {
    for (const auto& buyer : buyers)
      if (buyer.frequency > 0 && buyer.value > 0)
        all_.push_back({double(buyer.frequency), buyer.value / unit, std::log(buyer.value / unit)});
    std::stable_sort(all_.begin(), all_.end(),
                     [](const One& a, const One& b) { return a.frequency < b.frequency; });
  }
  double customers() const { return double(all_.size()); }

  double likelihood(const SpendingModel& m, std::array<double, 3>& slopes) const {
    slopes = {};
    const double log_v = std::log(m.v), log_gamma_q = log_gamma(m.q), by_q = digamma(m.q);
    double out = 0;
    for (size_t i = 0; i < all_.size();) {
      const double x = all_[i].frequency, px = m.p * x, log_x = std::log(x);
      const double constant = log_gamma(px + m.q) - log_gamma(px) - log_gamma_q + m.q * log_v;
      const double by_all = digamma(px + m.q), by_p = by_all - digamma(px) + log_x;
      for (; i < all_.size() && all_[i].frequency == x; ++i) {
        const double sum = x * all_[i].value + m.v, log_sum = std::log(sum);
        out += constant + (px - 1) * all_[i].log_value + px * log_x - (px + m.q) * log_sum;
        slopes[0] += x * (by_p + all_[i].log_value - log_sum);
        slopes[1] += by_all - by_q + log_v - log_sum;
        slopes[2] += m.q / m.v - (px + m.q) / sum;
      }
    }
    return out;
  }

 private:
  struct One {
    double frequency, value, log_value;
  };
  std::vector<One> all_;
};

/// The odds that the customer left after the last purchase, as a logarithm.
double odds_gone(const BuyingModel& m, const Buyer& buyer) {
  const auto x = double(buyer.frequency);
  return std::log(m.a / (m.b + x - 1)) +
         (m.r + x) * (std::log(m.alpha + buyer.age) - std::log(m.alpha + buyer.recency));
}

}  // namespace

double BuyingModel::alive(const Buyer& buyer) const {
  if (buyer.frequency == 0) return 1;
  return 1 / (1 + std::exp(odds_gone(*this, buyer)));
}

double BuyingModel::expected(int64_t frequency, double age, double later) const {
  if (later <= 0) return 0;
  const double known = alpha + age, z = later / (known + later);
  const double log_rest = -std::log1p(later / known);  // of 1 − z
  const double u = a + b - 1 - r, c = a + b + double(frequency) - 1;
  // Σ (u)ₙ (a)ₙ₋₁ / ((c+1)ₙ₋₁ n!) zⁿ: c times the hypergeometric function without its 1, over a
  // − 1.
  double term = u * z, sum = term;
  const double power = (a - 1) * log_rest;
  double log_scale = power;  // what the sum is multiplied by; its terms may go beyond all bounds
  for (double n = 1; std::fabs(term) > kLeastTerm * (1 - z) * std::fabs(sum); ++n) {
    term *= (u + n) * (a + n - 1) / ((c + n) * (n + 1)) * z;
    sum += term;
    if (std::fabs(sum) < kLarge) continue;
    term /= kLarge;
    sum /= kLarge;
    log_scale += kLogLarge;
  }
  const double first = std::fabs(power) < 1e-300 ? -log_rest : -std::expm1(power) / (a - 1);
  return c * first - std::exp(log_scale) * sum;
}

double SpendingModel::expected(const Buyer& buyer) const {
  const auto x = double(buyer.frequency);
  return p * (v + x * buyer.value) / (p * x + q - 1);
}

BuyingModel fitted_buying(const std::vector<Buyer>& buyers, const StopCheck& stop) {
  double unit = 0;
  for (const auto& buyer : buyers) unit += buyer.age / double(buyers.size());
  const Alike alike(buyers, unit);
  const auto model_at = [](const std::vector<double>& at) {
    return BuyingModel{std::exp(bent(at[0])), std::exp(bent(at[1])), std::exp(bent(at[2])),
                       std::exp(bent(at[3]))};
  };
  const auto found = minimize(
      [&](const std::vector<double>& at, std::vector<double>& gradient) {
        stop();
        const auto m = model_at(at);
        std::array<double, 4> slopes;
        const double out = alike.likelihood(m, slopes);
        const std::array<double, 4> parameters{m.r, m.alpha, m.a, m.b};
        for (size_t i = 0; i < 4; ++i)
          gradient[i] = -slopes[i] * parameters[i] * slope_of_bent(at[i]) / alike.customers();
        return -out / alike.customers();
      },
      {0, 0, 0, 0}, kGradientMost);
  auto model = model_at(found);
  model.alpha *= unit;
  return model;
}

SpendingModel fitted_spending(const std::vector<Buyer>& buyers, const StopCheck& stop) {
  double unit = 0, count = 0;
  for (const auto& buyer : buyers) {
    if (buyer.frequency == 0 || !(buyer.value > 0)) continue;
    unit += (buyer.value - unit) / ++count;
  }
  const Spenders spenders(buyers, unit);
  const auto model_at = [](const std::vector<double>& at) {
    return SpendingModel{std::exp(bent(at[0])), 1 + std::exp(bent(at[1])), std::exp(bent(at[2]))};
  };
  const auto found = minimize(
      [&](const std::vector<double>& at, std::vector<double>& gradient) {
        stop();
        const auto m = model_at(at);
        std::array<double, 3> slopes;
        const double out = spenders.likelihood(m, slopes);
        const std::array<double, 3> parameters{m.p, m.q - 1, m.v};
        for (size_t i = 0; i < 3; ++i)
          gradient[i] = -slopes[i] * parameters[i] * slope_of_bent(at[i]) / spenders.customers();
        return -out / spenders.customers();
      },
      {0, 0, 0}, kGradientMost);
  auto model = model_at(found);
  model.v *= unit;
  return model;
}

double log_likelihood(const BuyingModel& model, const std::vector<Buyer>& buyers) {
  std::array<double, 4> slopes;
  return Alike(buyers, 1).likelihood(model, slopes);
}

double log_likelihood(const SpendingModel& model, const std::vector<Buyer>& buyers) {
  std::array<double, 3> slopes;
  return Spenders(buyers, 1).likelihood(model, slopes);
}

}  // namespace windrow::operators
