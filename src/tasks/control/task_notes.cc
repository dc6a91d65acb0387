#include "tasks/control/task_notes.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "clients/sqlite.h"
#include "storage/private_file.h"

namespace windrow::tasks {

namespace {

using clients::integer_of;
using clients::Sqlite;

constexpr int64_t kKept = 10'000;

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS begun (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT, environment TEXT, task TEXT,
  began INTEGER, owner TEXT, known INTEGER);
CREATE INDEX IF NOT EXISTS begun_task ON begun (task, environment);
CREATE TABLE IF NOT EXISTS outputs (environment TEXT, task TEXT, run TEXT, output TEXT,
  PRIMARY KEY (environment, task)) WITHOUT ROWID;
)";

std::string read_small(const std::string& path) {
  std::array<char, 1024> bytes;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const auto length = ::read(file, bytes.data(), bytes.size());
  ::close(file);
  return length > 0 ? std::string(bytes.data(), size_t(length)) : std::string();
}

/// A process, told from a later one with its number: machine's start, number, the process' start.
std::string process_text(pid_t pid) {
  const auto stat = read_small("/proc/" + std::to_string(pid) + "/stat");
  if (stat.empty()) return {};
  size_t at = stat.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return {};
  auto boot = read_small("/proc/sys/kernel/random/boot_id");
  if (boot.ends_with('\n')) boot.pop_back();
  return boot + " " + std::to_string(pid) + " " +
         stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

bool lives(const std::string& owner) {
  const auto from = owner.find(' ');
  if (from == std::string::npos) return false;
  return process_text(pid_t(std::atoi(owner.c_str() + from + 1))) == owner;
}

}  // namespace

struct TaskNotes::Impl {
  explicit Impl(const std::string& path) : database(path, Sqlite::Mode::create) {
    database.make_durable_and_concurrent();
    database.execute(kTables);
    database.query("DELETE FROM begun WHERE known = 1 AND id < (SELECT max(id) FROM begun) - ?",
                   {kKept});
  }
  Sqlite database;
  std::string owner = process_text(::getpid());
};

TaskNotes::TaskNotes(std::string path) : path_(std::move(path)) {}
TaskNotes::~TaskNotes() = default;

TaskNotes::Impl& TaskNotes::opened() {
  if (!impl_) {
    storage::make_private_folder(std::filesystem::path(path_).parent_path());
    storage::make_private_file(path_);
    impl_ = std::make_unique<Impl>(path_);
  }
  return *impl_;
}

int64_t TaskNotes::begin(const std::string& run, const std::string& environment,
                         const std::string& task, Time now) {
  std::lock_guard lock(mutex_);
  auto& impl = opened();
  const auto row = impl.database.query(
      "INSERT INTO begun (run, environment, task, began, owner, known) VALUES (?, ?, ?, ?, ?, 0) "
      "RETURNING id",
      {run, environment, task, micros(now), impl.owner});
  return integer_of(row[0][0]).value();
}

void TaskNotes::end(int64_t note) {
  std::lock_guard lock(mutex_);
  opened().database.query("UPDATE begun SET known = 1 WHERE id = ?", {note});
}

std::optional<TaskNotes::Interrupted> TaskNotes::interrupted(const std::string& environment,
                                                             const std::string& task,
                                                             const std::string& run) {
  std::lock_guard lock(mutex_);
  if (!impl_ && !std::filesystem::exists(path_)) return {};
  for (const auto& row : opened().database.query(
           "SELECT run, began, owner FROM begun WHERE task = ?1 AND environment = ?2 AND known = 0 "
           "AND (?3 = '' OR run = ?3) ORDER BY id DESC",
           {task, environment, run})) {
    if (lives(clients::text_of(row[2]))) continue;
    return Interrupted{clients::text_of(row[0]), time_from_micros(integer_of(row[1]).value_or(0))};
  }
  return {};
}

void TaskNotes::settle(const std::string& environment, const std::string& task) {
  std::lock_guard lock(mutex_);
  auto& database = opened().database;
  for (const auto& row : database.query(
           "SELECT id, owner FROM begun WHERE task = ? AND environment = ? AND known = 0",
           {task, environment})) {
    if (!lives(clients::text_of(row[1])))
      database.query("UPDATE begun SET known = 1 WHERE id = ?", {row[0]});
  }
}

void TaskNotes::keep_output(const std::string& run, const std::string& environment,
                            const std::string& task, const std::string& json) {
  std::lock_guard lock(mutex_);
  opened().database.query("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)",
                          {environment, task, run, json});
}

std::optional<std::string> TaskNotes::output(const std::string& environment,
                                             const std::string& task) {
  std::lock_guard lock(mutex_);
  if (!impl_ && !std::filesystem::exists(path_)) return {};
  const auto rows = opened().database.query(
      "SELECT output FROM outputs WHERE environment = ? AND task = ?", {environment, task});
  if (rows.empty()) return {};
  return clients::text_of(rows[0][0]);
}

}  // namespace windrow::tasks
