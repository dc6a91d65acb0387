#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/interval.h"
#include "base/time.h"

namespace windrow::schedule {

/// One due run. (schedule, due) names it, for ever.
struct Fire {
  enum class Cause { clock, after_end, after, change, freshness, sensor, hand };

  std::string schedule;  ///< id
  Time due;
  /// Of time, for `$start` and `$end`: the intervals of a schedule's runs follow each other without
  /// a gap, so what one run skipped the next one covers.
  Interval interval;
  Cause cause = Cause::clock;
  std::string detail;  ///< what caused it: `bronze.movies: version 3`, a request's id
  Time since{};        ///< when it was taken up; time-outs of needs count from here
  Time not_before{};   ///< `due` with delay and jitter
  std::optional<Time> deadline;
  bool late_told = false;                   ///< that it missed its deadline
  std::map<std::string, std::string> vars;  ///< by hand: beside the schedule's
  bool operator==(const Fire&) const = default;
};
std::string_view name_of(Fire::Cause cause);

/// All that a schedule must remember, to fire each due time once over restarts. A value: the caller
/// keeps it (`text`, `read_memory`) in one transaction with what was decided.
struct Memory {
  struct Running {
    Fire fire;
    Time started;  ///< when its start was decided
    bool canceling = false;
    bool operator==(const Running&) const = default;
  };

  std::string schedule;          ///< id
  std::string rule;              ///< `rule_of` when it last decided
  std::optional<Time> settled;   ///< every due time up to here has run or was skipped by rule
  std::optional<Time> accepted;  ///< due times after `settled` up to here wait for a free run
  std::optional<Time> covered;   ///< end of the last interval that a run was given
  /// Due times that have run lately, as ranges without one that was skipped, ordered. The clock may
  /// go back.
  std::vector<std::pair<Time, Time>> fired;
  std::optional<Time> forgotten;  ///< due times up to here count as run: `fired` is bounded
  std::optional<Time> last_hand;  ///< due time of the last run by hand
  std::vector<Fire> waiting;      ///< taken up: for their time, for needs, for a free run
  std::vector<Running> running;
  std::optional<bool> paused;  ///< by hand; overrides what is declared
  std::optional<Time> last_end;
  bool last_failed = false;                 ///< the last run that ended did not end well
  std::optional<Time> fresh;                ///< begin of the last run that ended well
  std::vector<int64_t> durations;           ///< of the last runs that ended well, in microseconds
  std::map<std::string, int64_t> versions;  ///< table → version that was last taken up
  std::map<std::string, std::string> sensors;  ///< sensor → what it saw last
  bool operator==(const Memory&) const = default;
};

/// JSON with a version of its own.
std::string text(const Memory& memory);
/// Throws Error(corrupt), or Error(unsupported) where a newer program wrote it.
Memory read_memory(std::string_view text);

}  // namespace windrow::schedule
