#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "operators/customers/ratings.h"
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

const StopCheck kNoStop = [] {};

Ratings random_ratings(int32_t rows, int32_t columns, uint64_t seed) {
  Random random(seed);
  Ratings out;
  out.columns = columns;
  for (int32_t row = 0; row < rows; ++row) {
    for (int32_t column = 0; column < columns; ++column)
      if (random.below(4) == 0) out.entries.push_back({column, double(1 + random.below(5))});
    out.begin.push_back(out.entries.size());
  }
  return out;
}

TEST(SimilarColumns, HaveTheGreatestCosine) {
  const auto ratings = random_ratings(40, 25, 1);
  std::vector<std::vector<double>> dense(25, std::vector<double>(40, 0));
  for (int32_t row = 0; row < 40; ++row)
    ratings.each(
        row, [&](int32_t column, double weight) { dense[size_t(column)][size_t(row)] = weight; });
  const auto found = similar_columns(ratings, 6, kNoStop);
  for (size_t a = 0; a < 25; ++a) {
    std::vector<std::pair<double, size_t>> expected;
    for (size_t b = 0; b < 25; ++b) {
      double both = 0, first = 0, second = 0;
      for (size_t i = 0; i < 40; ++i) {
        both += dense[a][i] * dense[b][i];
        first += dense[a][i] * dense[a][i];
        second += dense[b][i] * dense[b][i];
      }
      if (b != a && both > 0) expected.emplace_back(-both / std::sqrt(first * second), b);
    }
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(found[a].size(), 6u);
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(found[a][i].score, -expected[i].first, 1e-12);
  }
}

TEST(Factorized, VectorsSolveTheirEquations) {
  const auto ratings = random_ratings(30, 20, 2);
  FactorOptions options;
  options.factors = 5;
  options.iterations = 2000;
  options.regularization = 0.3;
  options.confidence = 2;
  const auto found = factorized(ratings, options, kNoStop);
  // Where the loss is least its slope is 0, in each coordinate of each row's vector.
  for (int32_t row = 0; row < 30; ++row) {
    std::vector<double> confidence(20, 1), wanted(20, 0);
    ratings.each(row, [&](int32_t column, double weight) {
      confidence[size_t(column)] = 1 + 2 * weight;
      wanted[size_t(column)] = 1;
    });
    for (size_t f = 0; f < 5; ++f) {
      double slope = options.regularization * found.row(row)[f];
      for (int32_t column = 0; column < 20; ++column)
        slope +=
            confidence[size_t(column)] *
            (product(found.row(row), found.column(column), found.stride) - wanted[size_t(column)]) *
            found.column(column)[f];
      EXPECT_NEAR(slope, 0, 1e-5);
    }
    for (size_t f = 5; f < found.stride; ++f) EXPECT_EQ(found.row(row)[f], 0);
  }
}

Schema bought() {
  return {{{"who", Type{Kind::string}},
           {"what", Type{Kind::long_}},
           {"times", Type{Kind::double_}},
           {"sold", Type{Kind::boolean}}}};
}
Row buys(const char* who, int64_t what, double times = 1, bool sold = true) {
  return {std::string(who), what, times, sold};
}

columns::Settings settings(Texts more = {}) {
  more.insert({{"user", {"who"}}, {"item", {"what"}}, {"weight", {"times"}}});
  return settings_for(recommend(), more);
}

// a and b agree but for 3 and 4; c has something else.
const std::vector<Row> kBought{buys("a", 1), buys("a", 2), buys("a", 3), buys("b", 1),
                               buys("b", 2), buys("b", 4), buys("c", 7), buys("c", 8)};

TEST(Recommend, WhatUsersWithTheSameItemsHave) {
  for (const char* method : {"cosine", "als"}) {
    bool same = false;
    const auto found = through_any_split(
        recommend(), bought(), kBought,
        settings({{"method", {method}}, {"top", {"1"}}, {"factors", {"3"}}}), same);
    EXPECT_TRUE(same);
    ASSERT_GE(found.size(), 2u) << method;
    EXPECT_EQ(found[0][0], Value(std::string("a")));
    EXPECT_EQ(found[0][1], Value(int64_t(1)));
    EXPECT_EQ(found[0][2], Value(int64_t(4))) << method;
    EXPECT_EQ(found[1][2], Value(int64_t(3))) << method;
  }
}

TEST(Recommend, NothingKnownAndNothingThatIsNotOffered) {
  auto rows = kBought;
  for (auto& row : rows)
    if (row[1] == Value(int64_t(4))) row[3] = false;
  rows.insert(rows.begin(), {{}, int64_t(9), {}, true});  // offered, and bought by nobody
  for (const char* method : {"cosine", "als"}) {
    const auto found =
        through(recommend(), bought(), rows,
                settings({{"method", {method}}, {"offered", {"sold"}}, {"factors", {"3"}}}));
    std::map<Value, std::set<Value>> items;
    for (const auto& row : found) items[row[0]].insert(row[2]);
    const auto& a = items[std::string("a")];
    for (const int64_t not_wanted : {1, 2, 3, 4})
      EXPECT_EQ(a.count(not_wanted), 0u) << method << not_wanted;
  }
  const auto all = through(recommend(), bought(), kBought, settings({{"known", {"true"}}}));
  std::set<Value> a;
  for (const auto& row : all)
    if (row[0] == Value(std::string("a"))) a.insert(row[2]);
  EXPECT_EQ(a, (std::set<Value>{int64_t(1), int64_t(2), int64_t(3), int64_t(4)}));
}

TEST(Recommend, SimilarItemsForItems) {
  const auto found =
      through(recommend(), bought(), kBought, settings({{"for", {"items"}}, {"top", {"1"}}}));
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[0], (Row{int64_t(1), int64_t(1), int64_t(2), found[0][3]}));
  EXPECT_NEAR(std::get<double>(found[0][3]), 1, 1e-12);
  EXPECT_EQ(recommend().output(bought(), settings({{"for", {"items"}}})).fields[2].name, "similar");
}

TEST(Recommend, AddsUpRowsAndLeavesOutThoseThatSayNothing) {
  const std::vector<Row> once{buys("a", 1, 3), buys("a", 2, 1), buys("b", 1, 1), buys("b", 5, 2)};
  std::vector<Row> twice{
      {{}, int64_t(1), 1.0, true},       buys("a", 1, 1), buys("a", 1, 2), buys("a", 2, 1),
      {std::string("a"), {}, 1.0, true}, buys("a", 9, 0), buys("b", 1, 1), buys("b", 5, 2)};
  EXPECT_EQ(through(recommend(), bought(), once, settings()),
            through(recommend(), bought(), twice, settings()));
  EXPECT_TRUE(through(recommend(), bought(), {}, settings()).empty());
  EXPECT_TRUE(through(recommend(), bought(), {}, settings({{"method", {"als"}}})).empty());
  EXPECT_TRUE(
      through(recommend(), bought(), {buys("a", 1)}, settings({{"method", {"als"}}})).empty());
}

TEST(Recommend, NamesUserAndItemOfAWeightThatIsNone) {
  EXPECT_EQ(
      wrong_with(recommend(), bought(), {buys("ann", 3, -1)}, settings()),
      Strings{
          "the weight \"times\" of operator \"recommend\" is below 0 for user \"ann\" and item 3"});
  EXPECT_EQ(
      wrong_with(recommend(), bought(), {buys("ann", 3, std::nan(""))}, settings()),
      Strings{"the weight \"times\" of operator \"recommend\" is NaN for user \"ann\" and item 3"});
  EXPECT_EQ(wrong_with(recommend(), bought(), {},
                       settings({{"item", {"sold"}},
                                 {"weight", {"who"}},
                                 {"offered", {"what"}},
                                 {"for", {"all"}},
                                 {"method", {"svd"}},
                                 {"top", {"0"}},
                                 {"neighbours", {"0"}},
                                 {"factors", {"0"}},
                                 {"iterations", {"0"}},
                                 {"regularization", {"0"}},
                                 {"confidence", {"-1"}},
                                 {"seed", {"-1"}}}))
                .size(),
            12u);
}

TEST(Recommend, StopsOnRequest) {
  for (const char* method : {"cosine", "als"}) {
    auto reader = std::make_unique<RowReader>(bought(), kBought, 2);
    reader->stopped = true;
    const auto out = recommend().run(std::move(reader), settings({{"method", {method}}}));
    EXPECT_THROW(out->next(), Error);
  }
}

}  // namespace
}  // namespace windrow::operators
