#include <algorithm>
#include <cmath>

#include "operators/customers/purchases.h"
#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kRfm = "rfm";
constexpr int64_t kFifths = 5, kBinsMost = 100;
constexpr size_t kCustomersOfBatch = 2048;

/// Names of groups as they have become customary, by fifths of recency (down) and frequency.
constexpr const char* kSegments[kFifths][kFifths] = {
    {"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
    {"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
    {"about to sleep", "about to sleep", "need attention", "loyal customers", "loyal customers"},
    {"promising", "potential loyalists", "potential loyalists", "loyal customers",
     "loyal customers"},
    {"new customers", "potential loyalists", "potential loyalists", "champions", "champions"}};

struct Customer {
  int64_t last = 0;  // micros
  int64_t frequency = 0;
  double monetary = 0;
};

/// How many of the values are less than each, for scores.
template <typename T>
class Ranks {
 public:
  explicit Ranks(std::vector<T> values) : sorted_(std::move(values)) {
    std::sort(sorted_.begin(), sorted_.end());
  }
  /// From 1 to `bins`: the share of those that are worse. Equal values have equal scores.
  int64_t score(T value, int64_t bins) const {
    const auto worse = std::lower_bound(sorted_.begin(), sorted_.end(), value) - sorted_.begin();
    return 1 + worse * bins / int64_t(sorted_.size());
  }

 private:
  std::vector<T> sorted_;
};

class RfmReader final : public columns::BatchReader {
 public:
  RfmReader(std::unique_ptr<columns::BatchReader> input, Schema output, const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        names_(layout_->schema().fields[0].type),
        bins_(integer_of(settings, "bins")) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<columns::Batch> next() override {
    if (!read_) read();
    columns::BatchBuilder builder(layout_);
    size_t rows = 0;
    for (; rows < kCustomersOfBatch && next_ < customers_.size(); ++next_) {
      if (customers_[next_].frequency == 0) continue;
      write(builder, int32_t(next_), customers_[next_]);
      ++rows;
    }
    if (rows == 0) return {};
    return builder.finish();
  }

 private:
  void read() {
    read_ = true;
    const Purchases purchases(kRfm, *input_, settings_);
    purchases.each(names_, [&](const Purchase& each) {
      if (size_t(each.customer) == customers_.size()) customers_.emplace_back();
      auto& customer = customers_[size_t(each.customer)];
      customer.monetary += each.amount;
      if (each.amount < 0) return;  // what comes back is no purchase
      customer.last = each.micros;
      ++customer.frequency;
    });
    std::vector<int64_t> lasts, frequencies;
    std::vector<double> monetary;
    for (size_t i = 0; i < customers_.size(); ++i) {
      const auto& each = customers_[i];
      if (each.frequency == 0) continue;
      if (!std::isfinite(each.monetary))
        purchases.wrong("amount", " adds up to no number", names_.quoted(int32_t(i)),
                        "amounts are too large: divide them");
      lasts.push_back(each.last);
      frequencies.push_back(each.frequency);
      monetary.push_back(each.monetary);
    }
    as_of_ = purchases.as_of().value_or(
        lasts.empty() ? 0 : *std::max_element(lasts.begin(), lasts.end()));
    lasts_.emplace(std::move(lasts));
    frequencies_.emplace(std::move(frequencies));
    monetary_.emplace(std::move(monetary));
  }

  void write(columns::BatchBuilder& builder, int32_t number, const Customer& customer) const {
    names_.write(builder, 0, number);
    builder.real(1, double(as_of_ - customer.last) / double(kMicrosOfADay));
    builder.integer(2, customer.frequency);
    builder.real(3, customer.monetary);
    builder.integer(4, lasts_->score(customer.last, bins_));
    builder.integer(5, frequencies_->score(customer.frequency, bins_));
    builder.integer(6, monetary_->score(customer.monetary, bins_));
    builder.text(7, kSegments[lasts_->score(customer.last, kFifths) - 1]
                             [frequencies_->score(customer.frequency, kFifths) - 1]);
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Names names_;
  int64_t bins_;
  bool read_ = false;
  std::vector<Customer> customers_;
  int64_t as_of_ = 0;
  std::optional<Ranks<int64_t>> lasts_, frequencies_;
  std::optional<Ranks<double>> monetary_;
  size_t next_ = 0;
};

class Rfm final : public columns::Operator {
 public:
  std::string name() const override { return kRfm; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    auto out = purchase_parameters(Amount::required);
    out.push_back({"bins", columns::Parameter::Kind::integer, "5", false,
                   "From 2 to 100: how many scores there are."});
    return out;
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* customer = check_purchases(columns, settings);
    const int64_t bins = integer_of(settings, "bins");
    if (bins < 2 || bins > kBinsMost) columns.problem("bins", "it is from 2 to 100");
    columns.with({});  // raises what was found
    const Type whole{Type::Kind::long_}, real{Type::Kind::double_};
    return with_customer(name(), *customer, settings,
                         {{"recency", real},
                          {"frequency", whole},
                          {"monetary", real},
                          {"recency_score", whole},
                          {"frequency_score", whole},
                          {"monetary_score", whole},
                          {"segment", Type{Type::Kind::string}}});
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return order_of_purchases(settings);
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<RfmReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& rfm() {
  static const Rfm operator_;
  return operator_;
}

}  // namespace windrow::operators
