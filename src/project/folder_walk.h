#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace windrow::project {

/// What kind of asset a file of the project declares; by its folder, and its ending.
enum class FileKind {
  source,
  model,
  macro,
  seed,
  seed_declaration,
  publish,
  task,
  test,
  schedule,
  sensor,
  calendar
};

struct ProjectFile {
  FileKind kind;
  std::string path;  ///< relative to the project, with `/`
};

/// All files of a project's folders, ordered by path. Hidden files, editors' backups and the
/// folders in `skip` (absolute: lakes) are passed over; what has an ending that its folder does not
/// expect is told in `notices`.
std::vector<ProjectFile> walk_project(const std::string& root, const std::set<std::string>& skip,
                                      std::vector<Problem>& notices, Problems& problems);

/// The folders that a project is read from, absolute: its own, and all in which assets may lie.
std::vector<std::string> folders_of_project(const std::string& root);
/// False where a project reads the same as before though this entry of one of them has changed.
bool may_matter(const std::string& root, const std::string& folder, const std::string& name);
/// What the walk would take a file for, by its path in the project; nothing where it would pass it
/// over.
std::optional<FileKind> file_kind_of(std::string_view path);

}  // namespace windrow::project
