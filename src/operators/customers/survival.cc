#include <cmath>
#include <map>

#include "operators/beside.h"
#include "operators/operators.h"
#include "operators/values.h"

namespace windrow::operators {
namespace {

using columns::Batch;
using columns::BatchBuilder;
using columns::Field;
using columns::Schema;
using columns::Settings;
using columns::Type;

constexpr const char* kSurvival = "survival";
constexpr size_t kLeastDurationsOfBatch = 2048;

/// The number that a standard normal is below with that probability: halved until nothing is left.
double normal_quantile(double probability) {
  double low = -40, high = 40;
  while (true) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
}

struct Ended {
  int64_t events = 0, censored = 0;
};

/// What is known at one duration of those who are compared.
class SurvivalReader final : public columns::BatchReader {
 public:
  SurvivalReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                 const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        quantile_(normal_quantile((1 + real_of(settings, "confidence")) / 2)),
        duration_at_(position("duration")),
        event_at_(position("event")) {
    if (!settings.has("by")) return;
    by_at_ = position("by");
    groups_.emplace(input_->layout()->schema().fields[*by_at_].type);
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }
  void heed() override { input_->heed(); }

  std::optional<Batch> next() override {
    BatchBuilder builder(layout_);
    size_t rows = 0;
    while (rows < kLeastDurationsOfBatch) {
      if (!batch_ || row_ == batch_->rows()) {
        if (ended_) break;
        batch_ = input_->next();
        row_ = 0;
        ended_ = !batch_;
        if (ended_) rows += write_group(builder);
        continue;
      }
      rows += take(builder, *batch_, row_++);
    }
    if (rows == 0) return {};
    return builder.finish();
  }

 private:
  size_t position(const std::string& parameter) const {
    const auto& schema = input_->layout()->schema();
    return size_t(schema.find(settings_.text(parameter)) - schema.fields.data());
  }

  /// Rows come by group; the group before is written where another begins.
  size_t take(BatchBuilder& builder, const Batch& batch, int64_t row) {
    const NumberColumn duration(batch, duration_at_);
    const auto event = batch.column(event_at_);
    if (duration.null(row) || event.null(row)) return 0;
    std::optional<int32_t> group;
    if (by_at_ && !batch.column(*by_at_).null(row))
      group = groups_->number(batch.column(*by_at_), row);
    size_t rows = 0;
    if (group != group_) rows = write_group(builder);
    group_ = group;
    const double lasted = duration.at(row);
    if (!(lasted >= 0) || std::isinf(lasted))
      throw Error(Code::data,
                  "the duration \"" + settings_.text("duration") +
                      "\" of operator \"survival\" is " +
                      (std::isnan(lasted)   ? "NaN"
                       : std::isinf(lasted) ? "infinite"
                                            : "below 0") +
                      (group ? " in a row of group " + groups_->quoted(*group) : " in some row"),
                  "leave such rows out by WHERE", settings_.place("duration"));
    auto& ended = durations_[lasted];
    ++(event.truth(row) ? ended.events : ended.censored);
    return rows;
  }

  size_t write_group(BatchBuilder& builder) {
    int64_t at_risk = 0;
    for (const auto& [lasted, ended] : durations_) at_risk += ended.events + ended.censored;
    double survival = 1, hazard = 0, greenwood = 0;
    for (const auto& [lasted, ended] : durations_) {
      const auto n = double(at_risk), d = double(ended.events);
      hazard += d / n;
      survival *= 1 - d / n;
      greenwood += d / (n * (n - d));  // infinite where nobody is left: there is no interval then
      write(builder, lasted, at_risk, ended, {survival, hazard, greenwood});
      at_risk -= ended.events + ended.censored;
    }
    const size_t rows = durations_.size();
    durations_.clear();
    return rows;
  }

  struct Estimate {
    double survival, hazard, greenwood;
  };

  void write(BatchBuilder& builder, double lasted, int64_t at_risk, const Ended& ended,
             const Estimate& estimate) const {
    size_t at = 0;
    if (by_at_) group_ ? groups_->write(builder, at++, *group_) : builder.null(at++);
    builder.real(at++, lasted);
    builder.integer(at++, at_risk);
    builder.integer(at++, ended.events);
    builder.integer(at++, ended.censored);
    builder.real(at++, estimate.survival);
    if (estimate.survival > 0 && estimate.survival < 1) {
      // Of log(−log S), so that both ends are from 0 to 1.
      const double log_survival = std::log(estimate.survival);
      const double width = quantile_ * std::sqrt(estimate.greenwood) / -log_survival;
      builder.real(at++, std::exp(log_survival * std::exp(width)));
      builder.real(at++, std::exp(log_survival * std::exp(-width)));
    } else if (estimate.survival > 0) {
      builder.real(at++, 1);
      builder.real(at++, 1);
    } else {
      builder.null(at++);
      builder.null(at++);
    }
    builder.real(at++, estimate.hazard);
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  double quantile_;
  size_t duration_at_, event_at_;
  std::optional<size_t> by_at_;
  std::optional<Names> groups_;
  std::optional<Batch> batch_;
  int64_t row_ = 0;
  bool ended_ = false;
  std::optional<int32_t> group_;  // the one that is read
  std::map<double, Ended> durations_;
};

class Survival final : public columns::Operator {
 public:
  std::string name() const override { return kSurvival; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {{"duration", P::Kind::text, "", true,
             "The column of numbers, 0 or more, that says for how long each was watched."},
            {"event", P::Kind::text, "", true,
             "The BOOLEAN column: true where it then ended, false where only the watching did."},
            {"by", P::Kind::text, "", false, "The column of whose values each has its own curve."},
            {"confidence", P::Kind::real, "0.95", false,
             "Greater than 0, less than 1: of the interval `lower` to `upper`."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto* duration = columns.named("duration", settings.text("duration"));
    if (duration && !is_number(duration->type))
      columns.wrong("duration", *duration, "it must be a number");
    const auto* event = columns.named("event", settings.text("event"));
    if (event && event->type.kind != Type::Kind::boolean)
      columns.wrong("event", *event, "it must be a BOOLEAN");
    const Field* by = settings.has("by") ? columns.named("by", settings.text("by")) : nullptr;
    if (by && !is_name(by->type))
      columns.wrong("by", *by, "it must be a VARCHAR or a whole number");
    const double confidence = real_of(settings, "confidence");
    if (!(confidence > 0 && confidence < 1))
      columns.problem("confidence", "it is greater than 0 and less than 1");
    columns.with({});  // raises what was found
    const Type whole{Type::Kind::long_}, real{Type::Kind::double_};
    Schema alone;
    if (by) alone.fields.push_back({by->name, by->type});
    return InputColumns(name(), alone, settings)
        .with({{"duration", real},
               {"at_risk", whole},
               {"events", whole},
               {"censored", whole},
               {"survival", real},
               {"lower", real},
               {"upper", real},
               {"cumulative_hazard", real}});
  }

  std::vector<std::string> order(const Settings& settings) const override {
    if (settings.has("by")) return {settings.text("by"), settings.text("duration")};
    return {settings.text("duration")};
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<SurvivalReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& survival() {
  static const Survival operator_;
  return operator_;
}

}  // namespace windrow::operators
