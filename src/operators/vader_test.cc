#include "operators/vader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace windrow::operators {
namespace {

// What vaderSentiment 3.3.2 says under CPython 3.11; tests/integration/operators_test.py asks it of
// many more.
TEST(Vader, GivesEveryDigitOfTheReference) {
  const std::pair<const char*, Polarity> cases[] = {
      {"VADER is smart, handsome, and funny.", {0.0, 0.254, 0.746, 0.8316}},
      {"VADER is smart, handsome, and funny!", {0.0, 0.248, 0.752, 0.8439}},
      {"VADER is very smart, handsome, and funny.", {0.0, 0.299, 0.701, 0.8545}},
      {"VADER is VERY SMART, handsome, and FUNNY.", {0.0, 0.246, 0.754, 0.9227}},
      {"VADER is VERY SMART, handsome, and FUNNY!!!", {0.0, 0.233, 0.767, 0.9342}},
      {"VADER is not smart, handsome, nor funny.", {0.646, 0.354, 0.0, -0.7424}},
      {"The book was good.", {0.0, 0.508, 0.492, 0.4404}},
      {"At least it isn't a horrible book.", {0.0, 0.678, 0.322, 0.431}},
      {"The book was only kind of good.", {0.0, 0.697, 0.303, 0.3832}},
      {"The plot was good, but the characters are uncompelling and the dialog is not great.",
       {0.327, 0.579, 0.094, -0.7042}},
      {"Today SUX!", {0.779, 0.221, 0.0, -0.5461}},
      {"Today only kinda sux! But I'll get by, lol", {0.127, 0.556, 0.317, 0.5249}},
      {"Make sure you :) or :D today!", {0.0, 0.294, 0.706, 0.8633}},
      {"Catch utf-8 emoji such as 💘 and 💋 and 😁", {0.0, 0.583, 0.417, 0.875}},
      {"Not bad at all", {0.0, 0.513, 0.487, 0.431}},
      {"", {0.0, 0.0, 0.0, 0.0}},
      {"   ", {0.0, 0.0, 0.0, 0.0}},
      {"?!", {0.0, 1.0, 0.0, 0.0}},
      {"this film was never so good", {0.0, 0.53, 0.47, 0.6626}},
      {"that is the bomb at least", {0.0, 0.556, 0.444, 0.6124}},
      {"without doubt good", {0.0, 0.166, 0.834, 0.6136}},
      {"no good or bad no", {0.487, 0.212, 0.301, -0.1916}},
      {"great😀great", {0.0, 0.132, 0.868, 0.765}},
      {"ГРОМКО this is GOOD", {0.0, 0.452, 0.548, 0.5622}},
      {"\u212aind of good, \u212aILL", {0.526, 0.194, 0.281, -0.5473}},
      {"good good but good bad good", {0.274, 0.058, 0.669, 0.705}},
      {"It was just enough good fun", {0.0, 0.416, 0.584, 0.6822}},
      {"to die for", {0.661, 0.339, 0.0, -0.5994}},
      {"least good", {0.706, 0.294, 0.0, -0.3412}},
      {"very least good", {0.0, 0.386, 0.614, 0.4902}}};
  for (const auto& [text, expected] : cases) {
    const auto found = polarity(text);
    EXPECT_EQ(found.negative, expected.negative) << text;
    EXPECT_EQ(found.neutral, expected.neutral) << text;
    EXPECT_EQ(found.positive, expected.positive) << text;
    EXPECT_EQ(found.compound, expected.compound) << text;
  }
}

TEST(Vader, TakesAnyBytes) {
  for (const std::string text : {"\xff\xfe good \xc3", "\xf0\x9f\x98", "good \xed\xa0\x80"}) {
    const auto found = polarity(text);
    EXPECT_GE(found.compound, 0);
    EXPECT_LE(found.compound, 1);
  }
  EXPECT_EQ(polarity(std::string("good\0bad", 8)).compound, 0);  // one word that nobody knows
}

TEST(Vader, TakesTimeThatGrowsWithTheText) {
  // With a `but` in the middle every value is looked for among the others: a test that ends.
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += i == 100'000 ? "but " : i % 2 ? "good " : "awful ";
  const auto found = polarity(text);
  EXPECT_TRUE(std::isfinite(found.compound));
  EXPECT_LT(found.compound, 0);
}

}  // namespace
}  // namespace windrow::operators
