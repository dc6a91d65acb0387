#pragma once

#include "plan/batches.h"
#include "tasks/context.h"

/// How the stale intervals of a model are built: by which commits, and by which SELECTs.
namespace windrow::tasks {

/// What the statistics of its inputs' files say of a model by intervals.
struct Occupied {
  /// No row of an input belongs to another one; nothing where an input is read whole, or its files
  /// do not say.
  std::optional<IntervalSet> intervals;
  bool known = false;         ///< what follows, of the inputs that are read by intervals
  std::optional<Time> first;  ///< the first interval with a row; nothing: there is none
  int64_t files = 0, rows = 0, bytes = 0;  ///< of the files that may hold rows of `stale`
};
Occupied occupied(const plan::Model& facts, Tables& tables, const IntervalSet& stale,
                  duck::Database& database);

struct IntervalBatches {
  plan::Batches batches;
  Grain grain;
  /// The rows that one SELECT yields for several intervals show which of them they were asked for
  /// by. Where they do not, or an operator looks at more than one row, every interval has a SELECT
  /// of its own.
  bool together = false;
  std::optional<IntervalSet> occupied;  ///< others certainly yield no row

  /// What is asked for to build a batch: one SELECT each.
  std::vector<Interval> selects(const Interval& batch) const;
};
IntervalBatches interval_batches(const plan::Model& facts, const project::Model& model,
                                 const graph::Graph& graph, const IntervalSet& stale,
                                 const Occupied& rows, duck::Database& database);

}  // namespace windrow::tasks
