#pragma once

#include <map>
#include <string>

#include "base/secrets.h"
#include "graph/graph.h"
#include "project/project.h"

namespace windrow::app {

struct Options {
  std::string folder = ".";
  std::string environment = "dev";
  std::string defer;  ///< environment that lacking tables are read from; empty: none
  std::map<std::string, std::string> variables;  ///< --var
  std::map<std::string, std::string> process_environment;
};

/// A project's files as one value: what was declared, its SELECTs, its graph. Immutable, and shared
/// by whatever works with it; an edit of the files makes another one.
struct Workspace {
  Options options;
  project::Project project;
  project::Environment environment;  ///< the chosen one
  graph::Graph graph;
};

}  // namespace windrow::app
