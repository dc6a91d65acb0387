#include "history/recorder.h"

#include <nlohmann/json.hpp>

namespace windrow::history {

namespace {

std::string list_of(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Recorder::told(const observe::Event& event) {
  std::visit([&](const auto& what) { record(event, what); }, event.what);
}

void Recorder::record(const observe::Event& event, const observe::RunStarted& run) {
  const Run begun{
      event.run, run.environment,    run.command, run.version, run.retry_of, event.at,
      {},        "running",          run.tasks,   0,           {},           run.schedule,
      run.due,   run.project_version};
  {
    std::lock_guard lock(mutex_);
    running_[event.run] = begun;
  }
  history_.begin(begun);
}

void Recorder::record(const observe::Event& event, const observe::TaskOutcome& outcome) {
  Task task;
  task.run = event.run;
  task.asset = outcome.asset;
  task.kind = outcome.kind;
  task.status = outcome.status;
  task.attempts = outcome.attempts;
  task.started = outcome.started;
  task.ended = outcome.ended;
  task.rows = outcome.rows;
  task.version = outcome.version;
  task.intervals = int64_t(outcome.intervals);
  task.rejected = outcome.rejected;
  task.quality_score = outcome.quality_score;
  task.reasons = list_of(outcome.reasons);
  task.warnings = list_of(outcome.warnings);
  if (outcome.problem) {
    task.error_code = std::string(name_of(outcome.problem->code));
    task.error = outcome.problem->message;
    task.hint = outcome.problem->hint;
  }
  task.caused_by = outcome.caused_by;
  task.usage = outcome.usage;
  history_.add(task);
}

void Recorder::record(const observe::Event& event, const observe::CheckDone& check) {
  history_.add(Check{event.run, check.asset, check.description, check.severity, check.passed,
                     check.failing, check.total, check.message, check.sample});
}

void Recorder::record(const observe::Event& event, const observe::RunEnded& ended) {
  Run run;
  {
    std::lock_guard lock(mutex_);
    const auto found = running_.extract(event.run);
    if (!found) return;
    run = std::move(found.mapped());
  }
  run.ended = event.at;
  run.status = ended.status;
  run.failed = ended.failed;
  run.usage = ended.usage;
  history_.end(run);
}

}  // namespace windrow::history
