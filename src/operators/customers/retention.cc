#include <algorithm>
#include <chrono>
#include <limits>
#include <map>

#include "operators/customers/purchases.h"
#include "operators/operators.h"

namespace windrow::operators {
namespace {

using columns::BatchBuilder;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kRetention = "retention";
constexpr size_t kRowsOfRetention = 2048;
constexpr const char* kPeriods[] = {"day", "week", "month", "quarter", "year"};
constexpr int64_t kMostPeriods = 10'000;  // whose square is the most rows that come out, halved

/// Periods are numbered: some number of days or months each, counted from 1970.
class Calendar {
 public:
  explicit Calendar(const std::string& period)
      : days_(period == "day"    ? 1
              : period == "week" ? 7
                                 : 0),
        months_(period == "quarter" ? 3
                : period == "year"  ? 12
                                    : 1) {}

  int64_t number(int64_t micros) const {
    const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(micros)));
    const int64_t days = day.time_since_epoch().count();
    // 1970-01-01 was a Thursday; weeks begin with Monday.
    if (days_ > 0) return floored(days + (days_ == 7 ? 3 : 0), days_);
    const std::chrono::year_month_day date(day);
    return floored(int64_t(int(date.year())) * 12 + int64_t(unsigned(date.month())) - 1, months_);
  }
  /// Its first day since 1970.
  int64_t first_day(int64_t number) const {
    if (days_ > 0) return number * days_ - (days_ == 7 ? 3 : 0);
    const int64_t months = number * months_, year = floored(months, 12);
    const std::chrono::year_month_day date(std::chrono::year(int(year)),
                                           std::chrono::month(unsigned(months - year * 12 + 1)),
                                           std::chrono::day(1));
    return std::chrono::sys_days(date).time_since_epoch().count();
  }

 private:
  static int64_t floored(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
  int64_t days_, months_;
};

class RetentionReader final : public columns::BatchReader {
 public:
  RetentionReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                  const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        calendar_(settings.text("period")) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<columns::Batch> next() override {
    if (!read_) read();
    if (cohort_ == active_.end()) return {};
    BatchBuilder builder(layout_);
    for (size_t i = 0; i < kRowsOfRetention && cohort_ != active_.end(); ++i) {
      const auto& [first, counts] = *cohort_;
      const auto found = counts.find(first + period_);
      const int64_t customers = found == counts.end() ? 0 : found->second;
      const int64_t size = counts.at(first);
      builder.integer(0, calendar_.first_day(first));
      builder.integer(1, period_);
      builder.integer(2, customers);
      builder.integer(3, size);
      builder.real(4, double(customers) / double(size));
      if (first + ++period_ <= last_) continue;
      ++cohort_;
      period_ = 0;
    }
    return builder.finish();
  }

 private:
  void read() {
    read_ = true;
    const Purchases purchases(kRetention, *input_, settings_);
    Names names(input_->layout()->schema().find(settings_.text("customer"))->type);
    int32_t customer = -1;
    int64_t first = 0, before = 0;
    purchases.each(names, [&](const Purchase& each) {
      const int64_t period = calendar_.number(each.micros);
      const bool fresh = each.customer != customer;
      if (!fresh && period == before) return;
      if (fresh) first = period;
      customer = each.customer;
      before = period;
      ++active_[first][period];
      last_ = std::max(last_, period);
    });
    cohort_ = active_.begin();
    if (active_.empty()) return;
    if (purchases.as_of()) last_ = calendar_.number(*purchases.as_of());
    if (last_ - active_.begin()->first > kMostPeriods)
      throw Error(
          Code::data,
          "the rows of operator \"retention\" reach over " +
              std::to_string(last_ - active_.begin()->first) + " periods",
          "there is no place for more than 10000: choose a longer \"period\", or leave rows "
          "that are too early or too late out by WHERE",
          settings_.place("period"));
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Calendar calendar_;
  bool read_ = false;
  std::map<int64_t, std::map<int64_t, int64_t>> active_;  // by cohort, then period
  int64_t last_ = std::numeric_limits<int64_t>::min();
  std::map<int64_t, std::map<int64_t, int64_t>>::const_iterator cohort_;
  int64_t period_ = 0;
};

class Retention final : public columns::Operator {
 public:
  std::string name() const override { return kRetention; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    auto out = purchase_parameters(Amount::none);
    out.push_back({"period", columns::Parameter::Kind::text, "month", false,
                   "`day`, `week` (from Monday), `month`, `quarter` or `year`."});
    return out;
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    check_purchases(columns, settings);
    const auto& period = settings.text("period");
    if (std::find(std::begin(kPeriods), std::end(kPeriods), period) == std::end(kPeriods))
      columns.problem("period", "it is day, week, month, quarter or year");
    columns.with({});  // raises what was found
    const Type whole{Type::Kind::long_};
    return Schema{{{"cohort", Type{Type::Kind::date}},
                   {"period", whole},
                   {"customers", whole},
                   {"size", whole},
                   {"retention", Type{Type::Kind::double_}}}};
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return order_of_purchases(settings);
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<RetentionReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& retention() {
  static const Retention operator_;
  return operator_;
}

}  // namespace windrow::operators
