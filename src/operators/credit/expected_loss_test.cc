#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::BatchReader;
using columns::Schema;
using columns::Settings;
using columns::Type;
using Kind = Type::Kind;

using Maybe = std::optional<double>;
/// pd, lgd, ead, years, rate, pd_then, days
using Loan = std::array<Maybe, 7>;
const char* const kNames[] = {"pd", "lgd", "ead", "years", "rate", "pd_then", "days"};

class LoanReader final : public BatchReader {
 public:
  LoanReader(std::vector<Loan> loans, size_t batch) : loans_(std::move(loans)), batch_(batch) {
    Schema schema;
    for (const char* name : kNames) schema.fields.push_back({name, Type{Kind::double_}});
    schema.fields.push_back({"id", Type{Kind::long_}});
    layout_ = std::make_shared<const columns::Layout>(std::move(schema));
  }
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<Batch> next() override {
    if (next_ >= loans_.size()) return {};
    BatchBuilder builder(layout_);
    for (size_t i = 0; i < batch_ && next_ < loans_.size(); ++i, ++next_) {
      for (size_t column = 0; column < 7; ++column) {
        const auto& value = loans_[next_][column];
        value ? builder.real(column, *value) : builder.null(column);
      }
      builder.integer(7, int64_t(next_) + 100);
    }
    return builder.finish();
  }

 private:
  std::vector<Loan> loans_;
  size_t batch_, next_ = 0;
  std::shared_ptr<const columns::Layout> layout_;
};

Settings loss_settings(std::map<std::string, std::string> more = {}) {
  std::map<std::string, columns::Setting> given{{"pd", {{"pd"}, {}}},
                                                {"lgd", {{"lgd"}, {}}},
                                                {"ead", {{"ead"}, {}}},
                                                {"maturity", {{"years"}, {}}},
                                                {"rate", {{"rate"}, {}}},
                                                {"origination_pd", {{"pd_then"}, {}}},
                                                {"days_past_due", {{"days"}, {}}},
                                                {"key", {{"id"}, {}}}};
  for (const auto& [name, value] : more) given[name] = {{value}, {"m.sql", 2, 1}};
  Problems problems;
  Settings out("expected_loss", expected_loss().parameters(), given, {"m.sql", 1, 1}, problems);
  problems.raise();
  return out;
}

/// Stage, lifetime PD, loss of twelve months, of the whole life, and what is expected; NaN for
/// NULL.
std::vector<std::array<double, 5>> losses(const std::vector<Loan>& loans,
                                          std::map<std::string, std::string> more = {},
                                          size_t batch = 2) {
  const auto reader = expected_loss().run(std::make_unique<LoanReader>(loans, batch),
                                          loss_settings(std::move(more)));
  std::vector<std::array<double, 5>> out;
  while (const auto found = reader->next())
    for (int64_t row = 0; row < found->rows(); ++row) {
      auto& line = out.emplace_back();
      for (size_t i = 0; i < 5; ++i) {
        const auto column = found->column(8 + i);
        line[i] = column.null(row) ? std::nan("")
                  : i == 0         ? double(column.integer(row))
                                   : column.real(row);
      }
    }
  return out;
}

TEST(ExpectedLoss, OfAYearWithoutInterestIsPdTimesLgdTimesEad) {
  for (const size_t batch : {1, 3}) {
    const auto found = losses({{0.02, 0.45, 1000, {}, {}, {}, {}}}, {}, batch);
    EXPECT_EQ(found[0][0], 1);
    for (const size_t i : {2, 3, 4}) EXPECT_NEAR(found[0][i], 0.02 * 0.45 * 1000, 1e-12);
    EXPECT_NEAR(found[0][1], 0.02, 1e-15);
  }
}

TEST(ExpectedLoss, OfSeveralYears) {
  const auto bullet = losses({{0.1, 1, 100, 3, {}, 0.05, {}}});
  EXPECT_EQ(bullet[0][0], 2);
  EXPECT_NEAR(bullet[0][1], 1 - 0.9 * 0.9 * 0.9, 1e-12);
  EXPECT_NEAR(bullet[0][2], 10, 1e-12);
  EXPECT_NEAR(bullet[0][4], 27.1, 1e-12);
  // Two months, 60 and then 30 owed, each with the same discount a month.
  const double alive = std::pow(0.9, 1.0 / 12), discount = std::pow(1.1, -1.0 / 12);
  const auto linear = losses({{0.1, 0.5, 60, 2.0 / 12, 0.1, {}, {}}}, {{"amortization", "linear"}});
  EXPECT_NEAR(linear[0][4], 0.5 * (1 - alive) * (60 * discount + 30 * alive * discount * discount),
              1e-12);
}

TEST(ExpectedLoss, Stages) {
  const auto stage = [](double pd, Maybe then, Maybe days,
                        std::map<std::string, std::string> more) {
    return losses({{pd, 0.4, 50, 5, 0.03, then, days}}, std::move(more))[0];
  };
  EXPECT_EQ(stage(0.02, 0.01, 0, {})[0], 2);
  EXPECT_EQ(stage(0.0199, 0.01, 29, {})[0], 1);
  EXPECT_EQ(stage(0.02, 0.01, 0, {{"low_credit_risk", "0.03"}})[0], 1);
  EXPECT_EQ(stage(0.02, 0.01, 0, {{"significant_increase", "3"}})[0], 1);
  EXPECT_EQ(stage(0, 0.0, 0, {})[0], 1);
  EXPECT_EQ(stage(0.01, 0.0, 0, {})[0], 2);  // nothing was expected then
  EXPECT_EQ(stage(0.01, {}, 30, {})[0], 2);
  EXPECT_EQ(stage(0.01, {}, 30, {{"stage_2_days", "31"}})[0], 1);
  for (const auto& found : {stage(0.01, {}, 90, {}), stage(1, {}, {}, {})}) {
    EXPECT_EQ(found[0], 3);
    EXPECT_EQ(found[1], 1);
    for (const size_t i : {2, 3, 4}) EXPECT_EQ(found[i], 20);
  }
}

TEST(ExpectedLoss, OfNothing) {
  EXPECT_TRUE(losses({}).empty());
  for (const Loan& loan : {Loan{Maybe(), 0.4, 50}, Loan{0.1, Maybe(), 50}, Loan{0.1, 0.4, Maybe()}})
    for (const auto& found : losses({loan}))
      for (const double each : found) EXPECT_TRUE(std::isnan(each));
  const auto ended = losses({{0.1, 0.4, 50, 0, {}, {}, {}}});
  EXPECT_EQ(ended[0][4], 0);
  EXPECT_EQ(ended[0][1], 0);
}

TEST(ExpectedLoss, NamesTheRowThatIsNotWhatItHasToBe) {
  const Loan good{0.1, 0.4, 50, 1, 0, 0.1, 0};
  const double infinite = std::numeric_limits<double>::infinity();
  for (size_t column = 0; column < 7; ++column)
    for (const double value : {std::nan(""), infinite, -1.0}) {
      Loan bad = good;
      bad[column] = value;
      try {
        losses({good, bad});
        FAIL() << kNames[column] << " " << value;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::data);
        EXPECT_NE(error.problem().message.find("of \"101\" that is"), std::string::npos)
            << error.what();
      }
    }
}

TEST(ExpectedLoss, SaysWhatIsWrongAtOnce) {
  const Schema input{
      {{"pd", Type{Kind::string}}, {"lgd", Type{Kind::date}}, {"stage", Type{Kind::long_}}}};
  try {
    expected_loss().output(input, loss_settings({{"significant_increase", "0.5"},
                                                 {"low_credit_risk", "2"},
                                                 {"stage_2_days", "0"},
                                                 {"stage_3_days", "-1"},
                                                 {"amortization", "never"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 2u + 6 + 5 + 1) << error.what();
  }
}

}  // namespace
}  // namespace windrow::operators
