#include <algorithm>
#include <cmath>

#include "operators/beside.h"
#include "operators/operators.h"
#include "operators/risk/book.h"

// Expected credit loss by IFRS 9, section 5.5: an exposure is in stage 1 until its credit risk has
// increased significantly (2) or it is credit-impaired (3); what is expected to be lost is that of
// the next twelve months in stage 1, and of its whole life in the others.
namespace windrow::operators {
namespace {

using columns::Batch;
using columns::Schema;
using columns::Settings;
using CreditKind = columns::Type::Kind;

constexpr double kMostYears = 100, kMostOwed = 1e100;

/// What is known of one exposure.
struct Exposure {
  double pd, lgd, ead;
  double years = 1, rate = 0;
  std::optional<double> pd_then, days_past_due;
};

struct Loss {
  double lifetime_pd = 0, of_year = 0, of_life = 0;
};

/// Month by month: how likely it ends in default in that month, what is owed at its beginning, and
/// what a loss at its end is worth today.
Loss loss_of(const Exposure& of, bool linear) {
  Loss out;
  const double months = of.years * 12;
  double alive = 1;
  for (double month = 0; month < months; ++month) {
    const double end = std::min(month + 1, months);
    const double alive_then = std::pow(1 - of.pd, end / 12);
    const double owed = linear ? of.ead * (1 - month / months) : of.ead;
    const double loss = (alive - alive_then) * of.lgd * owed * std::pow(1 + of.rate, -end / 12);
    out.of_life += loss;
    if (month < 12) out.of_year += loss;
    alive = alive_then;
  }
  out.lifetime_pd = 1 - alive;
  return out;
}

class ExpectedLossReader final : public BesideReader {
 public:
  ExpectedLossReader(std::unique_ptr<columns::BatchReader> input, const Schema& output,
                     const Settings& settings)
      : BesideReader(std::move(input), output, 5),
        settings_(settings),
        linear_(settings.text("amortization") == "linear"),
        increase_(risk::number_in(settings.text("significant_increase"))),
        low_(risk::number_in(settings.text("low_credit_risk"))),
        days_of_2_(risk::number_in(settings.text("stage_2_days"))),
        days_of_3_(risk::number_in(settings.text("stage_3_days"))) {
    for (const char* each :
         {"pd", "lgd", "ead", "maturity", "rate", "origination_pd", "days_past_due", "key"})
      if (settings.has(each)) column_[each] = position(settings.text(each));
  }

 private:
  void fill(const Batch& batch, columns::BatchBuilder& builder) override {
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const auto exposure = exposure_at(batch, row);
      if (!exposure) {
        for (size_t i = 0; i < 5; ++i) builder.null(i);
        continue;
      }
      const int stage = stage_of(*exposure);
      const Loss loss = loss_of(*exposure, linear_);
      const double impaired = exposure->lgd * exposure->ead;  // the default is there already
      builder.integer(0, stage);
      builder.real(1, stage == 3 ? 1 : loss.lifetime_pd);
      builder.real(2, stage == 3 ? impaired : loss.of_year);
      builder.real(3, stage == 3 ? impaired : loss.of_life);
      builder.real(4, stage == 3 ? impaired : stage == 2 ? loss.of_life : loss.of_year);
    }
  }

  int stage_of(const Exposure& of) const {
    if (of.pd >= 1 || (of.days_past_due && *of.days_past_due >= days_of_3_)) return 3;
    if (of.days_past_due && *of.days_past_due >= days_of_2_) return 2;
    const bool increased = of.pd_then && of.pd > *of.pd_then && of.pd >= increase_ * *of.pd_then;
    return increased && of.pd > low_ ? 2 : 1;
  }

  /// Nothing where one of the three is NULL.
  std::optional<Exposure> exposure_at(const Batch& batch, int64_t row) const {
    const auto pd = number(batch, "pd", row, 0, 1), lgd = number(batch, "lgd", row, 0, 1),
               ead = number(batch, "ead", row, 0, kMostOwed);
    const auto years = number(batch, "maturity", row, 0, kMostYears);
    const auto rate = number(batch, "rate", row, -0.5, 100);
    const auto then = number(batch, "origination_pd", row, 0, 1);
    const auto days = number(batch, "days_past_due", row, 0, 1e9);
    if (!pd || !lgd || !ead) return {};
    return Exposure{*pd, *lgd, *ead, years.value_or(1), rate.value_or(0), then, days};
  }

  std::optional<double> number(const Batch& batch, const char* parameter, int64_t row, double least,
                               double most) const {
    const auto found = column_.find(parameter);
    if (found == column_.end() || batch.column(found->second).null(row)) return {};
    const auto& field = batch.schema().fields[found->second];
    const double out = risk::number_at(batch.column(found->second), field.type, row);
    if (out >= least && out <= most) return out;
    std::string whose = "some row";
    if (const auto key = column_.find("key"); key != column_.end())
      whose = batch.column(key->second).null(row)
                  ? "the row whose \"" + settings_.text("key") + "\" is NULL"
                  : "\"" +
                        risk::label_at(batch.column(key->second),
                                       batch.schema().fields[key->second].type, row) +
                        "\"";
    throw Error(
        Code::data,
        "operator \"expected_loss\" has a " + std::string(parameter) + " of " + whose +
            " that is " +
            (std::isnan(out)   ? "NaN"
             : std::isinf(out) ? "infinite"
                               : std::to_string(out)),
        "it is from " + text_of(least) + " to " + text_of(most) +
            (column_.count("key") ? "" : "; name with `key` the column that tells rows apart"),
        settings_.place(parameter));
  }

  static std::string text_of(double number) {
    char out[32];
    std::snprintf(out, sizeof out, "%g", number);
    return out;
  }

  Settings settings_;
  bool linear_;
  double increase_, low_, days_of_2_, days_of_3_;
  std::map<std::string, size_t> column_;
};

class ExpectedLoss final : public columns::Operator {
 public:
  std::string name() const override { return "expected_loss"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {
        {"pd", P::Kind::text, "", true,
         "The column with how likely it defaults within twelve months, from 0 to 1."},
        {"lgd", P::Kind::text, "", true,
         "The column with the share that is lost in a default, from 0 to 1."},
        {"ead", P::Kind::text, "", true, "The column with what is owed in a default, 0 or more."},
        {"maturity", P::Kind::text, "", false,
         "The column with the years that are left, to 100; without it, or NULL, 1."},
        {"rate", P::Kind::text, "", false,
         "The column with the effective interest rate of a year, 0.05 for 5 %, from -0.5 on; "
         "without it, or NULL, 0."},
        {"amortization", P::Kind::text, "bullet", false,
         "`bullet`: all is owed to the end; `linear`: month by month less, to 0 at the end."},
        {"origination_pd", P::Kind::text, "", false,
         "The column with what `pd` was expected to be when the exposure began."},
        {"significant_increase", P::Kind::real, "2", false,
         "In stage 2 is what has so many times its `origination_pd`, 1 or more."},
        {"low_credit_risk", P::Kind::real, "0", false,
         "To this `pd` no increase is significant, from 0 to 1."},
        {"days_past_due", P::Kind::text, "", false,
         "The column with how many days a payment is overdue."},
        {"stage_2_days", P::Kind::integer, "30", false,
         "In stage 2 is what is overdue by so many days."},
        {"stage_3_days", P::Kind::integer, "90", false,
         "In stage 3 is what is overdue by so many days, no fewer than `stage_2_days`."},
        {"key", P::Kind::text, "", false,
         "The column that names an exposure where something is wrong with it."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    for (const char* each :
         {"pd", "lgd", "ead", "maturity", "rate", "origination_pd", "days_past_due"}) {
      if (!settings.has(each)) continue;
      const auto* field = columns.named(each, settings.text(each));
      if (field && !risk::is_number(field->type))
        columns.wrong(each, *field, "it must be a DOUBLE, a DECIMAL or a whole number");
    }
    if (settings.has("key")) {
      const auto* field = columns.named("key", settings.text("key"));
      if (field && !risk::is_label(field->type))
        columns.wrong("key", *field, "it must be a VARCHAR or a whole number");
    }
    const auto within = [&](const char* parameter, double least, double most, const char* hint) {
      const double number = risk::number_in(settings.text(parameter));
      if (!(number >= least && number <= most)) columns.problem(parameter, hint);
    };
    within("significant_increase", 1, 1e9, "it is 1 or more");
    within("low_credit_risk", 0, 1, "it is from 0 to 1");
    within("stage_2_days", 1, 1e9, "it is 1 or more");
    within("stage_3_days", risk::number_in(settings.text("stage_2_days")), 1e9,
           "it is no fewer than `stage_2_days`");
    const auto& amortization = settings.text("amortization");
    if (amortization != "bullet" && amortization != "linear")
      columns.problem("amortization", "it is bullet or linear");
    const columns::Type real{CreditKind::double_};
    return columns.with({{"stage", columns::Type{CreditKind::long_}},
                         {"lifetime_pd", real},
                         {"expected_loss_12_months", real},
                         {"expected_loss_lifetime", real},
                         {"expected_loss", real}});
  }

  std::vector<std::string> order(const Settings&) const override { return {}; }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    const Schema schema = output(input->layout()->schema(), settings);
    return std::make_unique<ExpectedLossReader>(std::move(input), schema, settings);
  }
};

}  // namespace

const columns::Operator& expected_loss() {
  static const ExpectedLoss operator_;
  return operator_;
}

}  // namespace windrow::operators
