#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/clock.h"
#include "tasks/context.h"
#include "tasks/control/task_run.h"

namespace windrow::tasks {

namespace {

constexpr size_t kOutputMax = 16 * 1024;
constexpr size_t kKeyMax = 200;

/// Whether doing it twice is not the same as doing it once.
bool has_effects(const project::Task& task) {
  using project::TaskKind;
  switch (task.kind) {
    case TaskKind::command: return true;
    case TaskKind::sql: return !task.sql.on.empty();
    case TaskKind::http: {
      const bool sends = !task.http.body.empty() || !task.http.json.is_null();
      const auto method = task.http.method.empty() ? (sends ? "POST" : "GET") : task.http.method;
      return method != "GET" && method != "HEAD";
    }
    case TaskKind::run: return false;
  }
  return true;
}

/// From just before it is done until it is known what came of it.
class Note {
 public:
  explicit Note(TaskWork& work) : work_(work) {
    if (!has_effects(work.task)) return;
    const auto& environment = work.values.named.at("environment");
    auto& notes = work.shared.notes;
    if (const auto before = notes.interrupted(environment, work.name, "")) {
      notes.settle(environment, work.name);
      const auto what = fmt::format(
          "it was begun at {} in run {}, which was killed: nobody knows whether it was done",
          iso(before->began), before->run.substr(0, 13));
      if (!work.task.idempotent) {
        throw Error(Code::configuration, "interrupted: " + what,
                    "see whether it was done. To do it again run it again; a task that may always "
                    "be done again says idempotent: true");
      }
      work.warnings.push_back(what + "; it is idempotent, and is done again");
    }
    note_ = notes.begin(work.values.named.at("run_id"), environment, work.name,
                        work.shared.clock.now());
  }
  ~Note() {
    if (!note_) return;
    try {
      work_.shared.notes.end(*note_);
    } catch (const std::exception&) {
      // The note stays, and the next run tells of it.
    }
  }
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;

 private:
  TaskWork& work_;
  std::optional<int64_t> note_;
};

void hand_on(const TaskWork& work, Report& report) {
  if (!work.output || work.task.for_each) return;
  const auto& output = *work.output;
  if (output.size() > kOutputMax) {
    throw Error(Code::data,
                fmt::format("its output has {} bytes, and {} are handed on at most", output.size(),
                            kOutputMax),
                "write it to a file or a table, and hand on where");
  }
  if (work.shared.secrets.redact(output) != output) {
    throw Error(Code::data, "its output holds a secret, and outputs are recorded",
                "name the secret in env: of the task that needs it");
  }
  work.shared.notes.keep_output(work.values.named.at("run_id"), work.values.named.at("environment"),
                                work.name, output);
  {
    std::lock_guard lock(work.shared.mutex);
    work.shared.outputs[work.task.name] = output;
  }
  constexpr size_t kShown = 200;
  report.reasons.push_back("output: " +
                           (output.size() > kShown ? output.substr(0, kShown) + "…" : output));
}

std::optional<std::string> do_kind(const Context& context, TaskWork& work) {
  const Note note(work);
  switch (work.task.kind) {
    case project::TaskKind::command: return do_command(work);
    case project::TaskKind::sql: do_sql(context, work); break;
    case project::TaskKind::http: do_http(work); break;
    case project::TaskKind::run: do_run(work); break;
  }
  return {};
}

run::Result do_once(const Context& context, TaskWork& work, Report& report) {
  std::optional<std::string> passed_over;
  try {
    passed_over = do_kind(context, work);
  } catch (const Error&) {
    for (const auto& warning : work.warnings) report.warn(warning);
    throw;
  }
  for (const auto& warning : work.warnings) report.warn(warning);
  if (passed_over) return run::Result::passed_over(*passed_over);
  report.changed = true;
  hand_on(work, report);
  const auto& loop = work.task.repeat_until;
  if (!loop) return true;
  if (holds(context, loop->look, "task." + work.task.name + "/until", work.values, work.run.cancel,
            report.meter))
    return true;
  if (work.run.round >= loop->times) {
    throw Error(Code::configuration,
                fmt::format("repeat_until is not true after {} time{}", loop->times,
                            loop->times == 1 ? "" : "s"),
                "raise its max:, or look why not", loop->look.sql.place);
  }
  run::Result again(true);
  again.again = std::max<std::chrono::microseconds>(loop->delay, std::chrono::milliseconds(1));
  return again;
}

/// What tells a row's task from those of the others.
std::string key_of(const Cell& cell, const project::ForEach& each) {
  const auto complain = [&](const std::string& what) -> std::string {
    throw Error(Code::data, "for_each: " + what,
                "the first column says which task is which: one short text or number for each row",
                each.look.sql.place);
  };
  if (std::holds_alternative<std::monostate>(cell)) return complain("a row's first column is NULL");
  auto key = cell_text(cell);
  if (key.empty() || key.size() > kKeyMax)
    return complain(fmt::format("a row's first column has {} bytes", key.size()));
  for (const char c : key)
    if (static_cast<unsigned char>(c) < 0x20)
      return complain("a row's first column has a line break or the like");
  return key;
}

run::Result for_each_row(const Context& context, TaskRun& shared, const project::Task& task,
                         run::Context& run, const run::Task& like, Report& report) {
  const auto& each = *task.for_each;
  const std::string name = "task." + task.name;
  const auto rows =
      look(context, each.look, name + "/for_each", values_of(context, shared, name, run.attempt),
           size_t(each.max) + 1, run.cancel, report.meter);
  if (rows.rows.size() > size_t(each.max)) {
    throw Error(Code::data, fmt::format("for_each gives more than {} rows", each.max),
                "raise its max: (100000 at most), or do in one task what has so many",
                each.look.sql.place);
  }
  run::Result out(false);
  std::set<std::string> keys;
  for (const auto& row : rows.rows) {
    const auto key = key_of(row.at(0), each);
    if (!keys.insert(key).second)
      throw Error(Code::data, fmt::format("for_each gives two rows for \"{}\"", key),
                  "SELECT DISTINCT, or another first column", each.look.sql.place);
    std::map<std::string, std::string> columns{{"", json_of_cell(row[0])}};
    for (size_t k = 0; k < row.size(); ++k)
      if (!rows.columns[k].name.empty()) columns[rows.columns[k].name] = json_of_cell(row[k]);
    auto child = like;
    child.name = name + "[" + key + "]";
    child.work = [&context, &shared, &task, child_name = child.name,
                  columns](run::Context& run) -> run::Result {
      auto& report = shared.report_of(run.position);
      report = {};
      report.meter = &run.meter;
      TaskWork work{shared, task, run, child_name,
                    values_of(context, shared, child_name, run.attempt)};
      work.values.variable = task.for_each->variable.value;
      work.values.row = columns;
      return do_once(context, work, report);
    };
    out.children.push_back(std::move(child));
  }
  if (out.children.empty()) report.reasons.push_back("for_each gives no rows");
  return out;
}

}  // namespace

RunValues values_of(const Context& context, TaskRun& shared, const std::string& asset,
                    int attempt) {
  RunValues out;
  out.named = {{"run_id", context.run},
               {"run_time", iso(context.choices.now)},
               {"attempt", std::to_string(attempt)},
               {"start", shared.start ? iso(*shared.start) : ""},
               {"end", shared.end ? iso(*shared.end) : ""},
               {"environment", context.environment.name},
               {"project", context.project.name},
               {"task", asset.starts_with("task.") ? asset.substr(5) : asset}};
  out.output = [&context, &shared](const std::string& task) {
    {
      std::lock_guard lock(shared.mutex);
      if (const auto found = shared.outputs.find(task); found != shared.outputs.end())
        return found->second;
    }
    if (auto before = shared.notes.output(context.environment.name, "task." + task)) return *before;
    throw Error(Code::data, fmt::format("task \"{}\" has handed nothing on yet", task),
                "run it: --select +task." + task +
                    "; where it may be passed over write a default: ${…:-default}");
  };
  return out;
}

run::Result perform_task(const Context& context, TaskRun& shared, const project::Task& task,
                         run::Context& run, const run::Task& like, Report& report) {
  if (task.for_each) return for_each_row(context, shared, task, run, like, report);
  const std::string name = "task." + task.name;
  TaskWork work{shared, task, run, name, values_of(context, shared, name, run.attempt)};
  return do_once(context, work, report);
}

}  // namespace windrow::tasks
