#include <cmath>
#include <map>

#include "operators/operators.h"
#include "operators/risk/book.h"
#include "operators/risk/statistics.h"

namespace windrow::operators {
namespace {

using columns::Field;
using columns::Schema;
using columns::Settings;
using BacktestKind = columns::Type::Kind;

/// Days, exceptions, and how exceptions follow on one another: from whether there was one the day
/// before to whether there is one.
struct Exceptions {
  int64_t days = 0, exceptions = 0, followed[2][2] = {};
  bool last = false;
  int64_t time = 0;  ///< of the last day

  void take(bool exception) {
    if (days > 0) ++followed[last][exception];
    last = exception;
    ++days;
    exceptions += exception;
  }
};

/// count × ln p, where 0 × ln 0 is 0.
double log_likelihood(int64_t count, double p) {
  return count == 0 ? 0 : double(count) * std::log(p);
}

/// Kupiec 1995: whether exceptions are as many as they should be.
double unconditional(const Exceptions& of, double p) {
  const double found = double(of.exceptions) / double(of.days);
  const int64_t others = of.days - of.exceptions;
  const double out = 2 * (log_likelihood(others, 1 - found) + log_likelihood(of.exceptions, found) -
                          log_likelihood(others, 1 - p) - log_likelihood(of.exceptions, p));
  return std::max(0.0, out);
}

/// Christoffersen 1998: whether an exception is as likely after one as after none.
double independence(const Exceptions& of) {
  double out = 0;
  int64_t days[2] = {};
  for (int after : {0, 1})
    for (int now : {0, 1}) days[now] += of.followed[after][now];
  if (days[0] + days[1] == 0) return 0;
  const double all = double(days[1]) / double(days[0] + days[1]);
  for (int after : {0, 1}) {
    const int64_t none = of.followed[after][0], some = of.followed[after][1];
    if (none + some == 0) continue;
    const double p = double(some) / double(none + some);
    out += log_likelihood(none, 1 - p) + log_likelihood(some, p);
  }
  return std::max(0.0, 2 * (out - log_likelihood(days[0], 1 - all) - log_likelihood(days[1], all)));
}

class BacktestReader final : public columns::BatchReader {
 public:
  BacktestReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                 const Settings& settings)
      : input_(std::move(input)),
        layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings) {}

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<columns::Batch> next() override {
    if (!input_) return {};
    read();
    input_.reset();
    columns::BatchBuilder builder(layout_);
    for (const auto& [labels, of] : found_) write(builder, labels, of);
    return builder.finish();
  }

 private:
  void read() {
    const auto& schema = input_->layout()->schema();
    const auto position = [&](const std::string& column) {
      return size_t(schema.find(column) - schema.fields.data());
    };
    const size_t time = position(settings_.text("time"));
    const size_t profit = position(settings_.text("profit"));
    const size_t risk = position(settings_.text("value_at_risk"));
    std::vector<size_t> by;
    for (const auto& column : settings_.texts("by")) by.push_back(position(column));
    while (const auto batch = input_->next()) {
      for (int64_t row = 0; row < batch->rows(); ++row) {
        if (batch->column(profit).null(row) || batch->column(risk).null(row)) continue;
        if (batch->column(time).null(row))
          wrong("has a row whose \"" + settings_.text("time") + "\" is NULL", "time");
        const auto when =
            risk::time_text(batch->column(time).integer(row), schema.fields[time].type);
        std::vector<std::optional<std::string>> labels;
        for (const size_t column : by)
          labels.push_back(batch->column(column).null(row)
                               ? std::nullopt
                               : std::optional(risk::label_at(batch->column(column),
                                                              schema.fields[column].type, row)));
        const double gained = number(*batch, profit, row, when, "profit");
        take(labels, batch->column(time).integer(row), when,
             gained < -number(*batch, risk, row, when, "value_at_risk"));
      }
    }
  }

  void take(const std::vector<std::optional<std::string>>& labels, int64_t time,
            const std::string& when, bool exception) {
    auto [found, added] = found_.try_emplace(labels);
    if (!added && found->second.time == time)
      wrong(
          "has two rows at " + when + named(labels), "by",
          "name with `by` what tells them apart, or choose one level, horizon and method by WHERE");
    found->second.time = time;
    found->second.take(exception);
  }

  static std::string named(const std::vector<std::optional<std::string>>& labels) {
    std::string out;
    for (const auto& label : labels)
      out += (out.empty() ? " of " : "/") + (label ? "\"" + *label + "\"" : std::string("NULL"));
    return out;
  }

  double number(const columns::Batch& batch, size_t column, int64_t row, const std::string& when,
                const char* parameter) const {
    const auto& field = batch.schema().fields[column];
    const double out = risk::number_at(batch.column(column), field.type, row);
    if (!std::isfinite(out))
      wrong("has a \"" + field.name + "\" at " + when + " that is " +
                (std::isnan(out) ? "NaN" : "infinite"),
            parameter);
    return out;
  }

  [[noreturn]] void wrong(const std::string& message, const char* parameter,
                          const std::string& hint = "leave the row out by WHERE") const {
    throw Error(Code::data, "operator \"var_backtest\" " + message, hint,
                settings_.place(parameter));
  }

  void write(columns::BatchBuilder& builder, const std::vector<std::optional<std::string>>& labels,
             const Exceptions& of) const {
    const double p = 1 - risk::number_in(settings_.text("level"));
    size_t at = 0;
    for (const auto& label : labels) {
      label ? risk::write_label(builder, at, layout_->schema().fields[at].type, *label)
            : builder.null(at);
      ++at;
    }
    builder.integer(at++, of.days);
    builder.integer(at++, of.exceptions);
    builder.real(at++, p * double(of.days));
    const double kupiec = unconditional(of, p), follows = independence(of);
    builder.real(at++, kupiec);
    builder.real(at++, risk::chi_squared_tail(kupiec, 1));
    builder.real(at++, follows);
    builder.real(at++, risk::chi_squared_tail(follows, 1));
    builder.real(at++, kupiec + follows);
    builder.real(at++, risk::chi_squared_tail(kupiec + follows, 2));
    const double cumulative = risk::binomial_cumulative(of.exceptions, of.days, p);
    builder.real(at++, cumulative);
    builder.text(at++, cumulative < 0.95 ? "green" : cumulative < 0.9999 ? "yellow" : "red");
  }

  std::unique_ptr<columns::BatchReader> input_;
  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  std::map<std::vector<std::optional<std::string>>, Exceptions> found_;
};

class VarBacktest final : public columns::Operator {
 public:
  std::string name() const override { return "var_backtest"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    return {
        {"time", P::Kind::text, "", true, "The DATE or TIMESTAMP column that rows are ordered by."},
        {"profit", P::Kind::text, "", true, "The column with what was gained or, below 0, lost."},
        {"value_at_risk", P::Kind::text, "", true,
         "The column with what was said beforehand, a loss being positive."},
        {"level", P::Kind::real, "0.99", false,
         "The confidence level that it was said for, from 0.5 to less than 1."},
        {"by", P::Kind::texts, "", false, "Columns of whose values each is tested by itself."}};
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto check = [&](const char* parameter, const std::string& column,
                           bool (*good)(const columns::Type&), const char* hint) {
      const auto* field = columns.named(parameter, column);
      if (field && !good(field->type)) columns.wrong(parameter, *field, hint);
      return field ? field->type : columns::Type{};
    };
    check("time", settings.text("time"), risk::is_time,
          "it must be a DATE, TIMESTAMP or TIMESTAMPTZ");
    for (const char* each : {"profit", "value_at_risk"})
      check(each, settings.text(each), risk::is_number,
            "it must be a DOUBLE, a DECIMAL or a whole number");
    const double level = risk::number_in(settings.text("level"));
    if (!(level >= 0.5 && level < 1)) columns.problem("level", "it is from 0.5 to less than 1");
    risk::Breakdown by;
    for (const auto& column : settings.texts("by")) {
      check("by", column, risk::is_label, "it must be a VARCHAR or a whole number");
      by.columns.push_back(column);
    }
    const columns::Type real{BacktestKind::double_}, whole{BacktestKind::long_};
    auto out = risk::book_output(input, by, {},
                                 {{"observations", whole},
                                  {"exceptions", whole},
                                  {"expected_exceptions", real},
                                  {"kupiec_statistic", real},
                                  {"kupiec_p_value", real},
                                  {"independence_statistic", real},
                                  {"independence_p_value", real},
                                  {"conditional_coverage_statistic", real},
                                  {"conditional_coverage_p_value", real},
                                  {"cumulative_probability", real},
                                  {"traffic_light", columns::Type{BacktestKind::string}}},
                                 columns);
    columns.with({});  // raises what was found
    return out;
  }

  std::vector<std::string> order(const Settings& settings) const override {
    auto out = settings.texts("by");
    out.push_back(settings.text("time"));
    return out;
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<BacktestReader>(std::move(input), std::move(schema), settings);
  }
};

}  // namespace

const columns::Operator& var_backtest() {
  static const VarBacktest operator_;
  return operator_;
}

}  // namespace windrow::operators
