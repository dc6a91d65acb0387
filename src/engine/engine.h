#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/progress.h"
#include "base/usage.h"
#include "lake/row_work.h"

/// An engine gives rows to stage and check. It never commits.
namespace windrow::engine {

/// A table as a SELECT sees it: `silver.movies` and its rows at the pinned version.
struct Input {
  std::string name;
  lake::Relation rows;
};

/// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// The pinned world of one task: inputs are there under their names. `cancel` interrupts what
  /// runs, `progress` is told how far it is, `meter`, where there is one, what it uses.
  virtual std::unique_ptr<lake::RowWork> open(const std::vector<Input>& inputs, Cancel& cancel,
                                              const ProgressSink& progress, Meter* meter) = 0;
  /// What SQL it speaks, for the record of a commit: `duckdb 1.5.5`.
  virtual std::string dialect() const = 0;
};

}  // namespace windrow::engine
