#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace windrow::history {

/// A backfill: one row, however many intervals it builds.
struct Backfill {
  std::string id;
  std::string name;      ///< that somebody gave it; empty: none
  std::string state;     ///< running, paused, canceled, done, failed (some of it was)
  std::string reason;    ///< of the state, in words
  std::string request;   ///< JSON: what was asked for
  std::string progress;  ///< JSON: what of it is done
  std::string failures;  ///< JSON: a list, each with a `message`
  Time created;
  std::optional<Time> ended;  ///< nothing: it goes on, or is paused
};

/// The backfills of one environment, in the history's file; what returned survives a power cut.
/// Failures are Errors, and leave everything as it was. Several processes may work on one file.
/// Safe from any thread.
class Backfills {
 public:
  /// Error as of ScheduleState.
  Backfills(const std::string& path, std::string environment);
  ~Backfills();

  /// Keeps it, and drops the oldest of those that have ended. `look` sees those that run; where it
  /// throws, nothing is kept. Nobody else can add one meanwhile.
  void add(const Backfill& backfill, const std::function<void(const std::vector<Backfill>&)>& look);
  /// Newest first.
  std::vector<Backfill> all(size_t limit) const;
  std::vector<Backfill> running() const;
  std::optional<Backfill> find(const std::string& id) const;
  /// For people: by its id, or its name (then the newest of those that are called so), or else all
  /// whose ids begin so, newest first. Empty: none.
  std::vector<Backfill> named(const std::string& which) const;

  /// What of it is done, from now on.
  void progress(const std::string& id, const std::string& progress, const std::string& failures);
  /// Nothing where it is in another state than `from` (states, with blanks between): then false.
  /// `ended`: it has no more states.
  bool move(const std::string& id, const std::string& from, const std::string& to,
            const std::string& reason, std::optional<Time> ended);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace windrow::history
