#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "project/overlay.h"

/// A project's files as they were at one moment, for runs that go on with what they began with
/// (docs/adr/022-a-server-that-fires-once.md).
namespace windrow::app {

/// Immutable.
struct ProjectVersion {
  std::string hash;        ///< of paths and texts
  project::Overlay texts;  ///< seeds too, without their text: data is read when it is needed

  /// These and no others over what lies in `root` now.
  project::Overlay over(const std::string& root) const;
};

/// Of the project in `root`. Error where a file cannot be read.
std::shared_ptr<const ProjectVersion> version_now(const std::string& root);

/// Those that were kept, in a folder for the user's eyes alone. Safe for several processes.
class ProjectVersions {
 public:
  explicit ProjectVersions(std::string folder) : folder_(std::move(folder)) {}

  /// Durable when it returns; nothing to do where it is there.
  void keep(const ProjectVersion& version) const;
  /// Nothing where it is not there, or does not read as what its name says.
  std::shared_ptr<const ProjectVersion> find(const std::string& hash) const;
  /// Removes all but the `newest` that were kept, and those that are `needed`.
  void retain(size_t newest, const std::set<std::string>& needed) const;

 private:
  const std::string folder_;
};

}  // namespace windrow::app
