#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/why.h"
#include "lake/commit_log.h"
#include "lake/lake.h"

/// Private to app/: what the record of one commit says beside that of the build before it.
namespace windrow::app {

/// The newest record before `version` from which the same rows were built: of a table by intervals
/// one that calls some of these intervals complete. Nothing: this is the first build of them.
std::optional<lake::Provenance> built_before(lake::CommitLog& log, int64_t version,
                                             const lake::Provenance& record);

/// What the log says of a version, without its rows. `lake`: where definitions are kept; may be
/// nothing.
WhyVersion told_of(lake::CommitLog& log, const lake::HistoryEntry& entry, const lake::Lake* lake);

}  // namespace windrow::app
