#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/time.h"
#include "operators/operators.h"
#include "operators/risk/book.h"
#include "operators/risk/scenarios.h"
#include "operators/risk/statistics.h"

namespace windrow::operators {
namespace {

using columns::Field;
using columns::Schema;
using columns::Settings;
using StressKind = columns::Type::Kind;

constexpr const char* kGrammar =
    "a scenario is `name: 2015-08-17/2015-08-25`, what happened between two times, or `name: "
    "SPY=-0.2, "
    "GLD=+5%`, how much assets move, `*` for all others";

/// What may happen: what did between two times, or given moves.
struct Scenario {
  std::string name;
  int64_t from = 0, to = 0;  ///< microseconds; without shocks
  std::vector<std::pair<std::string, double>> shocks;
  std::optional<double> of_others;  ///< the shock of `*`
};

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// `-0.2`, `+5%`; NaN where it is no number.
double move_in(std::string text) {
  const bool percent = !text.empty() && text.back() == '%';
  if (percent) text = trimmed(text.substr(0, text.size() - 1));
  if (!text.empty() && text.front() == '+') text.erase(0, 1);
  return percent ? risk::number_in(text) / 100 : risk::number_in(text);
}

std::optional<Scenario> scenario_of(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {};
  Scenario out;
  out.name = trimmed(text.substr(0, colon));
  const auto what = trimmed(text.substr(colon + 1));
  if (out.name.empty() || what.empty()) return {};
  if (what.find('=') == std::string::npos) {
    const auto slash = what.find('/');
    if (slash == std::string::npos) return {};
    const auto from = parse_time(trimmed(what.substr(0, slash)));
    const auto to = parse_time(trimmed(what.substr(slash + 1)));
    if (!from || !to || *from >= *to) return {};
    out.from = micros(*from);
    out.to = micros(*to);
    return out;
  }
  for (size_t begin = 0; begin <= what.size();) {
    const size_t end = std::min(what.find(',', begin), what.size());
    const auto part = what.substr(begin, end - begin);
    const auto equals = part.rfind('=');
    if (equals == std::string::npos) return {};
    const auto asset = trimmed(part.substr(0, equals));
    const double move = move_in(trimmed(part.substr(equals + 1)));
    if (asset.empty() || !std::isfinite(move)) return {};
    if (asset == "*") {
      out.of_others = move;
    } else {
      out.shocks.emplace_back(asset, move);
    }
    begin = end + 1;
  }
  return out;
}

class StressReader final : public columns::BatchReader {
 public:
  StressReader(std::unique_ptr<columns::BatchReader> input, Schema output, const Settings& settings)
      : layout_(std::make_shared<const columns::Layout>(std::move(output))),
        settings_(settings),
        time_type_(input->layout()->schema().find(settings.text("time"))->type),
        book_("stress_test", std::move(input), settings) {
    for (const auto& text : settings.texts("scenarios")) scenarios_.push_back(*scenario_of(text));
  }

  std::shared_ptr<const columns::Layout> layout() const override { return layout_; }

  std::optional<columns::Batch> next() override {
    if (ended_) return {};
    ended_ = true;
    while (book_.read_time()) {}
    const auto held = book_.held();
    if (held.empty()) return {};
    series_ = risk::held_series(held);
    const auto prices = book_.prices(series_, 1);
    if (prices.times.empty())
      book_.wrong("finds no time at which all assets have prices", "say `missing: carry`",
                  "missing");
    for (const auto& of : prices.of) now_.push_back(of.back());
    const auto groups = risk::groups_of(book_, held, series_, now_);
    std::vector<std::vector<double>> growth;
    for (const auto& scenario : scenarios_) {
      book_.input().heed();
      growth.push_back(scenario.shocks.empty() && !scenario.of_others ? that_happened(scenario)
                                                                      : shocked(scenario));
    }
    columns::BatchBuilder builder(layout_);
    for (const auto& group : groups)
      for (size_t i = 0; i < scenarios_.size(); ++i)
        write(builder, book_.times()[prices.times.back()], group, scenarios_[i].name, growth[i]);
    return builder.finish();
  }

 private:
  /// The last time that is not after so many microseconds.
  size_t time_at(const Scenario& scenario, int64_t micros) const {
    constexpr int64_t kDay = 86'400'000'000;
    const int64_t at = time_type_.kind == StressKind::date
                           ? (micros - (micros % kDay + kDay) % kDay) / kDay
                           : micros;
    const auto& times = book_.times();
    const auto after = std::upper_bound(times.begin(), times.end(), at);
    if (after == times.begin() || (micros == scenario.to && at > times.back()))
      book_.wrong("has no prices of scenario \"" + scenario.name + "\", which is from " +
                      iso(time_from_micros(scenario.from)) + " to " +
                      iso(time_from_micros(scenario.to)),
                  "there are prices from " + book_.time_text(0) + " to " +
                      book_.time_text(times.size() - 1),
                  "scenarios");
    return size_t(after - times.begin()) - 1;
  }

  std::vector<double> that_happened(const Scenario& scenario) const {
    const size_t from = time_at(scenario, scenario.from), to = time_at(scenario, scenario.to);
    std::vector<double> out;
    for (const size_t series : series_) {
      const double before = book_.price(series, from), after = book_.price(series, to);
      out.push_back(book_.returns() == risk::Returns::absolute ? after - before
                                                               : after / before - 1);
    }
    return out;
  }

  std::vector<double> shocked(const Scenario& scenario) const {
    std::vector<double> out(series_.size(), scenario.of_others.value_or(0));
    std::vector<size_t> moved;
    std::vector<double> moves;
    for (const auto& [asset, move] : scenario.shocks) {
      const auto series = book_.find(asset);
      if (!series) unknown(scenario, asset);
      if (std::find(moved.begin(), moved.end(), *series) != moved.end())
        book_.wrong("has a scenario \"" + scenario.name + "\" that moves \"" + asset + "\" twice",
                    "an asset moves once", "scenarios");
      moved.push_back(*series);
      moves.push_back(move);
    }
    if (!scenario.of_others && settings_.text("others") == "conditional")
      out = expected(scenario, moved, moves);
    for (size_t i = 0; i < moved.size(); ++i) {
      const auto at = std::lower_bound(series_.begin(), series_.end(), moved[i]);
      if (at != series_.end() && *at == moved[i]) out[size_t(at - series_.begin())] = moves[i];
    }
    return out;
  }

  [[noreturn]] void unknown(const Scenario& scenario, const std::string& asset) const {
    std::vector<std::string> known;
    for (const auto& series : book_.series()) known.push_back(series.name);
    const auto meant = did_you_mean(asset, known);
    book_.wrong("has a scenario \"" + scenario.name + "\" that moves \"" + asset +
                    "\", of which there is no row",
                meant.empty() ? "what is not held can be a row without a quantity" : meant,
                "scenarios");
  }

  /// How each held series is expected to move where some move so: with Σ the covariance, S those
  /// that move and s their moves, Σ·S Σss⁻¹ s.
  std::vector<double> expected(const Scenario& scenario, const std::vector<size_t>& moved,
                               std::vector<double> moves) const {
    auto all = moved;
    all.insert(all.end(), series_.begin(), series_.end());
    const size_t window =
        settings_.has("window") ? size_t(risk::number_in(settings_.text("window"))) + 1 : 0;
    const auto changes = book_.changes(book_.prices(all, window));
    const size_t times = changes.front().size();
    if (times < 2 || (window > 0 && times + 1 < window))
      book_.wrong(
          "finds " + std::to_string(times) + " returns to know from how assets move together",
          "bring more times, or ask for less with `window`", "others");
    const auto together = settings_.text("covariance") == "ewma"
                              ? risk::by_decay(times, risk::number_in(settings_.text("decay")))
                              : risk::equally(times);
    const size_t size = moved.size();
    std::vector<double> root(size * size);
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < size; ++j)
        root[i * size + j] = risk::covariance(together, changes[i], changes[j]);
    const bool good = risk::cholesky(root, size);
    for (size_t i = 0; i < size; ++i)
      if (!good || root[i * size + i] == 0)
        book_.wrong("has a scenario \"" + scenario.name + "\" that moves \"" +
                        scenario.shocks[i].first +
                        "\", which in the returns never moved, or only together with the others "
                        "that are moved: their covariance is not positive definite",
                    "move one of them, or say `others: zero`", "scenarios");
    if (book_.returns() == risk::Returns::log)
      for (auto& move : moves) move = std::log1p(move);
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < i; ++j) moves[i] -= root[i * size + j] * moves[j];
      moves[i] /= root[i * size + i];
    }
    for (size_t i = size; i-- > 0;) {
      for (size_t j = i + 1; j < size; ++j) moves[i] -= root[j * size + i] * moves[j];
      moves[i] /= root[i * size + i];
    }
    std::vector<double> out;
    for (size_t i = size; i < all.size(); ++i) {
      double move = 0;
      for (size_t j = 0; j < size; ++j)
        move += risk::covariance(together, changes[i], changes[j]) * moves[j];
      out.push_back(book_.returns() == risk::Returns::log ? std::expm1(move) : move);
    }
    return out;
  }

  void write(columns::BatchBuilder& builder, int64_t time, const risk::Group& group,
             const std::string& scenario, const std::vector<double>& growth) const {
    builder.integer(0, time);
    size_t at = book_.write_labels(builder, 1, layout_->schema(), group);
    double profit = 0;
    for (const auto& [series, exposure] : group.exposures) profit += exposure * growth[series];
    if (!std::isfinite(profit) || !std::isfinite(group.value))
      book_.wrong(
          "finds profits of scenario \"" + scenario + "\" that are too large to be added up",
          "look for prices or quantities that are no such", "scenarios");
    builder.text(at++, scenario);
    builder.real(at++, group.value);
    builder.real(at++, profit);
  }

  std::shared_ptr<const columns::Layout> layout_;
  Settings settings_;
  columns::Type time_type_;
  risk::Book book_;
  std::vector<Scenario> scenarios_;
  std::vector<size_t> series_;
  std::vector<double> now_;
  bool ended_ = false;
};

class StressTest final : public columns::Operator {
 public:
  std::string name() const override { return "stress_test"; }
  int version() const override { return 1; }

  std::vector<columns::Parameter> parameters() const override {
    using P = columns::Parameter;
    auto out = risk::book_parameters(false);
    const std::vector<columns::Parameter> more{
        {"scenarios", P::Kind::texts, "", true,
         "Each `name: 2015-08-17/2015-08-25`, what happened between two times, or `name: SPY=-0.2, "
         "GLD=+5%`, how much assets move, with `*` for all others."},
        {"others", P::Kind::text, "zero", false,
         "How assets move that a scenario of moves does not name: `zero`, or `conditional`, as is "
         "to "
         "be expected by their covariance with those that it names."},
        {"window", P::Kind::integer, "", false,
         "How many of the last returns that covariance is of, 2 or more; without it all."},
        {"covariance", P::Kind::text, "sample", false, "`sample`, or `ewma` by `decay`."},
        {"decay", P::Kind::real, "0.94", false,
         "Between 0 and 1: what a return counts for compared with that of the time after it."}};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  Schema output(const Schema& input, const Settings& settings) const override {
    InputColumns columns(name(), input, settings);
    const auto breakdown = risk::check_book(settings, columns);
    std::vector<std::string> names;
    for (const auto& text : settings.texts("scenarios")) {
      const auto scenario = scenario_of(text);
      if (!scenario) {
        columns.problem("scenarios", "\"" + text + "\"", kGrammar);
        continue;
      }
      if (std::find(names.begin(), names.end(), scenario->name) != names.end())
        columns.problem("scenarios", "\"" + text + "\"", "two scenarios have that name");
      names.push_back(scenario->name);
      check_moves(*scenario, text, settings, columns);
    }
    for (const auto& [parameter, first, second] :
         {std::tuple("others", "zero", "conditional"), std::tuple("covariance", "sample", "ewma")})
      if (settings.text(parameter) != first && settings.text(parameter) != second)
        columns.problem(parameter, std::string("it is ") + first + " or " + second);
    const double decay = risk::number_in(settings.text("decay"));
    if (!(decay > 0 && decay < 1)) columns.problem("decay", "it is between 0 and 1");
    if (settings.has("window") && !(risk::number_in(settings.text("window")) >= 2))
      columns.problem("window", "it is 2 or more");
    const auto* time = input.find(settings.text("time"));
    const columns::Type real{StressKind::double_};
    auto out = risk::book_output(
        input, breakdown, {{"as_of", time ? time->type : columns::Type{}}},
        {{"scenario", columns::Type{StressKind::string}}, {"value", real}, {"profit", real}},
        columns);
    columns.with({});  // raises what was found
    return out;
  }

  std::vector<std::string> order(const Settings& settings) const override {
    return risk::book_order(settings);
  }

  std::unique_ptr<columns::BatchReader> run(std::unique_ptr<columns::BatchReader> input,
                                            const Settings& settings) const override {
    auto schema = output(input->layout()->schema(), settings);
    return std::make_unique<StressReader>(std::move(input), std::move(schema), settings);
  }

 private:
  static void check_moves(const Scenario& scenario, const std::string& text,
                          const Settings& settings, InputColumns& columns) {
    if (settings.text("returns") == "absolute") return;
    auto moves = scenario.shocks;
    if (scenario.of_others) moves.emplace_back("*", *scenario.of_others);
    for (const auto& [asset, move] : moves)
      if (move <= -1)
        columns.problem("scenarios", "\"" + text + "\"",
                        "a price above 0 loses less than all of itself: " + asset +
                            " moves by more than -1, or say `returns: absolute`");
  }
};

}  // namespace

const columns::Operator& stress_test() {
  static const StressTest operator_;
  return operator_;
}

}  // namespace windrow::operators
