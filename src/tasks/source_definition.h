#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sources/source_kind.h"
#include "tasks/context.h"

/// What of a source's file makes its rows what they are, and what becomes of the rows that were
/// read under another one.
namespace windrow::tasks {

/// Canonical JSON of the format, the columns with type and expression, partitions and whatever else
/// shapes rows: not where they come from, how often, or how many at a time.
std::string source_definition(const project::Source& source, const sources::SourceKind& kind);

/// What differs, in words, each with what it means for the rows that are there; empty where nothing
/// does. Both are texts of source_definition.
std::vector<std::string> definition_changes(const std::string& before, const std::string& now);

/// Changes since the table's last commit. Empty also where there is no table, or where it was made
/// by a version that kept no definition.
std::vector<std::string> changes_of_definition(const Context& context,
                                               const project::Source& source);

/// Keeps the definition's text in the lake and names it in the record of a commit.
void name_definition(const Context& context, const project::Source& source,
                     lake::Provenance& record);

/// Where the definition has changed and no rows came to be committed under it: a commit without
/// rows takes it, and the report says what it means. Nothing where another run was faster.
void take_definition(const Context& context, const project::Source& source, Report& report);

}  // namespace windrow::tasks
