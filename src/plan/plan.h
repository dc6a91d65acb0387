#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "lake/changes.h"
#include "lake/provenance.h"
#include "project/model.h"

/// Which assets are stale, for which intervals, and why. Pure: what the lake says comes in through
/// `World`, the time as an argument.
namespace windrow::plan {

/// How a model reads one input.
struct InputUse {
  std::string name;
  std::string
      expression;  ///< over the input's columns, compared with $start and $end; empty: read whole
  project::Duration before{}, after{};
  bool lookup = false;    ///< its changes make nothing stale
  bool new_rows = false;  ///< bound to the rows added since the recorded version
  std::string former;     ///< its name before, under which it may be recorded
};

/// A model as planning sees it.
struct Model {
  std::string name;
  project::BuildKind kind = project::BuildKind::table;
  std::string definition;        ///< fingerprint
  std::vector<InputUse> inputs;  ///< of tables; views are already replaced by what they read
  std::optional<Grain> grain;    ///< interval builds
  Time begin;                    ///< interval builds
  std::optional<Time> end;       ///< interval builds
  project::Duration wait{};
  bool by_run_time = false;  ///< declares $run_time: due whenever it is run
  std::map<std::string, project::Duration> retention;  ///< of inputs' layers, where they have one
};

/// What the lake says.
class World {
 public:
  virtual ~World() = default;
  virtual bool exists(const std::string& table) = 0;
  /// In this environment's own lake: what another one lends with --defer is read, but not built.
  virtual bool own(const std::string& table) = 0;
  /// What a build from this table is a sample of: the part of its rows that is read (`1%`), or what
  /// its own record says; empty: it has all rows.
  virtual std::string sample(const std::string& /*table*/) { return {}; }
  /// The version this plan reads: pinned at the first call, the same ever after.
  virtual lake::InputVersion version(const std::string& table) = 0;
  /// Of the asset's own table; not pinned.
  virtual lake::ProvenanceState provenance(const std::string& table) = 0;
  virtual lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to,
                                         const std::string& expression, const Grain& grain) = 0;
  /// For inputs that are read whole: files added or removed by data-changing commits in between,
  /// and whether rows were removed or changed.
  virtual lake::ChangedIntervals changes(const std::string& table, int64_t from, int64_t to) = 0;
  /// Rows that retention has taken out of an input in the versions (from, to]; nothing: none.
  virtual std::optional<int64_t> taken_by_retention(const std::string& table, int64_t from,
                                                    int64_t to) = 0;
  /// True where the text kept under `recorded` means what the model means now (after an upgrade of
  /// the engine).
  virtual bool same_meaning(const std::string& model, const lake::Provenance& recorded) = 0;
};

struct Choices {
  Time now;
  bool full_refresh = false;
  bool rebuild_sealed = false;
  std::optional<Time> start,
      end;               ///< only intervals inside; with `rebuild` also those that are up to date
  bool rebuild = false;  ///< backfill
};

struct Reason {
  std::string
      text;  ///< `new`, `definition changed`, `input silver.movies 41 → 42: 3 files, 2 intervals`
  IntervalSet intervals;  ///< interval builds
};

/// What is to be done for one model.
struct Assessment {
  bool stale = false;
  std::vector<Reason> reasons;
  IntervalSet intervals;  ///< interval builds: what to build now, whole grains
  IntervalSet sealed;     ///< stale, but inputs lie beyond their retention
  IntervalSet outside;    ///< stale, but outside of --start/--end: stays stale
  IntervalSet
      complete;  ///< interval builds: what is up to date and stays so (goes into the record)
  bool from_scratch =
      false;  ///< the table's rows are all rebuilt: new, definition changed, full refresh
  lake::InputVersions inputs;  ///< pinned
  std::string sample;          ///< of its inputs' rows (goes into the record); empty: all of them
  /// append and merge: the recorded version of the new_rows input to start from; nothing: all rows
  /// are new.
  std::optional<int64_t> new_rows_from;
  bool rows_removed = false;  ///< the new_rows input lost or changed rows: merge recomputes keys
  std::optional<Problem>
      problem;  ///< it cannot be built: history lost, an append whose input changed rows, rows
                ///< that retention has taken from its input and that a rebuild would lose
};

/// From the model's begin to the last interval that is due; of a model by intervals.
Interval expected(const Model& model, Time now);

Assessment assess(const Model& model, World& world, const Choices& choices);

/// How the record of a commit follows from the assessment it was built by and the record that is
/// there when it is committed (which another run may have written in between): nothing where it
/// must be planned again.
std::optional<lake::Provenance> next_record(const lake::Provenance& mine, const Assessment& basis,
                                            const std::optional<lake::Provenance>& planned_on,
                                            const std::optional<lake::Provenance>& now_there);

}  // namespace windrow::plan
