#include <gtest/gtest.h>

#include <cmath>

#include "operators/credit/bins.h"
#include "operators/credit/logistic.h"
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
using credit::Outcomes;

struct Applicant {
  std::optional<double> income;
  std::optional<std::string> home;
  std::optional<int> bad;
};

class ApplicantReader final : public BatchReader {
 public:
  ApplicantReader(std::vector<Applicant> rows, size_t batch)
      : rows_(std::move(rows)),
        batch_(batch),
        layout_(std::make_shared<const columns::Layout>(Schema{{{"income", Type{Kind::double_}},
                                                                {"home", Type{Kind::string}},
                                                                {"bad", Type{Kind::integer}}}})) {}
  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  std::optional<Batch> next() override {
    EXPECT_FALSE(ended_) << "asked beyond the end";
    ended_ = next_ >= rows_.size();
    if (ended_) return {};
    BatchBuilder builder(layout_);
    for (size_t i = 0; i < batch_ && next_ < rows_.size(); ++i, ++next_) {
      const auto& row = rows_[next_];
      row.income ? builder.real(0, *row.income) : builder.null(0);
      row.home ? builder.text(1, *row.home) : builder.null(1);
      row.bad ? builder.integer(2, *row.bad) : builder.null(2);
    }
    return builder.finish();
  }

 private:
  std::vector<Applicant> rows_;
  size_t batch_, next_ = 0;
  bool ended_ = false;
  std::shared_ptr<const columns::Layout> layout_;
};

Settings card_settings(std::map<std::string, std::vector<std::string>> more = {}) {
  std::map<std::string, columns::Setting> given{{"target", {{"bad"}, {}}},
                                                {"features", {{"income", "home"}, {}}}};
  for (const auto& [name, values] : more) given[name] = {values, {"m.sql", 2, 1}};
  Problems problems;
  Settings out("scorecard", scorecard().parameters(), given, {"m.sql", 1, 1}, problems);
  problems.raise();
  return out;
}

/// The last columns of each row, as texts that are equal where bits are.
std::vector<std::vector<std::string>> carded(
    const std::vector<Applicant>& rows, std::map<std::string, std::vector<std::string>> more = {},
    size_t batch = 7) {
  const auto reader = scorecard().run(std::make_unique<ApplicantReader>(rows, batch),
                                      card_settings(std::move(more)));
  std::vector<std::vector<std::string>> out;
  while (const auto found = reader->next())
    for (int64_t row = 0; row < found->rows(); ++row) {
      auto& line = out.emplace_back();
      for (size_t i = 0; i < found->schema().fields.size(); ++i) {
        const auto column = found->column(i);
        const auto kind = found->schema().fields[i].type.kind;
        char text[64] = "NULL";
        if (!column.null(row) && kind == Kind::double_)
          std::snprintf(text, sizeof text, "%.17g", column.real(row));
        line.push_back(column.null(row) || kind == Kind::double_ ? std::string(text)
                       : kind == Kind::string                    ? std::string(column.text(row))
                                              : std::to_string(column.integer(row)));
      }
    }
  return out;
}

/// The poorer and the homeless go bad more often; some say nothing, of some nobody knows yet.
std::vector<Applicant> applicants(int count) {
  std::vector<Applicant> out;
  uint64_t state = 5;
  const auto random = [&] {
    state = state * 6364136223846793005 + 1442695040888963407;
    return double(state >> 40) / (1 << 24);
  };
  for (int i = 0; i < count; ++i) {
    const double income = std::floor(random() * 100);
    const std::string home = random() < 0.5 ? "own" : random() < 0.9 ? "rent" : "tent";
    const double risk = 0.5 - income / 250 + (home == "own" ? -0.1 : 0.1);
    const bool bad = random() < risk;
    out.push_back({random() < 0.1 ? std::nullopt : std::optional(income),
                   random() < 0.05 ? std::nullopt : std::optional(home),
                   random() < 0.1 ? std::nullopt : std::optional<int>(bad)});
  }
  return out;
}

TEST(Scorecard, IsTheSameHoweverRowsAreDealtOut) {
  const auto rows = applicants(500);
  for (const char* output : {"scores", "card"}) {
    const auto once = carded(rows, {{"output", {output}}}, 1);
    EXPECT_GE(once.size(), 7u);
    for (const size_t batch : {13, 1000})
      EXPECT_EQ(carded(rows, {{"output", {output}}}, batch), once);
  }
}

TEST(Scorecard, PointsOfBinsAddUpToTheScore) {
  const auto rows = applicants(800);
  std::map<std::string, double> points;  // of home, by label
  std::vector<std::pair<double, double>> of_income;
  double missing = 0;
  for (const auto& line : carded(rows, {{"output", {"card"}}})) {
    if (line[0] == "home")
      points[line[2]] = std::stod(line[9]);
    else if (line[2] == "missing")
      missing = std::stod(line[9]);
    else if (line[2].rfind("> ", 0) == 0 && line[2].find(" to ") == std::string::npos)
      of_income.emplace_back(INFINITY, std::stod(line[9]));
    else
      of_income.emplace_back(std::stod(line[2].substr(line[2].rfind(' '))), std::stod(line[9]));
  }
  EXPECT_EQ(points.size(), 4u);  // own, rent, missing, and of tents there are too few: other
  EXPECT_GT(of_income.size(), 2u);
  const auto scores = carded(rows);
  ASSERT_EQ(scores.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    double expected = missing;
    if (rows[i].income)
      expected = std::find_if(of_income.begin(), of_income.end(), [&](const auto& bin) {
                   return *rows[i].income <= bin.first;
                 })->second;
    const auto home = rows[i].home.value_or("missing");
    expected += points[home == "tent" ? "other" : home];
    EXPECT_NEAR(std::stod(scores[i][3]), expected, 1e-9);
    // 600 points are fifty to one, and 20 more are twice as good.
    EXPECT_NEAR(std::stod(scores[i][4]), 1 / (1 + 50 * std::exp2((expected - 600) / 20)), 1e-12);
  }
}

TEST(Scorecard, OfWhatTellsNothing) {
  EXPECT_TRUE(carded({}).empty());
  std::vector<Applicant> rows;
  for (int i = 0; i < 40; ++i) rows.push_back({std::nullopt, "same", i % 4 == 0});
  for (const auto& line : carded(rows)) EXPECT_NEAR(std::stod(line[4]), 0.25, 1e-9);
  for (const auto& line : carded(rows, {{"output", {"card"}}})) EXPECT_EQ(line[9], "NULL");
  // A text that was never seen says neither what one nor what the other says.
  for (int i = 0; i < 40; ++i) rows[size_t(i)].home = i % 8 == 0 || i % 3 == 0 ? "risky" : "same";
  rows.push_back({std::nullopt, "new", std::nullopt});
  const auto scores = carded(rows);
  EXPECT_LT(std::stod(scores[40][4]), std::stod(scores[0][4]));
  EXPECT_GT(std::stod(scores[40][4]), std::stod(scores[1][4]));
  for (auto& row : rows) row.bad = 0;
  EXPECT_THROW(carded(rows), Error);
  rows[0].bad = 2;
  EXPECT_THROW(carded(rows), Error);
}

TEST(Scorecard, SeparatesWhatCanBeSeparatedWithoutEnd) {
  std::vector<Applicant> rows;
  for (int i = 0; i < 100; ++i) rows.push_back({double(i), "h", i < 50});
  const auto scores = carded(rows);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(std::isfinite(std::stod(scores[size_t(i)][3])));
    EXPECT_EQ(std::stod(scores[size_t(i)][4]) > 0.5, i < 50);
  }
}

TEST(Scorecard, SaysWhatIsWrongAtOnce) {
  const Schema input{
      {{"income", Type{Kind::date}}, {"bad", Type{Kind::string}}, {"score", Type{Kind::double_}}}};
  try {
    scorecard().output(input, card_settings({{"features", {"income", "income", "nobody", "bad"}},
                                             {"output", {"all"}},
                                             {"bins", {"1"}},
                                             {"min_share", {"0.6"}},
                                             {"min_information_value", {"-1"}},
                                             {"penalty", {"0"}},
                                             {"base_odds", {"0"}},
                                             {"double_odds_points", {"0"}}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problems().size(), 1u + 4 + 7 + 1) << error.what();
  }
}

TEST(Bins, OfNumbersAreMonotoneAndLargeEnough) {
  std::map<double, Outcomes> values;
  uint64_t state = 3;
  for (int i = 0; i < 1000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    auto& of = values[double((state >> 33) % 70)];
    ++((state >> 50) % 100 < uint64_t(i % 30) ? of.bad : of.good);
  }
  for (const double least : {0.0, 0.05, 0.3, 0.5}) {
    const auto bins = credit::bins_of_numbers(values, {3, 1}, 20, least);
    int64_t rows = 0;
    int direction = 0;
    for (size_t i = 0; i < bins.missing(); ++i) {
      rows += bins.all[i].outcomes.rows();
      if (bins.missing() > 1) {
        EXPECT_GE(bins.all[i].outcomes.rows(), int64_t(least * 1004));
      }
      if (i == 0) continue;
      const double now = bins.all[i].outcomes.bad_rate(),
                   before = bins.all[i - 1].outcomes.bad_rate();
      EXPECT_NE(now, before);
      if (direction == 0) direction = now > before ? 1 : -1;
      EXPECT_EQ(now > before ? 1 : -1, direction);
    }
    EXPECT_EQ(rows, 1000);
    EXPECT_EQ(bins.of_number(-1e9), 0u);
    EXPECT_EQ(bins.of_number(1e9), bins.missing() - 1);
  }
}

TEST(Logistic, FindsWhereNothingPulls) {
  std::vector<double> x;
  std::vector<uint8_t> bad;
  uint64_t state = 9;
  for (int i = 0; i < 3000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    x.push_back(double(i) / 10 / 3);  // of another size than the next, which says the same
    x.push_back(double(i % 7));
    x.push_back(double(i % 7) * 2);
    bad.push_back((state >> 40) % 100 < uint64_t(10 + i % 7 * 10));
  }
  const auto found = credit::fitted(x, bad, 3, 0.5);
  std::vector<double> pull{0, -0.5 * found.coefficient[0], -0.5 * found.coefficient[1],
                           -0.5 * found.coefficient[2]};
  for (size_t row = 0; row < bad.size(); ++row) {
    double z = found.intercept;
    for (size_t i = 0; i < 3; ++i) z += found.coefficient[i] * x[row * 3 + i];
    const double rest = double(bad[row]) - 1 / (1 + std::exp(-z));
    pull[0] += rest;
    for (size_t i = 0; i < 3; ++i) pull[i + 1] += rest * x[row * 3 + i];
  }
  for (const double each : pull) EXPECT_NEAR(each, 0, 1e-6);
}

}  // namespace
}  // namespace windrow::operators
