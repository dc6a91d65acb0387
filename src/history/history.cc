#include "history/history.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "clients/sqlite.h"
#include "storage/private_file.h"

namespace windrow::history {

namespace {

using clients::integer_of;
using clients::Sqlite;
using clients::SqliteStatement;
using clients::SqliteTransaction;
using clients::SqliteValue;
using clients::text_of;

constexpr int64_t kFormat = 5;
constexpr size_t kQueueMax = 10'000;
/// Of what runs often, and so would push what runs seldom out of the record.
constexpr int64_t kKeptOfEach = 20;
constexpr int kAttempts = 4;
constexpr std::chrono::milliseconds kWait(150);  // after the first attempt; then twice, three times

constexpr const char* kTables = R"(
CREATE TABLE runs (id TEXT PRIMARY KEY, environment TEXT, command TEXT, version TEXT, retry_of TEXT,
  started INTEGER, ended INTEGER, status TEXT, tasks INTEGER, failed INTEGER);
CREATE INDEX runs_started ON runs (started);
CREATE TABLE tasks (run TEXT, asset TEXT, kind TEXT, status TEXT, attempts INTEGER, started INTEGER, ended INTEGER,
  rows INTEGER, version INTEGER, intervals INTEGER, rejected INTEGER, quality_score REAL, reasons TEXT,
  error_code TEXT, error TEXT, hint TEXT, caused_by TEXT, PRIMARY KEY (run, asset)) WITHOUT ROWID;
CREATE TABLE checks (run TEXT, asset TEXT, description TEXT, severity TEXT, passed INTEGER, failing INTEGER,
  total INTEGER, message TEXT, sample TEXT);
CREATE INDEX checks_run ON checks (run);
PRAGMA user_version = 1;
)";
// From the format before to the one of this place.
constexpr const char* kSteps[] = {kTables, R"(
ALTER TABLE tasks ADD COLUMN warnings TEXT;
CREATE INDEX tasks_asset ON tasks (asset);
PRAGMA user_version = 2;
)",
                                  R"(
ALTER TABLE tasks ADD COLUMN cpu INTEGER;  -- microseconds
ALTER TABLE tasks ADD COLUMN peak_memory INTEGER;
ALTER TABLE tasks ADD COLUMN bytes_read INTEGER;
ALTER TABLE tasks ADD COLUMN files_read INTEGER;
ALTER TABLE tasks ADD COLUMN bytes_written INTEGER;
ALTER TABLE tasks ADD COLUMN files_written INTEGER;
ALTER TABLE runs ADD COLUMN cpu INTEGER;
ALTER TABLE runs ADD COLUMN peak_memory INTEGER;
ALTER TABLE runs ADD COLUMN bytes_read INTEGER;
ALTER TABLE runs ADD COLUMN files_read INTEGER;
ALTER TABLE runs ADD COLUMN bytes_written INTEGER;
ALTER TABLE runs ADD COLUMN files_written INTEGER;
PRAGMA user_version = 3;
)",
                                  R"(
ALTER TABLE runs ADD COLUMN schedule TEXT;
ALTER TABLE runs ADD COLUMN due INTEGER;
ALTER TABLE runs ADD COLUMN project_version TEXT;
CREATE TABLE schedules (environment TEXT, schedule TEXT, memory TEXT, PRIMARY KEY (environment, schedule)) WITHOUT ROWID;
CREATE TABLE fires (environment TEXT, schedule TEXT, due INTEGER, run TEXT, request TEXT, version TEXT, decided INTEGER,
  ended INTEGER, status TEXT, last INTEGER, count INTEGER, reason TEXT, PRIMARY KEY (environment, schedule, due))
  WITHOUT ROWID;
CREATE UNIQUE INDEX fires_run ON fires (run);
CREATE INDEX fires_open ON fires (environment) WHERE ended IS NULL;
PRAGMA user_version = 4;
)",
                                  R"(
CREATE TABLE backfills (environment TEXT, id TEXT PRIMARY KEY, name TEXT, state TEXT, reason TEXT, request TEXT,
  progress TEXT, failures TEXT, created INTEGER, ended INTEGER) WITHOUT ROWID;
PRAGMA user_version = 5;
)"};
static_assert(std::size(kSteps) == kFormat);

SqliteValue time_value(const std::optional<Time>& t) {
  return t ? SqliteValue(micros(*t)) : SqliteValue(std::monostate{});
}
std::optional<Time> time_of(const SqliteValue& value) {
  const auto us = integer_of(value);
  if (!us) return {};
  return time_from_micros(*us);
}

SqliteValue number_value(const std::optional<int64_t>& n) {
  return n ? SqliteValue(*n) : SqliteValue(std::monostate{});
}

/// The columns of a usage, in the order of the tables.
std::vector<SqliteValue> usage_values(const Usage& usage) {
  std::optional<int64_t> cpu;
  if (usage.cpu) cpu = std::chrono::duration_cast<std::chrono::microseconds>(*usage.cpu).count();
  std::vector<SqliteValue> out;
  for (const auto& n : {cpu, usage.peak_memory, usage.bytes_read, usage.files_read,
                        usage.bytes_written, usage.files_written})
    out.push_back(number_value(n));
  return out;
}

/// From the column `at` on; a file that could not be upgraded has none.
Usage usage_of(const std::vector<SqliteValue>& row, size_t at) {
  Usage out;
  if (row.size() < at + 6) return out;
  if (const auto cpu = integer_of(row[at])) out.cpu = std::chrono::microseconds(*cpu);
  out.peak_memory = integer_of(row[at + 1]);
  out.bytes_read = integer_of(row[at + 2]);
  out.files_read = integer_of(row[at + 3]);
  out.bytes_written = integer_of(row[at + 4]);
  out.files_written = integer_of(row[at + 5]);
  return out;
}

Task task_of(const std::vector<SqliteValue>& row) {
  Task t;
  t.run = text_of(row[0]);
  t.asset = text_of(row[1]);
  t.kind = text_of(row[2]);
  t.status = text_of(row[3]);
  t.attempts = int(integer_of(row[4]).value_or(0));
  t.started = time_of(row[5]);
  t.ended = time_of(row[6]);
  t.rows = integer_of(row[7]).value_or(-1);
  t.version = integer_of(row[8]).value_or(-1);
  t.intervals = integer_of(row[9]).value_or(0);
  t.rejected = integer_of(row[10]).value_or(0);
  if (const auto* score = std::get_if<double>(&row[11])) t.quality_score = *score;
  t.reasons = text_of(row[12]);
  t.error_code = text_of(row[13]);
  t.error = text_of(row[14]);
  t.hint = text_of(row[15]);
  t.caused_by = text_of(row[16]);
  if (row.size() > 17) t.warnings = text_of(row[17]);  // not in a file that could not be upgraded
  t.usage = usage_of(row, 18);
  return t;
}

void insert(Sqlite& db, const std::string& table, const std::vector<SqliteValue>& values) {
  std::string marks = "?";
  for (size_t i = 1; i < values.size(); ++i) marks += ", ?";
  db.query("INSERT OR REPLACE INTO " + table + " VALUES (" + marks + ")", values);
}

Run run_of(const std::vector<SqliteValue>& row) {
  return {text_of(row[0]),
          text_of(row[1]),
          text_of(row[2]),
          text_of(row[3]),
          text_of(row[4]),
          time_of(row[5]).value_or(Time{}),
          time_of(row[6]),
          text_of(row[7]),
          integer_of(row[8]).value_or(0),
          integer_of(row[9]).value_or(0),
          usage_of(row, 10),
          row.size() > 16 ? text_of(row[16]) : "",
          row.size() > 17 ? time_of(row[17]) : std::nullopt,
          row.size() > 18 ? text_of(row[18]) : ""};
}

}  // namespace

struct History::Impl {
  using Record = std::function<void(Sqlite&)>;

  explicit Impl(const std::string& where) : path(where) {
    try {
      open();
    } catch (const Error& error) {
      if (error.code() == Code::unsupported) throw;
    }
    writer = std::thread([this] { write_all(); });
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex);
      closing = true;
    }
    changed.notify_all();
    writer.join();
  }

  void open() {
    if (database) return;
    // What is wrong with the path SQLite says; it gives what it makes beside it the same rights.
    storage::make_private_folder(std::filesystem::path(path).parent_path());
    storage::make_private_file(path);
    auto opened = std::make_unique<Sqlite>(path, Sqlite::Mode::create);
    opened->make_durable_and_concurrent();
    const int64_t format = integer_of(opened->query("PRAGMA user_version")[0][0]).value_or(0);
    if (format > kFormat) {
      throw Error(
          Code::unsupported,
          "the history \"" + path + "\" was made by a newer version of this program",
          "use that version, or move the file away: nothing in it is needed to know what is done");
    }
    if (format < kFormat) {
      SqliteTransaction transaction(*opened);
      // Another process may have been faster between the look and the lock.
      const int64_t now = integer_of(opened->query("PRAGMA user_version")[0][0]).value_or(0);
      for (int64_t step = now; step < kFormat; ++step) opened->execute(kSteps[step]);
      transaction.commit();
    }
    database = std::move(opened);
  }

  void push(Record record) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return queue.size() < kQueueMax; });
    queue.push_back(std::move(record));
    ++queued;
    changed.notify_all();
  }

  void flush() {
    std::unique_lock lock(mutex);
    const uint64_t target = queued;
    changed.wait(lock, [&] { return settled >= target; });
  }

  void write_all() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return !queue.empty() || closing; });
      if (queue.empty()) return;
      std::deque<Record> batch;
      batch.swap(queue);
      lock.unlock();
      write(batch);
      lock.lock();
      settled += batch.size();
      changed.notify_all();
    }
  }

  void write(const std::deque<Record>& batch) {
    for (int attempt = 1;; ++attempt) {
      try {
        write(batch.begin(), batch.end());
        return;
      } catch (const Error& error) {
        const auto code = error.code();
        if (code != Code::unavailable && code != Code::full) return write_apart(batch);
        if (attempt == kAttempts) return lose(int64_t(batch.size()), error.problem().message);
      } catch (const std::exception& error) {
        return lose(int64_t(batch.size()), error.what());
      }
      std::unique_lock lock(mutex);
      changed.wait_for(lock, kWait * attempt, [this] { return closing; });
    }
  }

  /// A record that cannot be written takes no other with it.
  void write_apart(const std::deque<Record>& batch) {
    for (auto record = batch.begin(); record != batch.end(); ++record) {
      try {
        write(record, record + 1);
      } catch (const Error& error) {
        lose(1, error.problem().message);
      } catch (const std::exception& error) {
        lose(1, error.what());
      }
    }
  }

  template <class At>
  void write(At from, At to) {
    open();
    SqliteTransaction transaction(*database);
    for (auto record = from; record != to; ++record) (*record)(*database);
    transaction.commit();
  }

  void lose(int64_t records, const std::string& why) {
    std::lock_guard lock(mutex);
    loss.records += records;
    loss.why = why;
  }

  std::string path;
  std::unique_ptr<Sqlite> database;  ///< of the writer, once it has begun
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Record> queue;
  uint64_t queued = 0, settled = 0;  ///< settled: written or lost
  bool closing = false;
  Loss loss;
  std::thread writer;
  std::atomic<int> until_kept{0};  ///< calls of `keep`
};

History::History(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
History::~History() = default;

void History::begin(const Run& run) {
  impl_->push([run](Sqlite& db) {
    std::vector<SqliteValue> values{
        run.id,       run.environment,     run.command,           run.version,
        run.retry_of, micros(run.started), time_value(run.ended), run.status,
        run.tasks,    run.failed};
    for (auto& value : usage_values(run.usage)) values.push_back(std::move(value));
    values.emplace_back(run.schedule);
    values.push_back(time_value(run.due));
    values.emplace_back(run.project_version);
    insert(db, "runs", values);
  });
}

void History::end(const Run& run) { begin(run); }

void History::add(const Task& t) {
  impl_->push([t](Sqlite& db) {
    std::vector<SqliteValue> values{
        t.run,
        t.asset,
        t.kind,
        t.status,
        int64_t(t.attempts),
        time_value(t.started),
        time_value(t.ended),
        t.rows,
        t.version,
        t.intervals,
        t.rejected,
        t.quality_score ? SqliteValue(*t.quality_score) : SqliteValue(std::monostate{}),
        t.reasons,
        t.error_code,
        t.error,
        t.hint,
        t.caused_by,
        t.warnings};
    for (auto& value : usage_values(t.usage)) values.push_back(std::move(value));
    insert(db, "tasks", values);
  });
}

void History::add(const Check& c) {
  impl_->push([c](Sqlite& db) {
    db.query("INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
             {c.run, c.asset, c.description, c.severity, int64_t(c.passed), c.failing, c.total,
              c.message, c.sample});
  });
}

void History::flush() { impl_->flush(); }

Loss History::lost() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->loss;
}

std::vector<Run> History::runs(size_t limit) const {
  impl_->flush();
  Sqlite reader(impl_->path, Sqlite::Mode::existing);
  std::vector<Run> out;
  for (const auto& row : reader.query("SELECT * FROM runs ORDER BY started DESC, id DESC LIMIT ?",
                                      {int64_t(limit)})) {
    out.push_back(run_of(row));
  }
  return out;
}

std::optional<Run> History::run(const std::string& id_prefix) const {
  impl_->flush();
  Sqlite reader(impl_->path, Sqlite::Mode::existing);
  const auto rows = reader.query(
      "SELECT * FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY started DESC, id DESC "
      "LIMIT 1",
      {id_prefix});
  if (rows.empty()) return {};
  return run_of(rows[0]);
}

std::vector<Task> History::tasks(const std::string& run) const {
  impl_->flush();
  Sqlite reader(impl_->path, Sqlite::Mode::existing);
  std::vector<Task> out;
  for (const auto& row :
       reader.query("SELECT * FROM tasks WHERE run = ? ORDER BY started, asset", {run}))
    out.push_back(task_of(row));
  return out;
}

std::vector<Task> History::tasks_of(const std::string& asset, const std::string& environment,
                                    size_t limit) const {
  impl_->flush();
  Sqlite reader(impl_->path, Sqlite::Mode::existing);
  std::vector<Task> out;
  for (const auto& row : reader.query(
           "SELECT t.* FROM tasks t JOIN runs r ON r.id = t.run WHERE t.asset = ?1 AND (?2 = '' OR "
           "r.environment = ?2) ORDER BY r.started DESC, r.id DESC LIMIT ?3",
           {asset, environment, int64_t(limit)}))
    out.push_back(task_of(row));
  return out;
}

std::vector<Check> History::checks(const std::string& run) const {
  impl_->flush();
  Sqlite reader(impl_->path, Sqlite::Mode::existing);
  std::vector<Check> out;
  for (const auto& row : reader.query("SELECT * FROM checks WHERE run = ? ORDER BY rowid", {run})) {
    out.push_back({text_of(row[0]), text_of(row[1]), text_of(row[2]), text_of(row[3]),
                   integer_of(row[4]).value_or(0) != 0, integer_of(row[5]).value_or(0),
                   integer_of(row[6]).value_or(0), text_of(row[7]), text_of(row[8])});
  }
  return out;
}

void History::keep(size_t runs) {
  // It costs some milliseconds: in a server not at each end of a run.
  if (impl_->until_kept-- > 0) return;
  impl_->until_kept = int(runs / 50);
  impl_->push([runs](Sqlite& db) {
    const std::vector<SqliteValue> most{int64_t(runs)};
    // What a server has begun and not seen the end of is asked for after a restart.
    db.query(
        "DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY started DESC LIMIT ?1) AND "
        "id NOT IN (SELECT id FROM (SELECT id, started, row_number() OVER (PARTITION BY "
        "environment, schedule, command ORDER BY started DESC) AS nth FROM runs) WHERE nth <= ?2 "
        "ORDER BY started DESC LIMIT ?1) AND id NOT IN (SELECT run FROM fires WHERE ended IS NULL)",
        {int64_t(runs), kKeptOfEach});
    db.query(
        "DELETE FROM fires WHERE ended IS NOT NULL AND coalesce(run, '') NOT IN (SELECT id FROM "
        "runs) AND "
        "(environment, schedule, due) NOT IN (SELECT environment, schedule, due FROM fires ORDER "
        "BY decided DESC LIMIT ?)",
        most);
    db.query("DELETE FROM tasks WHERE run NOT IN (SELECT id FROM runs)");
    db.query("DELETE FROM checks WHERE run NOT IN (SELECT id FROM runs)");
  });
}

}  // namespace windrow::history
