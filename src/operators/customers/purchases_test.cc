// Operators of who bought what when: rfm, lifetime_value, retention; and survival.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "operators/customers/test_rows.h"
#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::Schema;
using columns::Type;
using Kind = Type::Kind;
using Strings = std::vector<std::string>;
using Texts = std::map<std::string, std::vector<std::string>>;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

Schema bought(Kind customer = Kind::string, Kind time = Kind::date) {
  return {{{"who", Type{customer}}, {"day", Type{time}}, {"paid", Type{Kind::double_}}}};
}
Row buys(const char* who, int64_t day, double paid) { return {std::string(who), day, paid}; }

Texts usual(Texts more = {}) {
  more.insert({{"customer", {"who"}}, {"time", {"day"}}, {"amount", {"paid"}}});
  return more;
}
columns::Settings for_rfm(const Texts& more = {}) { return settings_for(rfm(), usual(more)); }
columns::Settings for_value(const Texts& more = {}) {
  return settings_for(lifetime_value(), usual(more));
}

TEST(Rfm, ScoresCustomersByHowManyAreWorse) {
  std::vector<Row> rows;
  // a to e: better in each respect from one to the next.
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t k = 0; k <= i; ++k)
      rows.push_back(buys(std::string(1, char('a' + i)).c_str(), 100 + i * 10 - (i - k), 7));
  bool same = false;
  const auto found = through_any_split(rfm(), bought(), rows, for_rfm(), same);
  EXPECT_TRUE(same);
  ASSERT_EQ(found.size(), 5u);
  const Strings segments{"hibernating", "hibernating", "need attention", "loyal customers",
                         "champions"};
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_EQ(found[size_t(i)],
              (Row{std::string(1, char('a' + i)), double(40 - 10 * i), i + 1, 7.0 * double(i + 1),
                   i + 1, i + 1, i + 1, segments[size_t(i)]}));
}

TEST(Rfm, EqualCustomersHaveEqualScoresAndConstantColumnsTheLeast) {
  std::vector<Row> rows;
  for (const char* who : {"a", "b", "c", "d"}) rows.push_back(buys(who, 5, 2));
  for (const auto& row : through(rfm(), bought(), rows, for_rfm())) {
    EXPECT_EQ(row[4], Value(int64_t(1)));
    EXPECT_EQ(row[5], Value(int64_t(1)));
    EXPECT_EQ(row[6], Value(int64_t(1)));
  }
}

TEST(Rfm, ReturnsLowerWhatWasPaidAndAreNoPurchase) {
  const std::vector<Row> rows{buys("a", 1, 10), buys("a", 9, -4), buys("b", 3, -1),
                              buys("c", 4, 0)};
  const auto found = through(rfm(), bought(), rows, for_rfm());
  ASSERT_EQ(found.size(), 2u);  // b has bought nothing
  EXPECT_EQ(found[0][1], Value(3.0));
  EXPECT_EQ(found[0][2], Value(int64_t(1)));
  EXPECT_EQ(found[0][3], Value(6.0));
  EXPECT_EQ(found[1][0], Value(std::string("c")));
}

TEST(Rfm, LooksFromATimeAndAtNoLaterRow) {
  const std::vector<Row> rows{buys("a", 19'000, 10), buys("a", 20'000, 1), buys("b", 20'001, 1)};
  const auto found = through(rfm(), bought(), rows, for_rfm({{"as_of", {"2022-01-09 12:00"}}}));
  ASSERT_EQ(found.size(), 1u);  // 19,000 days are 2022-01-08
  EXPECT_EQ(found[0][1], Value(1.5));
  EXPECT_EQ(found[0][2], Value(int64_t(1)));
}

TEST(Rfm, TakesNoRowsNullsAndWholeNumbersForCustomers) {
  EXPECT_TRUE(through(rfm(), bought(), {}, for_rfm()).empty());
  EXPECT_TRUE(
      through(
          rfm(), bought(),
          {{{}, int64_t(1), 1.0}, {std::string("a"), {}, 1.0}, {std::string("a"), int64_t(1), {}}},
          for_rfm())
          .empty());
  const auto found = through(
      rfm(), bought(Kind::integer, Kind::timestamp),
      {{int64_t(7), int64_t(43'200'000'000), 1.0}, {int64_t(8), int64_t(0), 1.0}}, for_rfm());
  EXPECT_EQ(found[0][0], Value(int64_t(7)));
  EXPECT_EQ(found[1][1], Value(0.5));
}

TEST(Rfm, NamesTheCustomerWhoseRowWillNotDo) {
  const auto said = [](const Row& row) { return wrong_with(rfm(), bought(), {row}, for_rfm()); };
  EXPECT_EQ(said(buys("ann", 1, std::nan(""))),
            Strings{"the amount \"paid\" of operator \"rfm\" is NaN in a row of customer \"ann\""});
  EXPECT_EQ(
      said(buys("ann", 1, kInfinite)),
      Strings{"the amount \"paid\" of operator \"rfm\" is infinite in a row of customer \"ann\""});
  EXPECT_EQ(
      said(buys("ann", std::numeric_limits<int32_t>::max(), 1)),
      Strings{"the time \"day\" of operator \"rfm\" is infinite, or too far away to be counted, "
              "in a row of customer \"ann\""});
  EXPECT_EQ(
      wrong_with(rfm(), bought(), {buys("ann", 1, 1e308), buys("ann", 2, 1e308)}, for_rfm()).size(),
      1u);
}

TEST(Rfm, SaysEverythingThatIsWrongAtOnce) {
  const Schema input{
      {{"who", Type{Kind::date}}, {"day", Type{Kind::string}}, {"paid", Type{Kind::boolean}}}};
  EXPECT_EQ(wrong_with(rfm(), input, {}, for_rfm({{"bins", {"1"}}, {"as_of", {"soon"}}})).size(),
            5u);
  // A column of its own is there already.
  const Schema taken{
      {{"recency", Type{Kind::string}}, {"day", Type{Kind::date}}, {"paid", Type{Kind::long_}}}};
  EXPECT_EQ(wrong_with(rfm(), taken, {}, for_rfm({{"customer", {"recency"}}})),
            Strings{"operator \"rfm\" adds a column \"recency\", which the SELECT yields already"});
}

size_t column_of(const columns::Operator& kind, const Schema& input,
                 const columns::Settings& settings, const std::string& name) {
  const auto schema = kind.output(input, settings);
  return size_t(schema.find(name) - schema.fields.data());
}
Value cell(const Row& row, const std::string& name) {
  return row[column_of(lifetime_value(), bought(), for_value(), name)];
}
double number(const Row& row, const std::string& name) { return std::get<double>(cell(row, name)); }

std::vector<Row> some_purchases() {
  std::vector<Row> rows;
  for (int64_t who = 0; who < 60; ++who)
    for (int64_t day = who % 11, gap = 3 + who % 17; day < 120 - (who * 7) % 80; day += gap)
      rows.push_back(
          buys(("c" + std::to_string(100 + who)).c_str(), day, double(5 + (who * 13 + day) % 29)));
  return rows;
}

TEST(LifetimeValue, CountsDaysOnWhichWasBought) {
  const std::vector<Row> rows{buys("a", 10, 5), buys("a", 10, 6), buys("a", 17, 7),
                              buys("a", 17, 8), buys("a", 30, 9), buys("b", 12, 1),
                              buys("c", 40, 2)};
  const auto found = through(lifetime_value(), bought(), rows, for_value());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(cell(found[0], "frequency"), Value(int64_t(2)));
  EXPECT_EQ(number(found[0], "recency"), 20);
  EXPECT_EQ(number(found[0], "age"), 30);
  EXPECT_EQ(number(found[0], "monetary"), 12);  // of 15 and 9
  EXPECT_EQ(cell(found[1], "frequency"), Value(int64_t(0)));
  EXPECT_EQ(cell(found[1], "monetary"), Value());
  EXPECT_EQ(number(found[1], "age"), 28);
  EXPECT_EQ(number(found[1], "probability_alive"), 1);
}

TEST(LifetimeValue, IsTheSameForAnySplitAndFollowsFromItsParts) {
  bool same = false;
  const auto found =
      through_any_split(lifetime_value(), bought(), some_purchases(), for_value(), same);
  EXPECT_TRUE(same);
  const auto flat =
      through(lifetime_value(), bought(), some_purchases(), for_value({{"discount", {"0"}}}));
  ASSERT_EQ(found.size(), 60u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(number(flat[i], "lifetime_value"),
                number(flat[i], "expected_purchases") * number(flat[i], "expected_value"), 1e-9);
    EXPECT_LT(number(found[i], "lifetime_value"), number(flat[i], "lifetime_value"));
    EXPECT_GT(number(found[i], "lifetime_value"), number(flat[i], "lifetime_value") / 1.1);
  }
}

TEST(LifetimeValue, SaysNothingOfWhatCannotBeFitted) {
  EXPECT_TRUE(through(lifetime_value(), bought(), {}, for_value()).empty());
  const auto once =
      through(lifetime_value(), bought(), {buys("a", 1, 5), buys("b", 3, 5)}, for_value());
  ASSERT_EQ(once.size(), 2u);
  for (const char* name :
       {"probability_alive", "expected_purchases", "lifetime_value", "fit_r", "fit_v"})
    EXPECT_EQ(cell(once[0], name), Value()) << name;
  // Bought again, for nothing: how often is known, for how much is not.
  const auto free =
      through(lifetime_value(), bought(), {buys("a", 1, 0), buys("a", 3, 0)}, for_value());
  EXPECT_NE(cell(free[0], "expected_purchases"), Value());
  EXPECT_EQ(cell(free[0], "lifetime_value"), Value());
  EXPECT_EQ(number(free[0], "monetary"), 0);
}

TEST(LifetimeValue, RefusesReturnsAndHorizonsOutOfReach) {
  EXPECT_EQ(wrong_with(lifetime_value(), bought(), {buys("ann", 1, -1)}, for_value()),
            Strings{"the amount \"paid\" of operator \"lifetime_value\" is below 0 in a row of "
                    "customer \"ann\""});
  EXPECT_EQ(wrong_with(lifetime_value(), bought(), {},
                       for_value({{"horizon", {"1h"}}, {"discount", {"-1"}}}))
                .size(),
            2u);
}

TEST(LifetimeValue, StopsOnRequest) {
  auto reader = std::make_unique<RowReader>(bought(), some_purchases(), 7);
  reader->stopped = true;
  const auto out = lifetime_value().run(std::move(reader), for_value());
  EXPECT_THROW(out->next(), Error);
}

columns::Settings for_retention(const Texts& more = {}) {
  Texts all{{"customer", {"who"}}, {"time", {"day"}}};
  all.insert(more.begin(), more.end());
  return settings_for(retention(), all);
}

TEST(Retention, CountsWhoComesBack) {
  // 1970-01-01 is day 0, a Thursday; February begins with day 31.
  const std::vector<Row> rows{buys("a", 0, 1),  buys("a", 30, 1), buys("a", 31, 1),
                              buys("a", 95, 1), buys("b", 2, 1),  buys("c", 40, 1),
                              buys("c", 41, 1), buys("c", 70, 1)};
  bool same = false;
  const auto found = through_any_split(retention(), bought(), rows, for_retention(), same);
  EXPECT_TRUE(same);
  using W = int64_t;
  EXPECT_EQ(found, (std::vector<Row>{{W(0), W(0), W(2), W(2), 1.0},
                                     {W(0), W(1), W(1), W(2), 0.5},
                                     {W(0), W(2), W(0), W(2), 0.0},
                                     {W(0), W(3), W(1), W(2), 0.5},
                                     {W(31), W(0), W(1), W(1), 1.0},
                                     {W(31), W(1), W(1), W(1), 1.0},
                                     {W(31), W(2), W(0), W(1), 0.0}}));
  EXPECT_TRUE(through(retention(), bought(), {}, for_retention()).empty());
}

TEST(Retention, PeriodsBeginWhereTheCalendarSays) {
  const auto cohorts = [](const char* period, int64_t day) {
    return through(retention(), bought(), {buys("a", day, 1)},
                   for_retention({{"period", {period}}}))[0][0];
  };
  EXPECT_EQ(cohorts("week", 3), Value(int64_t(-3)));  // a Sunday, in the week of 1969-12-29
  EXPECT_EQ(cohorts("week", 4), Value(int64_t(4)));
  EXPECT_EQ(cohorts("day", -5), Value(int64_t(-5)));
  EXPECT_EQ(cohorts("month", -1), Value(int64_t(-31)));
  EXPECT_EQ(cohorts("quarter", 100), Value(int64_t(90)));
  EXPECT_EQ(cohorts("year", -400), Value(int64_t(-731)));
  EXPECT_EQ(wrong_with(retention(), bought(), {buys("a", 0, 1), buys("a", 3'000'000, 1)},
                       for_retention({{"period", {"day"}}})),
            Strings{"the rows of operator \"retention\" reach over 3000000 periods"});
}

Schema watched() {
  return {
      {{"plan", Type{Kind::string}}, {"days", Type{Kind::double_}}, {"left", Type{Kind::boolean}}}};
}
columns::Settings for_survival(const Texts& more = {}) {
  Texts all{{"duration", {"days"}}, {"event", {"left"}}};
  all.insert(more.begin(), more.end());
  return settings_for(survival(), all);
}

TEST(Survival, IsThatOfKaplanAndMeier) {
  // Remission of leukaemia under 6-MP (Freireich and others 1963): 6* and the like are censored.
  std::vector<Row> rows;
  for (const double days : {6, 6, 6, 7, 10, 13, 16, 22, 23}) rows.push_back({{}, days, true});
  for (const double days : {6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35})
    rows.push_back({{}, days, false});
  bool same = false;
  const auto found = through_any_split(survival(), watched(), rows, for_survival(), same);
  EXPECT_TRUE(same);
  const std::map<double, double> published{{6, 0.857},  {7, 0.807},  {10, 0.753}, {13, 0.690},
                                           {16, 0.627}, {22, 0.538}, {23, 0.448}};
  for (const auto& row : found) {
    if (const auto expected = published.find(std::get<double>(row[0]));
        expected != published.end()) {
      EXPECT_NEAR(std::get<double>(row[4]), expected->second, 5e-4);
    }
  }
  // Greenwood's standard error at 6 weeks is 0.0764; the interval is that of log(−log S).
  const double s = 18.0 / 21, width = 1.959963984540054 * 0.07636035 / (s * -std::log(s));
  EXPECT_NEAR(std::get<double>(found[0][5]), std::pow(s, std::exp(width)), 1e-7);
  EXPECT_NEAR(std::get<double>(found[0][6]), std::pow(s, std::exp(-width)), 1e-7);
}

TEST(Survival, HasACurveForEachGroup) {
  const auto found = through(survival(), watched(),
                             {{{}, 1.0, true},
                              {std::string("a"), 1.0, false},
                              {std::string("a"), 2.0, true},
                              {std::string("b"), 2.0, true},
                              {std::string("b"), {}, true},
                              {std::string("b"), 5.0, {}}},
                             for_survival({{"by", {"plan"}}}));
  using W = int64_t;
  EXPECT_EQ(found, (std::vector<Row>{{{}, 1.0, W(1), W(1), W(0), 0.0, {}, {}, 1.0},
                                     {std::string("a"), 1.0, W(2), W(0), W(1), 1.0, 1.0, 1.0, 0.0},
                                     {std::string("a"), 2.0, W(1), W(1), W(0), 0.0, {}, {}, 1.0},
                                     {std::string("b"), 2.0, W(1), W(1), W(0), 0.0, {}, {}, 1.0}}));
  EXPECT_TRUE(through(survival(), watched(), {}, for_survival({{"by", {"plan"}}})).empty());
  EXPECT_EQ(
      wrong_with(survival(), watched(), {{std::string("a"), -1.0, true}},
                 for_survival({{"by", {"plan"}}})),
      Strings{"the duration \"days\" of operator \"survival\" is below 0 in a row of group \"a\""});
}

}  // namespace
}  // namespace windrow::operators
