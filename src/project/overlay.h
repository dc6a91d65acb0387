#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secrets.h"

namespace windrow::project {

struct Kinds;
struct LoadOptions;
struct Project;

/// What stands over the files of a project, by their paths in it (`models/silver/movies.sql`):
/// texts that an editor holds and nobody has saved, also of files that are not there yet; nothing
/// for a file that is to be passed over.
using Overlay = std::map<std::string, std::optional<std::string>>;

/// `load` of the project as it would be.
Project load(const LoadOptions& options, const Kinds& kinds, Secrets& secrets, Problems& problems,
             const Overlay& overlay);

/// `project`, `source`, `model`, `seed`, `publish`, `task`, `test` or `schedule`: the kind of file
/// (`shape_of`) that lies under this path of a project. Nothing where the path is not one that is
/// read, or is of data.
std::optional<std::string> kind_of_path(std::string_view path);

}  // namespace windrow::project
