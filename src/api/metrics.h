#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "observe/event.h"
#include "server/told.h"

namespace windrow::api {

/// Text in Prometheus' format, family by family.
class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  /// `type`: counter, gauge, histogram. Samples of it follow.
  void family(const std::string& name, const std::string& type, const std::string& help);
  /// `suffix`: `_bucket`, `_sum`, `_count` of a histogram.
  void sample(const Labels& labels, double value, const std::string& suffix = "");
  /// Families that were made before.
  void append(const std::string& families) { text_ += families; }
  const std::string& text() const { return text_; }

 private:
  std::string text_, name_;
};

/// How often something took how long.
struct Histogram {
  static constexpr std::array<double, 12> kBounds{0.01, 0.05, 0.1, 0.5, 1,    5,
                                                  15,   60,   300, 900, 3600, 14400};
  std::array<uint64_t, kBounds.size() + 1> counts{};
  double sum = 0;

  void add(double seconds);
  void put(MetricsText& text, const MetricsText::Labels& labels) const;
};

/// What is counted while a server lives. Safe from any thread.
class Metrics {
 public:
  void told(const server::Told& told);
  void happened(const std::string& project, const observe::Event& event);
  void answered(const std::string& method, int status, double seconds);
  /// Every family with its help.
  void put(MetricsText& text) const;

 private:
  using Key = std::vector<std::string>;  ///< values of labels
  using Counts = std::map<Key, double>;
  using Histograms = std::map<Key, Histogram>;

  mutable std::mutex mutex_;
  Counts runs_, tasks_, retries_, rows_, rejected_, checks_, fires_, late_;
  Counts cpu_, read_, written_, breakers_, answers_;
  Histograms run_seconds_, task_seconds_, delays_;
  std::map<std::string, std::pair<std::string, size_t>> going_;  ///< run → project, tasks at work
  Histogram answer_seconds_;
};

}  // namespace windrow::api
