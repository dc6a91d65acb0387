#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/json.h"
#include "project/sensor.h"
#include "schedule/scheduler.h"
#include "sensors/pace.h"
#include "sensors/seen.h"
#include "server/folder_events.h"
#include "server/inbox.h"
#include "server/lookers.h"
#include "server/served.h"
#include "server/told.h"

namespace windrow::server {

/// Looks at the sensors that schedules wait for, and says when one of them sees something new. Used
/// by the deciding thread alone; its own threads come to that by the inbox.
class Sensing {
 public:
  using Observe = std::function<void(schedule::Observation)>;
  Sensing(const Clock& clock, Inbox& inbox, Observe observe, Teller teller);
  ~Sensing();

  /// How what was seen is called among the memories of a project.
  static constexpr std::string_view kMemory = "sensor:";

  /// As the last server left it.
  void remember(Served& served, const std::string& sensor, const std::string& seen);
  /// These of a project's sensors are looked at from now on, as its files say now.
  void declare(Served& served, const std::set<std::string>& sensors);
  /// Begins the looks that are due.
  void begin_due();
  SteadyTime wake_at(SteadyTime latest) const;
  /// A run has ended: the project's tables may be others.
  void run_ended(const Served& served);

  /// What has to be durable with, or before, what follows from it: by project, text by sensor. Each
  /// is given once.
  std::map<Served*, std::map<std::string, std::string>> take_unwritten();
  app::Json status(const Served& served) const;

 private:
  using Key = std::pair<Served*, std::string>;
  struct Watched {
    Served* served;
    project::Sensor sensor;
    std::shared_ptr<app::App> app;
    std::string place;
    std::set<std::string> folders;  ///< by changes in which it is told
    bool told = false;              ///< of all of them
    bool quick = false;             ///< its looks
    sensors::Pace pace;
    uint64_t going = 0;  ///< number of the look that goes on, also of one that is given up; 0: none
    uint64_t look = 0;   ///< the same, where it counts
    bool hangs = false;  ///< the one that goes on is given up
    bool nudged = false;
    std::shared_ptr<Cancel> cancel;
    std::shared_ptr<std::atomic<bool>> begun;  ///< the look; else it waits for others at its place
    SteadyTime next;  ///< while it is among `due_`, else the latest there is
    SteadyTime rests_until;
    std::optional<Time> looked;
    std::string sees;
    std::optional<Problem> problem;
  };
  /// What came of one look.
  struct Look {
    Key key;
    uint64_t number;
    std::optional<sensors::Sight> sight;
    Problem problem;
    std::chrono::microseconds took{};
  };

  void begin(const Key& key, Watched& watched);
  void over(Look look);
  void saw(const Key& key, Watched& watched, const Look& look);
  void failed(Watched& watched, const Problem& problem);
  void give_up(const Key& key, uint64_t look);
  /// It waits behind a look that hangs, and nobody knows for how long.
  void behind(Watched& watched, const Watched& hanging);
  void look_at(const Key& key, Watched& watched, SteadyTime when);
  void nudge(const Key& key);
  void changed(const std::set<std::string>& folders);
  void watch(const Key& key, Watched& watched, const std::vector<std::string>& folders);
  void stop(const Watched& watched);
  void forget(const Key& key, Watched& watched);
  void tell(const Watched& watched, const char* event) const;

  const Clock& clock_;
  Inbox& inbox_;
  const Observe observe_;
  const Teller teller_;
  std::map<Key, Watched> watched_;
  std::map<Key, sensors::Seen> seen_;
  std::set<Key> unwritten_;
  std::set<std::pair<SteadyTime, Key>> due_;
  std::map<std::string, std::set<Key>> by_folder_;
  uint64_t looks_ = 0;
  bool help_wanted_ = false;

  // Last, so that they end first; what asks looks to stop ends after the looks.
  FolderEvents events_;
  Lookers stoppers_;
  Lookers lookers_;
};

}  // namespace windrow::server
