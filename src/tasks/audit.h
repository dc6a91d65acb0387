#pragma once

#include <string>

#include "tasks/context.h"

namespace windrow::tasks {

/// Looks at the table as it would be after `staged`. Fills the report's checks, score and warnings;
/// where a blocking check fails the staged files are removed and an Error(data) tells all that
/// failed.
void audit(const Context& context, const std::string& asset,
           const std::vector<project::ColumnDeclaration>& columns,
           const std::vector<project::Check>& checks, bool contract, engine::Session& session,
           const lake::Staged& staged, Report& report);

/// Commits what was staged with its record; the outcome is a version, or nothing where another run
/// was faster and it has to be planned again. Files of a commit that did not come about are
/// removed.
std::optional<int64_t> commit(const Context& context, const std::string& asset,
                              lake::CommitRequest request,
                              const std::vector<std::string>& written_paths);

/// What the table of an asset is made with.
lake::NewTable new_table(const Context& context, const std::string& asset,
                         const std::string& description);
engine::Target target_of(const Context& context, const std::string& asset,
                         const std::vector<std::string>& partition_by);
/// The record of a commit without what differs by kind.
lake::Provenance record_of(const Context& context, const std::string& asset,
                           const std::string& kind);

}  // namespace windrow::tasks
