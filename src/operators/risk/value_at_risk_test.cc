#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "operators/operators.h"
#include "operators/risk/measure.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::BatchReader;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = Type::Kind;

struct Row {
  int64_t day;
  std::optional<std::string> asset;
  std::optional<double> price;
  std::optional<double> quantity = 1;
  std::optional<std::string> desk = "d";
};

class RowReader final : public BatchReader {
 public:
  RowReader(std::vector<Row> rows, size_t batch)
      : rows_(std::move(rows)),
        batch_(batch),
        layout_(std::make_shared<const columns::Layout>(Schema{{{"day", Type{Kind::date}},
                                                                {"asset", Type{Kind::string}},
                                                                {"price", Type{Kind::double_}},
                                                                {"quantity", Type{Kind::double_}},
                                                                {"desk", Type{Kind::string}}}})) {}
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<Batch> next() override {
    EXPECT_FALSE(ended_) << "asked beyond the end";
    ended_ = next_ >= rows_.size();
    if (ended_) return {};
    BatchBuilder builder(layout_);
    for (size_t i = 0; i < batch_ && next_ < rows_.size(); ++i, ++next_) {
      const auto& row = rows_[next_];
      builder.integer(0, row.day);
      row.asset ? builder.text(1, *row.asset) : builder.null(1);
      row.price ? builder.real(2, *row.price) : builder.null(2);
      row.quantity ? builder.real(3, *row.quantity) : builder.null(3);
      row.desk ? builder.text(4, *row.desk) : builder.null(4);
    }
    return builder.finish();
  }
  void heed() override {
    if (canceled && --*canceled < 0) throw Error(Code::canceled, "stopped on request");
  }
  int* canceled = nullptr;

 private:
  std::vector<Row> rows_;
  size_t batch_, next_ = 0;
  bool ended_ = false;
  std::shared_ptr<const columns::Layout> layout_;
};

using Words = std::vector<std::string>;

Settings risk_settings(const columns::Operator& kind, std::map<std::string, Words> more) {
  std::map<std::string, columns::Setting> given;
  for (const char* each : {"asset", "price", "quantity"}) given[each] = {{each}, {}};
  given["time"] = {{"day"}, {}};
  for (const auto& [name, values] : more) {
    if (values.empty())
      given.erase(name);
    else
      given[name] = {values, {"m.sql", 2, 1}};
  }
  Problems problems;
  Settings out(kind.name(), kind.parameters(), given, {"m.sql", 1, 1}, problems);
  problems.raise();
  return out;
}

/// All values, row by row, as texts that are equal where bits are.
std::vector<Words> risk_of(const columns::Operator& kind, const std::vector<Row>& rows,
                           std::map<std::string, Words> more, size_t batch = 7) {
  const auto reader =
      kind.run(std::make_unique<RowReader>(rows, batch), risk_settings(kind, std::move(more)));
  std::vector<Words> out;
  while (const auto found = reader->next()) {
    for (int64_t row = 0; row < found->rows(); ++row) {
      auto& line = out.emplace_back();
      for (size_t i = 0; i < found->schema().fields.size(); ++i) {
        const auto column = found->column(i);
        const auto type = found->schema().fields[i].type.kind;
        char text[64] = "NULL";
        if (!column.null(row) && type == Kind::double_)
          std::snprintf(text, sizeof text, "%.17g", column.real(row));
        line.push_back(column.null(row) || type == Kind::double_ ? std::string(text)
                       : type == Kind::string                    ? std::string(column.text(row))
                                              : std::to_string(column.integer(row)));
      }
    }
  }
  return out;
}

/// Prices of some assets that wander, held by two desks.
std::vector<Row> wandering(int days, int assets, uint64_t seed = 3) {
  std::vector<double> price(size_t(assets), 100);
  std::vector<Row> out;
  for (int day = 0; day < days; ++day)
    for (int asset = 0; asset < assets; ++asset) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      price[size_t(asset)] *= 1 + (double(seed >> 40) / (1 << 24) - 0.5) / 20;
      out.push_back({day, "a" + std::to_string(asset), price[size_t(asset)], 10.0 * (asset - 1),
                     asset % 2 ? "x" : "y"});
    }
  return out;
}

const std::map<std::string, Words> kEverything{
    {"by", {"desk", "desk/asset"}},
    {"methods", {"historical", "filtered", "parametric", "monte_carlo"}},
    {"levels", {"0.9", "0.975"}},
    {"horizons", {"1", "10"}},
    {"paths", {"5000"}}};

TEST(ValueAtRisk, IsTheSameHoweverRowsAreDealtOut) {
  const auto rows = wandering(60, 5);
  const auto once = risk_of(value_at_risk(), rows, kEverything, 1);
  // All, two desks and the five assets but a1, of which nothing is held.
  EXPECT_EQ(once.size(), (1 + 2 + 4) * 4 * 2 * 2u);
  for (const size_t batch : {3, 64, 1000})
    EXPECT_EQ(risk_of(value_at_risk(), rows, kEverything, batch), once);
}

TEST(ValueAtRisk, ComponentsAddUpToTheWhole) {
  for (const Words& returns : {Words{"simple"}, Words{"log"}, Words{"absolute"}})
    for (const Words& quantile : {Words{"linear"}, Words{"inverted_cdf"}}) {
      auto asked = kEverything;
      asked["returns"] = returns;
      asked["quantile"] = quantile;
      asked["horizon_by"] = {"overlapping"};
      asked["mean"] = {"sample"};
      asked["degrees_of_freedom"] = {"4"};
      std::map<std::string, std::array<double, 4>> sums;
      for (const auto& row : risk_of(value_at_risk(), wandering(60, 5), asked)) {
        auto& sum = sums[row[3] + row[4] + row[5]];
        const double value = std::stod(row[10]), shortfall = std::stod(row[11]);
        if (row[1] == "NULL") {
          sum[0] += value;
          sum[2] += shortfall;
          EXPECT_EQ(row[8], row[10]);
        } else if (row[2] != "NULL") {
          sum[1] += value;
          sum[3] += shortfall;
          EXPECT_NEAR(std::stod(row[12]) * std::stod(row[7]), value, 1e-9);
        }
        EXPECT_GE(std::stod(row[9]), std::stod(row[8]) - 1e-9);
      }
      EXPECT_EQ(sums.size(), 16u);
      for (const auto& [what, sum] : sums) {
        EXPECT_NEAR(sum[0], sum[1], 1e-9 * std::abs(sum[0])) << what;
        EXPECT_NEAR(sum[2], sum[3], 1e-9 * std::abs(sum[2])) << what;
      }
    }
}

TEST(ValueAtRisk, IsTheSameOnAnyNumberOfThreads) {
  risk::Changes changes;
  std::vector<risk::Group> groups(1);
  uint64_t state = 1;
  for (size_t series = 0; series < 30; ++series) {
    auto& of = changes.emplace_back();
    for (int t = 0; t < 40; ++t) {
      state = state * 6364136223846793005 + 1442695040888963407;
      of.push_back((double(state >> 40) / (1 << 24) - 0.5) / 30);
    }
    groups[0].exposures.emplace_back(series, 100.0 + double(series));
    groups.push_back({{}, 1, 0, {{series, 100.0 + double(series)}}});
  }
  for (const auto returns : {risk::Returns::simple, risk::Returns::log})
    for (const size_t kept : {30, 12}) {  // with more series than times, and with fewer
      auto some = changes;
      for (auto& of : some) of.resize(kept == 30 ? 12 : 40);
      risk::Question question{
          {risk::Method::historical, risk::Method::parametric, risk::Method::monte_carlo},
          {1, 5},
          {0.95, 0.99}};
      question.returns = returns;
      question.paths = 20'001;
      question.degrees_of_freedom = 5;
      const auto bits = [&](unsigned threads) {
        std::string out;
        for (const auto& each : risk::measured(question, groups, some, {threads}))
          for (const double number :
               {each.value_at_risk, each.expected_shortfall, each.component_value_at_risk,
                each.component_expected_shortfall, each.incremental_value_at_risk})
            out.append(reinterpret_cast<const char*>(&number), sizeof number);
        return out;
      };
      const auto one = bits(1);
      EXPECT_EQ(one.size(), 31u * 3 * 2 * 2 * 5 * 8);
      for (const unsigned threads : {2, 3, 8}) EXPECT_TRUE(bits(threads) == one) << threads;
    }
}

TEST(ValueAtRisk, TakesNoRowsAndNothingHeld) {
  EXPECT_TRUE(risk_of(value_at_risk(), {}, kEverything).empty());
  EXPECT_TRUE(
      risk_of(value_at_risk(), {{0, "a", 1.0, 0.0}, {1, "a", 2.0, std::nullopt}}, {}).empty());
}

TEST(ValueAtRisk, OfWhatNeverMovesIsNothing) {
  std::vector<Row> rows;
  for (int day = 0; day < 20; ++day) rows.push_back({day, "cash", 1.0, 50.0});
  for (const auto& row : risk_of(value_at_risk(), rows, kEverything)) {
    EXPECT_EQ(std::stod(row[8]), 0);
    EXPECT_EQ(std::stod(row[9]), 0);
  }
}

std::string refused(const columns::Operator& kind, const std::vector<Row>& rows,
                    std::map<std::string, Words> more = {}) {
  try {
    risk_of(kind, rows, std::move(more));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::data);
    EXPECT_FALSE(error.problem().hint.empty());
    return error.problem().message;
  }
  return "nothing";
}

TEST(ValueAtRisk, NamesTheRowThatIsNotWhatItHasToBe) {
  const std::string of = "operator \"value_at_risk\" ";
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", 1.0}}),
            of + "finds 0 returns up to 1970-01-01, and needs 2");
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", 1.0}, {1, "a", 1.0}, {1, "a", 2.0}}),
            of + "has two prices of \"a\" at 1970-01-02: 1.000000 and 2.000000");
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", -1.0}}),
            of + "has a price of \"a\" at 1970-01-01 that is -1.000000");
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", std::nan("")}}),
            of + "has a price of \"a\" at 1970-01-01 that is NaN");
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", 1.0, std::numeric_limits<double>::infinity()}}),
            of + "has a quantity of \"a\" at 1970-01-01 that is infinite");
  EXPECT_EQ(refused(value_at_risk(), {{0, std::nullopt, 1.0}}),
            of + "has a row at 1970-01-01 whose \"asset\" is NULL");
  EXPECT_EQ(refused(value_at_risk(), {{0, "a", 1.0, 1.0, std::nullopt}}, {{"by", {"desk"}}}),
            of + "has a row at 1970-01-01 whose \"desk\" is NULL");
  EXPECT_EQ(refused(value_at_risk(), wandering(9, 2), {{"window", {"20"}}}),
            of + "finds 8 returns up to 1970-01-09, and needs 20");
  EXPECT_EQ(refused(value_at_risk(), wandering(9, 2),
                    {{"horizons", {"8"}}, {"horizon_by", {"overlapping"}}}),
            of + "finds 8 returns up to 1970-01-09, and needs 9");
}

TEST(ValueAtRisk, SaysWhereNumbersEnd) {
  auto rows = wandering(20, 3);
  const auto said = [&](double size, const char* method) {
    for (size_t i = 0; i < rows.size(); ++i) rows[i].quantity = i % 2 ? size : -size;
    return refused(value_at_risk(), rows, {{"methods", {method}}, {"paths", {"500"}}});
  };
  for (const char* method : {"historical", "filtered", "parametric", "monte_carlo"})
    EXPECT_NE(said(1e307, method).find("worth more than can be added up"), std::string::npos);
  EXPECT_NE(said(1e200, "parametric").find("too large to be added up"), std::string::npos);
  for (size_t i = 3; i < rows.size(); ++i) rows[i].price = i % 2 ? 1e300 : 1e-300;
  EXPECT_NE(said(1, "historical").find("too large to be added up"), std::string::npos);
}

TEST(ValueAtRisk, TreatsMissingPricesAsTold) {
  auto rows = wandering(10, 3);
  rows[15].price.reset();      // a0, day 5
  rows.erase(rows.end() - 1);  // a2, the last day
  const std::string of = "operator \"value_at_risk\" has no price of ";
  EXPECT_EQ(refused(value_at_risk(), rows), of + "\"a0\" at 1970-01-06");
  rows[15].price = rows[12].price;
  EXPECT_EQ(refused(value_at_risk(), rows), of + "\"a2\" at 1970-01-10");
  const auto carried = risk_of(value_at_risk(), rows, {{"missing", {"carry"}}, {"by", {"asset"}}});
  ASSERT_EQ(carried.size(), 3u);  // also a2 is held, at its last price
  EXPECT_EQ(carried[0][0], "9");
  EXPECT_EQ(std::stod(carried[2][6]), *rows[26].price * 10);
  const auto skipped = risk_of(value_at_risk(), rows, {{"missing", {"skip"}}, {"by", {"asset"}}});
  EXPECT_EQ(skipped[0][0], "8");
  EXPECT_EQ(skipped[0][5], "8");
  rows[0].price.reset();
  EXPECT_EQ(refused(value_at_risk(), rows, {{"missing", {"carry"}}}),
            of + "\"a0\" at 1970-01-01 or before");
  // What was sold has prices still, and no quantity.
  rows = wandering(10, 3);
  rows.back().quantity.reset();
  rows.back().desk.reset();
  EXPECT_EQ(risk_of(value_at_risk(), rows, {{"by", {"desk/asset"}}}).size(), 2u);
}

TEST(ValueAtRisk, OfProfits) {
  const std::vector<Row> rows{{0, "a", -3.0},
                              {0, "a", -2.0, 1, "e"},
                              {0, "a", 1.0},
                              {1, "a", 4.0},
                              {1, "a", -1.0, 1, "e"},
                              {2, "a", -6.0},
                              {2, "a", std::nullopt, 1, "e"}};
  std::map<std::string, Words> asked{{"asset", {}},         {"price", {}},    {"quantity", {}},
                                     {"profit", {"price"}}, {"by", {"desk"}}, {"levels", {"0.6"}}};
  EXPECT_EQ(refused(value_at_risk(), rows, asked),
            "operator \"value_at_risk\" has no profit of \"e\" at 1970-01-03");
  asked["missing"] = {"zero"};
  const auto found = risk_of(value_at_risk(), rows, asked);  // d: -2, 4, -6; e: -2, -1, 0
  ASSERT_EQ(found.size(), 3u);
  const std::vector<Words> wanted{{"NULL", "4", "4"}, {"d", "2", "2"}, {"e", "1", "2"}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found[i][1], wanted[i][0]);
    EXPECT_EQ(found[i][6], "NULL");
    EXPECT_EQ(found[i][7], wanted[i][1]);
    EXPECT_EQ(found[i][9], wanted[i][2]);
  }
  asked["missing"] = {"skip"};
  EXPECT_EQ(risk_of(value_at_risk(), rows, asked)[0][5], "2");
  asked["missing"] = {"carry"};
  EXPECT_THROW(risk_of(value_at_risk(), rows, asked), Error);
}

TEST(ValueAtRisk, AsOfEachTimeIsAsOfTheLastOfTheRowsUntilThen) {
  const auto rows = wandering(30, 4);
  auto asked = kEverything;
  asked["window"] = {"20"};
  auto each = asked;
  each["as_of"] = {"each"};
  const auto found = risk_of(value_at_risk(), rows, each);
  size_t at = 0;
  for (int days = 21; days <= 30; ++days) {
    const std::vector<Row> until(rows.begin(), rows.begin() + days * 4);
    for (const auto& row : risk_of(value_at_risk(), until, asked)) {
      ASSERT_LT(at, found.size());
      EXPECT_EQ(Words(found[at].begin(), found[at].end() - 1), row);
      if (row[1] == "NULL") {  // all there is: what it was worth a day later, less what it was
        double profit = 0;
        for (size_t i = 0; days < 30 && i < 4; ++i)
          profit += *rows[size_t(days) * 4 + i].quantity *
                    (*rows[size_t(days) * 4 + i].price - *rows[size_t(days - 1) * 4 + i].price);
        if (days < 30)
          EXPECT_NEAR(std::stod(found[at].back()), profit, 1e-9);
        else
          EXPECT_EQ(found[at].back(), "NULL");
      }
      ++at;
    }
  }
  EXPECT_EQ(at, found.size());
}

TEST(ValueAtRisk, AsOfEachTimeHasNoResultOfWhatIsSkipped) {
  auto rows = wandering(30, 4);
  rows[25 * 4].price.reset();
  std::vector<std::string> times;
  for (const auto& row : risk_of(value_at_risk(), rows,
                                 {{"as_of", {"each"}}, {"window", {"22"}}, {"missing", {"skip"}}}))
    times.push_back(row[0] + (row.back() == "NULL" ? "" : "+"));
  EXPECT_EQ(times, (Words{"22+", "23+", "24", "26+", "27+", "28+", "29"}));
}

TEST(ValueAtRisk, EndsInsideWhenAsked) {
  auto reader = std::make_unique<RowReader>(wandering(30, 4), 7);
  int left = 40;
  reader->canceled = &left;
  auto asked = kEverything;
  asked["paths"] = {"10000000"};
  const auto out = value_at_risk().run(std::move(reader), risk_settings(value_at_risk(), asked));
  try {
    while (out->next()) {}
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::canceled);
  }
}

TEST(ValueAtRisk, SaysWhatIsWrongAtOnce) {
  const Schema input{{{"day", Type{Kind::string}},
                      {"asset", Type{Kind::double_}},
                      {"price", Type{Kind::string}},
                      {"quantity", Type{Kind::double_}},
                      {"level", Type{Kind::string}}}};
  try {
    value_at_risk().output(input, risk_settings(value_at_risk(), {{"by", {"level", "nobody"}},
                                                                  {"methods", {"guess"}},
                                                                  {"levels", {"99", "x"}},
                                                                  {"horizons", {"1.5"}},
                                                                  {"window", {"1"}},
                                                                  {"as_of", {"now"}},
                                                                  {"horizon_by", {"hope"}},
                                                                  {"quantile", {"best"}},
                                                                  {"covariance", {"none"}},
                                                                  {"decay", {"1"}},
                                                                  {"mean", {"high"}},
                                                                  {"paths", {"1"}},
                                                                  {"degrees_of_freedom", {"2"}},
                                                                  {"seed", {"-1"}},
                                                                  {"returns", {"good"}},
                                                                  {"missing", {"zero"}}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 21u) << error.what();
  }
  EXPECT_THROW(value_at_risk().output(input, risk_settings(value_at_risk(), {{"asset", {}}})),
               Error);
}

TEST(StressTest, GivesWhatHappenedAndWhatIsGiven) {
  const std::vector<Row> rows{{0, "a", 100.0, 2.0}, {0, "b", 50.0, std::nullopt, std::nullopt},
                              {1, "a", 90.0, 2.0},  {1, "b", 45.0, std::nullopt, std::nullopt},
                              {2, "a", 99.0, 2.0},  {2, "b", 49.5, std::nullopt, std::nullopt},
                              {3, "a", 80.0, 2.0},  {3, "b", 40.0, std::nullopt, std::nullopt}};
  const auto found = risk_of(stress_test(), rows,
                             {{"by", {"desk"}},
                              {"others", {"conditional"}},
                              {"scenarios",
                               {"fall: 1970-01-01/1970-01-02", "given: a=-50%", "b: b=-0.1",
                                "all: *=+10 %", "both: b=-0.1, *=0.5"}}});
  ASSERT_EQ(found.size(), 10u);
  const std::vector<double> profits{-16, -80, -16, 16, 80};  // of 160
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(found[i][3], "160");
    EXPECT_NEAR(std::stod(found[i][4]), profits[i % 5], 1e-9) << found[i][2];
  }
  EXPECT_EQ(
      refused(stress_test(), rows, {{"scenarios", {"x: c=1"}}}),
      "operator \"stress_test\" has a scenario \"x\" that moves \"c\", of which there is no row");
  EXPECT_NE(refused(stress_test(), rows,
                    {{"scenarios", {"x: a=0.1, b=0.2"}}, {"others", {"conditional"}}})
                .find("not positive definite"),
            std::string::npos);
  EXPECT_NE(
      refused(stress_test(), rows, {{"scenarios", {"x: 1969-01-01/1970-01-02"}}}).find("no prices"),
      std::string::npos);
  EXPECT_NE(
      refused(stress_test(), rows, {{"scenarios", {"x: 1970-01-01/1970-01-09"}}}).find("no prices"),
      std::string::npos);
}

TEST(StressTest, SaysWhatIsNoScenario) {
  const RowReader reader({}, 1);
  for (const char* text : {"", "x", "x:", ": a=1", "x: a", "x: a=b", "x: a=1,", "x: a=1/0",
                           "x: 2020-01-02/2020-01-01", "x: 2020-01-01", "x: a=-1", "x: *=-2"})
    EXPECT_THROW(stress_test().output(reader.layout()->schema(),
                                      risk_settings(stress_test(), {{"scenarios", {text}}})),
                 Error)
        << text;
}

/// A year of days with exceptions at these; prices are profits, quantities values at risk.
std::vector<Row> year(const std::vector<int64_t>& exceptions) {
  std::vector<Row> out;
  for (int64_t day = 0; day < 250; ++day)
    out.push_back(
        {day, "a",
         std::find(exceptions.begin(), exceptions.end(), day) == exceptions.end() ? -1.0 : -1.5});
  return out;
}

std::vector<Words> backtest(const std::vector<Row>& rows, std::map<std::string, Words> more = {}) {
  std::map<std::string, Words> asked{{"asset", {}},
                                     {"price", {}},
                                     {"quantity", {}},
                                     {"profit", {"price"}},
                                     {"value_at_risk", {"quantity"}}};
  for (const auto& [name, values] : more) asked[name] = values;
  return risk_of(var_backtest(), rows, asked);
}

TEST(VarBacktest, IsThatOfTheBaselCommitteeAndKupiec) {
  const auto nine = backtest(year({10, 30, 50, 70, 90, 110, 130, 150, 249}));
  ASSERT_EQ(nine.size(), 1u);
  EXPECT_EQ(nine[0][0], "250");
  EXPECT_EQ(nine[0][1], "9");
  EXPECT_NEAR(std::stod(nine[0][3]), 10.229031, 1e-6);
  EXPECT_NEAR(std::stod(nine[0][4]), 0.00138247, 1e-8);
  EXPECT_EQ(nine[0][10], "yellow");
  // Basel, MAR32: green to four exceptions, yellow to nine, red from ten on.
  std::vector<int64_t> days;
  for (int count = 0; count <= 12; ++count) {
    EXPECT_EQ(backtest(year(days))[0][10], count <= 4 ? "green" : count <= 9 ? "yellow" : "red");
    days.push_back(count * 7);
  }
  EXPECT_GT(std::stod(backtest(year({10, 11, 12, 13}))[0][5]), 15);
}

TEST(VarBacktest, LeavesOutWhatIsNotThere) {
  EXPECT_TRUE(backtest({}).empty());
  EXPECT_TRUE(backtest({{0, "a", std::nullopt}, {1, "a", 1.0, std::nullopt}}).empty());
  const auto one = backtest({{0, "a", -2.0, 1.0, std::nullopt}}, {{"by", {"desk"}}});
  EXPECT_EQ(one[0][0], "NULL");
  EXPECT_EQ(one[0][6], "0");
  EXPECT_THROW(backtest({{0, "a", -2.0}, {0, "b", -2.0}}), Error);
  EXPECT_THROW(backtest({{0, "a", std::nan("")}}), Error);
}

}  // namespace
}  // namespace windrow::operators
