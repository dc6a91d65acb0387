#include <algorithm>
#include <cmath>
#include <deque>
#include <thread>

#include "operators/operators.h"
#include "operators/risk/measure.h"

namespace windrow::operators {
namespace {

using namespace risk;
using columns::Field;
using columns::Schema;
using columns::Settings;
using RiskKind = columns::Type::Kind;

constexpr const char* kMethodNames[] = {"historical", "filtered", "parametric", "monte_carlo"};
constexpr double kMostPaths = 10'000'000;

std::optional<Method> method_named(const std::string& name) {
  for (size_t i = 0; i < std::size(kMethodNames); ++i)
    if (name == kMethodNames[i]) return Method(i);
  return {};
}

Question question_of(const Settings& settings) {
  Question out;
  for (const auto& name : settings.texts("methods")) out.methods.push_back(*method_named(name));
  for (const auto& text : settings.texts("horizons")) out.horizons.push_back(int(number_in(text)));
  for (const auto& text : settings.texts("levels")) out.levels.push_back(number_in(text));
  out.overlapping = settings.text("horizon_by") == "overlapping";
  if (settings.text("quantile") == "linear") out.quantile = Quantile::linear;
  out.decaying = settings.text("covariance") == "ewma";
  out.decay = number_in(settings.text("decay"));
  out.with_mean = settings.text("mean") == "sample";
  out.paths = int64_t(number_in(settings.text("paths")));
  if (settings.has("degrees_of_freedom"))
    out.degrees_of_freedom = int(number_in(settings.text("degrees_of_freedom")));
  out.seed = uint64_t(number_in(settings.text("seed")));
  return out;
}

std::vector<Field> value_at_risk_columns(bool each_time) {
  const columns::Type real{RiskKind::double_}, whole{RiskKind::long_}, text{RiskKind::string};
  std::vector<Field> out{{"method", text},
                         {"horizon", whole},
                         {"level", real},
                         {"scenarios", whole},
                         {"value", real},
                         {"value_at_risk", real},
                         {"expected_shortfall", real},
                         {"component_value_at_risk", real},
                         {"component_expected_shortfall", real},
                         {"marginal_value_at_risk", real},
                         {"incremental_value_at_risk", real}};
  if (each_time) out.push_back({"next_profit", real});
  return out;
}

/// The results of one time.
struct AsOf {
  int64_t time = 0;
  std::vector<size_t> series;
  std::vector<double> price;  ///< of each, at that time
  std::vector<Group> groups;
  std::vector<Measured> measured;
  std::vector<std::optional<double>> next_profit;  ///< of each group
};

class ValueAtRiskReader final : public columns::BatchReader {
 public:
  ValueAtRiskReader(std::unique_ptr<columns::BatchReader> input, Schema output,
                    const Settings& settings)
      : layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        question_(question_of(settings)),
        window_(settings.has("window") ? size_t(number_in(settings.text("window"))) : 0),
        each_(settings.text("as_of") == "each"),
        book_("value_at_risk", std::move(input), settings) {
    question_.returns = book_.returns();
    workers_.threads = std::max(1u, std::thread::hardware_concurrency());
    workers_.heed = [this] { book_.input().heed(); };
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<columns::Batch> next() override {
    while (!ended_ && ready_.empty()) go_on();
    if (ready_.empty()) return {};
    const AsOf of = std::move(ready_.front());
    ready_.pop_front();
    columns::BatchBuilder builder(layout_);
    for (const auto& measured : of.measured) write(builder, of, measured);
    return builder.finish();
  }

 private:
  void go_on() {
    if (each_) {
      ended_ = !book_.read_time();
      if (waiting_) {
        if (!ended_) look_back(*waiting_);
        ready_.push_back(std::move(*waiting_));
        waiting_.reset();
      }
      if (!ended_) waiting_ = evaluated();
      return;
    }
    bool any = false;
    while (book_.read_time()) any = true;
    ended_ = true;
    if (!any) return;
    if (auto of = evaluated()) ready_.push_back(std::move(*of));
  }

  size_t changes_of(size_t times) const {
    return book_.of_profits() || times == 0 ? times : times - 1;
  }

  /// Nothing where nothing is held, or where times are too few for `as_of: each` yet.
  std::optional<AsOf> evaluated() {
    if (each_ && changes_of(book_.times().size()) < window_) return {};
    const auto held = book_.held();
    if (held.empty()) return {};
    AsOf out;
    out.series = held_series(held);
    const size_t wanted = window_ == 0 ? 0 : book_.of_profits() ? window_ : window_ + 1;
    const auto prices = book_.prices(out.series, wanted);
    const size_t changes = changes_of(prices.times.size());
    // Times that are left out have no results of their own.
    if (each_ && (prices.times.empty() || prices.times.back() + 1 != book_.times().size()))
      return {};
    if (changes < std::max<size_t>(2, window_)) {
      if (each_) return {};
      too_few(changes, std::max<size_t>(2, window_), window_ > 0 ? "window" : "missing");
    }
    const auto longest =
        size_t(*std::max_element(question_.horizons.begin(), question_.horizons.end()));
    if (question_.overlapping && changes < longest + 1) too_few(changes, longest + 1, "horizons");
    out.time = book_.times()[prices.times.back()];
    for (const auto& series : prices.of) out.price.push_back(series.back());
    out.groups = groups_of(book_, held, out.series, out.price);
    for (const auto& group : out.groups)
      if (!std::isfinite(group.value))
        book_.wrong("finds a book that is worth more than can be added up",
                    "look for prices or quantities that are no such", "quantity");
    out.measured = measured(question_, out.groups, book_.changes(prices), workers_);
    out.next_profit.resize(out.groups.size());
    return out;
  }

  [[noreturn]] void too_few(size_t found, size_t needed, const char* parameter) const {
    book_.wrong("finds " + std::to_string(found) + (book_.of_profits() ? " profits" : " returns") +
                    " up to " + book_.time_text(book_.times().size() - 1) + ", and needs " +
                    std::to_string(needed),
                "bring more times, or ask for less with `window` or `horizons`", parameter);
  }

  /// What was held then gained or lost up to the time that was read since; nothing where a price is
  /// missing now.
  void look_back(AsOf& of) const {
    const size_t now = book_.times().size() - 1;
    std::vector<double> growth;
    for (size_t i = 0; i < of.series.size(); ++i) {
      const double price = book_.series()[of.series[i]].at(now);
      if (book_.of_profits()) {
        growth.push_back(price);
      } else if (book_.returns() == Returns::absolute) {
        growth.push_back(price - of.price[i]);
      } else {
        growth.push_back(price / of.price[i] - 1);
      }
    }
    for (size_t i = 0; i < of.groups.size(); ++i) {
      double profit = 0;
      for (const auto& [series, exposure] : of.groups[i].exposures)
        profit += exposure * growth[series];
      if (!std::isnan(profit)) of.next_profit[i] = profit;
    }
  }

  void write(columns::BatchBuilder& builder, const AsOf& of, const Measured& measured) const {
    const Group& group = of.groups[measured.group];
    builder.integer(0, of.time);
    size_t at = book_.write_labels(builder, 1, layout_->schema(), group);
    const auto maybe = [&](std::optional<double> value) {
      value ? builder.real(at++, *value) : builder.null(at++);
    };
    builder.text(at++, kMethodNames[size_t(measured.method)]);
    builder.integer(at++, measured.horizon);
    builder.real(at++, measured.level);
    builder.integer(at++, int64_t(measured.scenarios));
    const bool valued = !book_.of_profits();
    maybe(valued ? std::optional(group.value) : std::nullopt);
    builder.real(at++, measured.value_at_risk);
    builder.real(at++, measured.expected_shortfall);
    builder.real(at++, measured.component_value_at_risk);
    builder.real(at++, measured.component_expected_shortfall);
    maybe(valued && group.value != 0 ? std::optional(measured.component_value_at_risk / group.value)
                                     : std::nullopt);
    builder.real(at++, measured.incremental_value_at_risk);
    if (each_) maybe(of.next_profit[measured.group]);
  }

  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  Question question_;
  size_t window_;
  bool each_;
  Book book_;
  Workers workers_;
  std::optional<AsOf> waiting_;
  std::deque<AsOf> ready_;
  bool ended_ = false;
};

class ValueAtRisk final : public columns::Operator {
 public:
  std::string name() const override { return "value_at_risk"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    auto out = book_parameters(true);
    out.push_back({"profit", P::Kind::text, "", false,
                   "Instead of prices: the column with what a position gained or lost."});
    const std::vector<columns::Parameter> more{
        {"methods", P::Kind::texts, "historical", false,
         "Any of `historical`, `filtered`, `parametric`, `monte_carlo`."},
        {"levels", P::Kind::texts, "0.99", false, "Confidence levels, from 0.5 to less than 1."},
        {"horizons", P::Kind::texts, "1", false, "So many times ahead, from 1 to 1000."},
        {"window", P::Kind::integer, "", false,
         "How many of the last returns are looked at, 2 or more; without it all."},
        {"as_of", P::Kind::text, "last", false,
         "`last`: as of the last time; `each`: as of each time that has a whole `window`."},
        {"horizon_by", P::Kind::text, "root", false,
         "Longer horizons of what happened: `root` returns × √horizon, `overlapping` returns over "
         "so many times."},
        {"quantile", P::Kind::text, "inverted_cdf", false,
         "How a quantile of scenarios is read: `inverted_cdf` one of them, `linear` between two."},
        {"covariance", P::Kind::text, "sample", false,
         "Of `parametric` and `monte_carlo`: `sample`, or `ewma` by `decay`."},
        {"decay", P::Kind::real, "0.94", false,
         "Between 0 and 1: what a return counts for compared with that of the time after it."},
        {"mean", P::Kind::text, "zero", false,
         "Of `parametric` and `monte_carlo`: `zero`, or `sample`, the mean of the returns."},
        {"paths", P::Kind::integer, "100000", false,
         "How many are simulated, from 100 to 10,000,000."},
        {"degrees_of_freedom", P::Kind::integer, "", false,
         "Of `monte_carlo`: Student's t with so many, from 3 to 100; without it normal."},
        {"seed", P::Kind::integer, "1", false, "0 or more; another one gives other paths."}};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto breakdown = check_book(settings, columns);
    check_numbers(settings, columns);
    check_words(settings, columns);
    const bool each = settings.text("as_of") == "each";
    if (each && !settings.has("window"))
      columns.needed("window",
                     "with `as_of: each` it says how many returns each time looks back on");
    const auto* time = input.find(settings.text("time"));
    auto out = book_output(input, breakdown, {{"as_of", time ? time->type : columns::Type{}}},
                           value_at_risk_columns(each), columns);
    columns.with({});  // raises what was found
    return out;
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return book_order(settings);
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<ValueAtRiskReader>(std::move(input), std::move(schema), settings);
  }

 private:
  static void check_numbers(const Settings& settings, InputColumns& columns) {
    const auto within = [&](const char* parameter, bool whole, double least, double most,
                            const char* hint) {
      for (const auto& text : settings.texts(parameter)) {
        const double number = number_in(text);
        if (!(number >= least && number <= most) || (whole && number != std::floor(number)))
          columns.problem(parameter, text, hint);
      }
    };
    within("levels", false, 0.5, std::nextafter(1.0, 0.0), "a level is from 0.5 to less than 1");
    within("horizons", true, 1, 1000, "a horizon is a whole number from 1 to 1000");
    within("window", true, 2, 1e9, "it is 2 or more");
    within("decay", false, 1e-9, 1 - 1e-9, "it is between 0 and 1");
    within("paths", true, 100, kMostPaths, "it is from 100 to 10,000,000");
    within("degrees_of_freedom", true, 3, 100, "it is from 3 to 100");
    within("seed", true, 0, 9e15, "it is from 0 to 9,000,000,000,000,000");
  }

  static void check_words(const Settings& settings, InputColumns& columns) {
    const auto one_of = [&](const char* parameter, const char* first, const char* second) {
      const auto& text = settings.text(parameter);
      if (text != first && text != second)
        columns.problem(parameter, std::string("it is ") + first + " or " + second);
    };
    one_of("as_of", "last", "each");
    one_of("horizon_by", "root", "overlapping");
    one_of("quantile", "inverted_cdf", "linear");
    one_of("covariance", "sample", "ewma");
    one_of("mean", "zero", "sample");
    for (const auto& text : settings.texts("methods"))
      if (!method_named(text))
        columns.problem("methods", text,
                        "it is one of historical, filtered, parametric, monte_carlo");
  }
};

}  // namespace

const columns::Operator& value_at_risk() {
  static const ValueAtRisk operator_;
  return operator_;
}

}  // namespace windrow::operators
