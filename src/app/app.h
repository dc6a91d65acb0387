#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/query.h"
#include "app/runs.h"
#include "app/views.h"
#include "app/why.h"
#include "app/workspace.h"
#include "base/cancel.h"
#include "base/interval.h"
#include "base/rows.h"
#include "base/secrets.h"
#include "base/time.h"
#include "duck/forward.h"
#include "history/history.h"
#include "observe/event.h"
#include "publish/store.h"
#include "quality/unit_test.h"
#include "sensors/seen.h"
#include "tasks/ingest.h"
#include "tasks/publication_preview.h"
#include "tasks/sample.h"

/// Composition: a project with its lake, engine and stores. The one place that knows every kind.
namespace windrow::app {

struct PlanOptions {
  std::string select;  ///< empty: everything
  std::string exclude;
  bool full_refresh = false;
  bool rebuild_sealed = false;
  std::optional<Time> start, end;
  bool rebuild = false;                 ///< backfill: also intervals that are up to date
  std::optional<tasks::Sample> sample;  ///< of what the deferred environment lends
  bool files = false;  ///< count the files that models would open: costs a look into each query
};

struct RunOptions {
  PlanOptions plan;
  int jobs = 0;  ///< 0: as many as cores
  bool fail_fast = false;
  std::string command;   ///< for the record, redacted
  std::string retry_of;  ///< run id, for `retry`
  std::string id;        ///< empty: a new one
  int priority = 0;      ///< added to that of every task
  std::string schedule;  ///< for the record: what it was begun for
  std::optional<Time> due;
  /// What a schedule's run is for: handed to tasks as ${start} and ${end}, and limits no model.
  std::optional<Interval> interval;
  /// More variables than those of the project's options, and files other than those it was last
  /// read from: then the run reads the project for itself.
  std::map<std::string, std::string> variables;
  std::shared_ptr<const ProjectVersion> version;
  /// A source that is read anew, all of it; nothing else runs. Empty: a run as planned.
  std::string reload;
  bool without_missing = false;  ///< of `reload`: also where files are gone, with their rows
  /// Tasks that asked for this run and for those that did, outermost first.
  std::vector<std::string> asked_by;
  /// Begins another run of this project; given by who begins this one.
  std::function<std::shared_ptr<Run>(const RunOptions&)> begin_here;
};

struct IngestOptions {
  std::string source;
  std::string id;  ///< of the run; empty: a new one
  tasks::IngestLimits limits;
  std::string command;       ///< for the record, redacted
  std::string metrics_file;  ///< in Prometheus' text format, written anew every second; empty: none
};

struct TryOptions {
  std::string place;   ///< a path, a glob or a URL, as a source would say it
  std::string name;    ///< of the source; empty: from the place
  std::string format;  ///< empty: by the ending
  bool fresh = false;  ///< Error(usage) where there is a source or file of the name already
};

struct EraseOptions {
  publish::KeyValues key;  ///< all of it must hold
  bool dry_run = false;
  bool purge = true;  ///< also the files of older versions
};

/// A project that is open, for one command or for as long as a server lives. May be asked from
/// several threads: each question and each run works with the workspace that it began with.
class App {
 public:
  /// Loads the project and builds its graph. The lake is looked at when it is needed, and made by
  /// the first run.
  static std::unique_ptr<App> open(const Options& options, Secrets& secrets, const Clock& clock);
  virtual ~App() = default;

  /// The project as its files were when they were last read.
  virtual std::shared_ptr<const Workspace> workspace() const = 0;
  /// Reads the files again. What goes on keeps what it began with. Throws one Error with all
  /// problems where they are broken: then the workspace stays.
  virtual void reload() = 0;
  /// The same, from these texts, after a look as close as that of `check`.
  virtual void reload(std::shared_ptr<const ProjectVersion> version) = 0;
  /// What happens in all runs of this project, for as long as the subscription lives.
  [[nodiscard]] virtual observe::Events::Subscription listen(observe::Listener listener) = 0;
  virtual Runs& runs() = 0;

  /// Everything static beyond loading and the graph: every SELECT binds, declared columns and types
  /// exist, checks, keys, interval columns, publications' columns. Throws one Error with all
  /// problems; gives notices.
  virtual std::vector<std::string> check() = 0;
  virtual PlanView plan(const PlanOptions& options, Cancel& cancel) = 0;
  /// Begins a run; `listener` is told what happens in it. Its outcome says what failed; what ends
  /// it before its first task its `wait` throws.
  virtual std::shared_ptr<Run> start(const RunOptions& options, observe::Listener listener) = 0;
  /// Begins to read a stream into its table, until a limit is reached or the run is canceled. Its
  /// `wait` throws what ends it; what it has committed stands.
  virtual std::shared_ptr<Run> ingest(const IngestOptions& options, observe::Listener listener) = 0;
  /// Takes the present definitions of the selected models as done, without a rebuild. Gives their
  /// names.
  virtual std::vector<std::string> accept(const std::string& select) = 0;
  virtual std::vector<quality::UnitTestResult> unit_tests(const std::string& select) = 0;
  /// SQL over the lake.
  virtual std::unique_ptr<Query> query(const QueryOptions& options) = 0;
  /// What a SELECT in such a connection would open. Throws SqlError where it does not bind.
  virtual std::vector<FilesOf> files_read(duck::Connection& connection, const std::string& select,
                                          const Parameters& parameters = {}) = 0;
  /// Which versions changed a table, or some of its rows, and what they were built from.
  /// Error(usage, not_found) where there is no such table, column or version.
  virtual WhyTable why(const WhyOptions& options, Cancel& cancel) = 0;
  /// How tables of the lake are now, in the same order.
  virtual std::vector<TableNow> look_at(const std::vector<std::string>& tables) = 0;
  /// What a sensor sees now. Error where it cannot look.
  virtual sensors::Sight sense(const std::string& sensor, Cancel& cancel) = 0;
  virtual std::vector<AssetView> list(const std::string& select) = 0;
  /// Tables of the lake that nothing in the project makes any more.
  virtual std::vector<AssetView> orphans() = 0;
  virtual graph::Lineage lineage(
      const std::string& subject) = 0;  ///< empty, `table`, or `table.column`
  virtual std::vector<HealthLine> health(Cancel& cancel) = 0;
  /// Looks at files as a source of them would read them; nothing is kept.
  virtual TriedSource try_source(const TryOptions& options, Cancel& cancel) = 0;
  /// What the selected publications would do, view by view.
  virtual std::vector<tasks::PublicationPreview> preview_publications(const std::string& select,
                                                                      Cancel& cancel) = 0;
  /// Brings back the former batch of the named publications, or of single views of them
  /// (`NAME/TABLE`).
  virtual std::vector<publish::Manifest> roll_back(const std::vector<std::string>& names,
                                                   Cancel& cancel) = 0;
  /// Removes rows that are older than the retention of their table's layer, in tables that the
  /// selector chooses. A problem of one table does not hold back the others.
  virtual std::vector<RetainedTable> retain(const std::string& select, bool dry_run,
                                            Cancel& cancel) = 0;
  /// Removes the rows with a key from every table of the lake that has its columns, from records
  /// that were set aside, from every store that something is published to, and from the samples of
  /// checks. May be repeated: what is gone already is found nowhere. A problem of one place does
  /// not hold back the others.
  virtual ErasureReceipt erase(const EraseOptions& options, Cancel& cancel) = 0;
  /// The rules of all tables whose layer has some, written to the bucket unless `dry_run`.
  virtual std::vector<LifecycleLine> lifecycle(bool dry_run) = 0;
  virtual std::vector<EnvironmentView> environments(Cancel& cancel) = 0;
  /// Removes the lake of the chosen environment with all its tables; killed anywhere it goes on
  /// when it is asked for again. `force`: also where it publishes, or another environment has the
  /// same lake.
  virtual DroppedEnvironment drop_environment(bool dry_run, bool force, Cancel& cancel) = 0;
  virtual std::shared_ptr<history::History> history() = 0;
};

}  // namespace windrow::app
