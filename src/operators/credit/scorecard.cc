#include <algorithm>
#include <cmath>
#include <deque>

#include "operators/beside.h"
#include "operators/credit/bins.h"
#include "operators/credit/logistic.h"
#include "operators/operators.h"
#include "operators/risk/book.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::Schema;
using columns::Settings;
using CardKind = columns::Type::Kind;

constexpr size_t kRowsOfCard = 2048;

/// A feature with its bins; without a coefficient it tells too little.
struct Feature {
  std::string name;
  size_t column = 0;
  bool text = false;
  credit::Bins bins;
  std::optional<double> coefficient;
};

class ScorecardReader final : public columns::BatchReader {
 public:
  ScorecardReader(std::unique_ptr<columns::BatchReader> input, const Schema& output,
                  const Settings& settings)
      : input_(std::move(input)), settings_(settings), card_(settings.text("output") == "card") {
    const auto& schema = input_->layout()->schema();
    const auto position = [&](const std::string& column) {
      return size_t(schema.find(column) - schema.fields.data());
    };
    target_ = position(settings.text("target"));
    for (const auto& name : settings.texts("features")) {
      const size_t at = position(name);
      features_.push_back({name, at, schema.fields[at].type.kind == CardKind::string, {}, {}});
    }
    added_ = std::make_shared<const columns::Layout>(
        card_ ? output : Schema{{output.fields.end() - 2, output.fields.end()}});
    layout_ = card_ ? added_ : columns::Layout::joined(*input_->layout(), *added_);
    factor_ = number("double_odds_points") / std::log(2.0);
    offset_ = number("base_points") - factor_ * std::log(number("base_odds"));
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<Batch> next() override {
    if (!fitted_) {
      while (auto batch = input_->next())
        if (batch->rows() > 0) batches_.push_back(std::move(*batch));
      fitted_ = true;
      if (!batches_.empty()) fit();
    }
    if (card_) return next_of_card();
    if (batches_.empty()) return {};
    const Batch batch = std::move(batches_.front());
    batches_.pop_front();
    columns::BatchBuilder builder(added_);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      double logit = model_.intercept;
      for (const auto& feature : features_)
        if (feature.coefficient)
          logit += *feature.coefficient *
                   feature.bins.all[bin_of(feature, batch, row)].weight_of_evidence;
      builder.real(0, offset_ - factor_ * logit);
      builder.real(1, 1 / (1 + std::exp(-logit)));
    }
    return batch.beside(builder.finish(), layout_);
  }

 private:
  double number(const char* parameter) const { return risk::number_in(settings_.text(parameter)); }

  /// 1 for bad, 0 for good; nothing for NULL.
  std::optional<bool> outcome(const Batch& batch, int64_t row) const {
    const auto column = batch.column(target_);
    if (column.null(row)) return {};
    if (batch.schema().fields[target_].type.kind == CardKind::boolean) return column.truth(row);
    const int64_t value = column.integer(row);
    if (value != 0 && value != 1)
      throw Error(Code::data,
                  "the target \"" + settings_.text("target") + "\" of operator \"scorecard\" is " +
                      std::to_string(value) + " in some row",
                  "it is 1 where it went bad, 0 where it went well, NULL where nobody knows yet",
                  settings_.place("target"));
    return value == 1;
  }

  static std::optional<double> value_of(const Feature& feature, const Batch& batch, int64_t row) {
    const auto column = batch.column(feature.column);
    if (column.null(row)) return {};
    const double out = risk::number_at(column, batch.schema().fields[feature.column].type, row);
    if (std::isnan(out)) return {};
    return out;
  }

  static size_t bin_of(const Feature& feature, const Batch& batch, int64_t row) {
    if (feature.text) {
      const auto column = batch.column(feature.column);
      return column.null(row) ? feature.bins.missing()
                              : feature.bins.of(std::string(column.text(row)));
    }
    const auto value = value_of(feature, batch, row);
    return value ? feature.bins.of_number(*value) : feature.bins.missing();
  }

  void fit() {
    std::vector<uint8_t> bad;
    for (const auto& batch : batches_)
      for (int64_t row = 0; row < batch.rows(); ++row)
        if (const auto is = outcome(batch, row)) bad.push_back(*is);
    const auto bads = std::count(bad.begin(), bad.end(), 1);
    if (bads == 0 || size_t(bads) == bad.size())
      throw Error(Code::data,
                  "operator \"scorecard\" finds " + std::to_string(bad.size() - size_t(bads)) +
                      " rows that went well and " + std::to_string(bads) + " that went bad",
                  "it learns from both", settings_.place("target"));
    for (auto& feature : features_) {
      input_->heed();
      put_into_bins(feature);
    }
    std::vector<Feature*> chosen;
    for (auto& feature : features_)
      if (feature.bins.information_value >= number("min_information_value"))
        chosen.push_back(&feature);
    std::vector<double> x;
    x.reserve(bad.size() * chosen.size());
    for (const auto& batch : batches_)
      for (int64_t row = 0; row < batch.rows(); ++row)
        if (outcome(batch, row))
          for (const auto* feature : chosen)
            x.push_back(feature->bins.all[bin_of(*feature, batch, row)].weight_of_evidence);
    input_->heed();
    model_ = credit::fitted(x, bad, chosen.size(), number("penalty"));
    for (size_t i = 0; i < chosen.size(); ++i) chosen[i]->coefficient = model_.coefficient[i];
  }

  void put_into_bins(Feature& feature) const {
    std::map<double, credit::Outcomes> numbers;
    std::map<std::string, credit::Outcomes> texts;
    credit::Outcomes missing;
    for (const auto& batch : batches_)
      for (int64_t row = 0; row < batch.rows(); ++row) {
        const auto bad = outcome(batch, row);
        if (!bad) continue;
        auto* of = &missing;
        if (!feature.text) {
          if (const auto value = value_of(feature, batch, row)) of = &numbers[*value];
        } else if (!batch.column(feature.column).null(row)) {
          of = &texts[std::string(batch.column(feature.column).text(row))];
        }
        ++(*bad ? of->bad : of->good);
      }
    feature.bins = feature.text ? credit::bins_of_texts(texts, missing, number("min_share"))
                                : credit::bins_of_numbers(numbers, missing, int(number("bins")),
                                                          number("min_share"));
  }

  std::optional<Batch> next_of_card() {
    if (batches_.empty()) return {};
    const auto chosen = double(model_.coefficient.size());
    columns::BatchBuilder builder(added_);
    for (size_t rows = 0; rows < kRowsOfCard && feature_ < features_.size(); ++rows) {
      const auto& feature = features_[feature_];
      const auto& bin = feature.bins.all[bin_];
      const auto maybe = [&](size_t column, bool there, double value) {
        there ? builder.real(column, value) : builder.null(column);
      };
      builder.text(0, feature.name);
      builder.integer(1, int64_t(bin_) + 1);
      builder.text(2, bin.label);
      builder.integer(3, bin.outcomes.rows());
      builder.integer(4, bin.outcomes.bad);
      maybe(5, bin.outcomes.rows() > 0, bin.outcomes.rows() > 0 ? bin.outcomes.bad_rate() : 0);
      builder.real(6, bin.weight_of_evidence);
      builder.real(7, feature.bins.information_value);
      const double of = feature.coefficient.value_or(0);
      maybe(8, feature.coefficient.has_value(), of);
      maybe(9, feature.coefficient.has_value(),
            (offset_ - factor_ * model_.intercept) / std::max(1.0, chosen) -
                factor_ * of * bin.weight_of_evidence);
      if (++bin_ < feature.bins.all.size()) continue;
      bin_ = 0;
      ++feature_;
    }
    if (feature_ == features_.size()) batches_.clear();
    return builder.finish();
  }

  std::unique_ptr<columns::BatchReader> input_;
  Settings settings_;
  bool card_, fitted_ = false;
  size_t target_ = 0;
  std::vector<Feature> features_;
  double factor_ = 0, offset_ = 0;
  std::deque<Batch> batches_;
  credit::Logistic model_;
  size_t feature_ = 0, bin_ = 0;  ///< of the card, the next
  std::shared_ptr<const columns::Layout> added_, layout_;
};

class Scorecard final : public columns::Operator {
 public:
  std::string name() const override { return "scorecard"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {{"target", P::Kind::text, "", true,
             "The column that is 1 or true where it went bad, 0 or false where it went well; a row "
             "where it is NULL is scored alone."},
            {"features", P::Kind::texts, "", true,
             "The columns to tell one from the other by: numbers or VARCHAR."},
            {"output", P::Kind::text, "scores", false,
             "`scores`: the rows with their scores; `card`: a row for each bin of each feature."},
            {"bins", P::Kind::integer, "20", false,
             "Into how many bins of equally many rows numbers are cut at first, from 2 to 1000."},
            {"min_share", P::Kind::real, "0.05", false,
             "The least share of the rows that a bin has, from 0 to 0.5."},
            {"min_information_value", P::Kind::real, "0.02", false,
             "What a feature has to tell to be used, 0 or more."},
            {"penalty", P::Kind::real, "1", false,
             "Greater than 0: what half the sum of the squares of coefficients counts for."},
            {"base_points", P::Kind::real, "600", false, "The score at the odds `base_odds`."},
            {"base_odds", P::Kind::real, "50", false, "So many good to one bad, greater than 0."},
            {"double_odds_points", P::Kind::real, "20", false,
             "By so many points more the odds are twice as good; greater than 0."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* target = columns.named("target", settings.text("target"));
    if (target && target->type.kind != CardKind::boolean &&
        (!risk::is_label(target->type) || target->type.kind == CardKind::string))
      columns.wrong("target", *target, "it must be a BOOLEAN or a whole number");
    std::vector<std::string> seen;
    for (const auto& feature : settings.texts("features")) {
      const auto* field = columns.named("features", feature);
      if (field && field->type.kind != CardKind::string && !risk::is_number(field->type))
        columns.wrong("features", *field, "it must be a number or a VARCHAR");
      if (feature == settings.text("target") ||
          std::find(seen.begin(), seen.end(), feature) != seen.end())
        columns.problem("features", feature, "a feature is named once, and is not the target");
      seen.push_back(feature);
    }
    const auto within = [&](const char* parameter, double least, double most, const char* hint) {
      const double number = risk::number_in(settings.text(parameter));
      if (!(number >= least && number <= most)) columns.problem(parameter, hint);
    };
    within("bins", 2, 1000, "it is from 2 to 1000");
    within("min_share", 0, 0.5, "it is from 0 to 0.5");
    within("min_information_value", 0, 1e9, "it is 0 or more");
    within("penalty", 1e-9, 1e9, "it is greater than 0");
    within("base_points", -1e9, 1e9, "it is a number of points");
    within("base_odds", 1e-9, 1e9, "it is greater than 0");
    within("double_odds_points", 1e-9, 1e9, "it is greater than 0");
    const auto& kind = settings.text("output");
    if (kind != "scores" && kind != "card") columns.problem("output", "it is scores or card");
    const columns::Type real{CardKind::double_}, whole{CardKind::long_}, text{CardKind::string};
    if (kind != "card") return columns.with({{"score", real}, {"probability_of_default", real}});
    columns.with({});  // raises what was found
    return {{{"feature", text},
             {"bin", whole},
             {"label", text},
             {"observations", whole},
             {"bad", whole},
             {"bad_rate", real},
             {"weight_of_evidence", real},
             {"information_value", real},
             {"coefficient", real},
             {"points", real}}};
  }

  /// Numbers are added up in the order of the rows.
  std::vector<std::string> order(const Settings& settings) const override {
    auto out = settings.texts("features");
    out.push_back(settings.text("target"));
    return out;
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    const Schema schema = output(input->layout()->schema(), settings);
    return std::make_unique<ScorecardReader>(std::move(input), schema, settings);
  }
};

}  // namespace

const columns::Operator& scorecard() {
  static const Scorecard operator_;
  return operator_;
}

}  // namespace windrow::operators
