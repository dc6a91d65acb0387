#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "lake/actions.h"
#include "project/project.h"

/// A source brings data into a bronze table once, whole, and as it came.
namespace windrow::sources {

/// A part of the source that becomes one commit: its rows and, in the same commit, how far it has
/// been read.
struct Batch {
  std::string select;  ///< rows in the table's columns
  duck::Parameters parameters;
  std::vector<lake::Txn> txns;                               ///< progress, committed with the rows
  std::map<std::string, std::optional<int64_t>> expect_txn;  ///< the progress this batch begins at
  /// Rows that could not be read, as a SELECT with columns origin VARCHAR, position BIGINT, error
  /// VARCHAR, content VARCHAR; empty where the format cannot fail. They go to `<source>_rejected`,
  /// which is committed first.
  std::string rejected_select;
  std::string what;  ///< for the terminal and the log: `3 files, 1.4 MB`
};

/// What is there to read that the table does not have yet. Made anew for each run.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Looks at the outside world, not at rows: how much is waiting, in words; nothing where there is
  /// nothing new. `txns` is what the table's log says of progress.
  virtual std::optional<std::string> pending(const std::map<std::string, lake::Txn>& txns) = 0;
  /// The next batch after `txns`, or nothing. Runs SQL in `session` to look at the data.
  virtual std::optional<Batch> next(const std::map<std::string, lake::Txn>& txns,
                                    engine::Session& session) = 0;
};

/// Everything that a kind of source needs from outside.
struct Context {
  const project::Project& project;
  std::string project_root;
  Time now;  ///< `$extracted_at` in column expressions
};

/// The files kind: JSON arrays, JSON lines and CSV on local disk.
std::unique_ptr<Reader> files_reader(const project::Source& source, const Context& context);

}  // namespace windrow::sources
