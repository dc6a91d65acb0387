#pragma once

#include "tasks/context.h"

namespace windrow::tasks {

/// What it would take to build a model, as the logs of its inputs say.
struct Cost {
  int64_t files = 0, rows = 0, bytes = 0;  ///< that are read, the statistics' pruning counted
  size_t intervals = 0;                    ///< interval builds: in which an input may have a row
  size_t commits = 1;                      ///< roughly
  /// Interval builds: the first that has a row, where `empty_before` others come before it.
  std::optional<Interval> first;
  size_t empty_before = 0;
};
/// Nothing where the inputs do not say, or only what has been added to one of them is read.
std::optional<Cost> cost_of(const plan::Model& facts, const project::Model& model,
                            const graph::Graph& graph, const plan::Assessment& assessment,
                            Tables& tables, duck::Database& database);

}  // namespace windrow::tasks
