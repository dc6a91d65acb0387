#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/interval.h"
#include "base/time.h"
#include "base/usage.h"
#include "duck/forward.h"
#include "engine/duckdb/duckdb_engine.h"
#include "graph/graph.h"
#include "lake/lake.h"
#include "lake/rewrite.h"
#include "plan/plan.h"
#include "project/project.h"
#include "quality/check.h"
#include "tasks/publication_preview.h"
#include "tasks/tables.h"

namespace windrow::publish {
class Stores;
}  // namespace windrow::publish
namespace windrow::sources {
class Kinds;
struct Shared;
}  // namespace windrow::sources

namespace windrow::tasks {

/// What every task of a run works with. Outlives them all; shared by their threads.
struct Context {
  const project::Project& project;
  const project::Environment& environment;
  const graph::Graph& graph;
  lake::Lake& lake;
  storage::FileSystem& files;
  engine::Engine& engine;      ///< of the models
  engine::DuckEngine& inside;  ///< of what always runs in this process
  Tables& tables;
  duck::Database& database;  ///< for looking at metadata; the engine has its own
  const Clock& clock;
  plan::Choices choices;                    ///< `now` is the run's time, `$run_time`
  std::string run;                          ///< id
  sources::Shared* shared = nullptr;        ///< what all sources of the process share
  const publish::Stores* stores = nullptr;  ///< the kinds that publications may go to
  const sources::Kinds* sources = nullptr;  ///< the kinds of source
};

/// What a task did, for the terminal and the record.
struct Report {
  bool changed = false;
  int64_t rows = 0;  ///< rows written
  int64_t table_rows = -1;
  int64_t version = -1;  ///< the last one committed
  size_t intervals = 0;
  int64_t rejected = 0;  ///< records that could not be read
  std::vector<std::string> reasons;
  std::vector<std::string> warnings;
  /// Of the last look at the table, which is whole: what earlier commits of the task met and later
  /// ones mended is no news.
  std::vector<quality::CheckResult> checks;
  std::vector<std::string> check_warnings;
  std::optional<double> quality_score;
  Meter* meter = nullptr;  ///< told what the task uses; nothing: nobody asks
  /// Its window has closed: it stops after the next commit; nothing: it has none.
  const std::atomic<bool>* stop_at_commit = nullptr;
  /// Whether somebody of higher priority waits for what it has; nothing: it has no such places.
  std::function<bool()> gives_way;
  bool gave_way = false;     ///< it has stopped for that, and is called again with this report
  bool got_further = false;  ///< it has committed something since it was called
  IntervalSet built;         ///< by this task, of a model that is built by intervals

  /// Asked between two commits: it is to stop there, and goes on with the next run.
  bool window_closed() {
    if (!changed || !stop_at_commit || !*stop_at_commit) return false;
    warn("it stopped when its window closed, and goes on with the next run");
    return true;
  }
  /// Asked there as well, once it is known that there is more to do: it is to stop, and goes on
  /// when it is called again.
  bool has_to_give_way() {
    gave_way = got_further && gives_way && gives_way();
    return gave_way;
  }
  /// What many batches say is told once.
  void warn(std::string text) {
    if (std::find(warnings.begin(), warnings.end(), text) == warnings.end())
      warnings.push_back(std::move(text));
  }
};

/// Brings one asset up to date, from what the lake says now. Errors leave the lake as it was or
/// with whole commits.
void build_model(const Context& context, const project::Model& model, Cancel& cancel,
                 const ProgressSink& progress, Report& report);
void ingest_source(const Context& context, const project::Source& source, Cancel& cancel,
                   const ProgressSink& progress, Report& report);
/// Reads a source of files anew, all of it, under its present definition: one commit replaces every
/// row, or nothing happens. Error(not_found) where files that it was read from are gone, unless
/// `without_missing`: then their rows go.
void reload_source(const Context& context, const project::Source& source, bool without_missing,
                   Cancel& cancel, const ProgressSink& progress, Report& report);
void load_seed(const Context& context, const project::Seed& seed, Cancel& cancel,
               const ProgressSink& progress, Report& report);
void publish_views(const Context& context, const project::Publication& publication, Cancel& cancel,
                   const ProgressSink& progress, Report& report);

/// What waits to be done, in words, without doing it; nothing where the asset is up to date.
std::vector<std::string> pending_source(const Context& context, const project::Source& source);
std::optional<std::string> pending_seed(const Context& context, const project::Seed& seed);
std::vector<std::string> pending_publication(const Context& context,
                                             const project::Publication& publication);

std::vector<PublicationPreview> preview_publication(const Context& context,
                                                    const project::Publication& publication,
                                                    Cancel& cancel);

}  // namespace windrow::tasks
