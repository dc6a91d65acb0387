#include <algorithm>
#include <cmath>
#include <map>

#include "operators/customers/purchase_model.h"
#include "operators/customers/purchases.h"
#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::BatchBuilder;
using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kLifetimeValue = "lifetime_value";
constexpr size_t kBuyersOfBatch = 2048;
constexpr double kDaysOfAStep = 30, kDaysOfAYear = 365;
constexpr int64_t kHorizonMost = 36'500 * kMicrosOfADay;

int64_t day_of(int64_t micros) {
  return micros / kMicrosOfADay - (micros % kMicrosOfADay < 0 ? 1 : 0);
}

/// What is counted of one customer, by days: what is bought on one day is one purchase.
struct Bought {
  int64_t first = 0, last = 0;  // days since 1970
  int64_t frequency = 0;
  double later = 0;  // the worth of all but the first day's
};

/// What a customer who is alive is expected to do within the horizon.
struct Outlook {
  double purchases = 0;
  double discounted = 0;  // the same, each purchase counting less the later it is
};

class LifetimeValueReader final : public columns::BatchReader {
 public:
  LifetimeValueReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                      const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        names_(layout_->schema().fields[0].type),
        horizon_(double(settings.micros("horizon")) / double(kMicrosOfADay)),
        of_a_year_(1 / (1 + real_of(settings, "discount"))) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<columns::Batch> next() override {
    if (!fitted_) fit();
    if (next_ >= buyers_.size()) return {};
    BatchBuilder builder(layout_);
    const size_t end = std::min(buyers_.size(), next_ + kBuyersOfBatch);
    for (; next_ < end; ++next_) {
      heed();
      write(builder, int32_t(next_), buyers_[next_]);
    }
    return builder.finish();
  }

 private:
  void fit() {
    fitted_ = true;
    read();
    const StopCheck stop = [&] { heed(); };
    const auto again = [](const Buyer& buyer) { return buyer.frequency > 0; };
    if (std::any_of(buyers_.begin(), buyers_.end(), again)) buying_ = fitted_buying(buyers_, stop);
    const auto paid = [&](const Buyer& buyer) { return again(buyer) && buyer.value > 0; };
    if (settings_.has("amount") && std::any_of(buyers_.begin(), buyers_.end(), paid))
      spending_ = fitted_spending(buyers_, stop);
  }

  void read() {
    const Purchases purchases(kLifetimeValue, *input_, settings_);
    std::vector<Bought> all;
    purchases.each(names_, [&](const Purchase& each) {
      const int64_t day = day_of(each.micros);
      const bool known = size_t(each.customer) < all.size();
      if (!known) all.push_back({day, day, 0, 0});
      auto& bought = all[size_t(each.customer)];
      if (day > bought.last) {
        bought.last = day;
        ++bought.frequency;
      }
      if (day > bought.first) bought.later += each.amount;
      if (each.amount < 0)
        purchases.wrong("amount", " is below 0", names_.quoted(each.customer),
                        "leave what came back out by WHERE, or take it off what was bought");
      if (!std::isfinite(bought.later))
        purchases.wrong("amount", " adds up to no number", names_.quoted(each.customer),
                        "amounts are too large: divide them");
    });
    int64_t end = 0;
    for (const auto& bought : all)
      end = &bought == all.data() ? bought.last : std::max(end, bought.last);
    if (purchases.as_of()) end = day_of(*purchases.as_of());
    for (const auto& bought : all)
      buyers_.push_back({bought.frequency, double(bought.last - bought.first),
                         double(end - bought.first),
                         bought.frequency > 0 ? bought.later / double(bought.frequency) : 0});
  }

  void write(BatchBuilder& builder, int32_t number, const Buyer& buyer) {
    names_.write(builder, 0, number);
    builder.integer(1, buyer.frequency);
    builder.real(2, buyer.recency);
    builder.real(3, buyer.age);
    const double alive = buying_ ? buying_->alive(buyer) : 0;
    const Outlook outlook = buying_ ? outlook_of(buyer) : Outlook();
    size_t at = 4;
    const auto put = [&](bool known, double value) {
      known ? builder.real(at, value) : builder.null(at);
      ++at;
    };
    const bool buying = buying_.has_value(), spending = spending_.has_value();
    put(buying, alive);
    put(buying, alive * outlook.purchases);
    if (settings_.has("amount")) {
      const double worth = spending ? spending_->expected(buyer) : 0;
      put(buyer.frequency > 0, buyer.value);
      put(spending, worth);
      put(buying && spending, alive * outlook.discounted * worth);
    }
    const auto m = buying_.value_or(BuyingModel());
    for (const double parameter : {m.r, m.alpha, m.a, m.b}) put(buying, parameter);
    if (!settings_.has("amount")) return;
    const auto s = spending_.value_or(SpendingModel());
    for (const double parameter : {s.p, s.q, s.v}) put(spending, parameter);
  }

  const Outlook& outlook_of(const Buyer& buyer) {
    const auto [found, fresh] = outlooks_.try_emplace({buyer.frequency, buyer.age});
    if (!fresh) return found->second;
    auto& out = found->second;
    for (double step = kDaysOfAStep;; step += kDaysOfAStep) {
      const double day = std::min(step, horizon_);
      const double until = buying_->expected(buyer.frequency, buyer.age, day);
      out.discounted += (until - out.purchases) * std::pow(of_a_year_, day / kDaysOfAYear);
      out.purchases = until;
      if (day >= horizon_) return out;
    }
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Names names_;
  double horizon_, of_a_year_;
  bool fitted_ = false;
  std::vector<Buyer> buyers_;
  std::optional<BuyingModel> buying_;
  std::optional<SpendingModel> spending_;
  std::map<std::pair<int64_t, double>, Outlook> outlooks_;
  size_t next_ = 0;
};

class LifetimeValue final : public columns::Operator {
 public:
  std::string name() const override { return kLifetimeValue; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    auto out = purchase_parameters(Amount::optional);
    out.push_back({"horizon", P::Kind::duration, "365d", false,
                   "From 1d to 36500d: how far behind `as_of` is looked."});
    out.push_back({"discount", P::Kind::real, "0.1", false,
                   "0 or more: how much less what comes a year later is worth."});
    return out;
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* customer = check_purchases(columns, settings);
    const int64_t horizon = settings.micros("horizon");
    if (horizon < kMicrosOfADay || horizon > kHorizonMost)
      columns.problem("horizon", "it is from 1d to 36500d");
    const double discount = real_of(settings, "discount");
    if (!(discount >= 0) || std::isinf(discount)) columns.problem("discount", "it is 0 or more");
    columns.with({});  // raises what was found
    const Type real{Type::Kind::double_};
    std::vector<Field> added{{"frequency", Type{Type::Kind::long_}},
                             {"recency", real},
                             {"age", real},
                             {"probability_alive", real},
                             {"expected_purchases", real}};
    const auto add = [&](std::initializer_list<const char*> names) {
      for (const char* each : names) added.push_back({each, real});
    };
    if (settings.has("amount")) add({"monetary", "expected_value", "lifetime_value"});
    add({"fit_r", "fit_alpha", "fit_a", "fit_b"});
    if (settings.has("amount")) add({"fit_p", "fit_q", "fit_v"});
    return with_customer(name(), *customer, settings, added);
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return order_of_purchases(settings);
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<LifetimeValueReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& lifetime_value() {
  static const LifetimeValue operator_;
  return operator_;
}

}  // namespace windrow::operators
