#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "schedule/scheduler.h"

/// Private to the room: what is decided of one schedule at one moment.
namespace windrow::schedule {

/// What is known of the world beside the clock.
struct World {
  std::map<TableName, TableSeen> tables;
  struct Sensor {
    std::string token, text;
  };
  std::map<std::pair<std::string, std::string>, Sensor> sensors;  ///< by project and name
};

/// Due times that are so late were missed: nobody looked when they came.
inline constexpr Duration kLateAfter = std::chrono::minutes(1);
/// Of runs that wait. What would be more is skipped, or refused.
inline constexpr size_t kWaitingMax = 1'000;

class Turn {
 public:
  /// `decisions` gets what is decided, `memory` what must be remembered of it.
  Turn(const Schedule& schedule, Memory& memory, const World& world, Time now,
       std::vector<Decision>& decisions)
      : s_(schedule), m_(memory), world_(world), now_(now), decisions_(decisions) {}

  /// The schedule is new, or declared anew, maybe with another rule. Before anything else.
  /// `looked`: the last time that anybody did.
  void begin(std::optional<Time> looked);
  /// It may have gone back.
  void mind_the_clock();
  /// A run of the schedule that this one follows is over.
  void follow(const Fire& other, Time ended);
  void want(const Wanted& wanted);
  /// Takes up what is due and starts what can start. With `by_itself` false nothing fires but what
  /// is wanted by hand.
  void look(bool by_itself);
  /// The schedule is no longer declared: nothing waits any longer.
  void end();
  void drop(Time due);
  void set_paused(std::optional<bool> paused);

  /// When to look again though nothing happens.
  std::optional<Time> wake() const { return wake_; }
  /// What failed without having run.
  const std::vector<Fire>& failed() const { return failed_; }

 private:
  bool paused() const { return m_.paused.value_or(s_.paused); }
  size_t active() const { return m_.waiting.size() + m_.running.size(); }
  bool full() const { return active() >= size_t(s_.max_active_runs); }
  void wake_at(std::optional<Time> t);
  /// Where due times that nobody has looked at yet begin.
  Time looked_to() const;
  bool has_run(Time due) const;
  void mark_run(Time due, Time settled_before);
  void skip(Time first, Time last, uint64_t count, std::string reason);
  /// Tables that are seen for the first time are as they should be.
  void note_tables();
  /// Skips the due times after `settled` up to one of them.
  void skip_to(Time last, const std::string& reason);
  std::string busy() const;

  Fire fire(Time due, Fire::Cause cause, std::string detail = {}) const;
  /// A moment that names no other run.
  Time unused(Time due) const;
  void take_clock(Time due);
  /// Takes up what is due then, or when the calendar opens; wakes where that is yet to come.
  void take_at(Time due, Fire::Cause cause);
  void take_event(Time when, Fire::Cause cause, const std::string& what);
  void take(Fire fire);

  void look_at_triggers();
  void look_at_clock();
  void catch_up();
  void look_at_end();
  void look_at_freshness();
  void look_at_changes();
  void look_at_sensors();
  /// Something happened: takes it up now or when the calendar opens; `seen` remembers it.
  template <class Seen>
  void happened(Fire::Cause cause, const std::string& what, Seen seen);

  /// True where a run is gone without having begun.
  bool look_at_waiting(bool by_itself);
  /// Whether a run may start as far as its needs go; else it waits, or is gone.
  enum class Ready { yes, waits, gone };
  Ready look_at_needs(const Fire& fire);
  /// A run that was taken up and never will begin, as far as what follows it goes.
  void let_go();
  /// What a run would have covered that is skipped now, the next one covers.
  void give_back(const Interval& interval);
  /// What is missing; empty: nothing.
  std::string missing(const Fire& fire) const;
  void look_at_deadlines();

  const Schedule& s_;
  Memory& m_;
  const World& world_;
  const Time now_;
  std::vector<Decision>& decisions_;
  std::vector<Fire> failed_;
  std::optional<Time> wake_;
};

}  // namespace windrow::schedule
