#pragma once

#include "app/options.h"
#include "graph/graph.h"
#include "project/project.h"

namespace windrow::app {

/// A project's files as one value: what was declared, its SELECTs, its graph. Immutable, and shared
/// by whatever works with it; an edit of the files makes another one.
struct Workspace {
  Options options;
  project::Project project;
  project::Environment environment;  ///< the chosen one
  graph::Graph graph;
};

}  // namespace windrow::app
