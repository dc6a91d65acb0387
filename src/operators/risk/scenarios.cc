#include "operators/risk/scenarios.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "operators/risk/random.h"
#include "operators/risk/statistics.h"

namespace windrow::operators::risk {
namespace {

class Happened final : public Scenarios {
 public:
  Happened(const Changes& changes, Returns returns) : growth_(changes) {
    if (returns == Returns::log)
      for (auto& series : growth_)
        for (auto& change : series) change = std::expm1(change);
  }
  size_t count() const override { return growth_.front().size(); }
  void profits(const std::vector<const Group*>& groups, double* out,
               const Workers& workers) const override {
    in_parallel(groups.size(), workers, [&](size_t i) {
      double* of = out + i * count();
      std::fill(of, of + count(), 0.0);
      for (const auto& [series, exposure] : groups[i]->exposures)
        for (size_t t = 0; t < count(); ++t) of[t] += exposure * growth_[series][t];
    });
  }

 private:
  Changes growth_;
};

class Simulated final : public Scenarios {
 public:
  Simulated(const Simulation& simulation, const Changes& changes, const Together& together,
            Returns returns)
      : simulation_(simulation), exponential_(returns == Returns::log) {
    const double root = std::sqrt(double(simulation.horizon));
    for (const auto& series : changes)
      drift_.push_back(simulation.with_mean ? mean(series) * simulation.horizon : 0);
    by_times(changes, together);
    if (changes.size() < normals_) by_cholesky();
    for (auto& row : loading_)
      for (auto& each : row) each *= root;
  }

  size_t count() const override { return size_t(simulation_.paths); }

  void profits(const std::vector<const Group*>& groups, double* out,
               const Workers& workers) const override {
    constexpr size_t kPathsOfUnit = 16 * kLanes;
    std::vector<std::vector<double>> folded;
    if (!exponential_)
      for (const auto* group : groups) folded.push_back(fold(*group));
    in_parallel((count() + kPathsOfUnit - 1) / kPathsOfUnit, workers, [&](size_t unit) {
      Drawn drawn(*this);
      for (size_t path = unit * kPathsOfUnit; path < std::min(count(), (unit + 1) * kPathsOfUnit);
           path += kLanes) {
        drawn.draw(path);
        if (exponential_) drawn.grow_all();
        const size_t lanes = std::min(kLanes, count() - path);
        for (size_t i = 0; i < groups.size(); ++i) {
          const auto& profit =
              exponential_ ? drawn.of_grown(*groups[i]) : drawn.of_folded(*groups[i], folded[i]);
          std::copy_n(profit.begin(), lanes, out + i * count() + path);
        }
      }
    });
  }

 private:
  using Lanes = std::array<double, kLanes>;

  /// kLanes paths.
  class Drawn {
   public:
    explicit Drawn(const Simulated& of)
        : of_(of),
          normals_((of.normals_ + size_t(of.simulation_.degrees_of_freedom) + 3) / 4 * 4 * kLanes) {
    }

    void draw(size_t path) {
      for (size_t i = 0; i < normals_.size() / (4 * kLanes); ++i)
        draw_normals(of_.simulation_.seed, path, uint32_t(i), &normals_[i * 4 * kLanes]);
      const int degrees = of_.simulation_.degrees_of_freedom;
      if (degrees == 0) return;
      Lanes squares{};
      for (size_t i = of_.normals_; i < of_.normals_ + size_t(degrees); ++i)
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const double z = normal(i)[lane];
          squares[lane] += z * z;
        }
      // In single precision a normal may be 0.
      for (size_t lane = 0; lane < kLanes; ++lane)
        stretch_[lane] = std::sqrt((degrees - 2) / std::max(squares[lane], 1e-12));
    }

    void grow_all() {
      grown_.resize(of_.loading_.size());
      for (size_t series = 0; series < grown_.size(); ++series) {
        combine(of_.loading_[series], of_.drift_[series], grown_[series]);
        grow(grown_[series].data());
      }
    }

    const Lanes& of_grown(const Group& group) {
      profit_.fill(0);
      for (const auto& [series, exposure] : group.exposures)
        add_scaled(exposure, grown_[series].data(), profit_.data());
      return profit_;
    }

    const Lanes& of_folded(const Group& group, const std::vector<double>& loading) {
      double drift = 0;
      for (const auto& [series, exposure] : group.exposures) drift += exposure * of_.drift_[series];
      combine(loading, drift, profit_);
      return profit_;
    }

   private:
    const float* normal(size_t i) const { return &normals_[i * kLanes]; }

    void combine(const std::vector<double>& loading, double drift, Lanes& out) const {
      const bool stretched = of_.simulation_.degrees_of_freedom > 0;
      out.fill(stretched ? 0 : drift);
      for (size_t i = 0; i < loading.size(); ++i) add_scaled(loading[i], normal(i), out.data());
      if (!stretched) return;
      for (size_t lane = 0; lane < kLanes; ++lane) out[lane] = out[lane] * stretch_[lane] + drift;
    }

    const Simulated& of_;
    std::vector<float> normals_;
    std::vector<Lanes> grown_;
    Lanes stretch_{}, profit_{};
  };

  /// A linear book needs no path of each series: one vector says what each normal is worth to it.
  std::vector<double> fold(const Group& group) const {
    std::vector<double> out(normals_, 0);
    for (const auto& [series, exposure] : group.exposures)
      for (size_t i = 0; i < loading_[series].size(); ++i) out[i] += exposure * loading_[series][i];
    return out;
  }

  /// The covariance has a root that is known: the changes themselves, with a normal for each time.
  void by_times(const Changes& changes, const Together& together) {
    for (const auto& series : changes) {
      const double center = together.about_mean ? mean(series) : 0;
      auto& row = loading_.emplace_back();
      for (size_t t = 0; t < series.size(); ++t)
        row.push_back((series[t] - center) * std::sqrt(together.weight[t]));
    }
    normals_ = changes.front().size();
  }

  /// Another root of the same with a normal for each series, of which there are fewer.
  void by_cholesky() {
    const size_t size = loading_.size();
    std::vector<double> matrix(size * size);
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j <= i; ++j)
        matrix[i * size + j] = matrix[j * size + i] =
            std::inner_product(loading_[i].begin(), loading_[i].end(), loading_[j].begin(), 0.0);
    if (!cholesky(matrix, size)) refuse();
    for (size_t i = 0; i < size; ++i) {
      const auto row = matrix.begin() + std::ptrdiff_t(i * size);
      loading_[i].assign(row, row + std::ptrdiff_t(i + 1));
    }
    normals_ = size;
  }

  [[noreturn]] static void refuse() {
    throw Error(Code::data,
                "operator \"value_at_risk\" finds a covariance of returns that is not positive "
                "semi-definite",
                "returns are too large to be told apart: look at the prices");
  }

  Simulation simulation_;
  bool exponential_;
  size_t normals_ = 0;
  Changes loading_;  ///< of each series, what each normal moves it by
  std::vector<double> drift_;
};

}  // namespace

Changes over_horizon(const Changes& changes, Returns returns, int horizon, bool overlapping) {
  if (horizon == 1) return changes;
  Changes out;
  for (const auto& series : changes) {
    auto& longer = out.emplace_back();
    if (!overlapping) {
      for (const double change : series) longer.push_back(change * std::sqrt(double(horizon)));
      continue;
    }
    for (size_t t = size_t(horizon); t <= series.size(); ++t) {
      double sum = 0, product = 1;
      for (size_t i = t - size_t(horizon); i < t; ++i) {
        sum += series[i];
        product *= 1 + series[i];
      }
      longer.push_back(returns == Returns::simple ? product - 1 : sum);
    }
  }
  return out;
}

Changes filtered(const Changes& changes, double decay) {
  Changes out;
  for (const auto& series : changes) {
    double variance = 0;
    for (const double change : series) variance += change * change / double(series.size());
    std::vector<double> before;
    for (const double change : series) {
      before.push_back(std::sqrt(variance));
      variance = decay * variance + (1 - decay) * change * change;
    }
    auto& scaled = out.emplace_back();
    for (size_t t = 0; t < series.size(); ++t)
      scaled.push_back(before[t] > 0 ? series[t] * (std::sqrt(variance) / before[t]) : 0);
  }
  return out;
}

std::unique_ptr<Scenarios> that_happened(const Changes& changes, Returns returns) {
  return std::make_unique<Happened>(changes, returns);
}

Together equally(size_t times) {
  return {std::vector<double>(times, 1.0 / double(times - 1)), true};
}

Together by_decay(size_t times, double decay) {
  Together out{std::vector<double>(times), false};
  double weight = 1, sum = 0;
  for (size_t i = times; i-- > 0; weight *= decay) sum += out.weight[i] = weight;
  for (auto& each : out.weight) each /= sum;
  return out;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double covariance(const Together& together, const std::vector<double>& a,
                  const std::vector<double>& b) {
  const double of_a = together.about_mean ? mean(a) : 0, of_b = together.about_mean ? mean(b) : 0;
  double out = 0;
  for (size_t t = 0; t < a.size(); ++t) out += together.weight[t] * (a[t] - of_a) * (b[t] - of_b);
  return out;
}

std::unique_ptr<Scenarios> simulated(const Simulation& simulation, const Changes& changes,
                                     const Together& together, Returns returns) {
  return std::make_unique<Simulated>(simulation, changes, together, returns);
}

}  // namespace windrow::operators::risk
