#pragma once

#include <string>

#include "cli/session.h"
#include "storage/file_system.h"

namespace windrow::cli {

/// Private to cli/: the verbs of `table` that look after one (docs/cli.md). `path` is the table's
/// folder, which holds a table.
bool is_maintenance(const std::string& verb);
int maintain(Session& session, storage::FileSystem& files, const std::string& path);
/// `windrow table clone`: `from` holds a table.
int clone_table(Session& session, storage::FileSystem& files, const std::string& from,
                const std::string& to);

}  // namespace windrow::cli
