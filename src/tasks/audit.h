#pragma once

#include <map>
#include <string>
#include <vector>

#include "tasks/context.h"

namespace windrow::tasks {

/// What an asset's owner promised of its rows.
struct Promises {
  const std::string& asset;
  const std::vector<project::ColumnDeclaration>& columns;
  const std::vector<project::Check>& checks;
  bool contract = false;
};

/// Looks at the table as it would be after one commit. Fills the report's checks, score and
/// warnings. What it is given must outlive it.
class Audit {
 public:
  Audit(const Context& context, Promises promises, lake::RowWork& session, Report& report);

  /// Where a blocking check fails the staged files are removed and an Error(data) tells all that
  /// failed.
  void first(const lake::Staged& staged);
  /// For CommitRequest::rebase: the same once more over what others have committed since; what the
  /// first look put into the report is replaced. Files are left to the caller.
  void again(const std::vector<lake::Commit>& since, const lake::CommitRequest& request);

 private:
  void look(const lake::Relation& rows);
  /// Rows of the tables that checks compare with.
  std::map<std::string, lake::Relation> relations(const lake::Relation& rows) const;

  const Context& context_;
  const Promises promises_;
  lake::RowWork& session_;
  Report& report_;
  lake::Schema schema_;  // of the table after the commit
};

/// Commits what was staged with its record; the outcome is a version, or nothing where another run
/// was faster and it has to be planned again. Files of a commit that did not come about are
/// removed.
std::optional<int64_t> commit(const Context& context, const std::string& asset,
                              lake::CommitRequest request,
                              const std::vector<std::string>& written_paths);

/// What the table of an asset is made with.
lake::NewTable new_table(const Context& context, const std::string& asset,
                         const std::string& description);
/// Where the rows of an asset are staged, as its table is now.
lake::StageContext stage_at(const Context& context, lake::RowWork& session,
                            const std::string& asset, std::vector<std::string> partition_by = {},
                            const ProgressSink& progress = {});
/// The record of a commit without what differs by kind.
lake::Provenance record_of(const Context& context, const std::string& asset,
                           const std::string& kind);

}  // namespace windrow::tasks
