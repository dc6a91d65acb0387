#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/secrets.h"
#include "duck/duck.h"
#include "engine/duckdb/duckdb_engine.h"
#include "history/history.h"
#include "history/recorder.h"
#include "lake/lake.h"
#include "project/project.h"
#include "run/resources.h"
#include "sources/shared.h"
#include "sql/cache.h"
#include "storage/file_system.h"
#include "tasks/control/task_notes.h"

namespace windrow::app {

/// Bytes of memory that this machine has.
uint64_t machine_memory();

/// What a project works with for as long as it is open: its lake, engine, history. Each is
/// opened when it is needed first. Safe from any thread; whatever it gives lives as long as it.
class Services {
 public:
  /// What it was made for. A project whose files say something else here needs others.
  struct Settings {
    std::string project, state_folder, zone;
    project::Environment environment;
    std::optional<project::Environment> deferred;  ///< tables that are not there are read from it
    /// Of the process, else of the project's `.env`, none of them empty; for keys of storage.
    std::map<std::string, std::string> variables;

    std::optional<std::string> variable(const std::string& name) const;
    bool same_as(const Settings& other) const;
  };

  /// `resources`: nothing: its own.
  Services(Settings settings, Secrets& secrets, const Clock& clock,
           std::shared_ptr<run::Resources> resources);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  const Settings& settings() const { return settings_; }
  Secrets& secrets() { return secrets_; }
  const Clock& clock() const { return clock_; }
  storage::FileSystem& files() { return *files_; }
  /// For looks at metadata. Who works with it holds it.
  std::shared_ptr<duck::Database> database();
  /// Another one like it.
  std::shared_ptr<duck::Database> new_database();
  /// Nothing is asked for the time being: what an idle project need not keep goes, and is made
  /// again when it is needed.
  void rest();
  sql::Cache& sql_cache() { return sql_cache_; }
  sources::Shared& shared() { return shared_; }

  /// The lake, where it was ever written to; a look never makes one.
  lake::Lake* lake_if_there();
  lake::Lake& lake();
  /// The lake of the environment that lacking tables are read from; nothing where none was named.
  /// Error(not_found) where it was never written to.
  lake::Lake* deferred();
  /// For what is read, built and published.
  engine::DuckEngine& inside();
  /// One more. `threads`: of the whole engine; 0: all cores.
  std::unique_ptr<engine::DuckEngine> open_inside(int threads) const;
  history::History& history();
  /// What tasks of all runs share.
  run::Resources& resources() { return *resources_; }
  tasks::TaskNotes& task_notes() { return task_notes_; }
  /// Writes what happens in runs into the history.
  history::Recorder& recorder();

 private:
  std::unique_ptr<lake::Lake> open_lake(const project::Environment& environment, bool create);

  const Settings settings_;
  Secrets& secrets_;
  const Clock& clock_;
  const std::unique_ptr<storage::FileSystem> files_;
  sql::Cache sql_cache_;
  sources::Shared shared_;
  const std::shared_ptr<run::Resources> resources_;
  tasks::TaskNotes task_notes_;
  std::mutex database_mutex_, lake_mutex_, engine_mutex_, history_mutex_;
  std::shared_ptr<duck::Database> database_;
  std::unique_ptr<lake::Lake> lake_, deferred_;
  std::unique_ptr<engine::DuckEngine> inside_;
  std::unique_ptr<history::History> history_;
  std::optional<history::Recorder> recorder_;
};

}  // namespace windrow::app
