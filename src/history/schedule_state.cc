#include "history/schedule_state.h"

#include "base/error.h"
#include "history/environment_rows.h"

namespace windrow::history {

namespace {

using clients::integer_of;
using clients::SqliteTransaction;
using clients::SqliteValue;
using clients::text_of;

constexpr const char* kFire =
    "SELECT schedule, due, run, request, version, decided, ended, status, last, count, reason FROM "
    "fires WHERE environment = ?1 ";

std::optional<Time> moment_of(const SqliteValue& value) {
  const auto us = integer_of(value);
  return us ? std::optional(time_from_micros(*us)) : std::nullopt;
}

SqliteValue moment(const std::optional<Time>& t) {
  return t ? SqliteValue(micros(*t)) : SqliteValue(std::monostate{});
}

Fire fire_of_row(const std::vector<SqliteValue>& row) {
  Fire out;
  out.schedule = text_of(row[0]);
  out.due = moment_of(row[1]).value_or(Time{});
  out.run = text_of(row[2]);
  out.request = text_of(row[3]);
  out.version = text_of(row[4]);
  out.decided = moment_of(row[5]).value_or(Time{});
  out.ended = moment_of(row[6]);
  out.status = text_of(row[7]);
  out.last = moment_of(row[8]);
  out.count = integer_of(row[9]).value_or(1);
  out.reason = text_of(row[10]);
  return out;
}

std::vector<Fire> fires_of(const EnvironmentRows::Rows& rows) {
  std::vector<Fire> out;
  for (const auto& row : rows) out.push_back(fire_of_row(row));
  return out;
}

}  // namespace

struct ScheduleState::Impl : EnvironmentRows {
  using EnvironmentRows::EnvironmentRows;
};

ScheduleState::ScheduleState(const std::string& path, std::string environment)
    : impl_(std::make_unique<Impl>(path, std::move(environment))) {}
ScheduleState::~ScheduleState() = default;

std::map<std::string, std::string> ScheduleState::memories() const {
  std::map<std::string, std::string> out;
  for (const auto& row :
       impl_->ask("SELECT schedule, memory FROM schedules WHERE environment = ?1"))
    out[text_of(row[0])] = text_of(row[1]);
  return out;
}

void ScheduleState::decide(const std::map<std::string, std::string>& memories,
                           const std::vector<Fire>& fires) {
  if (memories.empty() && fires.empty()) return;
  std::lock_guard lock(impl_->mutex);
  auto& database = impl_->database;
  SqliteTransaction transaction(database);
  for (const auto& [schedule, memory] : memories) {
    database.query("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?)",
                   {impl_->environment, schedule, memory});
  }
  for (const auto& fire : fires) {
    // A time that had no run may get one, when clocks were put back; one that had keeps it.
    const bool runs = !fire.run.empty();
    const auto written = database.query(
        std::string("INSERT INTO fires VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ") +
            (runs ? "(environment, schedule, due) DO UPDATE SET run = excluded.run, request = "
                    "excluded.request, version = excluded.version, decided = excluded.decided, "
                    "ended = NULL, status = NULL, last = NULL, count = 1, reason = NULL WHERE "
                    "fires.run IS NULL RETURNING 1"
                  : "DO NOTHING"),
        {impl_->environment, fire.schedule, micros(fire.due),
         runs ? SqliteValue(fire.run) : SqliteValue(std::monostate{}), fire.request, fire.version,
         micros(fire.decided), moment(fire.ended), fire.status, moment(fire.last), fire.count,
         fire.reason});
    if (runs && written.empty()) {
      throw Error(Code::conflict,
                  "schedule \"" + fire.schedule + "\" has fired already for " + iso(fire.due));
    }
  }
  transaction.commit();
}

std::vector<Fire> ScheduleState::going_on() const {
  return fires_of(impl_->ask(std::string(kFire) + "AND ended IS NULL ORDER BY decided, due, run"));
}

std::optional<Fire> ScheduleState::fire_of(const std::string& run) const {
  const auto found = fires_of(impl_->ask(std::string(kFire) + "AND run = ?2", {run}));
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::optional<Fire> ScheduleState::fire_at(const std::string& schedule, Time due) const {
  const auto found = fires_of(
      impl_->ask(std::string(kFire) + "AND schedule = ?2 AND due = ?3", {schedule, micros(due)}));
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<Fire> ScheduleState::fires(const std::string& schedule, size_t limit) const {
  return fires_of(impl_->ask(std::string(kFire) +
                                 "AND (?2 = '' OR schedule = ?2) ORDER BY due DESC, schedule "
                                 "LIMIT ?3",
                             {schedule, int64_t(limit)}));
}

void ScheduleState::ended(const std::string& run, const std::string& status, Time at) {
  impl_->ask(
      "UPDATE fires SET ended = ?3, status = ?2 WHERE environment = ?1 AND run = ?4 AND ended IS "
      "NULL",
      {status, micros(at), run});
}

void ScheduleState::cancel(const std::string& run, const std::string& reason) {
  impl_->ask("UPDATE fires SET reason = ?2 WHERE environment = ?1 AND run = ?3", {reason, run});
}

void ScheduleState::again(const Fire& interrupted, const std::string& run, Time at) {
  std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->database);
  impl_->database.query("UPDATE fires SET run = ? WHERE environment = ? AND run = ?",
                        {run, impl_->environment, interrupted.run});
  impl_->database.query(
      "INSERT OR IGNORE INTO runs (id, environment, command, version, started, schedule, due, "
      "project_version, tasks, failed) VALUES (?, ?, '', '', ?, ?, ?, ?, 0, 0)",
      {interrupted.run, impl_->environment, micros(interrupted.decided), interrupted.schedule,
       interrupted.schedule.empty() ? SqliteValue(std::monostate{})
                                    : SqliteValue(micros(interrupted.due)),
       interrupted.version});
  impl_->database.query(
      "UPDATE runs SET status = 'interrupted', ended = coalesce(ended, ?) WHERE id = ?",
      {micros(at), interrupted.run});
  transaction.commit();
}

void ScheduleState::close_run(const std::string& run, const std::string& status, Time at) {
  std::lock_guard lock(impl_->mutex);
  impl_->database.query("UPDATE runs SET status = ?, ended = coalesce(ended, ?) WHERE id = ?",
                        {status, micros(at), run});
}

}  // namespace windrow::history
