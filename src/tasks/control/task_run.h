#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/secrets.h"
#include "clients/http.h"
#include "project/task.h"
#include "run/executor.h"
#include "tasks/control/run_values.h"
#include "tasks/control/task_notes.h"

namespace windrow::tasks {

struct Context;
struct Report;

/// A run that a task asks for.
struct OtherRun {
  std::string folder;  ///< absolute
  std::string select, environment;
  std::map<std::string, std::string> vars;
  bool wait = true;
  std::string asked_by;  ///< task
};
struct OtherRunEnd {
  std::string run, status;
};

/// What the tasks of one run share beside their Context. Safe from any thread.
struct TaskRun {
  Secrets& secrets;
  const Clock& clock;
  std::string root, zone;  ///< of the project
  TaskNotes& notes;
  std::string path, home;          ///< of commands
  std::optional<Time> start, end;  ///< --start, --end
  /// A line that a command has written.
  std::function<void(const std::string& task, bool error, const std::string& line)> said;
  std::function<OtherRunEnd(const OtherRun&, Cancel&)> other_run;
  std::function<Report&(size_t)> report_of;  ///< of a position in the execution
  std::mutex mutex;
  std::map<std::string, std::string> outputs;  ///< of this run, JSON by task
  std::unique_ptr<clients::HttpClient> http = clients::http_client();
};

/// One task in one attempt.
struct TaskWork {
  TaskRun& shared;
  const project::Task& task;
  run::Context& run;
  std::string name;  ///< `task.load`, `task.load[de]`
  RunValues values;
  std::optional<std::string> output = {};  ///< JSON; what its kind hands on
  std::vector<std::string> warnings = {};
};

/// Does it; `like` is what its rows are made after, where it has for_each.
run::Result perform_task(const Context& context, TaskRun& shared, const project::Task& task,
                         run::Context& run, const run::Task& like, Report& report);

/// What stands for `${…}` in what this asset says.
RunValues values_of(const Context& context, TaskRun& shared, const std::string& asset, int attempt);

/// The first rows of a SELECT over the lake (`key` among the graph's) or on a connection.
Rows look(const Context& context, const project::Look& look, const std::string& key,
          const RunValues& values, size_t rows, Cancel& cancel, Meter* meter);
/// Whether its one value is true. NULL and no row are not.
bool holds(const Context& context, const project::Look& look, const std::string& key,
           const RunValues& values, Cancel& cancel, Meter* meter);
std::string json_of_cell(const Cell& cell);

// The kinds: each does it once. A command that is passed over says why.
std::optional<std::string> do_command(TaskWork& work);
void do_sql(const Context& context, TaskWork& work);
void do_http(TaskWork& work);
void do_run(TaskWork& work);

}  // namespace windrow::tasks
