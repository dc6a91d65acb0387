#include "operators/credit/bins.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace windrow::operators::credit {
namespace {

Outcomes together(const Outcomes& a, const Outcomes& b) { return {a.good + b.good, a.bad + b.bad}; }

void join_next(std::vector<Bin>& bins, size_t at) {
  bins[at].outcomes = together(bins[at].outcomes, bins[at + 1].outcomes);
  bins[at].upper = bins[at + 1].upper;
  bins.erase(bins.begin() + std::ptrdiff_t(at) + 1);
}

/// Pools neighbours whose bad rates are not in order (Ayer et al. 1955).
std::vector<Bin> monotone(const std::vector<Bin>& bins, bool growing) {
  std::vector<Bin> out;
  for (const auto& bin : bins) {
    out.push_back(bin);
    while (out.size() > 1) {
      const double before = out[out.size() - 2].outcomes.bad_rate(),
                   now = out.back().outcomes.bad_rate();
      if (growing ? before < now : before > now) break;
      join_next(out, out.size() - 2);
    }
  }
  return out;
}

void join_small(std::vector<Bin>& bins, double rows_least) {
  while (bins.size() > 1) {
    const auto small = std::min_element(bins.begin(), bins.end(), [](const Bin& a, const Bin& b) {
      return a.outcomes.rows() < b.outcomes.rows();
    });
    if (double(small->outcomes.rows()) >= rows_least) return;
    const auto at = size_t(small - bins.begin());
    const auto away = [&](size_t other) {
      return std::abs(bins[other].outcomes.bad_rate() - bins[at].outcomes.bad_rate());
    };
    const bool with_next = at == 0 || (at + 1 < bins.size() && away(at + 1) < away(at - 1));
    join_next(bins, with_next ? at : at - 1);
  }
}

void weigh(Bins& bins) {
  Outcomes all;
  for (const auto& bin : bins.all) all = together(all, bin.outcomes);
  for (auto& bin : bins.all) {
    const auto& [good, bad] = bin.outcomes;
    if (good + bad == 0) continue;
    bin.weight_of_evidence = std::log((double(good) + 0.5) / (double(all.good) + 0.5)) -
                             std::log((double(bad) + 0.5) / (double(all.bad) + 0.5));
    bins.information_value +=
        (double(good) / double(all.good) - double(bad) / double(all.bad)) * bin.weight_of_evidence;
  }
}

std::string number_text(double number) {
  char out[32];
  std::snprintf(out, sizeof out, "%g", number);
  return out;
}

Bins weighed(std::vector<Bin> numbers, const Outcomes& missing) {
  Bins out;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const bool last = i + 1 == numbers.size();
    numbers[i].label = numbers.size() == 1 ? "all"
                       : last              ? "> " + number_text(numbers[i - 1].upper)
                       : i == 0            ? "<= " + number_text(numbers[i].upper)
                                           : "> " + number_text(numbers[i - 1].upper) + " to " +
                                      number_text(numbers[i].upper);
    if (last) numbers[i].upper = std::numeric_limits<double>::infinity();
  }
  out.all = std::move(numbers);
  out.all.push_back({"missing", 0, missing, 0});
  weigh(out);
  return out;
}

}  // namespace

size_t Bins::of_number(double value) const {
  const auto end = all.end() - 1;
  const auto found = std::lower_bound(all.begin(), end, value,
                                      [](const Bin& bin, double v) { return bin.upper < v; });
  return size_t(found - all.begin());
}

size_t Bins::of(const std::string& text) const {
  const auto found = of_text.find(text);
  return found == of_text.end() ? all.size() - 2 : found->second;
}

Bins bins_of_numbers(const std::map<double, Outcomes>& values, const Outcomes& missing, int most,
                     double least) {
  int64_t rows = 0;
  for (const auto& [value, outcomes] : values) rows += outcomes.rows();
  std::vector<Bin> first;
  int64_t before = 0, now = 0;
  for (const auto& [value, outcomes] : values) {
    // A bin ends where the rows until then reach the next multiple of rows / most.
    if (first.empty() || now * most / rows > before * most / rows) {
      before = now;
      first.emplace_back();
    }
    first.back().outcomes = together(first.back().outcomes, outcomes);
    first.back().upper = value;
    now += outcomes.rows();
  }
  const auto rows_least = least * double(rows + missing.rows());
  std::vector<Bins> ways;
  for (const bool growing : {true, false}) {
    auto bins = monotone(first, growing);
    join_small(bins, rows_least);
    ways.push_back(weighed(std::move(bins), missing));
  }
  return ways[0].information_value >= ways[1].information_value ? ways[0] : ways[1];
}

Bins bins_of_texts(const std::map<std::string, Outcomes>& values, const Outcomes& missing,
                   double least) {
  int64_t rows = missing.rows();
  for (const auto& [value, outcomes] : values) rows += outcomes.rows();
  Bins out;
  Bin other{"other", 0, {}, 0};
  for (const auto& [value, outcomes] : values) {
    if (double(outcomes.rows()) < least * double(rows)) {
      other.outcomes = together(other.outcomes, outcomes);
      continue;
    }
    out.of_text[value] = out.all.size();
    out.all.push_back({value, 0, outcomes, 0});
  }
  out.all.push_back(std::move(other));
  out.all.push_back({"missing", 0, missing, 0});
  weigh(out);
  return out;
}

}  // namespace windrow::operators::credit
