#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "history/history.h"

namespace windrow::app {

/// Of a run that has ended: what failed, was skipped or stopped, in the order of a run; `after`:
/// with what comes after it and was in the run too. Error(usage) where not all of the run is known.
std::vector<std::string> assets_to_retry(const graph::Graph& graph, const history::History& history,
                                         const history::Run& run, bool after);

}  // namespace windrow::app
