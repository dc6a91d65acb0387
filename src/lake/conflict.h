#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/table.h"

/// Which commits of others a commit may be rebased over. Pure: decides from values.
namespace windrow::lake {

/// What of `request.expect_txn` does not hold for these applications' versions; nothing where all
/// holds.
std::optional<std::string> broken_expectation(const CommitRequest& request,
                                              const std::map<std::string, Txn>& txns);

/// Why `request` cannot be put behind `other`, a commit later than its read version; nothing where
/// it can.
std::optional<std::string> conflict_with(const CommitRequest& request, const Commit& other);

}  // namespace windrow::lake
