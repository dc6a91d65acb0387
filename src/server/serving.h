#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/forecast.h"
#include "app/json.h"
#include "schedule/scheduler.h"
#include "server/control.h"
#include "server/inbox.h"
#include "server/notify.h"
#include "server/sensing.h"
#include "server/served.h"
#include "server/server.h"
#include "server/watcher.h"
#include "server/wish.h"

/// Private to server/: what the deciding thread knows and does, over several files by what it is
/// about.
namespace windrow::server {

class Serving {
 public:
  Serving(Options options, OpenApp open, Secrets& secrets, const Clock& clock, Teller teller);
  ~Serving();
  void serve(Cancel& stop);
  std::vector<Server::Project> projects() const;
  bool deciding() const { return deciding_; }
  void ask(const std::string& root, const std::string& request, Control::Answer answer);

 private:
  // --- server.cc: beginning, waiting, ending ----------------------------------------------------
  void open_all();
  void begin_scheduler();
  /// Its files were read: its schedules hold from now on.
  void take(Served& served, bool again);
  /// In the worker: reads a project's files, and has the deciding thread take them.
  void load(Served& served);
  /// What is wrong among the schedules of several projects, where that is another than before.
  void tell_problems();
  void broken(Served& served, const Error& error);
  SteadyTime wake_at() const;
  void ask_to_stop();
  bool over() const;

  // --- deciding.cc: what is due, written and begun ----------------------------------------------
  struct Writing {
    Served* served;
    std::map<std::string, std::string> memories;
    std::vector<history::Fire> fires;
  };
  void step();
  void prepare(const schedule::Step& step);
  /// How many schedules one waits for, one after the other.
  int depth_of(const std::string& id) const;
  /// What was decided, project by project. False: not all of it could be; it is tried again.
  bool write();
  void perform(const schedule::Decision& decision);
  history::Fire fire_of(const Served& served, const schedule::Fire& fire) const;
  /// A run that is written down begins.
  void begin(Served& served, const history::Fire& fire, const std::string& retry_of);
  /// Once it is written down that somebody wants that; gives what is to be told of it.
  Told ask_to_end(const Served& served, const std::string& run, Served::Begun& begun,
                  const std::string& why) const;
  void ended(Served& served, const std::string& run);
  /// A run that failed before its record began has one all the same.
  void remember_failure(Served& served, const std::string& run, const Served::Begun& begun,
                        const Problem& problem);
  void told_end(Served& served, const history::Fire& fire);
  /// What went on when the last server of the project ended.
  void resume(Served& served);
  void resume_all(Served& served);
  void resume(Served& served, const history::Fire& fire);
  void look_at_tables(Served& served);

  // --- foresight.cc: deadlines that will be missed ----------------------------------------------
  void set_deadline(const Served& served, Served::Begun& begun) const;
  bool foreseeable(const Served::Begun& begun) const;
  /// In the worker: when the runs with a deadline will end.
  void look_ahead(Served& served);
  void foresee(Served& served, const std::string& run, const app::CriticalPath& path);

  // --- ingests.cc: what is read for good --------------------------------------------------------
  /// Begins, stops and begins again what is read for good.
  void ingest(Served& served);
  void begin_ingest(Served& served, const std::string& source, Served::Ingest& ingest);
  void ingest_ended(Served& served, const std::string& source, const std::string& run);

  // --- backfills.cc: backfills, in the background -----------------------------------------------
  /// Begins those that run and that nobody builds; `now`: also where it has just looked.
  void look_at_backfills(Served& served, bool now);
  void look_at_backfill(Served& served, const history::Backfill& record);
  void begin_backfill(Served& served, const history::Backfill& record);
  void backfill_ended(Served& served, const app::BackfillState& state);
  app::Json backfill_asked(Served& served, const app::Json& request);

  // --- requests.cc: what others ask for ---------------------------------------------------------
  void asked(Served& served, const std::string& request, const Control::Answer& answer);
  app::Json status_of(Served& served);
  void trigger(Served& served, const app::Json& request, const Control::Answer& answer);
  app::Json pause(Served& served, const app::Json& request);
  app::Json cancel(Served& served, const app::Json& request);
  /// Of what a selector chooses, or what is to be repeated of another run.
  void run_by_hand(Served& served, const app::Json& request, const Control::Answer& answer);
  app::Json schedules_of(const Served& served) const;
  void wait_for(Served& served, const std::string& run, Control::Answer answer);
  /// A fire of nobody's schedule, written down.
  history::Fire asked_for(Served& served, const Wish& wish);
  void answer_request(const std::string& request, const app::Json& answer);

  Served* served_named(const std::string& project);
  /// `project/schedule` taken apart.
  std::pair<Served*, std::string> of_id(const std::string& id);
  static std::string name_in(const std::string& id) { return id.substr(id.find('/') + 1); }
  std::string id_of(const Served& served, const std::string& schedule) const {
    return served.name + "/" + schedule;
  }
  Told told(const Served& served, const std::string& event) const;
  void tell(const Told& told) const { teller_(told); }

  const Options options_;
  const OpenApp open_;
  Secrets& secrets_;
  const Clock& clock_;
  const Teller teller_;
  const ServiceManager manager_;
  /// Outlives the projects.
  const std::shared_ptr<run::Resources> resources_;
  Inbox inbox_;
  std::vector<std::unique_ptr<Served>> projects_;

  schedule::Scheduler scheduler_;
  std::vector<schedule::Observation> observations_;
  std::vector<schedule::Decision> decided_;  ///< to be done once `writing_` is empty
  std::deque<Writing> writing_;
  std::map<std::pair<std::string, Time>, std::pair<Served*, history::Fire>> starting_;
  std::vector<Problem> problems_;
  std::optional<Time> next_step_;  ///< as the scheduler wants it
  std::optional<SteadyTime> write_again_;
  bool write_failed_ = false;
  std::map<std::string, SteadyTime> looked_;                          ///< at tables; by project
  std::map<std::string, std::pair<Control::Answer, bool>> requests_;  ///< bool: waits for the end
  uint64_t next_request_ = 1;

  bool stopping_ = false;
  std::atomic<bool> deciding_{false};
  std::optional<SteadyTime> grace_ends_;

  // Last, so that they end first: they hand things to what is above.
  std::unique_ptr<Control> control_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Watcher> watcher_;
  const std::unique_ptr<Sensing> sensing_;
};

}  // namespace windrow::server
