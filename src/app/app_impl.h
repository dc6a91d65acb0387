#pragma once

#include <thread>

#include "app/app.h"
#include "observe/log.h"
#include "publish/store_kind.h"
#include "sources/shared.h"
#include "storage/file_system.h"
#include "tasks/context.h"

namespace windrow::app {

/// Bytes of memory that this machine has.
uint64_t machine_memory();

/// Private to app/: the App, over several files by what it does.
class AppImpl final : public App {
 public:
  AppImpl(const Options& options, Secrets& secrets, const Clock& clock, Cancel& cancel);

  const project::Project& project() const override { return project_; }
  const project::Environment& environment() const override { return environment_; }
  const graph::Graph& graph() const override { return graph_; }
  lake::Lake& lake() override;
  storage::FileSystem& files() override { return *files_; }
  history::History& history() override;

  std::vector<std::string> check() override;
  PlanView plan(const PlanOptions& options) override;
  RunResult run(const RunOptions& options, const RunEvents& events) override;
  IngestResult ingest(const IngestOptions& options, const tasks::IngestSink& sink) override;
  std::vector<std::string> accept(const std::string& select) override;
  std::vector<quality::UnitTestResult> unit_tests(const std::string& select) override;
  std::unique_ptr<Query> query(const QueryOptions& options) override;
  std::vector<FilesOf> files_read(duck::Connection& connection, const std::string& select,
                                  const duck::Parameters& parameters) override;
  std::vector<AssetView> list(const std::string& select) override;
  std::vector<AssetView> orphans() override;
  graph::Lineage lineage(const std::string& subject) override;
  std::vector<HealthLine> health() override;
  std::vector<tasks::PublicationPreview> preview_publications(const std::string& select) override;
  std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names) override;
  std::vector<RetainedTable> retain(const std::string& select, bool dry_run) override;
  std::vector<LifecycleLine> lifecycle(bool dry_run) override;
  ErasureReceipt erase(const EraseOptions& options) override;
  std::string lake_path() const override { return environment_.lake; }

 private:
  friend class RunRecord;

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

  void wait_for_lake(const tasks::IngestSink& sink);
  /// Its place among the assets; Error(usage) with the nearest name.
  size_t source_named(const std::string& name) const;
  /// Where sources are among what is to be refreshed: it rebuilds what is made from them.
  std::optional<std::string> full_refresh_note(const PlanOptions& options,
                                               const std::set<size_t>& wanted) const;
  /// Ends a run's record; what of it was lost becomes a warning.
  void end_record(const history::Run& entry, observe::Log& log, std::vector<std::string>& warnings);

  /// Of the process, else of the project's `.env`; for keys of storage.
  std::optional<std::string> variable(const std::string& name) const;
  /// The lake, where it was ever written to; a look never makes one.
  lake::Lake* lake_if_there();
  std::unique_ptr<lake::Lake> open_lake(const project::Environment& environment, bool create);
  /// For what is read, built and published; opened when it is needed.
  engine::DuckEngine& inside();
  /// `threads`: of the whole engine; 0: all cores.
  std::unique_ptr<engine::DuckEngine> open_inside(int threads) const;
  /// Assets that a selector chooses, less those of another.
  std::set<size_t> chosen(const std::string& select, const std::string& exclude);
  plan::Choices choices(const PlanOptions& options) const;
  std::unique_ptr<tasks::Tables> tables();
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
  /// Columns of every table: those in the lake, else what the SELECTs yield over them.
  sql::Catalog catalog(Problems* problems);
  /// Everything static beyond what loading and the graph have found.
  void look_closer(Problems& problems);
  void look_at_publication(const project::Publication& publication, const sql::Catalog& columns,
                           Problems& problems);
  /// Whether the SELECT of a published view binds.
  void look_at_view(const project::Publication& publication, const project::PublishedView& view,
                    const sql::Catalog& columns, Problems& problems);
  /// Whether checks bind over the columns, and declared types have a home in a table.
  void look_at_promises(const std::string& asset,
                        const std::vector<project::ColumnDeclaration>& declared,
                        const std::vector<project::Check>& checks, const sql::Catalog& columns,
                        Problems& problems);

  Options options_;
  Secrets& secrets_;
  const Clock& clock_;
  Cancel& cancel_;
  std::map<std::string, std::string> dotenv_;
  std::unique_ptr<storage::FileSystem> files_;
  Problems found_;  ///< wrong in the files
  project::Project project_;
  project::Environment environment_;
  duck::Database database_;
  sql::Cache sql_cache_;
  graph::Graph graph_;
  std::unique_ptr<lake::Lake> lake_, deferred_;
  std::unique_ptr<engine::DuckEngine> inside_;
  std::unique_ptr<history::History> history_;
  sources::Shared shared_;
  std::vector<std::jthread> looks_;  ///< of health; last, so that what they use outlives them
};

}  // namespace windrow::app
