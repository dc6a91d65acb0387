#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/workspace.h"
#include "base/interval.h"

namespace windrow::app {

/// A model's SELECT as it is run: macros expanded, values of variables filled in.
struct Compiled {
  std::string model;
  std::string build;                    ///< `interval`, …
  std::string sql;                      ///< in the layout of its file
  std::vector<std::string> parameters;  ///< that a run fills in: `start`, `end`, `run_time`
  std::vector<std::string> inputs;      ///< tables as it names them
  std::string new_rows;  ///< of these the one that is bound to its new rows alone; empty: none
  std::string through;   ///< the operator that the rows go through; empty: none
  std::vector<std::string> macros;  ///< that were expanded
};

/// With `interval` as the values of $start and $end; of a model that is built by intervals alone.
/// Error(usage) where `name` is no model.
Compiled compiled(const Workspace& workspace, const std::string& name,
                  const std::optional<Interval>& interval);

}  // namespace windrow::app
