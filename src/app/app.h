#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/query.h"
#include "base/cancel.h"
#include "base/progress.h"
#include "base/time.h"
#include "duck/duck.h"
#include "graph/graph.h"
#include "history/history.h"
#include "lake/lake.h"
#include "project/project.h"
#include "publish/store.h"
#include "quality/unit_test.h"
#include "tasks/ingest.h"
#include "tasks/publication_preview.h"

/// Composition: a project with its lake, engine and stores, opened once per command. The one place
/// that knows every kind.
namespace windrow::app {

struct Options {
  std::string folder = ".";
  std::string environment = "dev";
  std::string defer;  ///< environment that lacking tables are read from; empty: none
  std::map<std::string, std::string> variables;  ///< --var
  std::map<std::string, std::string> process_environment;
};

/// How many of a table's files a SELECT would open; the others are ruled out by their statistics.
struct FilesOf {
  std::string table;
  size_t read = 0, there = 0;
};

/// One line of a plan, ready to be shown.
struct PlannedStep {
  std::string asset;
  std::string kind;     ///< source, seed, table, interval, append, merge, scd2, view, publication
  bool certain = true;  ///< false: only if what it reads changes in this run
  std::vector<std::string> reasons;
  std::string former;  ///< the name under which its table still lies; the first reason says so
  std::vector<Interval> intervals;  ///< contiguous, coalesced; empty for whole tables
  size_t interval_count = 0;        ///< in grains
  size_t sealed_count = 0, outside_count = 0;
  std::vector<Interval> sealed;
  std::string grain;
  std::map<std::string, int64_t> inputs;  ///< pinned versions
  std::vector<FilesOf> files;             ///< of inputs that are in the lake, where asked for
  std::optional<Problem> problem;
};
struct PlanView {
  std::vector<PlannedStep> steps;  ///< stale or possibly stale, in the order of the run
  size_t up_to_date = 0;
  std::vector<std::string> notices;
};

struct PlanOptions {
  std::string select;  ///< empty: everything
  std::string exclude;
  bool full_refresh = false;
  bool rebuild_sealed = false;
  std::optional<Time> start, end;
  bool rebuild = false;  ///< backfill: also intervals that are up to date
  bool files = false;    ///< count the files that models would open: costs a look into each query
};

struct RunOptions {
  PlanOptions plan;
  int jobs = 0;  ///< 0: as many as cores
  bool fail_fast = false;
  std::string command;   ///< for the record, redacted
  std::string retry_of;  ///< run id, for `retry`
  /// A source that is read anew, all of it; nothing else runs. Empty: a run as planned.
  std::string reload;
  bool without_missing = false;  ///< of `reload`: also where files are gone, with their rows
};

/// What a run tells while it goes on; called from several threads, one call at a time.
struct RunEvents {
  std::function<void(const std::string& run, size_t tasks)> started;
  std::function<void(const std::string& asset)> task_started;
  std::function<void(const Progress&)> progress;
  std::function<void(const std::string& asset, int attempt, const Problem&,
                     std::chrono::microseconds wait)>
      retrying;
  std::function<void(const struct TaskOutcome&)> task_finished;
};

struct TaskOutcome {
  std::string asset, kind;
  std::string status;       ///< done, up to date, failed, skipped, canceled
  int64_t rows = -1;        ///< written
  int64_t table_rows = -1;  ///< of the table afterwards, where known
  int64_t version = -1;     ///< committed
  size_t intervals = 0;
  std::chrono::microseconds elapsed{};
  std::optional<double> quality_score;
  int64_t rejected = 0;               ///< rows that could not be read
  std::vector<std::string> warnings;  ///< checks of severity warn that failed, rejected rows
  std::optional<Problem> problem;
  std::string caused_by;  ///< skipped: the asset that failed
};
struct RunResult {
  std::string run;
  std::string status;                 ///< done, failed, canceled
  std::vector<TaskOutcome> tasks;     ///< in the order of the plan
  std::vector<std::string> warnings;  ///< of the run itself, such as records that were lost
  std::chrono::microseconds elapsed{};
};

struct IngestOptions {
  std::string source;
  tasks::IngestLimits limits;
  std::string command;       ///< for the record, redacted
  std::string metrics_file;  ///< in Prometheus' text format, written anew every second; empty: none
};
struct IngestResult {
  std::string run;
  tasks::IngestStatus status;
  std::vector<std::string> warnings;
  std::chrono::microseconds elapsed{};
};

struct AssetView {
  std::string name, kind, file, layer, description;
  std::vector<std::string> tags;
  std::optional<int64_t> version;
  std::optional<int64_t> rows, bytes, files;
  std::optional<Time> updated;
};

struct HealthLine {
  std::string what;  ///< `project`, `lake`, `table silver.movies`, `connection serving`, `disk`
  bool ok = true;
  std::string finding, hint;
};

/// A rule by which S3 moves or removes a table's files, in days since they were written.
struct LifecycleLine {
  std::string table, prefix;
  std::optional<int> infrequent, archive, remove;
};

/// What the retention of its layer did to a table.
struct RetainedTable {
  std::string table;
  std::chrono::microseconds retention{};
  bool undated = false;           ///< nothing says how old its rows are, so all of them stay
  std::string by;                 ///< the column, or `partitions`
  std::optional<Time> keep_from;  ///< rows before it are gone
  int64_t rows = 0, files_removed = 0, files_rewritten = 0;
  int64_t bytes = 0;     ///< of the replaced files, freed by vacuum
  int64_t version = -1;  ///< committed; -1: nothing was too old
  std::optional<Problem> problem;
};

struct EraseOptions {
  publish::KeyValues key;  ///< all of it must hold
  bool dry_run = false;
  bool purge = true;  ///< also the files of older versions
};
/// A place that was looked into for rows with a key, and what became of it.
struct ErasedPlace {
  std::string kind;      ///< `table`, `store` or `history`
  std::string name;      ///< `silver.orders`; of a store `CONNECTION: TABLE`
  std::string how;       ///< `columns`, or `text` where a record is only known as it came
  int64_t rows = 0;      ///< removed, or found where nothing was to be changed
  int64_t files = 0;     ///< of the lake, that were removed or written anew
  int64_t purged = 0;    ///< files of older versions that held the rows
  int64_t version = -1;  ///< of the table afterwards
  std::optional<Problem> problem;
};
struct ErasureReceipt {
  std::vector<ErasedPlace> places;
  std::vector<std::string>
      passed_over;  ///< with the reason: tables without the columns, deliveries
};

class App {
 public:
  /// Loads the project and builds its graph. The lake is looked at when it is needed, and made by
  /// the first run.
  static std::unique_ptr<App> open(const Options& options, Secrets& secrets, const Clock& clock,
                                   Cancel& cancel);
  virtual ~App() = default;

  virtual const project::Project& project() const = 0;
  virtual const project::Environment& environment() const = 0;
  virtual const graph::Graph& graph() const = 0;
  virtual lake::Lake& lake() = 0;
  virtual storage::FileSystem& files() = 0;

  /// Everything static beyond loading and the graph: every SELECT binds, declared columns and types
  /// exist, checks, keys, interval columns, publications' columns. Throws one Error with all
  /// problems; gives notices.
  virtual std::vector<std::string> check() = 0;
  virtual PlanView plan(const PlanOptions& options) = 0;
  virtual RunResult run(const RunOptions& options, const RunEvents& events) = 0;
  /// Reads a stream into its table until a limit is reached or somebody asks to stop. Throws what
  /// ends it; what it has committed stands.
  virtual IngestResult ingest(const IngestOptions& options, const tasks::IngestSink& sink) = 0;
  /// Takes the present definitions of the selected models as done, without a rebuild. Gives their
  /// names.
  virtual std::vector<std::string> accept(const std::string& select) = 0;
  virtual std::vector<quality::UnitTestResult> unit_tests(const std::string& select) = 0;
  /// SQL over the lake. Lives no longer than the app.
  virtual std::unique_ptr<Query> query(const QueryOptions& options) = 0;
  /// What a SELECT in such a connection would open. Throws SqlError where it does not bind.
  virtual std::vector<FilesOf> files_read(duck::Connection& connection, const std::string& select,
                                          const duck::Parameters& parameters = {}) = 0;
  virtual std::vector<AssetView> list(const std::string& select) = 0;
  /// Tables of the lake that nothing in the project makes any more.
  virtual std::vector<AssetView> orphans() = 0;
  virtual graph::Lineage lineage(
      const std::string& subject) = 0;  ///< empty, `table`, or `table.column`
  virtual std::vector<HealthLine> health() = 0;
  /// What the selected publications would do, view by view.
  virtual std::vector<tasks::PublicationPreview> preview_publications(
      const std::string& select) = 0;
  /// Brings back the former batch of the named publications, or of single views of them
  /// (`NAME/TABLE`).
  virtual std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names) = 0;
  /// Removes rows that are older than the retention of their table's layer, in tables that the
  /// selector chooses. A problem of one table does not hold back the others.
  virtual std::vector<RetainedTable> retain(const std::string& select, bool dry_run) = 0;
  /// Removes the rows with a key from every table of the lake that has its columns, from records
  /// that were set aside, from every store that something is published to, and from the samples of
  /// checks. May be repeated: what is gone already is found nowhere. A problem of one place does
  /// not hold back the others.
  virtual ErasureReceipt erase(const EraseOptions& options) = 0;
  /// The rules of all tables whose layer has some, written to the bucket unless `dry_run`.
  virtual std::vector<LifecycleLine> lifecycle(bool dry_run) = 0;
  /// Where the environment's lake is, or will be.
  virtual std::string lake_path() const = 0;
  virtual history::History& history() = 0;
};

}  // namespace windrow::app
