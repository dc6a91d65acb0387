#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"

/// Believable data for demos, tests and benchmarks: skewed, with the faults of real data. The same
/// options give the same bytes on every machine.
namespace windrow::sources {

struct GeneratorOptions {
  uint64_t seed = 1;
  Time begin;                 ///< of the first event; later ones follow in time
  double stretch = 1;         ///< of the time between records: 2 ms on average without it
  double duplicates = 0.005;  ///< shares of records: sent again some hundred records later,
  double late = 0.01;         ///< with a time of up to hours ago,
  double broken = 0.001;      ///< cut off or otherwise unreadable
};

struct Generated {
  std::string key, value;
};

/// One record after another; without an end.
class Generator {
 public:
  virtual ~Generator() = default;
  /// Overwrites `out`, so that its memory is used again.
  virtual void next(Generated& out) = 0;
};

/// `wikipedia`: edits as the public recent-changes stream has them, `id` counting up from 0.
/// `league`: matches with 10, 8 or 16 participants. `bank`: card payments, some of them frauds.
/// Error(usage) names the kinds there are.
std::unique_ptr<Generator> generator(const std::string& kind, const GeneratorOptions& options);

/// `stretch` with which the times of so many records reach about so far.
double stretch_of(std::chrono::microseconds span, int64_t rows);

}  // namespace windrow::sources
