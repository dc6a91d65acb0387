#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

/// Versions by the time they are of, and words for those that there are none of.
namespace windrow::lake {

class Table;

/// The last version whose commit time is not after `at`. Error(not_found) calls the table `name`
/// and says when its first version was committed; Error(history_lost) where it was there already
/// and the log no longer says which version it had.
int64_t version_at(const Table& table, Time at, const std::string& name);

}  // namespace windrow::lake
