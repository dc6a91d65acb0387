#include "operators/risk/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace windrow::operators::risk {
namespace {

TEST(Statistics, AreThoseOfTables) {
  EXPECT_NEAR(normal_quantile(0.99), 2.3263478740408408, 1e-13);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_quantile(0.9999999), 5.199337582187471, 1e-9);
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-15);
  EXPECT_NEAR(normal_quantile(0.05), -1.6448536269514729, 1e-13);
  EXPECT_NEAR(chi_squared_tail(10.229031, 1), 0.00138247, 1e-8);
  EXPECT_NEAR(chi_squared_tail(5.991464547107979, 2), 0.05, 1e-12);
  // The borders of the traffic light: 250 days at 99 %.
  EXPECT_NEAR(binomial_cumulative(4, 250, 0.01), 0.892188, 1e-6);
  EXPECT_NEAR(binomial_cumulative(9, 250, 0.01), 0.999750, 1e-6);
  EXPECT_NEAR(binomial_cumulative(250, 250, 0.01), 1, 1e-12);
}

/// Numbers that repeat, in no order.
std::vector<double> numbers(size_t count, uint64_t different) {
  std::vector<double> out;
  uint64_t state = 7;
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    out.push_back(double((state >> 33) % different) - double(different) / 3);
  }
  return out;
}

TEST(Tail, IsTheBeginningOfAllInOrder) {
  for (const size_t count : {1, 2, 37, 1000, 40'000, 100'000}) {
    for (const uint64_t different : {1, 3, 1'000'000}) {
      const auto profits = numbers(count, different);
      std::vector<uint32_t> order(count);
      for (size_t i = 0; i < count; ++i) order[i] = uint32_t(i);
      std::stable_sort(order.begin(), order.end(),
                       [&](uint32_t a, uint32_t b) { return profits[a] < profits[b]; });
      for (const size_t deep : {size_t(1), (count + 9) / 10, count}) {
        const auto tail = tail_of(profits.data(), count, deep);
        EXPECT_EQ(tail.scenario, std::vector<uint32_t>(order.begin(), order.begin() + long(deep)));
      }
    }
  }
}

TEST(Measures, OfTwentyLosses) {
  std::vector<double> profits;
  for (int i = 0; i < 20; ++i) profits.push_back(-(i * 7 % 20 + 1));  // losses 1 … 20, mixed
  const auto tail = tail_of(profits.data(), 20, 20);
  EXPECT_EQ(Measures(20, 0.9, Quantile::inverted_cdf).value_at_risk(tail), 18);
  EXPECT_NEAR(Measures(20, 0.9, Quantile::linear).value_at_risk(tail), 18.1, 1e-12);
  EXPECT_NEAR(Measures(20, 0.9, Quantile::linear).expected_shortfall(tail), 19.5, 1e-12);
  // 0.7 of the worst scenario, and of nobody else.
  EXPECT_EQ(Measures(20, 0.965, Quantile::inverted_cdf).value_at_risk(tail), 20);
  EXPECT_NEAR(Measures(20, 0.965, Quantile::inverted_cdf).expected_shortfall(tail), 20, 1e-12);
  // The two worst and half of the third.
  EXPECT_NEAR(Measures(20, 0.875, Quantile::inverted_cdf).expected_shortfall(tail),
              (20 + 19 + 9) / 2.5, 1e-12);
  EXPECT_EQ(Measures(1, 0.99, Quantile::linear).depth(), 1u);
}

TEST(Measures, WeightsGiveTheMeasures) {
  for (const size_t count : {1, 2, 7, 250, 999}) {
    const auto profits = numbers(count, 1'000'000);
    for (const double level : {0.5, 0.9, 0.95, 0.975, 0.99, 0.999})
      for (const auto quantile : {Quantile::inverted_cdf, Quantile::linear}) {
        const Measures measures(count, level, quantile);
        const auto tail = tail_of(profits.data(), count, measures.depth());
        const auto sum = [&](const std::vector<Weight>& weights) {
          double out = 0;
          for (const auto& [scenario, weight] : weights) out -= weight * profits[scenario];
          return out;
        };
        EXPECT_NEAR(sum(measures.at_risk(tail, 0)), measures.value_at_risk(tail), 1e-6);
        EXPECT_NEAR(sum(measures.shortfall(tail)), measures.expected_shortfall(tail), 1e-6);
        EXPECT_GE(measures.expected_shortfall(tail), measures.value_at_risk(tail) - 1e-9);
        double whole = 0;
        for (const auto& each : measures.at_risk(tail, measures.around())) whole += each.weight;
        EXPECT_NEAR(whole, 1, 1e-12);
      }
  }
}

/// The greatest difference of L Lᵀ from the matrix.
double off(const std::vector<double>& root, const std::vector<double>& matrix, size_t size) {
  double out = 0;
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j) {
      double sum = 0;
      for (size_t k = 0; k < size; ++k) sum += root[i * size + k] * root[j * size + k];
      out = std::max(out, std::abs(sum - matrix[i * size + j]));
    }
  return out;
}

TEST(Cholesky, OfWhatIsACovarianceAlone) {
  // A constant, one twice, one against it, and one by itself.
  const std::vector<double> singular{4,  0, 8,  -4, 1,  0, 0,  0, 0, 0, 8,  0, 16,
                                     -8, 2, -4, 0,  -8, 4, -1, 1, 0, 2, -1, 9};
  auto root = singular;
  ASSERT_TRUE(cholesky(root, 5));
  EXPECT_LT(off(root, singular, 5), 1e-12);
  for (auto matrix : {std::vector<double>{1, 2, 2, 1}, {-1, 0, 0, 1}, {0, 1, 1, 1}, {1, 0, 0, NAN}})
    EXPECT_FALSE(cholesky(matrix, 2));
}

}  // namespace
}  // namespace windrow::operators::risk
