#pragma once

#include <string>
#include <variant>
#include <vector>

#include "duck/forward.h"
#include "engine/engine.h"
#include "incremental/incremental.h"
#include "lake/rewrite.h"
#include "lake/row_delta.h"
#include "project/forward.h"
#include "tasks/sums.h"

namespace windrow::project {
struct Model;
}  // namespace windrow::project
namespace windrow::graph {
struct Graph;
}  // namespace windrow::graph
namespace windrow::plan {
struct Model;
struct Assessment;
struct Choices;
}  // namespace windrow::plan

namespace windrow::tasks {

class Tables;

/// How a model that is built as a whole table is brought up to date from what has changed in its
/// inputs, without building it whole.
struct Increment {
  struct Input {
    std::string name;                  ///< of the table
    std::vector<std::string> written;  ///< as SELECTs call it
    lake::RowDelta delta;
    std::shared_ptr<const lake::Snapshot> before;
  };
  std::variant<incremental::ByRow, incremental::ByKey, incremental::ByState> how;
  std::vector<KeptSums> sums;            ///< of the table's last build, where it follows from them
  std::vector<Input> inputs;             ///< that have changed
  bool always = false;                   ///< asked for by the user, however many rows have changed
  int64_t built_on = -1;                 ///< version of the model's own table that it follows from
  int64_t rows_came = 0, rows_went = 0;  ///< in these inputs; at most
  int64_t rows_read = 0, bytes_read = 0, files_read = 0;  ///< at most
  /// `by key (server): 120 rows came, 3 went`
  std::string text() const;
};
/// Why it is built whole: `it has a LIMIT`. Empty where nobody asked: it is new, its definition has
/// changed, it is built by intervals, ….
struct BuiltWhole {
  std::string reason;
  /// With sums, from which the next build follows.
  std::optional<incremental::ByState> sums = {};
};
std::variant<Increment, BuiltWhole> increment_of(
    const project::Project& project, const graph::Graph& graph, const project::Model& model,
    const plan::Model& facts, const plan::Assessment& assessment, const plan::Choices& choices,
    Tables& tables, duck::Database& database, storage::FileSystem& files);

/// What else a session needs so that stage_increment may work in it.
std::vector<engine::Input> inputs_before(const Increment& increment);

/// Stages the change over `at`. BuiltWhole where the rows show that the whole is needed or quicker.
std::variant<lake::Staged, BuiltWhole> stage_increment(const lake::StageContext& at,
                                                       const Increment& increment,
                                                       const Parameters& parameters);

}  // namespace windrow::tasks
