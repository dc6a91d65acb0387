#pragma once

#include <map>
#include <memory>
#include <string>

namespace windrow::run {
class Resources;
}

namespace windrow::app {

struct ProjectVersion;

/// How a project is opened.
struct Options {
  std::string folder = ".";
  std::string environment = "dev";
  std::string defer;  ///< environment that lacking tables are read from; empty: none
  std::map<std::string, std::string> variables;  ///< --var
  std::map<std::string, std::string> process_environment;
  /// The texts of its files; nothing: those on disk.
  std::shared_ptr<const ProjectVersion> version;
  /// What tasks share, of all projects of a process; nothing: of this one alone.
  std::shared_ptr<run::Resources> resources;
};

}  // namespace windrow::app
