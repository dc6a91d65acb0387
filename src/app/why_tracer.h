#pragma once

#include <map>
#include <memory>
#include <string>

#include "app/why.h"
#include "base/cancel.h"
#include "graph/graph.h"
#include "lake/commit_log.h"
#include "lake/row_history.h"
#include "project/project.h"
#include "tasks/tables.h"

/// Private to app/: follows changes of rows from a table to the tables that it was built from.
namespace windrow::app {

class WhyTracer {
 public:
  /// What it works with; all of it outlives it.
  struct World {
    const project::Project& project;
    const graph::Graph& graph;
    tasks::Tables& tables;
    const lake::Lake* lake;  ///< where definitions are kept; may be nothing
    storage::FileSystem& files;
    duck::Database& database;
    lake::DuckRows& session;
    Cancel& cancel;
    const WhyOptions& options;
  };
  /// Rows of one table: those with all of these values for which this SQL holds.
  struct Wanted {
    publish::KeyValues key;
    std::string where;
    bool all() const { return key.empty() && where.empty(); }
  };
  explicit WhyTracer(World world) : world_(world) {}

  /// Versions (after, to] of a table; where not all rows are wanted those that changed such rows,
  /// whose inputs are followed so many steps. Error(usage) where a column is not there, or a value
  /// is none of its type.
  WhyTable trace(const std::string& table, const Wanted& wanted, int64_t after, int64_t to,
                 int depth);
  lake::CommitLog& log_of(const std::string& table);

 private:
  std::string condition_of(const std::string& table, const Wanted& wanted);
  void list_versions(WhyTable& out, int64_t to);
  void find_rows(WhyTable& out, const Wanted& wanted, int64_t to, int depth);
  void follow(const std::string& table, const Wanted& wanted, const lake::Provenance& record,
              const WhyVersion& version, WhyInput& input, int depth);
  /// The rows of the input that may have made those of the version; all, and why, where nothing
  /// tells them apart.
  Wanted wanted_of(const std::string& table, const Wanted& wanted, const lake::Provenance& record,
                   const WhyVersion& version, const std::string& input, std::string& why_not);
  std::string in_intervals(const project::Model& model, const lake::Provenance& record,
                           const WhyVersion& version, const std::string& input);
  Wanted carried_to(const project::Model& model, const Wanted& wanted,
                    const lake::Provenance& record, const std::string& input, std::string& why_not);

  /// Output column → the column of a table in the lake that it is, views seen through.
  using Carried = std::map<std::string, sql::ColumnSource>;
  Carried carried(const sql::Parsed& select, int depth = 0);
  std::vector<Column> columns_of(const std::string& asset, int depth);

  World world_;
  std::map<std::string, std::unique_ptr<lake::CommitLog>> logs_;
};

}  // namespace windrow::app
