#pragma once

#include <set>
#include <thread>

#include "app/app.h"
#include "app/services.h"
#include "publish/store_kind.h"
#include "run/executor.h"
#include "tasks/context.h"

namespace windrow::app {

class RunRecord;

/// Private to app/: one question or one run, over several files by what it does. It works with the
/// workspace and the services of the moment in which it began, whatever becomes of them. One thread
/// at a time.
class Work {
 public:
  Work(std::shared_ptr<const Workspace> workspace, std::shared_ptr<Services> services,
       Cancel& cancel);

  /// Everything static beyond what loading and the graph have found.
  void look_closer(Problems& problems);
  std::vector<std::string> check();
  /// Columns of every table: those in the lake, else what the SELECTs yield over them. `unsure`:
  /// tables that may have more, as a source that they come from finds some in what it has not read
  /// yet.
  sql::Catalog catalog(Problems* problems, std::set<std::string>* unsure = nullptr);
  PlanView plan(const PlanOptions& options);
  RunResult run(const RunOptions& options, const std::string& id,
                const observe::Listener& listener);
  RunResult ingest(const IngestOptions& options, const std::string& id,
                   const observe::Listener& listener);
  std::vector<std::string> accept(const std::string& select);
  std::vector<quality::UnitTestResult> unit_tests(const std::string& select);
  std::vector<FilesOf> files_read(duck::Connection& connection, const std::string& select,
                                  const Parameters& parameters);
  std::vector<TableNow> look_at(const std::vector<std::string>& names);
  sensors::Sight sense(const std::string& sensor);
  std::vector<AssetView> list(const std::string& select);
  std::vector<AssetView> orphans();
  graph::Lineage lineage(const std::string& subject);
  std::vector<HealthLine> health();
  TriedSource try_source(const TryOptions& options);
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& select);
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names);
  std::vector<RetainedTable> retain(const std::string& select, bool dry_run);
  std::vector<LifecycleLine> lifecycle(bool dry_run);
  ErasureReceipt erase(const EraseOptions& options);
  std::vector<EnvironmentView> environments();
  DroppedEnvironment drop_environment(bool dry_run, bool force);
  WhyTable why(const WhyOptions& options);

 private:
  lake::Lake* lake_if_there() { return services_->lake_if_there(); }
  lake::Lake& lake() { return services_->lake(); }
  engine::DuckEngine& inside() { return services_->inside(); }
  std::optional<std::string> variable(const std::string& name) const {
    return services_->settings().variable(name);
  }
  void wait_for_lake(RunRecord& record);
  using HealthLook = std::function<void(const std::string&, const std::function<std::string()>&)>;
  void look_at_folders(const HealthLook& look);
  /// Connections and sources, all at once.
  void look_outside(std::vector<HealthLine>& out);
  std::string lake_health();
  std::string table_health(lake::Lake& lake, const std::string& name);
  /// What others on the way to it can do, in words; empty: nothing. Error(configuration) where the
  /// connection does not say what it needs.
  std::string connection_exposure(const project::Connection& connection) const;
  std::string lake_exposure() const;
  /// Of the project, and of what is not protected; what is wrong with a connection goes to
  /// `problems`.
  std::vector<std::string> notices(Problems& problems) const;
  publish::Surroundings surroundings() const { return {project_.root, *files_, clock_}; }
  std::string connection_health(const std::string& name, const project::Connection& connection);

  void erase_in_tables(const EraseOptions& options, ErasureReceipt& receipt);
  void erase_in_stores(const EraseOptions& options, ErasureReceipt& receipt);
  void erase_in_history(const EraseOptions& options, ErasureReceipt& receipt);

  /// Its place among the assets; Error(usage) with the nearest name.
  size_t source_named(const std::string& name) const;
  /// Where sources are among what is to be refreshed: it rebuilds what is made from them.
  std::optional<std::string> full_refresh_note(const PlanOptions& options,
                                               const std::set<size_t>& wanted) const;

  /// Assets that a selector chooses, less those of another.
  std::set<size_t> chosen(const std::string& select, const std::string& exclude);
  plan::Choices choices(const PlanOptions& options) const;
  std::unique_ptr<tasks::Tables> tables();
  /// Error(usage) where a table of the sample could be taken for a whole one.
  void begin_sample(const PlanOptions& options);
  /// Sources whose tables are lent to a run with a sample are not read by it.
  std::set<size_t> without_lent_sources(std::set<size_t> wanted, tasks::Tables& tables) const;
  /// What was read as a sample, in words.
  std::optional<std::string> sample_note(tasks::Tables& tables) const;
  /// Needs a lake.
  tasks::Context context(tasks::Tables& tables, const plan::Choices& choices,
                         const std::string& run);
  tasks::Context context(tasks::Tables& tables, const plan::Choices& choices,
                         const std::string& run, engine::DuckEngine& inside);
  /// Has all tables that a plan of these assets asks for looked at together.
  void look_at(tasks::Tables& tables, const std::set<size_t>& wanted) const;
  PlannedStep planned(const graph::Asset& asset, tasks::Tables& tables,
                      const plan::Choices& choices);
  std::vector<FilesOf> files_of_step(const project::Model& model, const PlannedStep& step,
                                     tasks::Tables& tables);
  std::optional<std::vector<Column>> columns_declared(const project::Seed& seed);
  /// A column that is missed is among those that may come, as it is called like none of these.
  static bool may_come(const Error& error, const sql::Catalog& inputs);
  void look_at_publication(const project::Publication& publication, const sql::Catalog& columns,
                           const std::set<std::string>& unsure, Problems& problems);
  /// Whether a seed's file is as it is declared.
  void look_at_seed(const project::Seed& seed, const sql::Catalog& columns, Problems& problems);
  /// Whether the SELECT of a published view binds.
  void look_at_view(const project::Publication& publication, const project::PublishedView& view,
                    const sql::Catalog& columns, const std::set<std::string>& unsure,
                    Problems& problems);
  /// Whether checks bind over the columns, and declared types have a home in a table.
  void look_at_promises(const std::string& asset,
                        const std::vector<project::ColumnDeclaration>& declared,
                        const std::vector<project::Check>& checks, const sql::Catalog& columns,
                        Problems& problems);

  const std::shared_ptr<const Workspace> workspace_;
  const std::shared_ptr<Services> services_;
  Cancel& cancel_;
  Secrets& secrets_;
  const Clock& clock_;
  storage::FileSystem* const files_;
  const project::Project& project_;
  const project::Environment& environment_;
  const graph::Graph& graph_;
  const std::shared_ptr<duck::Database> database_held_;
  duck::Database& database_;
  sql::Cache& sql_cache_;
  sources::Shared& shared_;
  std::optional<tasks::Sample> sample_;
  std::vector<std::jthread> looks_;  ///< of health; last, so that what they use outlives them
};

/// SQL over the lake.
std::unique_ptr<Query> open_query(std::shared_ptr<const Workspace> workspace,
                                  std::shared_ptr<Services> services, const QueryOptions& options);

}  // namespace windrow::app
