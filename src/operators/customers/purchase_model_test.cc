#include "operators/customers/purchase_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "operators/customers/gamma.h"
#include "operators/customers/minimize.h"
#include "operators/random.h"

namespace windrow::operators {
namespace {

const StopCheck kGoOn = [] {};

TEST(Gamma, IsThatOfTables) {
  // Abramowitz and Stegun, tables 6.1 and 6.3, and what the C library says.
  EXPECT_NEAR(log_gamma(0.5), 0.57236494292470008707, 5e-15);
  EXPECT_NEAR(digamma(1), -0.57721566490153286061, 5e-15);
  EXPECT_NEAR(digamma(0.5), -1.96351002602142347944, 1e-14);
  for (double x = 1e-6; x < 1e9; x *= 1.37) {
    EXPECT_NEAR(log_gamma(x), std::lgamma(x), 2e-14 * (1 + std::fabs(std::lgamma(x)))) << x;
    const double step = 1e-6 * x, slope = (log_gamma(x + step) - log_gamma(x - step)) / (2 * step);
    EXPECT_NEAR(digamma(x), slope, 1e-6 * (1 + std::fabs(slope))) << x;
  }
}

TEST(Minimize, FindsTheBottomOfACurvedValley) {
  // Rosenbrock's function in two and four dimensions.
  for (const size_t n : {2, 4}) {
    const auto found = minimize(
        [&](const std::vector<double>& x, std::vector<double>& gradient) {
          double out = 0;
          std::fill(gradient.begin(), gradient.end(), 0.0);
          for (size_t i = 0; i + 1 < n; ++i) {
            const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
            out += 100 * a * a + b * b;
            gradient[i] -= 400 * a * x[i] + 2 * b;
            gradient[i + 1] += 200 * a;
          }
          return out;
        },
        std::vector<double>(n, -1.2), 1e-10);
    for (const double each : found) EXPECT_NEAR(each, 1, 1e-8);
  }
}

TEST(Minimize, EndsWhereNothingGetsLower) {
  int asked = 0;
  const auto flat = [&](const std::vector<double>&, std::vector<double>& gradient) {
    ++asked;
    gradient[0] = 1;  // what it is not
    return 5.0;
  };
  EXPECT_EQ(minimize(flat, {3}, 1e-10), std::vector<double>{3});
  EXPECT_LT(asked, 100);
}

/// Customers as the BG/NBD model makes them, for 100 days.
std::vector<Buyer> made(const BuyingModel& m, size_t count, uint64_t seed) {
  Random random(seed);
  const auto gamma_of = [&](double shape) {  // Marsaglia and Tsang 2000
    const double boost = shape < 1 ? std::pow(random.unit(), 1 / shape) : 1;
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    while (true) {
      const double x =
          std::sqrt(-2 * std::log(1 - random.unit())) * std::cos(6.283185307179586 * random.unit());
      const double v = std::pow(1 + c * x, 3);
      if (v > 0 && std::log(1 - random.unit()) < 0.5 * x * x + d - d * v + d * std::log(v))
        return d * v * boost;
    }
  };
  std::vector<Buyer> out(count);
  for (auto& buyer : out) {
    buyer.age = std::floor(20 + 80 * random.unit());
    const double rate = gamma_of(m.r) / m.alpha;
    const double x = gamma_of(m.a), y = gamma_of(m.b), leaves = x / (x + y);
    double time = 0;
    while (random.unit() >= leaves || time == 0) {
      time += -std::log(1 - random.unit()) / rate;
      if (time > buyer.age) break;
      buyer.recency = time;
      ++buyer.frequency;
    }
  }
  return out;
}

TEST(BuyingModel, LikelihoodIsGreatestWhereItWasFitted) {
  const auto buyers = made({0.5, 8, 1.2, 3}, 3000, 1);
  const auto found = fitted_buying(buyers, kGoOn);
  const double most = log_likelihood(found, buyers);
  for (double BuyingModel::*parameter :
       {&BuyingModel::r, &BuyingModel::alpha, &BuyingModel::a, &BuyingModel::b})
    for (const double factor : {0.99, 1.01}) {
      auto other = found;
      other.*parameter *= factor;
      EXPECT_LT(log_likelihood(other, buyers), most);
    }
}

TEST(BuyingModel, IsTheSameInAnyUnitOfTimeAndAnyOrder) {
  auto buyers = made({0.5, 8, 1.2, 3}, 500, 2);
  const auto days = fitted_buying(buyers, kGoOn);
  std::reverse(buyers.begin(), buyers.end());
  const auto reversed = fitted_buying(buyers, kGoOn);
  EXPECT_NEAR(reversed.alpha, days.alpha, 1e-6 * days.alpha);
  for (auto& buyer : buyers) {
    buyer.age /= 7;
    buyer.recency /= 7;
  }
  const auto weeks = fitted_buying(buyers, kGoOn);
  EXPECT_NEAR(weeks.r, days.r, 1e-6 * days.r);
  EXPECT_NEAR(weeks.alpha, days.alpha / 7, 1e-6 * days.alpha);
  EXPECT_NEAR(weeks.b, days.b, 1e-5 * days.b);
}

TEST(BuyingModel, HasAnAnswerWhereTheLikelihoodHasNoMaximum) {
  // Nobody leaves and all are alike: a goes to 0, r and alpha beyond all bounds.
  std::vector<Buyer> regular(200, {10, 100, 100, 0});
  const auto found = fitted_buying(regular, kGoOn);
  EXPECT_NEAR(found.r / found.alpha, 0.1, 1e-3);
  EXPECT_NEAR(found.alive(regular[0]), 1, 1e-3);
  EXPECT_NEAR(found.expected(10, 100, 50), 5, 0.05);
  // One customer.
  const auto one = fitted_buying({{3, 20, 40, 0}}, kGoOn);
  EXPECT_TRUE(std::isfinite(one.expected(3, 40, 10)));
  // Many purchases, within moments: no overflow.
  const auto many =
      fitted_buying({{100'000, 1, 1000, 0}, {0, 0, 1000, 0}, {5, 900, 1000, 0}}, kGoOn);
  EXPECT_TRUE(std::isfinite(many.alive({100'000, 1, 1000, 0})));
  EXPECT_TRUE(std::isfinite(many.expected(100'000, 1000, 365)));
}

TEST(BuyingModel, ExpectsWhatItsIntegralSays) {
  // E[(1 − (K/(K + pt))^(r+x)) / p] over p ~ Beta(a, b + x), for who is alive; by Simpson's rule.
  for (const BuyingModel& m : {BuyingModel{0.243, 4.414, 1.793, 2.426}, BuyingModel{0.5, 8, 1, 3},
                               BuyingModel{2, 30, 1 + 1e-9, 2.5}, BuyingModel{0.2, 3, 2.5, 4},
                               BuyingModel{3.4, 28, 2900, 2900}})
    for (const int64_t x : {0, 1, 2, 30})
      for (const double later : {1.0, 39.0, 4000.0}) {
        const double k = m.alpha + 38.86, power = m.r + double(x);
        const double log_beta =
            log_gamma(m.a) + log_gamma(m.b + double(x)) - log_gamma(m.a + m.b + double(x));
        const int parts = 50'000;
        double sum = 0;
        for (int i = 0; i <= parts; ++i) {
          // p = u², which takes the edge off at 0.
          const double u = double(i) / parts, p = u * u;
          double value = 0;
          if (p > 0 && p < 1)
            value = -std::expm1(-power * std::log1p(p * later / k)) / p * 2 * u *
                    std::exp((m.a - 1) * std::log(p) + (m.b + double(x) - 1) * std::log1p(-p) -
                             log_beta);
          sum += value * (i == 0 || i == parts ? 1 : i % 2 == 1 ? 4 : 2);
        }
        const double expected = sum / (3.0 * parts);
        EXPECT_NEAR(m.expected(x, 38.86, later), expected, 2e-6 * expected)
            << m.a << " " << x << " " << later;
      }
  EXPECT_EQ((BuyingModel{1, 1, 1, 1}.expected(0, 5, 0)), 0);
}

TEST(SpendingModel, LikelihoodIsGreatestWhereItWasFitted) {
  Random random(3);
  std::vector<Buyer> buyers;
  for (int i = 0; i < 2000; ++i) {
    const double mean = 5 + 60 * random.unit() * random.unit();
    const auto times = int64_t(1 + random.below(9));
    double sum = 0;
    for (int64_t k = 0; k < times; ++k) sum += mean * (0.5 + random.unit());
    buyers.push_back({times, 1, 2, sum / double(times)});
  }
  buyers.push_back({0, 0, 5, 0});
  buyers.push_back({2, 1, 5, 0});  // of no worth: left out
  const auto found = fitted_spending(buyers, kGoOn);
  EXPECT_GT(found.q, 1);
  const double most = log_likelihood(found, buyers);
  for (double SpendingModel::*parameter : {&SpendingModel::p, &SpendingModel::q, &SpendingModel::v})
    for (const double factor : {0.99, 1.01}) {
      auto other = found;
      other.*parameter *= factor;
      EXPECT_LT(log_likelihood(other, buyers), most);
    }
  // Who has not bought again is expected to spend what the mean customer does, others lie between.
  const double mean = found.expected({0, 0, 5, 0});
  EXPECT_NEAR(mean, found.p * found.v / (found.q - 1), 1e-9);
  EXPECT_GT(found.expected({1, 1, 5, 100}), mean);
  EXPECT_LT(found.expected({1, 1, 5, 100}), 100);
}

TEST(SpendingModel, StopsOnRequest) {
  int times = 0;
  const StopCheck stop = [&] {
    if (++times == 3) throw Error(Code::canceled, "stopped on request");
  };
  EXPECT_THROW(fitted_spending({{2, 1, 2, 30}, {1, 1, 2, 3}, {4, 1, 3, 9}}, stop), Error);
  EXPECT_EQ(times, 3);
}

}  // namespace
}  // namespace windrow::operators
