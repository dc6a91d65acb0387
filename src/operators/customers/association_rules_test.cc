#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

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

Schema bought(Kind item = Kind::string) {
  return {{{"basket", Type{Kind::long_}}, {"item", Type{item}}}};
}
Row has(int64_t basket, const std::string& item) { return {basket, item}; }
columns::Settings settings(Texts more = {}) {
  more.insert({{"basket", {"basket"}}, {"item", {"item"}}});
  return settings_for(association_rules(), more);
}

TEST(AssociationRules, SayHowOftenOneGoesWithOthers) {
  const std::vector<Row> rows{has(1, "bread"),  has(1, "butter"),         has(2, "bread"),
                              has(2, "butter"), has(2, "butter"),         has(3, "bread"),
                              has(4, "tea"),    {{}, std::string("tea")}, {int64_t(5), {}}};
  bool same = false;
  const auto found = through_any_split(association_rules(), bought(), rows, settings(), same);
  EXPECT_TRUE(same);
  ASSERT_EQ(found.size(), 2u);
  const std::string bread = "bread", butter = "butter";
  EXPECT_EQ(found[0], (Row{std::string("[\"butter\"]"),
                           bread,
                           int64_t(2),
                           int64_t(2),
                           0.5,
                           1.0,
                           1.0 / 0.75,
                           0.5 - 0.375,
                           {}}));
  EXPECT_EQ(found[1], (Row{std::string("[\"bread\"]"), butter, int64_t(2), int64_t(2), 0.5, 2.0 / 3,
                           2.0 / 3 / 0.5, 0.5 - 0.375, 0.5 / (1 - 2.0 / 3)}));
}

TEST(AssociationRules, AreAllThatThereAre) {
  // Beside a count of each subset of ten items in 300 baskets.
  Random random(11);
  std::vector<std::set<int>> baskets(300);
  std::vector<Row> rows;
  for (size_t i = 0; i < baskets.size(); ++i)
    for (int item = 0; item < 10; ++item)
      if (random.below(10) < uint64_t(9 - item) || (item == 9 && baskets[i].count(3))) {
        baskets[i].insert(item);
        rows.push_back({int64_t(i), int64_t(item)});
      }
  const auto count = [&](int bits) {
    return std::count_if(baskets.begin(), baskets.end(), [&](const std::set<int>& basket) {
      for (int item = 0; item < 10; ++item)
        if ((bits >> item & 1) && !basket.count(item)) return false;
      return !basket.empty();
    });
  };
  const auto all =
      std::count_if(baskets.begin(), baskets.end(), [](const auto& each) { return !each.empty(); });
  std::map<std::pair<std::string, int64_t>, std::pair<double, double>> expected;
  for (int bits = 0; bits < 1024; ++bits) {
    const int size = __builtin_popcount(unsigned(bits));
    const auto whole = count(bits);
    if (size < 2 || size > 4 || double(whole) / double(all) < 0.15) continue;
    for (int item = 0; item < 10; ++item) {
      if (!(bits >> item & 1)) continue;
      const double confidence = double(whole) / double(count(bits & ~(1 << item)));
      const double lift = confidence / (double(count(1 << item)) / double(all));
      if (confidence < 0.6 || lift < 1.02) continue;
      std::string rest;
      for (int other = 0; other < 10; ++other)
        if (other != item && (bits >> other & 1))
          rest += (rest.empty() ? "[" : ",") + std::to_string(other);
      expected[{rest + "]", item}] = {confidence, lift};
    }
  }
  const auto found = through(
      association_rules(), bought(Kind::long_), rows,
      settings(
          {{"support", {"0.15"}}, {"confidence", {"0.6"}}, {"lift", {"1.02"}}, {"items", {"4"}}}));
  EXPECT_GT(found.size(), 20u);
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& row : found) {
    const auto there = expected.find({std::get<std::string>(row[0]), std::get<int64_t>(row[1])});
    ASSERT_NE(there, expected.end()) << std::get<std::string>(row[0]);
    EXPECT_NEAR(std::get<double>(row[5]), there->second.first, 1e-12);
    EXPECT_NEAR(std::get<double>(row[6]), there->second.second, 1e-12);
  }
}

TEST(AssociationRules, WriteNamesAsJson) {
  const auto found =
      through(association_rules(), bought(), {has(1, "say \"é\"\\\n"), has(1, "z")}, settings());
  EXPECT_EQ(found[0][0], Value(std::string("[\"z\"]")));
  EXPECT_EQ(found[1][0], Value(std::string("[\"say \\\"é\\\"\\\\\\u000a\"]")));
}

TEST(AssociationRules, SupportIsMetExactly) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < 100; ++i) {
    rows.push_back(has(i, "a"));
    if (i < 29) rows.push_back(has(i, "b"));
  }
  EXPECT_EQ(through(association_rules(), bought(), rows,
                    settings({{"support", {"0.29"}}, {"confidence", {"0"}}}))
                .size(),
            2u);
  EXPECT_EQ(through(association_rules(), bought(), rows,
                    settings({{"support", {"0.2900001"}}, {"confidence", {"0"}}}))
                .size(),
            0u);
}

TEST(AssociationRules, TakeNoRowsAndRefuseTooManySets) {
  EXPECT_TRUE(through(association_rules(), bought(), {}, settings()).empty());
  std::vector<Row> rows;
  for (int item = 0; item < 30; ++item) rows.push_back(has(1, "i" + std::to_string(item)));
  EXPECT_EQ(wrong_with(association_rules(), bought(), rows, settings({{"sets", {"1000"}}})),
            Strings{"operator \"association_rules\" finds more than 1000 sets of items in a share "
                    "of 0.01 of all baskets"});
  const Schema input{{{"basket", Type{Kind::double_}}, {"item", Type{Kind::date}}}};
  EXPECT_EQ(wrong_with(association_rules(), input, {},
                       settings({{"support", {"0"}},
                                 {"confidence", {"2"}},
                                 {"lift", {"-1"}},
                                 {"items", {"1"}},
                                 {"sets", {"0"}}}))
                .size(),
            7u);
}

}  // namespace
}  // namespace windrow::operators
