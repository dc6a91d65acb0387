#pragma once

#include <chrono>
#include <optional>

#include "base/interval.h"

namespace windrow::plan {

/// Cuts stale intervals into batches, oldest first: each is one commit, so that a kill costs no
/// more than one of them. Intervals in which no input has a row count for nothing: years of them
/// are one batch with what lies beside them.
class Batches {
 public:
  struct Sizes {
    std::optional<int> most;              ///< intervals in a batch; nothing: from rows and times
    std::optional<IntervalSet> occupied;  ///< outside no input has a row; nothing: nobody knows
    std::optional<int64_t> rows;          ///< that are read for all of them
    int limit = 1'000'000;                ///< intervals in a batch, whatever else says
  };
  Batches(IntervalSet stale, const Grain& grain, Sizes sizes);

  /// Contiguous whole intervals; nothing where all were given.
  std::optional<Interval> next();
  /// How long the batch before took, for the size of the next ones.
  void took(std::chrono::microseconds elapsed);

  /// Of all intervals, those that were given.
  double share() const;
  /// Stale intervals in which some input may have a row.
  size_t occupied_count() const { return occupied_count_; }
  /// How many batches there are if each goes on being as large as the first.
  size_t count() const;

 private:
  Interval from(Time start) const;

  const Grain grain_;
  const IntervalSet stale_;
  IntervalSet occupied_;
  const bool fixed_;
  const int limit_;
  int most_;
  size_t occupied_count_ = 0;
  size_t part_ = 0;         ///< of `stale_`, that the next batch lies in
  std::optional<Time> at_;  ///< where it begins; nothing: with the part
};

}  // namespace windrow::plan
