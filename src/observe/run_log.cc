#include "observe/run_log.h"

namespace windrow::observe {

namespace {

double seconds(std::chrono::microseconds d) { return double(d.count()) / 1e6; }

}  // namespace

void RunLog::told(const Event& event) {
  std::visit([&](const auto& what) { line(event, what); }, event.what);
}

void RunLog::line(const Event& event, const RunStarted& run) {
  log_.write("info", "run.started",
             {{"run", event.run}, {"environment", run.environment}, {"tasks", run.tasks}});
}

void RunLog::line(const Event&, const TaskStarted& task) {
  log_.write("info", "task.started", {{"asset", task.asset}, {"attempt", int64_t(task.attempt)}});
}

void RunLog::line(const Event&, const TaskSaid& task) {
  log_.write(
      "info", "task.said",
      {{"asset", task.asset}, {"stream", task.error ? "stderr" : "stdout"}, {"line", task.line}});
}

void RunLog::line(const Event&, const TaskHeld& task) {
  log_.write("info", "task.held", {{"asset", task.asset}, {"until", iso(task.until)}});
}

void RunLog::line(const Event&, const TaskGaveWay& task) {
  log_.write("info", "task.gave_way", {{"asset", task.asset}, {"to", task.to}});
}

void RunLog::line(const Event&, const TaskWentOn& task) {
  log_.write("info", "task.went_on", {{"asset", task.asset}, {"seconds", seconds(task.waited)}});
}

void RunLog::line(const Event&, const BreakerMoved& breaker) {
  log_.write(breaker.open ? "warn" : "info", breaker.open ? "breaker.opened" : "breaker.closed",
             {{"connection", breaker.connection},
              {"failures", int64_t(breaker.failures)},
              {"wait", breaker.open ? duration_text(breaker.wait) : ""},
              {"error", breaker.open ? breaker.why : ""}});
}

void RunLog::line(const Event&, const TaskRetrying& task) {
  log_.write("warn", "task.retrying",
             {{"asset", task.asset},
              {"attempt", int64_t(task.attempt)},
              {"error", task.problem.message},
              {"wait", duration_text(task.wait)}});
}

void RunLog::line(const Event&, const TaskOutcome& task) {
  log_.write(task.problem ? "error" : "info", task.problem ? "task.failed" : "task.finished",
             {{"asset", task.asset},
              {"status", task.status},
              {"rows", task.rows},
              {"version", task.version},
              {"seconds", seconds(task.elapsed)},
              {"error", task.problem ? task.problem->message : ""}});
}

void RunLog::line(const Event&, const StreamMoved& stream) {
  const auto& now = stream.status;
  if (now.commits > last_.commits) {
    log_.write("info", "ingest.committed",
               {{"version", now.version},
                {"rows", now.rows},
                {"rejected", now.rejected},
                {"lag", now.lag},
                {"seconds", now.flush_seconds}});
  }
  if (now.problem != last_.problem) {
    log_.write(now.problem.empty() ? "info" : "warn",
               now.problem.empty() ? "ingest.goes_on" : "ingest.waits",
               {{"phase", now.phase}, {"error", now.problem}});
  }
  last_ = now;
}

void RunLog::line(const Event& event, const RunEnded& run) {
  log_.write("info", "run.ended",
             {{"run", event.run}, {"status", run.status}, {"seconds", seconds(run.elapsed)}});
}

void RunLog::line(const Event&, const HistoryLost& lost) {
  log_.write("warn", "history.lost", {{"records", lost.records}, {"error", lost.why}});
}

}  // namespace windrow::observe
