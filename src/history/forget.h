#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace windrow::history {

/// Takes rows with these values (column → text) out of the samples of checks, and the values out of
/// the texts about them, so that the history's file at `path` does not hold them. Gives how many
/// rows and texts that were; `dry_run` only counts. Nothing where there is no file.
int64_t forget(const std::string& path, const std::vector<std::pair<std::string, std::string>>& key,
               bool dry_run);

}  // namespace windrow::history
