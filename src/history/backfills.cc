#include "history/backfills.h"

#include "history/environment_rows.h"

namespace windrow::history {

namespace {

using clients::integer_of;
using clients::SqliteTransaction;
using clients::SqliteValue;
using clients::text_of;

constexpr int64_t kEndedKept = 200;
constexpr const char* kBackfill =
    "SELECT id, name, state, reason, request, progress, failures, created, ended FROM backfills "
    "WHERE environment = ?1 ";

Backfill backfill_of(const std::vector<SqliteValue>& row) {
  Backfill out{text_of(row[0]),
               text_of(row[1]),
               text_of(row[2]),
               text_of(row[3]),
               text_of(row[4]),
               text_of(row[5]),
               text_of(row[6]),
               time_from_micros(integer_of(row[7]).value_or(0)),
               {}};
  if (const auto ended = integer_of(row[8])) out.ended = time_from_micros(*ended);
  return out;
}

std::vector<Backfill> backfills_of(const EnvironmentRows::Rows& rows) {
  std::vector<Backfill> out;
  for (const auto& row : rows) out.push_back(backfill_of(row));
  return out;
}

}  // namespace

struct Backfills::Impl : EnvironmentRows {
  using EnvironmentRows::EnvironmentRows;
};

Backfills::Backfills(const std::string& path, std::string environment)
    : impl_(std::make_unique<Impl>(path, std::move(environment))) {}
Backfills::~Backfills() = default;

void Backfills::add(const Backfill& backfill,
                    const std::function<void(const std::vector<Backfill>&)>& look) {
  std::lock_guard lock(impl_->mutex);
  SqliteTransaction transaction(impl_->database);
  look(backfills_of(
      impl_->ask_locked(std::string(kBackfill) + "AND state = 'running' ORDER BY created")));
  impl_->ask_locked("INSERT INTO backfills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                    {backfill.id, backfill.name, backfill.state, backfill.reason, backfill.request,
                     backfill.progress, backfill.failures, micros(backfill.created)});
  impl_->ask_locked(
      "DELETE FROM backfills WHERE environment = ?1 AND ended IS NOT NULL AND id NOT IN (SELECT id "
      "FROM backfills WHERE environment = ?1 AND ended IS NOT NULL ORDER BY created DESC LIMIT ?2)",
      {kEndedKept});
  transaction.commit();
}

std::vector<Backfill> Backfills::all(size_t limit) const {
  return backfills_of(impl_->ask(std::string(kBackfill) + "ORDER BY created DESC, id DESC LIMIT ?2",
                                 {int64_t(limit)}));
}

std::vector<Backfill> Backfills::running() const {
  return backfills_of(
      impl_->ask(std::string(kBackfill) + "AND state = 'running' ORDER BY created"));
}

std::optional<Backfill> Backfills::find(const std::string& id) const {
  const auto found = backfills_of(impl_->ask(std::string(kBackfill) + "AND id = ?2", {id}));
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<Backfill> Backfills::named(const std::string& which) const {
  if (which.empty()) return {};
  const auto those = [&](const char* condition) {
    return backfills_of(impl_->ask(std::string(kBackfill) + condition, {which}));
  };
  auto exactly =
      those("AND (id = ?2 OR name = ?2) ORDER BY id = ?2 DESC, created DESC, id DESC LIMIT 1");
  if (!exactly.empty()) return exactly;
  return those("AND substr(id, 1, length(?2)) = ?2 ORDER BY created DESC, id DESC");
}

void Backfills::progress(const std::string& id, const std::string& progress,
                         const std::string& failures) {
  impl_->ask("UPDATE backfills SET progress = ?2, failures = ?3 WHERE environment = ?1 AND id = ?4",
             {progress, failures, id});
}

bool Backfills::move(const std::string& id, const std::string& from, const std::string& to,
                     const std::string& reason, std::optional<Time> ended) {
  return !impl_
              ->ask(
                  "UPDATE backfills SET state = ?2, reason = ?3, ended = ?4 WHERE environment = ?1 "
                  "AND id = ?5 AND instr(' ' || ?6 || ' ', ' ' || state || ' ') > 0 RETURNING 1",
                  {to, reason, ended ? SqliteValue(micros(*ended)) : SqliteValue(std::monostate{}),
                   id, from})
              .empty();
}

}  // namespace windrow::history
