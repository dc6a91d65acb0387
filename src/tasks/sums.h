#pragma once

#include <string>
#include <variant>
#include <vector>

#include "incremental/incremental.h"
#include "lake/rewrite.h"

namespace windrow::tasks {

struct BuiltWhole;
struct Context;
struct Increment;

/// Sums of groups that are kept beside a table (incremental::State): tables of their own below its
/// `_windrow/`, which nobody but its next build reads. The record of a table's commit names their
/// versions, so that sums of another build are never taken for its own: they are committed before
/// it, and whatever is killed in between leaves sums that no record names.
struct KeptSums {
  std::string folder;  ///< name of its own, below the table's
  std::string table_id;
  int64_t version = -1;
  std::string meaning;  ///< hash of what they are sums of: which groups are kept follows from what
                        ///< has changed
};

/// What a record names; nothing where it names none.
std::vector<KeptSums> kept_sums(const lake::Provenance& record);
/// Whether the sums are there as they were named, and are those of the states.
bool all_there(storage::FileSystem& files, const std::string& table_path,
               const std::vector<KeptSums>& sums, const std::vector<incremental::State>& states);

/// Sums that are staged, in the order of the states.
struct StagedSums {
  std::string folder, meaning;
  lake::Staged staged;
};

/// Stages the result and its sums from the inputs as they are now.
lake::Staged stage_with_sums(const lake::StageContext& at, const incremental::ByState& how,
                             const Parameters& parameters, std::vector<StagedSums>& sums);
/// Stages what follows from the changes, over the sums of the table's last build.
std::variant<lake::Staged, BuiltWhole> stage_by_state(const lake::StageContext& at,
                                                      const Increment& increment,
                                                      const Parameters& parameters,
                                                      std::vector<StagedSums>& sums);
/// Commits them, and gives what the record has to say of them. Error(conflict) where another run
/// was faster.
std::string commit_sums(const Context& context, const std::string& asset,
                        std::vector<StagedSums> sums);
void discard_sums(storage::FileSystem& files, const std::vector<StagedSums>& sums) noexcept;
/// Removes what no later build can use: sums of former builds, files of former versions. What
/// cannot be removed is left to the next time.
void clean_sums(const Context& context, const std::string& asset,
                const lake::Provenance& record) noexcept;

}  // namespace windrow::tasks
