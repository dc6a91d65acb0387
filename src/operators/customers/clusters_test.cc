#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "operators/customers/k_means.h"
#include "operators/customers/test_rows.h"
#include "operators/operators.h"
#include "operators/random.h"

namespace windrow::operators {
namespace {

using columns::Schema;
using columns::Type;
using Kind = Type::Kind;
using Strings = std::vector<std::string>;
using Texts = std::map<std::string, std::vector<std::string>>;

const StopCheck kNever = [] {};

/// Groups of points around places that lie far from one another.
Points heaps(size_t groups, size_t each, size_t width, uint64_t seed) {
  Random random(seed);
  Points out{groups * each, width, std::vector<double>(groups * each * width)};
  for (size_t f = 0; f < width; ++f)
    for (size_t i = 0; i < out.count; ++i)
      out.coordinate(f)[i] = double((i % groups) * (f + 1) * 37 % 101) + random.unit();
  return out;
}

double square(const Points& points, size_t i, const double* centre) {
  double out = 0;
  for (size_t f = 0; f < points.width; ++f) out += std::pow(points.coordinate(f)[i] - centre[f], 2);
  return out;
}

TEST(KMeans, FindsHeaps) {
  const auto points = heaps(7, 90, 3, 1);
  KMeansOptions options;
  options.k = 7;
  options.restarts = 5;
  const auto found = k_means(points, options, kNever);
  for (size_t i = 0; i < points.count; ++i) EXPECT_EQ(found.cluster[i], found.cluster[i % 7]);
  EXPECT_EQ(std::set<int32_t>(found.cluster.begin(), found.cluster.end()).size(), 7u);
}

TEST(KMeans, EndsWhereEachPointIsAtItsNearestCentreAndEachCentreInTheMiddle) {
  Random random(5);
  Points points{1500, 4, {}};
  for (size_t i = 0; i < points.count * points.width; ++i) points.values.push_back(random.unit());
  KMeansOptions options;
  options.k = 9;
  const auto found = k_means(points, options, kNever);
  double inertia = 0;
  std::vector<double> sums(9 * 4, 0), counts(9, 0);
  for (size_t i = 0; i < points.count; ++i) {
    double least = 1e9;
    for (size_t c = 0; c < 9; ++c)
      least = std::min(least, square(points, i, &found.centres[c * 4]));
    EXPECT_NEAR(square(points, i, &found.centres[size_t(found.cluster[i]) * 4]), least, 1e-12);
    EXPECT_NEAR(found.squared[i], least, 1e-12);
    inertia += least;
    ++counts[size_t(found.cluster[i])];
    for (size_t f = 0; f < 4; ++f)
      sums[size_t(found.cluster[i]) * 4 + f] += points.coordinate(f)[i];
  }
  for (size_t i = 0; i < sums.size(); ++i)
    EXPECT_NEAR(found.centres[i], sums[i] / counts[i / 4], 1e-9);
  EXPECT_NEAR(found.inertia, inertia, 1e-9);
}

TEST(KMeans, ByMiniBatchesComesNearAndIsTheSameForOneSeed) {
  const auto points = heaps(6, 2000, 2, 3);
  KMeansOptions options;
  options.k = 6;
  options.restarts = 3;
  const auto whole = k_means(points, options, kNever);
  options.batch = 256;
  options.iterations = 100;
  const auto found = k_means(points, options, kNever);
  EXPECT_LT(found.inertia, whole.inertia * 1.02);
  EXPECT_EQ(found.cluster, k_means(points, options, kNever).cluster);
}

TEST(KMeans, HasNoMoreClustersThanPointsThatDiffer) {
  Points points{6, 1, {1, 1, 1, 2, 2, 9}};
  KMeansOptions options;
  options.k = 5;
  const auto found = k_means(points, options, kNever);
  EXPECT_EQ(found.centres.size(), 3u);
  EXPECT_EQ(found.inertia, 0);
  options.start = {0, 0, 0, 0, 0};  // of which four lose all points
  EXPECT_EQ(k_means(points, options, kNever).inertia, 0);
  EXPECT_TRUE(k_means({0, 1, {}}, options, kNever).cluster.empty());
}

TEST(KMeans, AClusterThatLosesItsPointsBeginsAnew) {
  Points points{5, 1, {0, 1, 10, 11, 50}};
  KMeansOptions options;
  options.k = 3;
  options.start = {0, 20, 1000};
  const auto found = k_means(points, options, kNever);
  EXPECT_EQ(found.cluster, (std::vector<int32_t>{0, 0, 1, 1, 2}));
}

TEST(Silhouettes, AreThoseOfTheirDefinition) {
  const auto points = heaps(4, 30, 2, 9);
  std::vector<int32_t> cluster;
  for (size_t i = 0; i < points.count; ++i) cluster.push_back(int32_t(i * i % 5));
  cluster[7] = 5;  // alone
  const auto found = silhouettes(points, cluster, 1000, 1, kNever);
  for (size_t i = 0; i < points.count; ++i) {
    std::vector<double> sums(6, 0), counts(6, 0);
    for (size_t j = 0; j < points.count; ++j) {
      if (i == j) continue;
      const std::vector<double> there{points.coordinate(0)[j], points.coordinate(1)[j]};
      sums[size_t(cluster[j])] += std::sqrt(square(points, i, there.data()));
      ++counts[size_t(cluster[j])];
    }
    double own = 0, next = 1e9;
    for (size_t c = 0; c < 6; ++c) {
      if (counts[c] == 0) continue;
      (int32_t(c) == cluster[i] ? own : next) =
          int32_t(c) == cluster[i] ? sums[c] / counts[c] : std::min(next, sums[c] / counts[c]);
    }
    const double expected = i == 7 ? 0 : (next - own) / std::max(own, next);
    EXPECT_NEAR(found[i], expected, 1e-12) << i;
  }
  // A sample comes near.
  const auto many = heaps(4, 1500, 2, 9);
  std::vector<int32_t> groups;
  for (size_t i = 0; i < many.count; ++i) groups.push_back(int32_t(i % 4 / 2));
  const auto mean = [](const std::vector<double>& all) {
    return std::accumulate(all.begin(), all.end(), 0.0) / double(all.size());
  };
  EXPECT_NEAR(mean(silhouettes(many, groups, 300, 1, kNever)),
              mean(silhouettes(many, groups, 6000, 1, kNever)), 0.02);
}

Schema customers() {
  return {{{"name", Type{Kind::string}},
           {"spent", Type{Kind::double_}},
           {"visits", Type{Kind::long_}}}};
}
columns::Settings settings(Texts more) {
  more.insert({{"columns", {"spent", "visits"}}, {"k", {"2"}}});
  return settings_for(clusters(), more);
}
Row customer(const char* name, double spent, int64_t visits) {
  return {std::string(name), spent, visits};
}

TEST(Clusters, AreAddedToEachRowTheLargestFirst) {
  const std::vector<Row> rows{{std::string("n"), {}, int64_t(3)},
                              customer("a", 1, 1),
                              customer("b", 2, 1),
                              customer("c", 2, 2),
                              customer("d", 90, 40),
                              customer("e", 91, 41)};
  bool same = false;
  const auto found = through_any_split(clusters(), customers(), rows, settings({}), same);
  EXPECT_TRUE(same);
  ASSERT_EQ(found.size(), rows.size());
  EXPECT_EQ(found[0], (Row{std::string("n"), {}, int64_t(3), {}, {}, {}}));
  for (size_t i = 1; i < found.size(); ++i) {
    EXPECT_EQ(found[i][3], Value(int64_t(i < 4 ? 1 : 2)));
    EXPECT_GT(std::get<double>(found[i][5]), 0.9);
  }
}

TEST(Clusters, KeepTheNumbersOfCentresThatAreGiven) {
  const std::vector<Row> rows{customer("a", 1, 1), customer("b", 2, 1), customer("c", 90, 40)};
  const auto found =
      through(clusters(), customers(), rows,
              settings({{"start", {"100 50", "0,0"}}, {"iterations", {"0"}}, {"scale", {"none"}}}));
  EXPECT_EQ(found[0][3], Value(int64_t(2)));
  EXPECT_EQ(found[0][4], Value(std::sqrt(2.0)));  // centres have not moved
  EXPECT_EQ(found[2][3], Value(int64_t(1)));
  EXPECT_EQ(wrong_with(clusters(), customers(), {}, settings({{"start", {"1 2 3", "4 5"}}})).size(),
            1u);
  EXPECT_EQ(wrong_with(clusters(), customers(), {}, settings({{"start", {"1 2"}}})).size(), 1u);
  EXPECT_EQ(wrong_with(clusters(), customers(), {}, settings({{"start", {"1 x", "1 nan"}}})).size(),
            1u);
}

TEST(Clusters, TakeNoRowsOneRowAndConstantColumns) {
  EXPECT_TRUE(through(clusters(), customers(), {}, settings({})).empty());
  const auto one = through(clusters(), customers(), {customer("a", 5, 5)}, settings({}));
  EXPECT_EQ(one[0], (Row{std::string("a"), 5.0, int64_t(5), int64_t(1), 0.0, 0.0}));
  std::vector<Row> rows(8, customer("a", 0.1, 3));
  for (const auto& row : through(clusters(), customers(), rows, settings({})))
    EXPECT_EQ(row[3], Value(int64_t(1)));
}

TEST(Clusters, NameTheRowThatWillNotDo) {
  EXPECT_EQ(
      wrong_with(clusters(), customers(), {customer("ann", std::nan(""), 1)}, settings({})),
      Strings{"the column \"spent\" of operator \"clusters\" is NaN where \"name\" is \"ann\""});
  EXPECT_EQ(wrong_with(clusters(), customers(), {customer("ann", 1e200, 1)}, settings({})),
            Strings{"the column \"spent\" of operator \"clusters\" is beyond 1e100 where \"name\" "
                    "is \"ann\""});
  EXPECT_EQ(wrong_with(clusters(), customers(), {},
                       settings({{"columns", {"name", "nothing"}},
                                 {"k", {"0"}},
                                 {"restarts", {"0"}},
                                 {"seed", {"-1"}},
                                 {"scale", {"odd"}},
                                 {"batch", {"-1"}},
                                 {"iterations", {"-1"}},
                                 {"silhouette_rows", {"1"}}}))
                .size(),
            9u);
}

}  // namespace
}  // namespace windrow::operators
