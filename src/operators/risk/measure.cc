#include "operators/risk/measure.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace windrow::operators::risk {
namespace {

/// Profits of so many groups are in memory at once: 128 MiB, or one group's.
constexpr size_t kProfitsAtOnce = 1 << 24;

/// Each group as if it moved in proportion to its changes: its mean, variance, and covariance with
/// all there is.
struct Moments {
  double mean = 0, variance = 0, with_all = 0, of_rest = 0;
};

std::vector<Moments> moments_of(const std::vector<Group>& groups, const Changes& changes,
                                const Together& together, const Workers& workers) {
  const size_t times = changes.front().size();
  const auto profits = [&](const Group& group) {
    std::vector<double> out(times, 0);
    for (const auto& [series, exposure] : group.exposures)
      for (size_t t = 0; t < times; ++t) out[t] += exposure * changes[series][t];
    return out;
  };
  const auto all = profits(groups.front());
  std::vector<Moments> out(groups.size());
  in_parallel(groups.size(), workers, [&](size_t i) {
    const auto own = profits(groups[i]);
    std::vector<double> rest;
    for (size_t t = 0; t < times; ++t) rest.push_back(all[t] - own[t]);
    out[i] = {mean(own), covariance(together, own, own), covariance(together, own, all),
              i == 0 ? 0 : covariance(together, rest, rest)};
  });
  return out;
}

/// What adds up to more than numbers can say is nothing that anybody could compare.
void require_numbers(const double* values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += values[i] * 0;  // NaN of infinity and of NaN
  if (sum == 0) return;
  throw Error(Code::data,
              "operator \"value_at_risk\" finds profits that are too large to be added up",
              "look for prices or quantities that are no such");
}

class Measurement {
 public:
  Measurement(const Question& question, const std::vector<Group>& groups, const Changes& changes,
              const Workers& workers)
      : question_(question),
        groups_(groups),
        changes_(changes),
        workers_(workers),
        together_(question.decaying ? by_decay(changes.front().size(), question.decay)
                                    : equally(changes.front().size())),
        moments_(moments_of(groups, changes, together_, workers)),
        out_(groups.size()) {}

  std::vector<Measured> all() {
    for (const auto method : question_.methods)
      for (const int horizon : question_.horizons) {
        if (method == Method::parametric) {
          delta_normal(horizon);
        } else {
          by_scenarios(method, horizon, *scenarios(method, horizon));
        }
      }
    std::vector<Measured> out;
    for (const auto& of_group : out_) out.insert(out.end(), of_group.begin(), of_group.end());
    for (const auto& each : out)
      for (const double number :
           {each.value_at_risk, each.expected_shortfall, each.component_value_at_risk,
            each.component_expected_shortfall, each.incremental_value_at_risk})
        require_numbers(&number, 1);
    return out;
  }

 private:
  std::unique_ptr<Scenarios> scenarios(Method method, int horizon) const {
    if (method == Method::monte_carlo)
      return simulated({question_.paths, question_.seed, question_.degrees_of_freedom, horizon,
                        question_.with_mean},
                       changes_, together_, question_.returns);
    const auto base = method == Method::filtered ? filtered(changes_, question_.decay) : changes_;
    return that_happened(over_horizon(base, question_.returns, horizon, question_.overlapping),
                         question_.returns);
  }

  void delta_normal(int horizon) {
    const double root = std::sqrt(double(horizon));
    const double all = std::sqrt(moments_.front().variance);
    for (const double level : question_.levels) {
      const double at = normal_quantile(level), beyond = normal_density(at) / (1 - level);
      for (size_t i = 0; i < groups_.size(); ++i) {
        const auto& of = moments_[i];
        const double drift = question_.with_mean ? of.mean * horizon : 0;
        const double deviation = std::sqrt(of.variance) * root;
        const double part = i == 0 ? deviation : all > 0 ? of.with_all / all * root : 0;
        out_[i].push_back({i, Method::parametric, horizon, level, changes_.front().size(),
                           at * deviation - drift, beyond * deviation - drift, at * part - drift,
                           beyond * part - drift,
                           at * (all - std::sqrt(of.of_rest)) * root - drift});
      }
    }
  }

  /// What the scenarios say of all there is at one level.
  struct OfAll {
    Measures measures;
    double value_at_risk, expected_shortfall;
    std::vector<Weight> at_risk, shortfall;
    double off = 0;  ///< what the weighted scenarios of `at_risk` lose less than the value at risk
  };

  void by_scenarios(Method method, int horizon, const Scenarios& scenarios) {
    const size_t count = scenarios.count();
    // Not filled beforehand: whoever writes a page first is who gets it from the system.
    const std::unique_ptr<double[]> room(new double[count]);
    const double* all = room.get();
    scenarios.profits({&groups_.front()}, room.get(), workers_);
    constexpr size_t kAtOnce = 1 << 17;
    in_parallel((count + kAtOnce - 1) / kAtOnce, workers_, [&](size_t part) {
      require_numbers(all + part * kAtOnce, std::min(kAtOnce, count - part * kAtOnce));
    });
    std::vector<OfAll> levels;
    size_t depth = 0;
    for (const double level : question_.levels) {
      levels.push_back({Measures(count, level, question_.quantile), 0, 0, {}, {}, 0});
      depth = std::max(depth, levels.back().measures.depth());
    }
    const Tail tail = tail_of(all, count, depth, workers_);
    for (auto& of : levels) {
      of.value_at_risk = of.measures.value_at_risk(tail);
      of.expected_shortfall = of.measures.expected_shortfall(tail);
      // One path of a group says little of what it loses where all lose so much: many do.
      const size_t around = method == Method::monte_carlo ? of.measures.around() : 0;
      of.at_risk = of.measures.at_risk(tail, around);
      of.shortfall = of.measures.shortfall(tail);
      of.off = of.value_at_risk - loss(of.at_risk, all);
    }
    for (size_t level = 0; level < levels.size(); ++level) {
      const auto& of = levels[level];
      out_.front().push_back({0, method, horizon, question_.levels[level], count, of.value_at_risk,
                              of.expected_shortfall, of.value_at_risk, of.expected_shortfall,
                              of.value_at_risk});
    }
    const size_t at_once = std::max<size_t>(1, kProfitsAtOnce / count);
    for (size_t first = 1; first < groups_.size(); first += at_once) {
      std::vector<const Group*> some;
      for (size_t i = first; i < std::min(groups_.size(), first + at_once); ++i)
        some.push_back(&groups_[i]);
      std::vector<double> profits(some.size() * count);
      scenarios.profits(some, profits.data(), workers_);
      require_numbers(profits.data(), profits.size());
      in_parallel(some.size(), workers_, [&](size_t i) {
        for (size_t level = 0; level < levels.size(); ++level)
          out_[first + i].push_back({first + i, method, horizon, question_.levels[level], count});
        one_group(first + i, &profits[i * count], all, count, depth, levels);
      });
    }
  }

  static double loss(const std::vector<Weight>& weights, const double* profits) {
    double out = 0;
    for (const auto& [scenario, weight] : weights) out -= weight * profits[scenario];
    return out;
  }

  /// Into the last results of the group, one for each level.
  void one_group(size_t group, double* profits, const double* all, size_t count, size_t depth,
                 const std::vector<OfAll>& levels) {
    auto* out = &out_[group][out_[group].size() - levels.size()];
    const double variance = moments_.front().variance;
    const double beta = variance > 0 ? moments_[group].with_all / variance : 0;
    const Tail tail = tail_of(profits, count, depth);
    for (size_t level = 0; level < levels.size(); ++level) {
      const auto& of = levels[level];
      out[level].value_at_risk = of.measures.value_at_risk(tail);
      out[level].expected_shortfall = of.measures.expected_shortfall(tail);
      out[level].component_value_at_risk = loss(of.at_risk, profits) + beta * of.off;
      out[level].component_expected_shortfall = loss(of.shortfall, profits);
    }
    for (size_t i = 0; i < count; ++i) profits[i] = all[i] - profits[i];
    const Tail rest = tail_of(profits, count, depth);
    for (size_t level = 0; level < levels.size(); ++level)
      out[level].incremental_value_at_risk =
          levels[level].value_at_risk - levels[level].measures.value_at_risk(rest);
  }

  const Question& question_;
  const std::vector<Group>& groups_;
  const Changes& changes_;
  const Workers& workers_;
  Together together_;
  std::vector<Moments> moments_;
  std::vector<std::vector<Measured>> out_;  ///< of each group
};

}  // namespace

std::vector<Measured> measured(const Question& question, const std::vector<Group>& groups,
                               const Changes& changes, const Workers& workers) {
  return Measurement(question, groups, changes, workers).all();
}

}  // namespace windrow::operators::risk
