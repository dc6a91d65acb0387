#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/versions.h"
#include "history/schedule_state.h"
#include "server/backfilling.h"
#include "server/claim.h"
#include "server/control.h"
#include "server/server.h"
#include "server/underway.h"

namespace windrow::server {

/// One project of a server. What is not said otherwise is for the deciding thread alone.
class Served {
 public:
  using EventListener = std::function<void(const std::string& project, const observe::Event&)>;
  struct Begun {
    std::shared_ptr<app::Run> run;
    std::string schedule;  ///< empty: somebody asked for it
    Time due, started;
    std::optional<Time> deadline;
    SteadyTime look_ahead;   ///< when it is looked at next whether it will miss that
    bool looked_at = false;  ///< somebody reads the history for it
    bool late_told = false;  ///< that it will
    bool cancel_asked = false;
    std::vector<Control::Answer> waiting;
  };
  /// A stream that is read for good.
  struct Ingest {
    std::shared_ptr<app::Run> run;  ///< nothing: it waits to be begun again
    std::string written;            ///< its declaration; another one, another run
    SteadyTime since, next;
    int failures = 0;  ///< in a row
    bool stopping = false;
  };

  /// Finds the project's folder and takes the claim: Error(usage) that names the process which has
  /// it.
  explicit Served(const app::Options& options, EventListener events = {});

  const std::string& root() const { return root_; }
  std::string folder_name() const;
  std::string state_folder() const { return root_ + "/.windrow"; }
  const std::string& environment() const { return options_.environment; }
  history::ScheduleState& state() { return *state_; }
  history::Backfills& backfills() { return *backfills_; }
  app::ProjectVersions versions() const {
    return app::ProjectVersions(state_folder() + "/versions");
  }

  /// Reads the files, also where they were read before; then a broken edit changes nothing. Gives
  /// false where they say the same as before. Throws one Error with all problems. Any thread, one
  /// at a time.
  bool load(const OpenApp& open, Secrets& secrets, const Clock& clock);
  /// As they were last read; nothing where they never could be. Any thread.
  std::shared_ptr<app::App> app() const;
  /// What its runs are pinned to; there where `app` is.
  std::shared_ptr<const app::ProjectVersion> version() const;

  std::string name;  ///< as its files say; of one that was never read, the folder's
  std::string zone = "UTC";
  bool taken = false;    ///< its schedules are declared
  bool resumed = false;  ///< what the last server left was taken up
  /// What goes on in its runs; any thread.
  const std::shared_ptr<Underway> underway = std::make_shared<Underway>();
  std::map<std::string, Begun> runs;
  std::map<std::string, Ingest> ingests;
  std::map<std::string, std::unique_ptr<Backfilling>> backfilling;  ///< by id
  SteadyTime backfills_next;                                        ///< when they are looked at
  std::set<std::string> backfills_told;                             ///< what was said of them once

 private:
  const app::Options options_;
  const std::string root_;
  const EventListener events_;
  const std::unique_ptr<Claim> claim_;
  const std::unique_ptr<history::ScheduleState> state_;
  const std::unique_ptr<history::Backfills> backfills_;
  mutable std::mutex mutex_;
  std::shared_ptr<app::App> app_;
  observe::Events::Subscription listening_;  ///< to `app_`; ends before it
};

}  // namespace windrow::server
