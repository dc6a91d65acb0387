#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/json.h"
#include "base/interval.h"
#include "history/backfills.h"
#include "plan/backfill.h"

/// Backfills: what was asked for, what of it is done, and what the history keeps of both.
namespace windrow::app {

struct BackfillRequest {
  enum class Only { missing, failed, all };
  Interval range;
  std::string select;               ///< as it was typed
  std::vector<std::string> assets;  ///< that it chose, in the order of a run
  plan::Backfill::Order order = plan::Backfill::Order::oldest;
  Only only = Only::missing;
  int max_active = 1;
  int jobs = 0;  ///< 0: as many as cores; in a server one
  bool fail_fast = false, rebuild_sealed = false;
  std::string sample, defer;
  std::map<std::string, std::string> variables;
  std::vector<std::string> withheld;  ///< variables whose values are secret, and not kept
  std::string command;                ///< for the record, redacted
};

struct BackfillState {
  history::Backfill record;
  BackfillRequest request;
  std::string zone;
  std::vector<plan::BackfillTable> tables;
  bool before_done = false;  ///< what the tables are made from was brought up to date
  bool first_done = false;   ///< every interval was given once: from now on only what is stale
  int64_t found = 0;         ///< intervals that are done and were not built by it
  int64_t retries = 0, runs = 0, rows = 0;
  std::chrono::microseconds worked{};

  struct Counts {
    int64_t total = 0, done = 0, failed = 0, left = 0;
  };
  Counts counts() const;
  static Counts counts(const plan::BackfillTable& table);
  /// By how long it took so far; nothing: nobody knows yet.
  std::optional<std::chrono::microseconds> time_left() const;
};

/// As the history keeps it; Error(corrupt) where that does not read.
BackfillState read_backfill(history::Backfill record);
/// `request`, `progress` and `failures` of the record say what the others say.
void write_backfill(BackfillState& state);
/// `docs/cli.md` has the shape. `state`: of it now, where that is another than the record's.
Json json_of(const BackfillState& backfill, const std::string& state);

/// What a request would build.
struct PlannedBackfill {
  std::vector<plan::BackfillTable> tables;  ///< those that have something to be built
  PlanView plan;                            ///< of the tables, with what it costs
  int64_t sealed = 0;                       ///< intervals that stay as they are
};
/// `request.assets` are those of `select` less those of `exclude`. Error(usage) where the range is
/// none or reaches into the future, where nothing that is chosen is built by intervals, and with
/// what keeps a table from being built.
PlannedBackfill plan_backfill(App& app, BackfillRequest& request, const std::string& exclude,
                              const std::vector<history::Backfill>& before, const Clock& clock,
                              Cancel& cancel);
/// The option of it that only the command which was given it can go by; empty: a server builds it.
std::string option_of_command(const BackfillRequest& request);
/// Error(conflict) where one that runs builds intervals of the same tables.
void refuse_overlap(const BackfillRequest& request, const std::string& id,
                    const std::vector<history::Backfill>& running);

/// One that begins, with an id of its own; not kept yet.
BackfillState new_backfill(const BackfillRequest& request, const PlannedBackfill& planned,
                           const std::string& name, const std::string& zone, Time now);
/// As `backfill` tells it where nothing would be built.
Json nothing_to_backfill(const BackfillRequest& request, Time now);
/// Error(usage) where a backfill cannot be called so; empty: it has no name.
void need_backfill_name(const std::string& name, const history::Backfills& store);

/// The chosen assets by when they are done: before all parts, in each, after all.
struct BackfillPhases {
  std::vector<std::string> before, during, after;
};
BackfillPhases phases_of(const Workspace& workspace, const std::vector<std::string>& assets);
/// Models by intervals among them.
std::vector<std::string> interval_models(const Workspace& workspace,
                                         const std::vector<std::string>& assets);
/// What is stale of these models in the range, as the lake is now.
PlanView stale_in_range(App& app, const BackfillRequest& request,
                        const std::vector<std::string>& models, bool rebuild, Cancel& cancel);

}  // namespace windrow::app
